/*
 * Our C ABI: the message is checked, sent, and the reply handed out and freed.
 *
 * Compiled with -DWITH_TOKEN, each send gets a cancel token; with -DWITH_TRIES, each reply tells of its
 * attempts.
 */
#include "contender.h"
#include "zixflow.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef WITH_TRIES
#define TRIES ",\"tries\":true"
#else
#define TRIES ""
#endif

struct client {
    zx_client *zixflow;
    zx_cancel *cancel;
    const char *message;
};

void *contender_new(const char *base_url, const char *ca_file, const char *message)
{
    struct client *client = calloc(1, sizeof *client);
    char options[1024];
    char *error = NULL;

    if (client == NULL)
        return NULL;
    snprintf(options, sizeof options, "{\"base_url\":\"%s\",\"ca_file\":\"%s\",\"proxy\":\"\"" TRIES "}",
             base_url, ca_file);
    client->message = message;
    client->zixflow = zx_client_new("benchmark-key", "benchmark-workspace", options, &error);
    if (client->zixflow == NULL) {
        fprintf(stderr, "zx_client_new: %s\n", error);
        zx_free(error);
        free(client);
        return NULL;
    }
#ifdef WITH_TOKEN
    client->cancel = zx_cancel_new();
    if (client->cancel == NULL) {
        contender_free(client);
        return NULL;
    }
#endif
    return client;
}

bool contender_send(void *pointer)
{
    struct client *client = pointer;
    char *reply = NULL;
#ifdef WITH_TOKEN
    zx_status status = zx_send_reply_buttons_with(client->zixflow, client->message, NULL,
                                                  client->cancel, &reply);
#else
    zx_status status = zx_send_reply_buttons(client->zixflow, client->message, &reply);
#endif

    if (status != ZX_OK)
        fprintf(stderr, "%s\n", reply);
    zx_free(reply);
    return status == ZX_OK;
}

void contender_free(void *pointer)
{
    struct client *client = pointer;

    zx_free(client->cancel);
    zx_free(client->zixflow);
    free(client);
}
