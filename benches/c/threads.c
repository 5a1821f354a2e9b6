/*
 * threads BASE_URL CA_FILE MESSAGE_FILE THREADS SENDS
 *
 * THREADS threads share one client. Each opens a connection with a first send, and then sends SENDS
 * times. Prints the nanoseconds from the moment that all are ready to the moment that all are done.
 */
#include "contender.h"
#include "support.h"

#include <pthread.h>

static void *client;
static long sends;
static pthread_barrier_t ready;

static void *run(void *unused)
{
    long i;

    (void)unused;
    require(contender_send(client), "the first send");
    pthread_barrier_wait(&ready);
    for (i = 0; i < sends; i++)
        require(contender_send(client), "a send");
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[256];
    uint64_t start;
    long count;
    long i;

    require(argc == 6, "usage: threads BASE_URL CA_FILE MESSAGE_FILE THREADS SENDS");
    count = strtol(argv[4], NULL, 10);
    sends = strtol(argv[5], NULL, 10);
    require(count > 0 && count <= 256, "1 to 256 threads");
    client = contender_new(argv[1], argv[2], read_text(argv[3]));
    require(client != NULL, "making a client");

    pthread_barrier_init(&ready, NULL, (unsigned)count + 1);
    for (i = 0; i < count; i++)
        require(pthread_create(&threads[i], NULL, run, NULL) == 0, "starting a thread");
    pthread_barrier_wait(&ready);
    start = nanoseconds(CLOCK_MONOTONIC);
    for (i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%llu\n", (unsigned long long)(nanoseconds(CLOCK_MONOTONIC) - start));
    contender_free(client);
    return EXIT_SUCCESS;
}
