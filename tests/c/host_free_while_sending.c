/* A host that frees a client while other threads send with it: their calls finish, and later ones
 * are refused. Arguments: the options of a client whose server accepts; how many times. */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <time.h>

#include "host.h"

enum { THREADS = 16 };

struct sender {
    const zx_client *client;
    pthread_barrier_t *start;
    int accepted;
};

static void *send_until_refused(void *argument)
{
    struct sender *sender = argument;
    char *reply;
    zx_status status;

    pthread_barrier_wait(sender->start);
    while ((status = zx_send_reply_buttons(sender->client, MESSAGE, &reply)) == ZX_OK) {
        sender->accepted++;
        zx_free(reply);
    }
    CHECK_STATUS(status, ZX_INVALID_ARGUMENT, reply);
    zx_free(reply);
    return NULL;
}

static int free_while_sending(const char *options)
{
    const struct timespec moment = {0, 20 * 1000 * 1000};
    zx_client *client = host_client(options);
    struct sender senders[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    int i, accepted = 0;

    CHECK(pthread_barrier_init(&start, NULL, THREADS + 1) == 0);
    for (i = 0; i < THREADS; i++) {
        senders[i].client = client;
        senders[i].start = &start;
        senders[i].accepted = 0;
        CHECK(pthread_create(&threads[i], NULL, send_until_refused, &senders[i]) == 0);
    }
    pthread_barrier_wait(&start);
    nanosleep(&moment, NULL);
    zx_free(client);
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        accepted += senders[i].accepted;
    }
    CHECK(pthread_barrier_destroy(&start) == 0);
    return accepted;
}

int main(int argc, char **argv)
{
    int round, accepted = 0;

    CHECK(argc == 3);
    for (round = atoi(argv[2]); round > 0; round--)
        accepted += free_while_sending(argv[1]);
    /* For the test to compare with what the server saw. */
    printf("%d\n", accepted);
    return 0;
}
