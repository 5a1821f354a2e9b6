/*
 * What the programs here ask of a contender written in C: zixflow.c and libcurl.c.
 *
 * A contender prints what went wrong to standard error.
 */
#ifndef CONTENDER_H
#define CONTENDER_H

#include <stdbool.h>

/* A client, or NULL. The strings must outlive it. */
void *contender_new(const char *base_url, const char *ca_file, const char *message);

/* Sends the message and reads the reply: true where it was accepted. */
bool contender_send(void *client);

void contender_free(void *client);

#endif
