/* Forks with connections open, some idle and some in the middle of another thread's call; then
 * parent and child send at once on the same client.
 *
 * usage: fork OPTIONS_JSON MESSAGE_FORMAT SENDS
 *
 * MESSAGE_FORMAT holds one %s, for the tag that the server gives back as the request_id. One
 * thread waits for a response, as the server lets the tag "slow" wait; another sends without a
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
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_over;

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

static void *wait_for_response(void *unused)
{
    (void)unused;
    return send_tagged("slow") ? NULL : (void *)&client;
}

static void *send_until_over(void *unused)
{
    (void)unused;
    for (;;) {
        int stop;
        if (!send_tagged("busy"))
            return (void *)&client;
        pthread_mutex_lock(&lock);
        stop = is_over;
        pthread_mutex_unlock(&lock);
        if (stop)
            return NULL;
    }
}

/* Waits for `count` threads. Returns how many of them had a call that went wrong. */
static int join_all(const pthread_t *threads, int count)
{
    int wrong = 0;
    int index;

    for (index = 0; index < count; index++) {
        void *failed;
        pthread_join(threads[index], &failed);
        wrong += failed != NULL;
    }
    return wrong;
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
    static void *(*const others[])(void *) = {wait_for_response, send_until_over};
    enum { OTHERS = sizeof others / sizeof others[0], CONNECTIONS = OTHERS + 2 };
    const struct timespec moment = {0, 100 * 1000 * 1000};
    pthread_t threads[CONNECTIONS];
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
    /* Together they open a connection each, which is idle when they are done. */
    for (index = 0; index < CONNECTIONS; index++)
        if (pthread_create(&threads[index], NULL, wait_for_response, NULL) != 0)
            return 2;
    if (join_all(threads, CONNECTIONS) != 0)
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
    pthread_mutex_lock(&lock);
    is_over = 1;
    pthread_mutex_unlock(&lock);
    wrong += join_all(threads, OTHERS);
    if (waitpid(child, &child_status, 0) != child || child_status != 0) {
        fprintf(stderr, "child: wait status %d\n", child_status);
        wrong++;
    }
    zx_free(client);
    return wrong != 0;
}
