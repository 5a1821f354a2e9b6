/* Sends a message under a timer that fires every millisecond.
 *
 * usage: signals OPTIONS_JSON SENDS RESTART < MESSAGE_JSON
 *
 * RESTART is 1 for a handler with SA_RESTART, 0 for one without. Prints a line for each send: how
 * many milliseconds it took, and the reply. */

#define _XOPEN_SOURCE 700

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <zixflow.h>

static volatile sig_atomic_t signals;

static void count(int signal)
{
    (void)signal;
    signals++;
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1000000.0;
}

int main(int argc, char **argv)
{
    static char message[1024 * 1024 + 1];
    struct sigaction action;
    struct itimerval timer;
    char *error;
    zx_client *client;
    size_t length;
    int send;

    if (argc != 4)
        return 2;
    length = fread(message, 1, sizeof message - 1, stdin);
    message[length] = '\0';
    client = zx_client_new("key", "workspace", argv[1], &error);
    if (client == NULL) {
        fprintf(stderr, "%s\n", error);
        zx_free(error);
        return 1;
    }

    memset(&action, 0, sizeof action);
    action.sa_handler = count;
    action.sa_flags = atoi(argv[3]) ? SA_RESTART : 0;
    memset(&timer, 0, sizeof timer);
    timer.it_interval.tv_usec = 1000;
    timer.it_value.tv_usec = 1000;
    if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &timer, NULL) != 0) {
        perror("timer");
        return 1;
    }

    for (send = 0; send < atoi(argv[2]); send++) {
        double started = milliseconds();
        char *reply;
        zx_send_reply_buttons(client, message, &reply);
        printf("%.0f %s\n", milliseconds() - started, reply);
        zx_free(reply);
    }
    zx_free(client);
    if (signals == 0) {
        fprintf(stderr, "the timer never fired\n");
        return 1;
    }
    return 0;
}
