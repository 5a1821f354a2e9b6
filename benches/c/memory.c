/*
 * memory BASE_URL CA_FILE MESSAGE_FILE CONNECTIONS
 *
 * Prints "client HEAP RESIDENT" and "connection HEAP RESIDENT": bytes that one more client takes,
 * and bytes that one more connection takes which a client keeps open.
 *
 * Connections are kept only where sends overlap, so each needs a thread, and a thread has a stack
 * and an allocator's arena of its own. All threads therefore send twice: through a first client, so
 * that what belongs to the threads is there before the first reading; and through a second one. Both
 * keep their connections to the end, so that the second's need fresh memory. The server must take
 * its time to respond.
 */
#include "contender.h"
#include "support.h"

#include <malloc.h>
#include <pthread.h>

#define CLIENTS 64

struct usage {
    double heap;
    double resident;
};

static void *client;
static pthread_barrier_t turn;

/* What is in use, after free memory went back to the system. */
static struct usage usage(void)
{
    struct usage now;
    struct mallinfo2 heap;

    malloc_trim(0);
    heap = mallinfo2();
    now.heap = (double)(heap.uordblks + heap.hblkhd);
    now.resident = resident();
    return now;
}

static void print_difference(const char *what, struct usage before, long count)
{
    struct usage after = usage();

    printf("%s %.0f %.0f\n", what, (after.heap - before.heap) / (double)count,
           (after.resident - before.resident) / (double)count);
}

static void *send_twice(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&turn);
    require(contender_send(client), "a send");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    require(contender_send(client), "a send");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return NULL;
}

int main(int argc, char **argv)
{
    static void *clients[CLIENTS];
    pthread_t threads[256];
    struct usage before;
    char *message;
    long connections;
    long i;

    require(argc == 5, "usage: memory BASE_URL CA_FILE MESSAGE_FILE CONNECTIONS");
    message = read_text(argv[3]);
    connections = strtol(argv[4], NULL, 10);
    require(connections > 0 && connections <= 256, "1 to 256 connections");

    pthread_barrier_init(&turn, NULL, (unsigned)connections + 1);
    for (i = 0; i < connections; i++)
        require(pthread_create(&threads[i], NULL, send_twice, NULL) == 0, "starting a thread");
    require((client = contender_new(argv[1], argv[2], message)) != NULL, "making a client");
    pthread_barrier_wait(&turn); /* each sends through the first client */
    pthread_barrier_wait(&turn); /* each has */
    require((client = contender_new(argv[1], argv[2], message)) != NULL, "making a client");
    before = usage();
    pthread_barrier_wait(&turn); /* each sends through the second client */
    pthread_barrier_wait(&turn); /* each has */
    print_difference("connection", before, connections);
    pthread_barrier_wait(&turn);
    for (i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);

    before = usage();
    for (i = 0; i < CLIENTS; i++)
        require((clients[i] = contender_new(argv[1], argv[2], message)) != NULL, "making a client");
    print_difference("client", before, CLIENTS);
    return EXIT_SUCCESS;
}
