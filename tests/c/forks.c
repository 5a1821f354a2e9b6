/* Forks where a program hardly expects to: at exit, in a thread's end, in a fork handler, in a
 * signal handler, and from several threads at once.
 *
 * usage: forks CASE OPTIONS_JSON [ARGUMENT]
 *
 * Exits with 0 if parent and children came to their ends, and sent what they had to send. A child
 * that hangs is ended by SIGALRM, and counts. */

#define _XOPEN_SOURCE 700

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

enum { CHILD_SECONDS = 20 };

static const char *options;
static zx_client *client;

static void child_begins(void)
{
    signal(SIGALRM, SIG_DFL);
    alarm(CHILD_SECONDS);
}

/* The exit handlers of a child that was forked at exit would run once more: so it ends at once. */
static void check(int condition, const char *what)
{
    if (!condition) {
        static const char text[] = "not so: ";
        (void)!write(2, text, sizeof text - 1);
        (void)!write(2, what, strlen(what));
        (void)!write(2, "\n", 1);
        _exit(1);
    }
}

static int sends(void)
{
    char *reply;
    zx_status status = zx_send_reply_buttons(client, MESSAGE, &reply);
    if (status != ZX_OK)
        fprintf(stderr, "%s\n", reply);
    zx_free(reply);
    return status == ZX_OK;
}

static void await(pid_t child)
{
    int status;
    check(waitpid(child, &status, 0) == child && status == 0, "a child came to its end");
}

/* Forks a child that sends. */
static void fork_and_send(void)
{
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        child_begins();
        check(sends(), "a child sends");
        zx_free(client);
        _exit(0);
    }
    await(child);
    check(sends(), "its parent sends");
}

/* At exit, and in the destructor of a thread's key, a thread's own variables are gone. */

static void in_a_keys_destructor(void *value)
{
    (void)value;
    fork_and_send();
}

static void *end_with_a_key(void *key)
{
    check(sends(), "a thread sends");
    check(pthread_setspecific(*(pthread_key_t *)key, key) == 0, "a value for a key");
    return NULL;
}

static int thread_end(void)
{
    pthread_key_t key;
    pthread_t thread;

    client = host_client(options);
    fork_and_send();
    CHECK(pthread_key_create(&key, in_a_keys_destructor) == 0);
    CHECK(pthread_create(&thread, NULL, end_with_a_key, &key) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    /* The main thread has one, too. */
    CHECK(pthread_setspecific(key, &key) == 0);
    pthread_exit(NULL);
}

static int at_exit(void)
{
    client = host_client(options);
    fork_and_send();
    CHECK(atexit(fork_and_send) == 0);
    return 0;
}

/* A fork handler that forks, and calls the library. */

static int depth;
static int handled;

static void fork_once_more(void)
{
    if (depth++ == 0 && client != NULL) {
        handled++;
        fork_and_send();
    }
    depth--;
}

static void renew_in_child(void)
{
    if (depth++ == 0 && client != NULL) {
        handled++;
        check(sends(), "a fork handler in a child sends");
        zx_free(client);
        client = host_client(options);
        check(sends(), "with a client of its own, too");
        fork_and_send();
    }
    depth--;
}

/* Registered before the library is loaded, and so called behind the library's handler as a fork
 * begins, and ahead of it in the child. */

static int handles_early;

static void early_once_more(void)
{
    if (handles_early)
        fork_once_more();
}

static void early_in_child(void)
{
    if (handles_early)
        renew_in_child();
}

static void register_early(void)
{
    check(pthread_atfork(early_once_more, early_once_more, early_in_child) == 0, "a handler");
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(void) =
    register_early;

static int nested(const char *order)
{
    handles_early = strcmp(order, "first") == 0;
    client = host_client(options);
    CHECK(sends());
    if (!handles_early)
        CHECK(pthread_atfork(fork_once_more, fork_once_more, renew_in_child) == 0);
    fork_and_send();
    CHECK(handled == 2);
    fork_and_send();
    CHECK(handled == 4);
    zx_free(client);
    return 0;
}

/* Several threads fork at once while others send, or make and free clients. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_over;

static int goes_on(void)
{
    int goes_on;
    pthread_mutex_lock(&lock);
    goes_on = !is_over;
    pthread_mutex_unlock(&lock);
    return goes_on;
}

static void *send_until_over(void *unused)
{
    (void)unused;
    while (goes_on())
        check(sends(), "a thread sends");
    return NULL;
}

static void *renew_until_over(void *unused)
{
    (void)unused;
    while (goes_on())
        zx_free(host_client(options));
    return NULL;
}

static void *fork_often(void *unused)
{
    int number;
    (void)unused;
    for (number = 0; number < 10; number++) {
        pid_t child = fork();
        check(child >= 0, "fork");
        if (child == 0) {
            zx_client *own;
            child_begins();
            check(sends(), "a child sends");
            own = host_client(options);
            zx_free(own);
            zx_free(client);
            _exit(0);
        }
        await(child);
    }
    return NULL;
}

static int many_threads(void)
{
    static void *(*const works[])(void *) = {
        send_until_over, send_until_over, renew_until_over, renew_until_over,
        fork_often,      fork_often,      fork_often,       fork_often,
    };
    enum { THREADS = sizeof works / sizeof works[0] };
    pthread_t threads[THREADS];
    int index;

    client = host_client(options);
    for (index = 0; index < THREADS; index++)
        CHECK(pthread_create(&threads[index], NULL, works[index], NULL) == 0);
    for (index = THREADS; index-- > 0;) {
        if (works[index] != fork_often) {
            pthread_mutex_lock(&lock);
            is_over = 1;
            pthread_mutex_unlock(&lock);
        }
        CHECK(pthread_join(threads[index], NULL) == 0);
    }
    CHECK(sends());
    zx_free(client);
    return 0;
}

/* A signal handler that forks while the program, which has one thread, calls the library. */

enum { SIGNALS = 400 };

static volatile sig_atomic_t forks;
static volatile sig_atomic_t is_child;
static int child_returns;

static void fork_in_handler(int signal_number)
{
    pid_t child;
    (void)signal_number;
    if (is_child || forks >= SIGNALS)
        return;
    child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        child_begins();
        if (!child_returns)
            _exit(0);
        is_child = 1;
    } else {
        forks++;
    }
}

static int reap(int flags)
{
    int status;
    pid_t child = waitpid(-1, &status, flags);
    if (child > 0)
        check(status == 0, "a child came to its end");
    return child > 0;
}

static int in_a_signal_handler(const char *way)
{
    static zx_client *kept[64];
    struct sigaction action;
    struct itimerval timer;
    unsigned step;

    child_returns = strcmp(way, "returns") == 0;
    client = host_client(options);
    memset(&action, 0, sizeof action);
    action.sa_handler = fork_in_handler;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    memset(&timer, 0, sizeof timer);
    timer.it_interval.tv_usec = 1000;
    timer.it_value.tv_usec = 1000;
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);

    for (step = 0; forks < SIGNALS && !is_child; step++) {
        zx_client **place = &kept[step % (sizeof kept / sizeof kept[0])];
        char *report = NULL;
        zx_free(*place);
        *place = step % 8 == 0 ? zx_client_new("key", "workspace", options, NULL) : NULL;
        zx_free(NULL);
        zx_free(&step);
        zx_client_shutdown(*place);
        check(zx_version() != NULL, "a version");
        check(zx_check_reply_buttons(MESSAGE, &report) == ZX_OK, "a check");
        zx_free(report);
        zx_free(report);
        while (!is_child && reap(WNOHANG))
            ;
    }
    if (is_child) {
        /* It has come out of the call that was interrupted. */
        check(sends(), "a child sends");
        _exit(0);
    }
    memset(&timer, 0, sizeof timer);
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    while (reap(0))
        ;
    CHECK(sends());
    return 0;
}

/* Six workers, of a parent that has paused before a retry of its own. */
static int workers(void)
{
    enum { WORKERS = 6 };
    static const char format[] =
        "{\"recipient\":\"919876543210\",\"phone_id\":\"1\",\"interactive\":{\"type\":\"button\","
        "\"body\":{\"text\":\"?\"},\"action\":{\"buttons\":[{\"type\":\"reply\",\"reply\":{"
        "\"id\":\"a\",\"title\":\"Yes\"}}]}},\"post_back_data\":\"worker-%d\"}";
    pid_t children[WORKERS];
    int index;

    client = host_client(options);
    CHECK(sends());
    for (index = 0; index < WORKERS; index++) {
        children[index] = fork();
        CHECK(children[index] >= 0);
        if (children[index] == 0) {
            char message[1024];
            child_begins();
            snprintf(message, sizeof message, format, index);
            check(zx_send_reply_buttons(client, message, NULL) == ZX_OK, "a worker sends");
            _exit(0);
        }
    }
    for (index = 0; index < WORKERS; index++)
        await(children[index]);
    zx_free(client);
    return 0;
}

/* Children that free their parent's client, shut it down, use it, or none of it, and exit as programs
 * do, which runs what was registered for that. */
static int children_end(void)
{
    int way;

    client = host_client(options);
    CHECK(sends());
    for (way = 0; way < 8; way++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            child_begins();
            if (way & 4)
                CHECK(sends());
            if (way & 2)
                zx_client_shutdown(client);
            if (way & 1) {
                zx_free(client);
                zx_free(client);
                CHECK(zx_send_reply_buttons(client, MESSAGE, NULL) == ZX_INVALID_ARGUMENT);
            }
            exit(0);
        }
        await(child);
        CHECK(sends());
    }
    zx_free(client);
    return 0;
}

int main(int argc, char **argv)
{
    const char *argument = argc == 4 ? argv[3] : "";

    CHECK(argc >= 3);
    options = argv[2];
    if (strcmp(argv[1], "thread_end") == 0)
        return thread_end();
    if (strcmp(argv[1], "at_exit") == 0)
        return at_exit();
    if (strcmp(argv[1], "nested") == 0)
        return nested(argument);
    if (strcmp(argv[1], "many_threads") == 0)
        return many_threads();
    if (strcmp(argv[1], "signal") == 0)
        return in_a_signal_handler(argument);
    if (strcmp(argv[1], "workers") == 0)
        return workers();
    if (strcmp(argv[1], "children_end") == 0)
        return children_end();
    return 2;
}
