/* A machine that is suspended for an hour: of its clocks, one goes on.
 *
 * usage: suspend OPTIONS_JSON
 *
 * Sends twice, is suspended, and sends once more. */

#define _GNU_SOURCE

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

static time_t suspended;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME)
        now->tv_sec += suspended;
    return result;
}

int main(int argc, char **argv)
{
    zx_client *client;

    CHECK(argc == 2);
    client = host_client(argv[1]);
    host_send(client, ZX_OK);
    host_send(client, ZX_OK);
    suspended = 60 * 60;
    host_send(client, ZX_OK);
    zx_free(client);
    return 0;
}
