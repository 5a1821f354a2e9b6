/* Calls with long deadlines, side by side, to a server that never answers.
 *
 * usage: long_deadlines OPTIONS_JSON SIGNALS
 *
 * SIGNALS: "none"; or a signal every millisecond, whose handler is installed with SA_RESTART
 * ("restart") or without ("plain"), and which reaches each call every six milliseconds. Prints a
 * line for each call: its timeout_ms, by how many milliseconds it was late, and by how many the
 * machine was late at that time. */

#define _XOPEN_SOURCE 700

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "host.h"

static const int timeouts[] = {5000, 20000, 30000};
/* The last is the default. */
static const char *const call_options[] = {"{\"timeout_ms\":5000}", "{\"timeout_ms\":20000}", NULL};

enum { KINDS = 3, EACH = 8, CALLS = KINDS * EACH, STAGGER_MS = 130, STRIDE = 6, BEAT_MS = 5 };

struct call {
    pthread_t thread;
    int kind;
    double late;
    double excuse;
};

static struct call calls[CALLS];
static zx_client *client;
static volatile sig_atomic_t is_running;

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1000000.0;
}

static void sleep_ms(long ms)
{
    struct timespec left;
    left.tv_sec = ms / 1000;
    left.tv_nsec = ms % 1000 * 1000 * 1000;
    while (nanosleep(&left, &left) != 0)
        ;
}

/* A thread that does nothing but wake up tells how late the machine lets a thread do so. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static double beats[16384][2];
static size_t beat_count;

static void *beat(void *unused)
{
    for (;;) {
        double due = milliseconds() + BEAT_MS;
        double now;
        sleep_ms(BEAT_MS);
        now = milliseconds();
        pthread_mutex_lock(&lock);
        if (beat_count < sizeof beats / sizeof beats[0]) {
            beats[beat_count][0] = now;
            beats[beat_count++][1] = now - due;
        }
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

static double late_since(double time)
{
    double most = 0;
    size_t index;
    pthread_mutex_lock(&lock);
    for (index = beat_count; index-- > 0 && beats[index][0] >= time;)
        if (beats[index][1] > most)
            most = beats[index][1];
    pthread_mutex_unlock(&lock);
    return most;
}

static void *wait_for_response(void *argument)
{
    struct call *call = argument;
    double due = milliseconds() + timeouts[call->kind];
    char *reply;
    zx_status status =
        zx_send_reply_buttons_with(client, MESSAGE, call_options[call->kind], NULL, &reply);

    call->late = milliseconds() - due;
    /* What was overdue when the call came back shows at the next beat. */
    sleep_ms(2 * BEAT_MS);
    call->excuse = late_since(due - 200);
    CHECK_STATUS(status, ZX_OUTCOME_UNKNOWN, reply);
    zx_free(reply);
    return NULL;
}

static void pass_on(int signal_number)
{
    static unsigned tick;
    unsigned index;
    /* Only the main thread takes the timer's. */
    if (is_running)
        for (index = tick++ % STRIDE; index < CALLS; index += STRIDE)
            pthread_kill(calls[index].thread, SIGUSR1);
    (void)signal_number;
}

static volatile sig_atomic_t arrived;

static void count(int signal_number)
{
    (void)signal_number;
    arrived = 1;
}

int main(int argc, char **argv)
{
    struct sigaction action;
    struct itimerval timer;
    sigset_t alarm_alone;
    pthread_t metronome;
    int index;

    CHECK(argc == 3);
    client = host_client(argv[1]);
    memset(&action, 0, sizeof action);
    action.sa_flags = strcmp(argv[2], "restart") == 0 ? SA_RESTART : 0;
    action.sa_handler = pass_on;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    action.sa_handler = count;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    sigemptyset(&alarm_alone);
    sigaddset(&alarm_alone, SIGALRM);
    CHECK(pthread_sigmask(SIG_BLOCK, &alarm_alone, NULL) == 0);

    CHECK(pthread_create(&metronome, NULL, beat, NULL) == 0);
    for (index = 0; index < CALLS; index++) {
        calls[index].kind = index % KINDS;
        CHECK(pthread_create(&calls[index].thread, NULL, wait_for_response, &calls[index]) == 0);
        if (index % KINDS == KINDS - 1)
            sleep_ms(STAGGER_MS);
    }
    is_running = 1;
    CHECK(pthread_sigmask(SIG_UNBLOCK, &alarm_alone, NULL) == 0);
    memset(&timer, 0, sizeof timer);
    if (strcmp(argv[2], "none") != 0)
        timer.it_interval.tv_usec = timer.it_value.tv_usec = 1000;
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    sleep_ms(timeouts[KINDS - 1] + 500);
    is_running = 0;
    for (index = 0; index < CALLS; index++)
        CHECK(pthread_join(calls[index].thread, NULL) == 0);
    memset(&timer, 0, sizeof timer);
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    CHECK(arrived == (strcmp(argv[2], "none") != 0));

    for (index = 0; index < CALLS; index++)
        printf("%d %.2f %.2f\n", timeouts[calls[index].kind], calls[index].late,
               calls[index].excuse);
    zx_free(client);
    return 0;
}
