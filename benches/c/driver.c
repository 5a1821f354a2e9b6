/*
 * driver CONTENDER BASE_URL CA_FILE MESSAGE_FILE SENDS
 *
 * Loads a contender, makes a client, sends once, and then SENDS times. Prints
 * "PHASE WALL_NS PROCESSOR_NS" for each phase, then each send's latency in nanoseconds, as 8 bytes.
 */
#include "support.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* Sends before the measured ones, in which caches and buffers fill. */
#define WARM_UP 200

static struct {
    uint64_t wall;
    uint64_t processor;
} begun;

static void begin(void)
{
    begun.processor = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    begun.wall = nanoseconds(CLOCK_MONOTONIC);
}

static void end(const char *phase)
{
    uint64_t wall = nanoseconds(CLOCK_MONOTONIC) - begun.wall;
    uint64_t processor = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - begun.processor;

    printf("%s %llu %llu\n", phase, (unsigned long long)wall, (unsigned long long)processor);
}

/* dlsym() returns an object pointer; POSIX has it copied into a function pointer. */
static void find(void *library, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(library, name);

    require(symbol != NULL, name);
    memcpy(function, &symbol, size);
}

int main(int argc, char **argv)
{
    void *(*contender_new)(const char *, const char *, const char *);
    bool (*contender_send)(void *);
    void *library;
    void *client;
    char *message;
    uint64_t *latencies;
    long sends;
    long i;

    require(argc == 6, "usage: driver CONTENDER BASE_URL CA_FILE MESSAGE_FILE SENDS");
    message = read_text(argv[4]);
    sends = strtol(argv[5], NULL, 10);

    begin();
    library = dlopen(argv[1], RTLD_NOW);
    require(library != NULL, argv[1]);
    end("load");

    find(library, "contender_new", &contender_new, sizeof contender_new);
    find(library, "contender_send", &contender_send, sizeof contender_send);

    begin();
    client = contender_new(argv[2], argv[3], message);
    require(client != NULL, "making a client");
    end("client");

    begin();
    require(contender_send(client), "the first send");
    end("first");

    if (sends == 0)
        return EXIT_SUCCESS;
    for (i = 0; i < WARM_UP; i++)
        require(contender_send(client), "a send");

    latencies = calloc((size_t)sends, sizeof *latencies);
    require(latencies != NULL, "room for the latencies");
    begin();
    for (i = 0; i < sends; i++) {
        uint64_t start = nanoseconds(CLOCK_MONOTONIC);

        require(contender_send(client), "a send");
        latencies[i] = nanoseconds(CLOCK_MONOTONIC) - start;
    }
    end("sends");

    /* As text they would cost as many instructions as a small part of a send. */
    require(fwrite(latencies, sizeof *latencies, (size_t)sends, stdout) == (size_t)sends, "writing");
    return EXIT_SUCCESS;
}
