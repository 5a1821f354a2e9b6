/* A host that cancels its threads: each goes on to the end of its call, and ends there. Arguments:
 * the options of a client whose server accepts, and of one whose server takes half a second to. */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <time.h>

#include "every_call.h"

struct thread {
    const char *options;
    int came_to_an_end;
    int went_on;
};

static void end(struct thread *thread)
{
    thread->came_to_an_end = 1;
    pthread_testcancel();
    thread->went_on = 1;
}

static void *call_when_cancelled(void *argument)
{
    struct thread *thread = argument;

    CHECK(pthread_cancel(pthread_self()) == 0);
    every_call(thread->options);
    end(thread);
    return NULL;
}

static void *call_in_peace(void *argument)
{
    struct thread *thread = argument;
    int before, unchanged;

    /* What the host had chosen is as it was after each call. */
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before) == 0);
    CHECK(pthread_cancel(pthread_self()) == 0);
    every_call(thread->options);
    CHECK(pthread_setcancelstate(before, &unchanged) == 0);
    CHECK(unchanged == PTHREAD_CANCEL_DISABLE);
    end(thread);
    return NULL;
}

static void *wait_for_a_response(void *argument)
{
    struct thread *thread = argument;
    zx_client *client = host_client(thread->options);

    host_send(client, ZX_OK);
    zx_free(client);
    end(thread);
    return NULL;
}

static void cancel(void *(*work)(void *), const char *options, int is_late)
{
    const struct timespec moment = {0, 200 * 1000 * 1000};
    struct thread thread = {0};
    pthread_t id;
    void *result;

    thread.options = options;
    CHECK(pthread_create(&id, NULL, work, &thread) == 0);
    if (is_late) {
        nanosleep(&moment, NULL);
        CHECK(pthread_cancel(id) == 0);
    }
    CHECK(pthread_join(id, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(thread.came_to_an_end && !thread.went_on);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    cancel(call_when_cancelled, argv[1], 0);
    cancel(call_in_peace, argv[1], 0);
    cancel(wait_for_a_response, argv[2], 1);
    /* Nothing is locked that no thread will unlock. */
    every_call(argv[1]);
    return 0;
}
