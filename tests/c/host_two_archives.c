/* A host that links two libraries in Rust statically, each of which panics and catches that. See
 * host_panic.c for what makes ours panic. Argument: the options of a client whose server accepts. */

#define _GNU_SOURCE

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

/* The other library's: panics, and returns how often its own panic hook was called. */
int other_catches_a_panic(void);

static int clock_is_broken;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock_is_broken)
        return -1;
    return (int)syscall(SYS_clock_gettime, clock, now);
}

int main(int argc, char **argv)
{
    zx_client *client;
    int round;

    CHECK(argc == 2);
    CHECK(other_catches_a_panic() == 1);
    client = host_client(argv[1]);
    for (round = 2; round < 5; round++) {
        clock_is_broken = 1;
        host_send(client, ZX_INTERNAL);
        clock_is_broken = 0;
        host_send(client, ZX_OK);
        CHECK(other_catches_a_panic() == round);
    }
    zx_free(client);
    return 0;
}
