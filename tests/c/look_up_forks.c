/* Forks while another thread holds a lock of the C library's, as glibc takes some for a name look-up,
 * and once more when the thread that made it is about to be gone. The C library is this program's own:
 * it lets its lock go only when a fork is seen to wait, and a fork's waiting ends only when it has.
 *
 * usage: look_up_forks OPTIONS_JSON
 *
 * The options are those of a client whose host has a name. Exits with 0 if each child found the lock
 * free. */

#define _GNU_SOURCE

#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

enum { CHILD_SECONDS = 60 };

static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static sem_t is_held, fork_waits, was_let_go;
static int held_in_look_up;
static volatile int holds;
static __thread int forks;

/* Holds the lock until a fork waits for that. */
static void hold_lock(void)
{
    CHECK(pthread_mutex_lock(&library_lock) == 0);
    holds = 1;
    CHECK(sem_post(&is_held) == 0);
    CHECK(sem_wait(&fork_waits) == 0);
    holds = 0;
    CHECK(pthread_mutex_unlock(&library_lock) == 0);
    CHECK(sem_post(&was_let_go) == 0);
}

static void end_thread(void *unused)
{
    (void)unused;
    if (!held_in_look_up)
        hold_lock();
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    (void)node, (void)service, (void)hints, (void)result;
    CHECK(pthread_setspecific(key, &key) == 0);
    if (held_in_look_up)
        hold_lock();
    return EAI_NONAME;
}

static int sleep_or_let_go(const struct timespec *time)
{
    if (forks && holds) {
        CHECK(sem_post(&fork_waits) == 0);
        CHECK(sem_wait(&was_let_go) == 0);
        return 0;
    }
    return (int)syscall(SYS_nanosleep, time, NULL);
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)left;
    return sleep_or_let_go(time);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left)
{
    (void)clock, (void)flags, (void)left;
    return sleep_or_let_go(time);
}

static void *send_in_vain(void *client)
{
    host_send(client, ZX_NOT_SENT);
    return NULL;
}

int main(int argc, char **argv)
{
    zx_client *client;

    CHECK(argc == 2);
    CHECK(pthread_key_create(&key, end_thread) == 0);
    CHECK(sem_init(&is_held, 0, 0) == 0);
    CHECK(sem_init(&fork_waits, 0, 0) == 0);
    CHECK(sem_init(&was_let_go, 0, 0) == 0);
    client = host_client(argv[1]);
    for (held_in_look_up = 0; held_in_look_up < 2; held_in_look_up++) {
        pthread_t thread;
        pid_t child;
        int status;

        CHECK(pthread_create(&thread, NULL, send_in_vain, client) == 0);
        CHECK(sem_wait(&is_held) == 0);
        forks = 1;
        child = fork();
        forks = 0;
        if (child == 0) {
            alarm(CHILD_SECONDS);
            CHECK(pthread_mutex_trylock(&library_lock) == 0);
            _exit(0);
        }
        CHECK(child > 0);
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    zx_free(client);
    return 0;
}
