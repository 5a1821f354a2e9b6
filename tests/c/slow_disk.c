/* Calls that leave while a disk takes its time, or fails: none of them is sent, and none leaves an entry behind.
 *
 * usage: slow_disk OPTIONS_JSON MESSAGE_FORMAT LATE_MESSAGE_FORMAT
 *
 * The server lets a late message wait for 30 ms. */

#define _GNU_SOURCE

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

static zx_client *client;
static const char *format;
static volatile int delay_ms;
static const zx_cancel *volatile cancelled_by_the_disk;
static volatile int is_failing;

static void wait_milliseconds(int milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

    nanosleep(&time, NULL);
}

static void take_time(void)
{
    if (cancelled_by_the_disk != NULL)
        zx_cancel_now(cancelled_by_the_disk);
    wait_milliseconds(delay_ms);
}

/* In place of the C library's: SQLite calls the one, and the library the other. */
int fsync(int descriptor)
{
    take_time();
    return (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor)
{
    take_time();
    if (is_failing) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, descriptor);
}

static zx_status send_once(const char *tag, int timeout_ms, const zx_cancel *cancel, char **reply)
{
    char message[2048], options[256];

    snprintf(message, sizeof message, format, tag);
    snprintf(options, sizeof options, "{\"idempotency_key\":\"%s\",\"timeout_ms\":%d}", tag,
             timeout_ms);
    return zx_send_reply_buttons_with(client, message, options, cancel, reply);
}

static void must_be_sent(const char *tag)
{
    char *reply;
    zx_status status = send_once(tag, 20000, NULL, &reply);

    CHECK_STATUS(status, ZX_OK, reply);
    CHECK(strstr(reply, "repeated") == NULL);
    zx_free(reply);
}

static void *send_slowly(void *tag)
{
    must_be_sent(tag);
    return NULL;
}

static void must_not_be_sent(const char *tag, int timeout_ms, const zx_cancel *cancel)
{
    char *reply;
    zx_status status = send_once(tag, timeout_ms, cancel, &reply);

    CHECK_STATUS(status, ZX_NOT_SENT, reply);
    zx_free(reply);
}

static void *send_slowly_soon(void *tag)
{
    wait_milliseconds(10);
    delay_ms = 1000;
    return send_slowly(tag);
}

int main(int argc, char **argv)
{
    zx_cancel *cancel = zx_cancel_new();
    pthread_t slow;

    CHECK(argc == 4);
    format = argv[2];
    client = host_client(argv[1]);
    must_be_sent("first");

    /* Another call waits for the disk, and these for that one. */
    delay_ms = 1500;
    CHECK(pthread_create(&slow, NULL, send_slowly, "slow") == 0);
    wait_milliseconds(300);
    must_not_be_sent("late", 100, NULL);
    CHECK(pthread_join(slow, NULL) == 0);
    cancelled_by_the_disk = cancel;
    must_not_be_sent("cancelled", 20000, cancel);
    cancelled_by_the_disk = NULL;

    /* This one waits for the disk itself. */
    delay_ms = 300;
    must_not_be_sent("own", 100, NULL);

    delay_ms = 0;
    must_be_sent("late");
    must_be_sent("cancelled");
    must_be_sent("own");

    /* A call whose outcome comes while another one waits for the disk: it does not wait, and its outcome
     * is written all the same. */
    format = argv[3];
    CHECK(pthread_create(&slow, NULL, send_slowly_soon, "again") == 0);
    {
        char *reply;
        zx_status status = send_once("outcome", 300, NULL, &reply);

        CHECK_STATUS(status, ZX_OK, reply);
        zx_free(reply);
        CHECK(pthread_join(slow, NULL) == 0);
        delay_ms = 0;
        status = send_once("outcome", 20000, NULL, &reply);
        CHECK_STATUS(status, ZX_OK, reply);
        CHECK(strstr(reply, "repeated") != NULL);
        zx_free(reply);
    }

    /* A disk that could not keep something says so once: nothing is sent until the ledger is opened anew. */
    format = argv[2];
    is_failing = 1;
    must_not_be_sent("lost", 20000, NULL);
    is_failing = 0;
    must_not_be_sent("lost", 20000, NULL);
    zx_free(client);
    client = host_client(argv[1]);
    must_be_sent("lost");

    zx_free(cancel);
    zx_free(client);
    return 0;
}
