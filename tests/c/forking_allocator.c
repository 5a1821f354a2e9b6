/* A host whose allocator has fork handlers, which it registered last: so it takes its lock before the
 * library's handler waits for anybody.
 *
 * usage: forking_allocator OPTIONS_JSON
 *
 * Forks while threads allocate in all that the library does. Exits with 0 if parent and children came
 * to their ends. One that hangs is ended by SIGALRM. */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

enum { SECONDS = 100, FORKS = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take_lock(void)
{
    CHECK(pthread_mutex_lock(&lock) == 0);
}

static void give_lock(void)
{
    CHECK(pthread_mutex_unlock(&lock) == 0);
}

typedef void *allocate(size_t);
typedef void *reallocate(void *, size_t);
typedef void release(void *);

/* ISO C has no cast from dlsym's pointer. */
#define NEXT(type, name)                                                                           \
    static union { void *object; type *function; } next;                                           \
    if (next.object == NULL)                                                                       \
        next.object = dlsym(RTLD_NEXT, name)

void *malloc(size_t size)
{
    void *result;
    NEXT(allocate, "malloc");
    take_lock();
    result = next.function(size);
    give_lock();
    return result;
}

void *realloc(void *old, size_t size)
{
    void *result;
    NEXT(reallocate, "realloc");
    take_lock();
    result = next.function(old, size);
    give_lock();
    return result;
}

void free(void *old)
{
    NEXT(release, "free");
    take_lock();
    next.function(old);
    give_lock();
}

static const char *options;
static zx_client *client;
static volatile int is_over;

static void *check_until_over(void *unused)
{
    while (!is_over) {
        char *report;
        CHECK_STATUS(zx_check_reply_buttons(MESSAGE, &report), ZX_OK, report);
        zx_free(report);
    }
    return unused;
}

/* Many at once, so that whatever holds them has to grow, and to shrink again. */
static void *make_tokens_until_over(void *unused)
{
    enum { TOKENS = 1000 };
    static zx_cancel *tokens[TOKENS];

    while (!is_over) {
        int index;
        for (index = 0; index < TOKENS; index++)
            tokens[index] = zx_cancel_new();
        for (index = 0; index < TOKENS; index++)
            zx_free(tokens[index]);
    }
    return unused;
}

static void *send_until_over(void *unused)
{
    while (!is_over)
        host_send(client, ZX_OK);
    return unused;
}

static void *renew_until_over(void *unused)
{
    while (!is_over) {
        zx_client *own = host_client(options);
        host_send(own, ZX_OK);
        zx_free(own);
    }
    return unused;
}

int main(int argc, char **argv)
{
    static void *(*const works[])(void *) = {check_until_over, make_tokens_until_over,
                                             send_until_over, renew_until_over};
    enum { THREADS = sizeof works / sizeof works[0] };
    pthread_t threads[THREADS];
    int index, number;

    CHECK(argc == 2);
    options = argv[1];
    client = host_client(options);
    host_send(client, ZX_OK);
    CHECK(pthread_atfork(take_lock, give_lock, give_lock) == 0);
    for (index = 0; index < THREADS; index++)
        CHECK(pthread_create(&threads[index], NULL, works[index], NULL) == 0);
    for (number = 0; number < FORKS; number++) {
        int status;
        pid_t child;
        alarm(SECONDS);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(SECONDS);
            zx_free(zx_cancel_new());
            if (number % 10 == 0)
                host_send(client, ZX_OK);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    is_over = 1;
    for (index = 0; index < THREADS; index++)
        CHECK(pthread_join(threads[index], NULL) == 0);
    zx_free(client);
    return 0;
}
