/*
 * The floor of many calls at once: a blocking socket for each thread, a request written by hand, the
 * response read to its end. Over plain HTTP alone.
 */
#include "contender.h"
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

struct client {
    struct sockaddr_in address;
    char *request;
    size_t length;
};

static _Thread_local int connection = -1;

void *contender_new(const char *base_url, const char *ca_file, const char *message)
{
    struct client *client = calloc(1, sizeof *client);
    size_t room = strlen(message) + 512;
    unsigned port;

    (void)ca_file;
    if (client == NULL || (client->request = malloc(room)) == NULL)
        return NULL;
    require(sscanf(base_url, "http://127.0.0.1:%u", &port) == 1, "a server on loopback");
    client->address.sin_family = AF_INET;
    client->address.sin_port = htons((uint16_t)port);
    client->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->length = (size_t)snprintf(
        client->request, room,
        "POST /api/ingest/whatsapp/v1/message/interactive/reply-buttons/send HTTP/1.1\r\n"
        "host: 127.0.0.1:%u\r\ncontent-type: application/json\r\naccept: application/json\r\n"
        "x-api-key: benchmark-key\r\nx-workspace-id: benchmark-workspace\r\n"
        "content-length: %zu\r\n\r\n%s",
        port, strlen(message), message);
    return client;
}

static bool open_connection(const struct client *client)
{
    int on = 1;

    connection = socket(AF_INET, SOCK_STREAM, 0);
    return connection >= 0 &&
           setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
           connect(connection, (const struct sockaddr *)&client->address, sizeof client->address) == 0;
}

bool contender_send(void *pointer)
{
    const struct client *client = pointer;
    char response[4096];
    size_t length = 0;

    if (connection < 0 && !open_connection(client))
        return false;
    if (send(connection, client->request, client->length, MSG_NOSIGNAL) != (ssize_t)client->length)
        return false;
    for (;;) {
        ssize_t received = recv(connection, response + length, sizeof response - 1 - length, 0);
        const char *body, *body_length;

        if (received <= 0)
            return false;
        length += (size_t)received;
        response[length] = '\0';
        body = strstr(response, "\r\n\r\n");
        body_length = strstr(response, "content-length: ");
        if (body != NULL && body_length != NULL &&
            length >= (size_t)(body + 4 - response) + strtoul(body_length + 16, NULL, 10))
            return strncmp(response, "HTTP/1.1 2", 10) == 0;
    }
}

void contender_free(void *pointer)
{
    struct client *client = pointer;

    free(client->request);
    free(client);
}
