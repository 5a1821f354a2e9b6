/* Sends the reply-buttons messages on standard input, one on each line, and prints a reply for each.
 * Ctrl-C ends the send that is under way, whose reply says what came of the message; then the next
 * line is sent. The end of the input (Ctrl-D) ends the program.
 *
 * No function of the library may be called from a signal handler. So the handler writes to a pipe, and
 * a thread that reads from it calls zx_cancel_now(). */

#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "environment.h"

static int pipe_ends[2];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The token of the send that is under way, or NULL. */
static zx_cancel *current;

static void on_interrupt(int signal_number)
{
    int before = errno;

    (void)signal_number;
    /* A pipe that is full already says that there was a signal. */
    (void)!write(pipe_ends[1], "", 1);
    errno = before;
}

static void *cancel_when_interrupted(void *unused)
{
    char byte;

    while (read(pipe_ends[0], &byte, 1) == 1) {
        pthread_mutex_lock(&lock);
        zx_cancel_now(current); /* NULL is ignored. */
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

static void set_current(zx_cancel *token)
{
    pthread_mutex_lock(&lock);
    current = token;
    pthread_mutex_unlock(&lock);
}

/* Returns what to exit with. */
static int send_line(const zx_client *client, const char *message)
{
    zx_cancel *token = zx_cancel_new();
    zx_status status;
    char *reply;

    set_current(token);
    status = zx_send_reply_buttons_with(client, message, NULL, token, &reply);
    set_current(NULL);
    zx_free(token);
    return print_reply(reply, status);
}

/* Returns whether the signal is handled, and a thread waits for it. The write end does not block: a
 * signal handler must not wait for a thread that it may have interrupted. */
static int handle_interrupts(pthread_t *thread)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    action.sa_flags = SA_RESTART;
    return pipe(pipe_ends) == 0 && fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK) == 0 &&
           pthread_create(thread, NULL, cancel_when_interrupted, NULL) == 0 &&
           sigaction(SIGINT, &action, NULL) == 0;
}

int main(void)
{
    int exit_status = EXIT_SUCCESS;
    zx_client *client = client_from_environment(&exit_status);
    size_t capacity = 0;
    char *line = NULL;
    pthread_t thread;

    if (client == NULL)
        return exit_status;
    if (!handle_interrupts(&thread)) {
        perror("SIGINT");
        zx_free(client);
        return EXIT_TROUBLE;
    }
    while (getline(&line, &capacity, stdin) >= 0)
        exit_status = send_line(client, line);

    signal(SIGINT, SIG_DFL);
    close(pipe_ends[1]); /* The thread reads an end. */
    pthread_join(thread, NULL);
    close(pipe_ends[0]);
    free(line);
    zx_free(client);
    return exit_status;
}
