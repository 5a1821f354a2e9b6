/* Forks with a connection open and other threads in the middle of calls; then parent and child
 * send at once on the same client.
 *
 * usage: fork OPTIONS_JSON MESSAGE_FORMAT SENDS
 *
 * MESSAGE_FORMAT holds one %s, for the tag that the server gives back as the request_id. One
 * thread waits for an answer, as the server lets the tag "slow" wait; another sends without a
 * pause. Exits with 0 if every reply, in parent and child, is the sender's own. */

#define _XOPEN_SOURCE 700

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <zixflow.h>

static zx_client *client;
static const char *format;
static volatile int is_forked;

/* Returns whether the message was accepted and the reply is its own. */
static int send_tagged(const char *tag)
{
    char message[2048];
    char own[128];
    char *reply;
    zx_status status;
    int is_own;

    snprintf(message, sizeof message, format, tag);
    snprintf(own, sizeof own, "\"request_id\":\"%s\"", tag);
    status = zx_send_reply_buttons(client, message, &reply);
    is_own = status == ZX_OK && strstr(reply, own) != NULL;
    if (!is_own)
        fprintf(stderr, "%s: %s\n", tag, reply);
    zx_free(reply);
    return is_own;
}

static void *wait_for_answer(void *unused)
{
    (void)unused;
    return send_tagged("slow") ? NULL : (void *)&client;
}

static void *send_until_forked(void *unused)
{
    (void)unused;
    while (!is_forked)
        if (!send_tagged("busy"))
            return (void *)&client;
    return NULL;
}

/* Returns how many went wrong. */
static int send_many(const char *who, int sends)
{
    int wrong = 0;
    int number;

    for (number = 0; number < sends; number++) {
        char tag[64];
        snprintf(tag, sizeof tag, "%s-%d-%d", who, (int)getpid(), number);
        wrong += !send_tagged(tag);
    }
    return wrong;
}

int main(int argc, char **argv)
{
    static void *(*const others[])(void *) = {wait_for_answer, send_until_forked};
    enum { OTHERS = sizeof others / sizeof others[0] };
    const struct timespec moment = {0, 100 * 1000 * 1000};
    pthread_t threads[OTHERS];
    char *error;
    pid_t child;
    int wrong;
    int child_status;
    int index;
    int sends;

    if (argc != 4)
        return 2;
    format = argv[2];
    sends = atoi(argv[3]);
    client = zx_client_new("key", "workspace", argv[1], &error);
    if (client == NULL) {
        fprintf(stderr, "%s\n", error);
        return 2;
    }
    if (!send_tagged("first"))
        return 2;
    for (index = 0; index < OTHERS; index++)
        if (pthread_create(&threads[index], NULL, others[index], NULL) != 0)
            return 2;
    nanosleep(&moment, NULL);

    child = fork();
    if (child < 0)
        return 2;
    if (child == 0) {
        wrong = send_many("child", sends);
        zx_free(client);
        _exit(wrong != 0);
    }
    wrong = send_many("parent", sends);
    is_forked = 1;
    for (index = 0; index < OTHERS; index++) {
        void *failed;
        pthread_join(threads[index], &failed);
        wrong += failed != NULL;
    }
    if (waitpid(child, &child_status, 0) != child || child_status != 0) {
        fprintf(stderr, "child: wait status %d\n", child_status);
        wrong++;
    }
    zx_free(client);
    return wrong != 0;
}
