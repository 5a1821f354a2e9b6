/* Sends from many threads on one client, as fast as the responses come.
 *
 * usage: threads OPTIONS_JSON MESSAGE_JSON THREADS SENDS
 *
 * Prints how many messages were accepted, and how many milliseconds that took. */

#define _XOPEN_SOURCE 700

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <zixflow.h>

enum { MOST_THREADS = 256 };

static zx_client *client;
static const char *message;
static int sends_per_thread;

static void *send_all(void *accepted)
{
    int send;
    for (send = 0; send < sends_per_thread; send++)
        *(int *)accepted += zx_send_reply_buttons(client, message, NULL) == ZX_OK;
    return NULL;
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1000000.0;
}

int main(int argc, char **argv)
{
    static pthread_t threads[MOST_THREADS];
    static int accepted[MOST_THREADS];
    int total = 0;
    double started;
    char *error;
    int count;
    int index;

    if (argc != 5 || (count = atoi(argv[3])) < 1 || count > MOST_THREADS)
        return 2;
    message = argv[2];
    sends_per_thread = atoi(argv[4]) / count;
    client = zx_client_new("key", "workspace", argv[1], &error);
    if (client == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    started = milliseconds();
    for (index = 0; index < count; index++)
        if (pthread_create(&threads[index], NULL, send_all, &accepted[index]) != 0)
            return 1;
    for (index = 0; index < count; index++) {
        pthread_join(threads[index], NULL);
        total += accepted[index];
    }
    printf("%d %.1f\n", total, milliseconds() - started);
    zx_free(client);
    return 0;
}
