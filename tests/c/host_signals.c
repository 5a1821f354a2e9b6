/* A host that leaves SIGPIPE at its default, which ends the process, and whose peers reset.
 * Arguments: the options of clients, one for each peer, whose calls all fail. */

#define _POSIX_C_SOURCE 200809L

#include <signal.h>

#include "host.h"

enum { SIGNALS = 65, LARGE = 512 * 1024 };

/* All that a process can set of a signal. */
struct dispositions {
    struct sigaction of[SIGNALS];
    sigset_t mask;
};

static void note(struct dispositions *all)
{
    int signal;

    memset(all, 0, sizeof *all);
    for (signal = 1; signal < SIGNALS; signal++)
        /* Fails for the numbers that the C library keeps for itself. */
        (void)sigaction(signal, NULL, &all->of[signal]);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &all->mask) == 0);
}

static void compare(const struct dispositions *before)
{
    struct dispositions now;
    int signal;

    note(&now);
    for (signal = 1; signal < SIGNALS; signal++) {
        CHECK(now.of[signal].sa_handler == before->of[signal].sa_handler);
        CHECK(now.of[signal].sa_flags == before->of[signal].sa_flags);
        CHECK(sigismember(&now.mask, signal) == sigismember(&before->mask, signal));
    }
}

/* Larger than the socket's buffers, so that the library is still writing when the peer resets. */
static char *large_message(void)
{
    char *message = malloc(LARGE + sizeof MESSAGE);

    CHECK(message != NULL);
    memset(message, ' ', LARGE);
    memcpy(message + LARGE, MESSAGE, sizeof MESSAGE);
    return message;
}

int main(int argc, char **argv)
{
    struct dispositions before;
    char *message = large_message();
    int i, round;

    CHECK(argc > 1);
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    note(&before);
    for (i = 1; i < argc; i++) {
        zx_client *client = host_client(argv[i]);

        for (round = 0; round < 20; round++) {
            char *reply;
            zx_status status = zx_send_reply_buttons(client, message, &reply);

            CHECK(status == ZX_NOT_SENT || status == ZX_OUTCOME_UNKNOWN);
            zx_free(reply);
        }
        zx_client_shutdown(client);
        zx_free(client);
    }
    compare(&before);
    free(message);
    return 0;
}
