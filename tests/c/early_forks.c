/* Forks before a client or a token was made.
 *
 * usage: early_forks FORKS OPTIONS_JSON
 *
 * Forks so often beside a thread that checks messages and frees the reports, and lets each child call
 * one of the functions. Then one thread makes the first client and sends with it while another one
 * forks, in the host's own fork handler, which is slow; parent and child send once more. Exits with 0
 * if every child came to its end. One that hangs is ended by SIGALRM. */

#define _XOPEN_SOURCE 700

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "every_call.h"

enum { CHILD_SECONDS = 60 };

static void check_once(void)
{
    char *report;
    CHECK_STATUS(zx_check_reply_buttons(MESSAGE, &report), ZX_OK, report);
    zx_free(report);
}

static void get_once(void)
{
    check_value("{\"a\":1}", "/a", "1");
}

static void compose_once(void)
{
    zx_free(composed_message());
}

static void read_once(void)
{
    char *read;
    CHECK_STATUS(zx_read_post_back(POST_BACK, &read), ZX_OK, read);
    zx_free(read);
}

static void make_token(void)
{
    zx_cancel *token = zx_cancel_new();
    zx_cancel_now(token);
    zx_free(token);
}

static void make_client(void)
{
    zx_client *client = host_client("{\"proxy\":\"\"}");
    zx_client_shutdown(client);
    zx_free(client);
}

static void use_no_client(void)
{
    char *reply;
    CHECK_STATUS(zx_client_stats(NULL, &reply), ZX_INVALID_ARGUMENT, reply);
    zx_free(reply);
    host_send(NULL, ZX_INVALID_ARGUMENT);
    zx_client_shutdown(NULL);
    zx_free(NULL);
}

static void (*const works[])(void) = {
    check_once, get_once, compose_once, read_once, make_token, make_client, use_no_client,
};
enum { WORKS = sizeof works / sizeof works[0] };

static volatile int is_over;

static void *check_until_over(void *unused)
{
    while (!is_over)
        check_once();
    return unused;
}

static void await(pid_t child)
{
    int status;
    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

static void fork_often(int forks)
{
    pthread_t thread;
    int number;

    CHECK(pthread_create(&thread, NULL, check_until_over, NULL) == 0);
    for (number = 0; number < forks; number++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(CHILD_SECONDS);
            works[number % WORKS]();
            _exit(0);
        }
        await(child);
    }
    is_over = 1;
    CHECK(pthread_join(thread, NULL) == 0);
}

static const char *options;
static zx_client *client;

static void *make_first_client(void *unused)
{
    client = host_client(options);
    host_send(client, ZX_OK);
    return unused;
}

/* The fork that runs it goes on only when the client has an idle connection. */
static void wait_for_first_client(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, make_first_client, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void fork_while_first_is_made(void)
{
    pid_t child;

    CHECK(pthread_atfork(wait_for_first_client, NULL, NULL) == 0);
    child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        host_send(client, ZX_OK);
        _exit(0);
    }
    await(child);
    host_send(client, ZX_OK);
    zx_free(client);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    options = argv[2];
    fork_often(atoi(argv[1]));
    fork_while_first_is_made();
    return 0;
}
