/* Runs a program, and kills it as it is about to make its Nth system call.
 *
 * usage: stop_at_call N PROGRAM ARGUMENTS
 *
 * Exits with 0 if it was killed, and with 3 if it ended before. */

#define _GNU_SOURCE

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long calls = argc > 2 ? atol(argv[1]) : 0;
    int status;
    int is_entry = 1;
    pid_t child;

    if (calls < 1)
        return 2;
    child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[2], argv + 2);
        _exit(127);
    }
    /* It stops as it begins. */
    waitpid(child, &status, 0);
    for (;;) {
        int signal = WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0;

        ptrace(PTRACE_SYSCALL, child, NULL, (void *)(long)signal);
        waitpid(child, &status, 0);
        if (!WIFSTOPPED(status))
            return 3;
        if (WSTOPSIG(status) != SIGTRAP)
            continue;
        if (is_entry && --calls == 0)
            break;
        is_entry = !is_entry;
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return 0;
}
