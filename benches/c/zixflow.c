/* Our C ABI: the message is checked, sent, and the reply handed out and freed. */
#include "contender.h"
#include "zixflow.h"

#include <stdio.h>
#include <stdlib.h>

struct client {
    zx_client *zixflow;
    const char *message;
};

void *contender_new(const char *base_url, const char *ca_file, const char *message)
{
    struct client *client = malloc(sizeof *client);
    char options[1024];
    char *error = NULL;

    if (client == NULL)
        return NULL;
    snprintf(options, sizeof options, "{\"base_url\":\"%s\",\"ca_file\":\"%s\",\"proxy\":\"\"}",
             base_url, ca_file);
    client->message = message;
    client->zixflow = zx_client_new("benchmark-key", "benchmark-workspace", options, &error);
    if (client->zixflow == NULL) {
        fprintf(stderr, "zx_client_new: %s\n", error);
        zx_free(error);
        free(client);
        return NULL;
    }
    return client;
}

bool contender_send(void *pointer)
{
    struct client *client = pointer;
    char *reply = NULL;
    zx_status status = zx_send_reply_buttons(client->zixflow, client->message, &reply);

    if (status != ZX_OK)
        fprintf(stderr, "zx_send_reply_buttons: %s\n", reply);
    zx_free(reply);
    return status == ZX_OK;
}

void contender_free(void *pointer)
{
    struct client *client = pointer;

    zx_free(client->zixflow);
    free(client);
}
