/* A call of a day, or of any other length, in a moment: the program's own clock_gettime() and poll()
 * stand before the C library's. Where nothing happens, the clock jumps to the end of the wait, and
 * beyond it by as much as Linux may let a poll be late.
 *
 * usage: day OPTIONS_JSON TIMEOUT_MS
 *
 * Prints by how many milliseconds the call was late, and how often it waited. */

#define _GNU_SOURCE

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

static long long jumped_ns;
static int waits;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    long long ns;
    if (syscall(SYS_clock_gettime, clock, now) != 0)
        return -1;
    ns = (long long)now->tv_sec * 1000000000 + now->tv_nsec + jumped_ns;
    now->tv_sec = (time_t)(ns / 1000000000);
    now->tv_nsec = (long)(ns % 1000000000);
    return 0;
}

int poll(struct pollfd *sockets, nfds_t count, int timeout_ms)
{
    /* For loopback, as good as any time. */
    static const struct timespec moment = {0, 200 * 1000 * 1000};
    long long slack_ns = (long long)timeout_ms * 1000000 / 200;
    long ready = syscall(SYS_ppoll, sockets, count, &moment, NULL, 0);

    if (ready != 0)
        return (int)ready;
    waits++;
    if (slack_ns > 100 * 1000000)
        slack_ns = 100 * 1000000;
    jumped_ns += (long long)timeout_ms * 1000000 + slack_ns - moment.tv_nsec;
    return 0;
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1000000.0;
}

int main(int argc, char **argv)
{
    zx_client *client;
    double started;

    CHECK(argc == 3);
    client = host_client(argv[1]);
    started = milliseconds();
    host_send(client, ZX_OUTCOME_UNKNOWN);
    printf("%.2f %d\n", milliseconds() - started - atof(argv[2]), waits);
    zx_free(client);
    return 0;
}
