/* Sends one message, and prints the reply, or why there is no client.
 *
 * usage: send OPTIONS_JSON MESSAGE_JSON */

#include <stdio.h>

#include <zixflow.h>

int main(int argc, char **argv)
{
    zx_client *client;
    char *reply;

    if (argc != 3)
        return 2;
    client = zx_client_new("key", "workspace", argv[1], &reply);
    if (client != NULL)
        zx_send_reply_buttons(client, argv[2], &reply);
    puts(reply);
    zx_free(reply);
    zx_free(client);
    return 0;
}
