/*
 * ledger BASE_URL MESSAGE_FILE LEDGER THREADS SENDS
 *
 * THREADS threads share one client, and each sends SENDS times: without a ledger, and with one, each message
 * under a key of its own. The server takes its time to respond.
 *
 * Prints "fsync MS", the bare one of 4 KiB on the ledger's disk, one after the other; and "without MS"
 * and "with MS", the mean of a send.
 */
#define _GNU_SOURCE

#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <zixflow.h>

static zx_client *client;
static const char *message;
static long sends;
static int has_keys;
static pthread_barrier_t turn;
static atomic_long next_key;

static void *run(void *unused)
{
    long i;

    (void)unused;
    pthread_barrier_wait(&turn);
    for (i = 0; i < sends; i++) {
        char options[64];
        char *reply;
        zx_status status;

        snprintf(options, sizeof options, "{\"idempotency_key\":\"%d-%ld\"}", (int)getpid(),
                 atomic_fetch_add(&next_key, 1));
        status = zx_send_reply_buttons_with(client, message, has_keys ? options : NULL, NULL, &reply);
        require(status == ZX_OK, reply);
        zx_free(reply);
    }
    return NULL;
}

/* The mean milliseconds of a send. */
static double measure(long threads)
{
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    uint64_t begun;
    double taken;
    long i;

    require(ids != NULL, "memory");
    pthread_barrier_init(&turn, NULL, (unsigned)threads + 1);
    for (i = 0; i < threads; i++)
        require(pthread_create(&ids[i], NULL, run, NULL) == 0, "a thread");
    pthread_barrier_wait(&turn);
    begun = nanoseconds(CLOCK_MONOTONIC);
    for (i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    taken = (double)(nanoseconds(CLOCK_MONOTONIC) - begun) / 1e6 / (double)sends;
    pthread_barrier_destroy(&turn);
    free(ids);
    return taken;
}

static double bare_fsync(const char *ledger)
{
    enum { TIMES = 200 };
    static const char page[4096];
    char path[4096];
    uint64_t begun;
    int file, i;

    snprintf(path, sizeof path, "%s-bare", ledger);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    require(file >= 0, path);
    begun = nanoseconds(CLOCK_MONOTONIC);
    for (i = 0; i < TIMES; i++) {
        require(write(file, page, sizeof page) == sizeof page, "a write");
        require(fsync(file) == 0, "an fsync");
    }
    close(file);
    unlink(path);
    return (double)(nanoseconds(CLOCK_MONOTONIC) - begun) / 1e6 / TIMES;
}

int main(int argc, char **argv)
{
    char options[8192];
    char *error;
    long threads;

    require(argc == 6, "usage: ledger BASE_URL MESSAGE_FILE LEDGER THREADS SENDS");
    message = read_text(argv[2]);
    threads = atol(argv[4]);
    sends = atol(argv[5]);
    snprintf(options, sizeof options, "{\"base_url\":\"%s\",\"ledger\":\"%s\"}", argv[1], argv[3]);
    client = zx_client_new("benchmark-key", "benchmark-workspace", options, &error);
    require(client != NULL, error);
    printf("fsync %.2f\n", bare_fsync(argv[3]));
    measure(threads); /* opens the connections */
    printf("without %.2f\n", measure(threads));
    has_keys = 1;
    printf("with %.2f\n", measure(threads));
    zx_free(client);
    return 0;
}
