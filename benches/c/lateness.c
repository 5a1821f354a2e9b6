/*
 * lateness BASE_URL CA_FILE MESSAGE_FILE ROUNDS
 *
 * How late a call ends of which the server says nothing: after its deadline, and after a cancel and a
 * shut-down. In each of the rounds some threads send at once.
 *
 * Prints "CAUSE MEDIAN WORST" for each, in nanoseconds.
 */
#include "support.h"

#include <pthread.h>
#include <string.h>

#include <zixflow.h>

enum { THREADS = 8, DEADLINES = 3, CAUSES = DEADLINES + 2 };

struct cause {
    const char *name;
    const char *options;
    uint64_t timeout_ms; /* 0: the call is ended by another thread */
};

static const struct cause causes[CAUSES] = {
    {"deadline of 50 ms", "{\"timeout_ms\":50}", 50},
    {"deadline of 500 ms", "{\"timeout_ms\":500}", 500},
    {"deadline of 3 s", "{\"timeout_ms\":3000}", 3000},
    {"cancel", NULL, 0},
    {"shut-down", NULL, 0},
};

struct call {
    pthread_t id;
    const struct cause *cause;
    uint64_t begun;
    uint64_t ended;
};

static const char *message;
static zx_client *client;
static zx_cancel *token;

static void *send_one(void *pointer)
{
    struct call *call = pointer;
    zx_status status;

    call->begun = nanoseconds(CLOCK_MONOTONIC);
    status = zx_send_reply_buttons_with(client, message, call->cause->options, token, NULL);
    call->ended = nanoseconds(CLOCK_MONOTONIC);
    require(status == ZX_NOT_SENT || status == ZX_OUTCOME_UNKNOWN, "a call that is ended");
    return NULL;
}

/* Ends a call by another thread once it waits, and gives the time at which it did. */
static uint64_t end_calls(const struct cause *cause)
{
    struct timespec moment = {0, 100 * 1000 * 1000};
    uint64_t now;

    nanosleep(&moment, NULL);
    now = nanoseconds(CLOCK_MONOTONIC);
    if (strcmp(cause->name, "cancel") == 0)
        zx_cancel_now(token);
    else
        zx_client_shutdown(client);
    return now;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    char options[4096];
    uint64_t *late;
    long rounds, round;
    int i, kind;

    require(argc == 5, "usage: lateness BASE_URL CA_FILE MESSAGE_FILE ROUNDS");
    message = read_text(argv[3]);
    rounds = strtol(argv[4], NULL, 10);
    require(rounds > 0, "a positive number");
    late = calloc((size_t)rounds * THREADS, sizeof *late);
    require(late != NULL, "room for the figures");
    snprintf(options, sizeof options, "{\"base_url\":\"%s\",\"ca_file\":\"%s\",\"proxy\":\"\",\"max_retries\":0}",
             argv[1], argv[2]);

    for (kind = 0; kind < CAUSES; kind++) {
        const struct cause *cause = &causes[kind];
        size_t count = 0;

        for (round = 0; round < rounds; round++) {
            struct call calls[THREADS];
            uint64_t ended_at = 0;

            client = zx_client_new("key", "workspace", options, NULL);
            token = zx_cancel_new();
            require(client != NULL && token != NULL, "making a client and a token");
            for (i = 0; i < THREADS; i++) {
                calls[i].cause = cause;
                require(pthread_create(&calls[i].id, NULL, send_one, &calls[i]) == 0, "starting a thread");
            }
            if (cause->timeout_ms == 0)
                ended_at = end_calls(cause);
            for (i = 0; i < THREADS; i++) {
                uint64_t due;

                pthread_join(calls[i].id, NULL);
                due = ended_at != 0 ? ended_at : calls[i].begun + cause->timeout_ms * 1000000;
                require(calls[i].ended >= due, "a call that does not end before its time");
                late[count++] = calls[i].ended - due;
            }
            zx_free(token);
            zx_free(client);
        }
        qsort(late, count, sizeof *late, compare);
        printf("%s: %llu %llu\n", cause->name, (unsigned long long)late[count / 2],
               (unsigned long long)late[count - 1]);
    }
    free(late);
    return EXIT_SUCCESS;
}
