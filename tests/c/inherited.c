/* What a child of a fork inherits, and what it does not.
 *
 * usage: inherited CASE OPTIONS_JSON
 *
 * closed       parent and child look at their descriptors; then the parent frees its client, and says
 *              so, while the child does nothing until it can read the end of standard input.
 * untouched    forks while threads open and close files of their own, and others send. The server
 *              closes each connection.
 * interrupted  a signal handler forks while zx_free() closes connections; its child opens files of its
 *              own, and returns.
 * generations  400 of them, each with a connection, under a limit of 64 descriptors.
 *
 * Exits with 0 if parent and children came to their ends. One that hangs is ended by SIGALRM. */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

enum { CHILD_SECONDS = 60, DESCRIPTORS = 64, CONNECTIONS = 8, FORKS = 300, GENERATIONS = 400 };

static const char *options;
static zx_client *client;

static int sockets(void)
{
    int count = 0, descriptor;

    for (descriptor = 0; descriptor < DESCRIPTORS; descriptor++) {
        struct stat status;
        count += fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode);
    }
    return count;
}

static void await(pid_t child)
{
    int status;
    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

static void *send_one(void *unused)
{
    host_send(client, ZX_OK);
    return unused;
}

static void read_end_of_input(void)
{
    char byte;
    CHECK(read(0, &byte, 1) == 0);
}

/* Makes a client, and returns how many connections it keeps. */
static int keep_connections(void)
{
    pthread_t threads[CONNECTIONS];
    int index, before = sockets();

    client = host_client(options);
    for (index = 0; index < CONNECTIONS; index++)
        CHECK(pthread_create(&threads[index], NULL, send_one, NULL) == 0);
    for (index = 0; index < CONNECTIONS; index++)
        CHECK(pthread_join(threads[index], NULL) == 0);
    return sockets() - before;
}

static void closed(void)
{
    int before = sockets(), kept = keep_connections();
    pid_t child, second;

    CHECK(kept > 0);

    child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        CHECK(sockets() == before);
        read_end_of_input();
        _exit(0);
    }
    second = fork();
    if (second == 0) {
        alarm(CHILD_SECONDS);
        CHECK(sockets() == before);
        host_send(client, ZX_OK);
        CHECK(sockets() == before + 1);
        zx_free(client);
        CHECK(sockets() == before);
        _exit(0);
    }
    await(second);
    CHECK(sockets() == before + kept);
    host_send(client, ZX_OK);
    CHECK(sockets() == before + kept);
    zx_free(client);
    CHECK(sockets() == before);
    printf("freed\n");
    CHECK(fflush(stdout) == 0);
    await(child);
}

/* The host's own files, each noted for as long as it is open. */

enum { OPENERS = 2, SENDERS = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int opened[OPENERS];
static volatile int is_over;

static void take_lock(void)
{
    CHECK(pthread_mutex_lock(&lock) == 0);
}

static void give_lock(void)
{
    CHECK(pthread_mutex_unlock(&lock) == 0);
}

static void *open_and_close(void *place)
{
    int *descriptor = place;

    while (!is_over) {
        take_lock();
        *descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
        CHECK(*descriptor > 0);
        give_lock();
        take_lock();
        CHECK(close(*descriptor) == 0);
        *descriptor = 0;
        give_lock();
    }
    return NULL;
}

static void *send_until_over(void *unused)
{
    while (!is_over)
        host_send(client, ZX_OK);
    return unused;
}

static void untouched(void)
{
    pthread_t openers[OPENERS], senders[SENDERS];
    int index, number, before = sockets();

    client = host_client(options);
    CHECK(pthread_atfork(take_lock, give_lock, give_lock) == 0);
    for (index = 0; index < OPENERS; index++)
        CHECK(pthread_create(&openers[index], NULL, open_and_close, &opened[index]) == 0);
    for (index = 0; index < SENDERS; index++)
        CHECK(pthread_create(&senders[index], NULL, send_until_over, NULL) == 0);
    for (number = 0; number < FORKS; number++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(CHILD_SECONDS);
            for (index = 0; index < OPENERS; index++) {
                struct stat status;
                if (opened[index] == 0)
                    continue;
                CHECK(fstat(opened[index], &status) == 0);
                CHECK(S_ISCHR(status.st_mode));
            }
            CHECK(sockets() == before);
            _exit(0);
        }
        await(child);
    }
    is_over = 1;
    for (index = 0; index < OPENERS; index++)
        CHECK(pthread_join(openers[index], NULL) == 0);
    for (index = 0; index < SENDERS; index++)
        CHECK(pthread_join(senders[index], NULL) == 0);
    zx_free(client);
}

/* The library's own comes here, too, where a signal may interrupt it. */

static int closes_until_fork, files[CONNECTIONS];

int close(int descriptor)
{
    if (closes_until_fork > 0 && --closes_until_fork == 0) {
        pid_t child = fork();
        int index;
        if (child != 0) {
            await(child);
        } else {
            alarm(CHILD_SECONDS);
            for (index = 0; index < CONNECTIONS; index++)
                files[index] = open("/dev/null", O_RDONLY);
        }
    }
    return (int)syscall(SYS_close, descriptor);
}

static void interrupted(void)
{
    int index;

    while (keep_connections() < 2)
        zx_free(client);
    closes_until_fork = 1;
    zx_free(client);
    for (index = 0; index < CONNECTIONS && files[0] != 0; index++)
        CHECK(fcntl(files[index], F_GETFD) != -1);
}

/* Each ends as soon as it has the next; the last one writes. */
static void generations(void)
{
    struct rlimit limit;
    int generation, ends[2];
    char byte = 0;
    pid_t child;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 64;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(pipe(ends) == 0);
    client = host_client(options);
    host_send(client, ZX_OK);
    child = fork();
    for (generation = 1; child == 0 && generation < GENERATIONS; generation++) {
        alarm(CHILD_SECONDS);
        host_send(client, ZX_OK);
        CHECK(sockets() == 1);
        child = fork();
        if (child != 0)
            _exit(child < 0);
    }
    if (child == 0) {
        CHECK(write(ends[1], &byte, 1) == 1);
        _exit(0);
    }
    await(child);
    CHECK(close(ends[1]) == 0);
    CHECK(read(ends[0], &byte, 1) == 1);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    options = argv[2];
    if (strcmp(argv[1], "closed") == 0)
        closed();
    else if (strcmp(argv[1], "untouched") == 0)
        untouched();
    else if (strcmp(argv[1], "interrupted") == 0)
        interrupted();
    else
        generations();
    return 0;
}
