/* Counts the system calls of a thread that sends on a kept connection, as a debugger sees them.
 *
 * usage: system_calls OPTIONS_JSON SENDS
 *
 * Prints how many there were in all. */

#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

enum { WARM_UP = 10 };

/* One that the library has no use for marks the beginning and the end. */
static void mark(void)
{
    syscall(SYS_getppid);
}

static void send_many(const char *options, int sends)
{
    zx_client *client = host_client(options);
    int number;

    for (number = 0; number < WARM_UP; number++)
        host_send(client, ZX_OK);
    CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
    CHECK(raise(SIGSTOP) == 0);
    mark();
    for (number = 0; number < sends; number++)
        host_send(client, ZX_OK);
    mark();
    zx_free(client);
}

int main(int argc, char **argv)
{
    int status, marks = 0;
    long calls = 0;
    pid_t child;

    CHECK(argc == 3);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        send_many(argv[1], atoi(argv[2]));
        return 0;
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    CHECK(ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD) == 0);
    for (;;) {
        struct __ptrace_syscall_info info;
        CHECK(ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0);
        CHECK(waitpid(child, &status, 0) == child);
        if (WIFEXITED(status))
            break;
        CHECK(WIFSTOPPED(status));
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            continue;
        CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof info, &info) > 0);
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        if (info.entry.nr == SYS_getppid)
            marks++;
        else if (marks == 1)
            calls++;
    }
    CHECK(WEXITSTATUS(status) == 0 && marks == 2);
    printf("%ld\n", calls);
    return 0;
}
