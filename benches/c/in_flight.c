/*
 * in_flight BASE_URL CA_FILE MESSAGE_FILE THREADS SENDS DELAY_MS
 *
 * THREADS threads share one client with default options. All at once, each sends SENDS times: first on
 * connections that are yet to be opened, and then again on those that were kept. The server takes
 * DELAY_MS to respond, so all calls are in flight nearly all the time.
 *
 * Prints "opening NANOSECONDS" and "kept NANOSECONDS", from the first thread's first send to the last
 * thread's last; and "resident BYTES", which one call in flight takes: its connection and what it
 * used of its thread's stack, but not the thread, nor what the library takes once.
 */
#include "contender.h"
#include "support.h"

#include <pthread.h>

enum { OPENING, KEPT, PASSES };

struct span {
    uint64_t begun;
    uint64_t ended;
};

struct thread {
    pthread_t id;
    struct span passes[PASSES];
};

static void *client;
static long sends;
static pthread_barrier_t turn;

static void *run(void *pointer)
{
    struct thread *thread = pointer;
    int pass;

    pthread_barrier_wait(&turn);
    for (pass = 0; pass < PASSES; pass++) {
        long i;

        pthread_barrier_wait(&turn);
        thread->passes[pass].begun = nanoseconds(CLOCK_MONOTONIC);
        for (i = 0; i < sends; i++)
            require(contender_send(client), "a send");
        thread->passes[pass].ended = nanoseconds(CLOCK_MONOTONIC);
    }
    return NULL;
}

static void wait_milliseconds(long milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

    nanosleep(&time, NULL);
}

static uint64_t duration(const struct thread *threads, long count, int pass)
{
    struct span all = threads[0].passes[pass];
    long i;

    for (i = 1; i < count; i++) {
        struct span one = threads[i].passes[pass];

        if (one.begun < all.begun)
            all.begun = one.begun;
        if (one.ended > all.ended)
            all.ended = one.ended;
    }
    return all.ended - all.begun;
}

int main(int argc, char **argv)
{
    struct thread *threads;
    double idle, busy;
    void *first_client;
    char *message;
    long count, delay;
    long i;

    require(argc == 7, "usage: in_flight BASE_URL CA_FILE MESSAGE_FILE THREADS SENDS DELAY_MS");
    message = read_text(argv[3]);
    count = strtol(argv[4], NULL, 10);
    sends = strtol(argv[5], NULL, 10);
    delay = strtol(argv[6], NULL, 10);
    require(count > 0 && sends > 0 && delay > 0, "positive numbers");
    threads = calloc((size_t)count, sizeof *threads);
    require(threads != NULL, "room for the threads");

    /* What the library needs once is there before the first reading. */
    first_client = contender_new(argv[1], argv[2], message);
    require(first_client != NULL, "making a client");
    require(contender_send(first_client), "the first send");
    client = contender_new(argv[1], argv[2], message);
    require(client != NULL, "making a client");

    pthread_barrier_init(&turn, NULL, (unsigned)count + 1);
    for (i = 0; i < count; i++)
        require(pthread_create(&threads[i].id, NULL, run, &threads[i]) == 0, "starting a thread");
    pthread_barrier_wait(&turn); /* all threads run */
    idle = resident();
    pthread_barrier_wait(&turn); /* they open their connections */
    pthread_barrier_wait(&turn); /* they send on those that are kept */
    wait_milliseconds(delay * sends / 2);
    busy = resident();
    for (i = 0; i < count; i++)
        pthread_join(threads[i].id, NULL);

    printf("opening %llu\n", (unsigned long long)duration(threads, count, OPENING));
    printf("kept %llu\n", (unsigned long long)duration(threads, count, KEPT));
    printf("resident %.0f\n", (busy - idle) / (double)count);
    contender_free(client);
    contender_free(first_client);
    return EXIT_SUCCESS;
}
