/* What the programs that play a host have in common. */

#ifndef HOST_H
#define HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zixflow.h>

/* A message that nothing is wrong with. */
#define MESSAGE                                                                                    \
    "{\"recipient\":\"919876543210\",\"phone_id\":\"1\",\"interactive\":{\"type\":\"button\","     \
    "\"body\":{\"text\":\"Shall we?\"},\"action\":{\"buttons\":[{\"type\":\"reply\","              \
    "\"reply\":{\"id\":\"a\",\"title\":\"Yes\"}}]}},\"post_back_data\":\"order-1\"}"

/* Ends the program unless the condition holds. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* The same, and says what the reply was. */
#define CHECK_STATUS(status, expected, reply)                                                      \
    do {                                                                                           \
        zx_status actual_ = (status);                                                              \
        if (actual_ != (expected)) {                                                               \
            fprintf(stderr, "%s:%d: %s and not %s: %s\n", __FILE__, __LINE__,                      \
                    zx_status_name(actual_), #expected, (reply) != NULL ? (reply) : "no reply");   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static inline zx_client *host_client(const char *options)
{
    char *error;
    zx_client *client = zx_client_new("key-for-this-test", "workspace", options, &error);

    if (client == NULL) {
        fprintf(stderr, "no client with %s: %s\n", options, error != NULL ? error : "no reply");
        exit(1);
    }
    CHECK(error == NULL);
    return client;
}

/* Sends a message, and ends the program unless that has the outcome. */
static inline void host_send(const zx_client *client, zx_status expected)
{
    char *reply;
    zx_status status = zx_send_reply_buttons(client, MESSAGE, &reply);

    CHECK_STATUS(status, expected, reply);
    CHECK(reply != NULL);
    zx_free(reply);
}

#endif /* HOST_H */
