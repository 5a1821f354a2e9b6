/* A host whose threads make every call at once, and send with one client and one token until another
 * thread ends that. Argument: the options of clients whose server accepts. */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <time.h>

#include "every_call.h"

enum { THREADS = 4 };

struct shared {
    const char *options;
    zx_client *client;
    zx_cancel *cancel;
    pthread_barrier_t start;
};

static void *call_until_ended(void *argument)
{
    struct shared *shared = argument;
    zx_status status;
    char *reply;

    every_call(shared->options);
    pthread_barrier_wait(&shared->start);
    do {
        /* Of a client that was freed meanwhile, there are none. */
        (void)zx_client_stats(shared->client, &reply);
        zx_free(reply);
        status = zx_send_reply_buttons_with(shared->client, MESSAGE, NULL, shared->cancel, &reply);
        CHECK(reply != NULL);
        zx_free(reply);
    } while (status == ZX_OK);
    CHECK(status == ZX_NOT_SENT || status == ZX_OUTCOME_UNKNOWN || status == ZX_INVALID_ARGUMENT);
    return NULL;
}

static void cancel(struct shared *shared)
{
    zx_cancel_now(shared->cancel);
    zx_free(shared->cancel);
}

static void shut_down(struct shared *shared)
{
    zx_client_shutdown(shared->client);
}

static void free_client(struct shared *shared)
{
    zx_free(shared->client);
}

static void call_at_once(const char *options, void (*end)(struct shared *))
{
    const struct timespec moment = {0, 20 * 1000 * 1000};
    struct shared shared;
    pthread_t threads[THREADS];
    int i;

    shared.options = options;
    shared.client = host_client(options);
    shared.cancel = zx_cancel_new();
    CHECK(shared.cancel != NULL);
    CHECK(pthread_barrier_init(&shared.start, NULL, THREADS + 1) == 0);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, call_until_ended, &shared) == 0);
    pthread_barrier_wait(&shared.start);
    nanosleep(&moment, NULL);
    end(&shared);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pthread_barrier_destroy(&shared.start) == 0);
    zx_free(shared.cancel);
    zx_free(shared.client);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    call_at_once(argv[1], cancel);
    call_at_once(argv[1], shut_down);
    call_at_once(argv[1], free_client);
    return 0;
}
