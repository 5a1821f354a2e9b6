/* Another thread forks at the allocations that the library makes for its first calls, so whatever
 * the library, or what it builds on, makes when it is first used, some child finds it half made.
 *
 * usage: fork_at_allocations OPTIONS_JSON STEP
 *
 * Forks at each STEPth allocation. Prints how many children there were; exits with 0 if each could
 * make a client and send with it. */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

enum { CHILD_SECONDS = 20, AT_ONCE = 8 };

static __thread int is_watched;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int wanted, done, is_over;

static const char *options;
static zx_client *client;
static int step;

static void child(void)
{
    zx_client *own;
    alarm(CHILD_SECONDS);
    if (client != NULL)
        host_send(client, ZX_OK);
    own = host_client(options);
    host_send(own, ZX_OK);
    zx_free(own);
    _exit(0);
}

static void reap(void)
{
    int status;
    CHECK(wait(&status) > 0);
    CHECK(status == 0);
}

static void *fork_when_asked(void *unused)
{
    int running = 0;
    pthread_mutex_lock(&lock);
    for (;;) {
        pid_t pid;
        while (wanted == done && !is_over)
            pthread_cond_wait(&changed, &lock);
        if (is_over)
            break;
        pthread_mutex_unlock(&lock);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            child();
        if (++running == AT_ONCE) {
            reap();
            running--;
        }
        pthread_mutex_lock(&lock);
        done++;
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
    while (running-- > 0)
        reap();
    return unused;
}

/* Waits for the fork that was asked for last, for so many milliseconds at most. */
static int await_fork(long ms)
{
    struct timespec until;
    int result = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms * 1000 * 1000;
    until.tv_sec += until.tv_nsec / (1000 * 1000 * 1000);
    until.tv_nsec %= 1000 * 1000 * 1000;
    while (wanted != done && result == 0)
        result = pthread_cond_timedwait(&changed, &lock, &until);
    return wanted == done;
}

/* A fork may have to wait for the very call that allocates: it comes a little later then. */
static void fork_now(void)
{
    pthread_mutex_lock(&lock);
    if (await_fork(20)) {
        wanted++;
        pthread_cond_broadcast(&changed);
        await_fork(500);
    }
    pthread_mutex_unlock(&lock);
}

void *malloc(size_t size)
{
    /* ISO C has no cast from dlsym's pointer. */
    static union { void *object; void *(*function)(size_t); } next;
    static int allocations;
    if (next.object == NULL)
        next.object = dlsym(RTLD_NEXT, "malloc");
    if (is_watched && allocations++ % step == 0) {
        is_watched = 0;
        fork_now();
        is_watched = 1;
    }
    return next.function(size);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    char *reply;
    zx_status status;

    CHECK(argc == 3);
    options = argv[1];
    step = atoi(argv[2]);
    CHECK(pthread_create(&thread, NULL, fork_when_asked, NULL) == 0);
    is_watched = 1;
    client = zx_client_new("key", "workspace", options, NULL);
    status = zx_send_reply_buttons(client, MESSAGE, &reply);
    is_watched = 0;
    CHECK_STATUS(status, ZX_OK, reply);
    zx_free(reply);
    pthread_mutex_lock(&lock);
    CHECK(await_fork(CHILD_SECONDS * 1000));
    is_over = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    CHECK(pthread_join(thread, NULL) == 0);
    zx_free(client);
    printf("%d\n", done);
    return 0;
}
