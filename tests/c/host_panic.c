/* A host under which the library panics: this program's own clock_gettime() fails when told to,
 * which Rust's clock does not bear. Arguments: the options of a client whose server accepts. */

#define _GNU_SOURCE

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

/* For this thread alone. */
static __thread int clock_is_broken;

/* Exported by the program, so the library calls this one. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock_is_broken) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_clock_gettime, clock, now);
}

static void panics_and_goes_on(const zx_client *client)
{
    char *reply = NULL;

    clock_is_broken = 1;
    CHECK_STATUS(zx_send_reply_buttons(client, MESSAGE, &reply), ZX_INTERNAL, reply);
    clock_is_broken = 0;
    CHECK(strncmp(reply, "{\"success\":false,\"status\":\"internal\",\"message\":\"", 48) == 0);
    CHECK(strstr(reply, "\"retryable\":false}") != NULL);
    CHECK(strstr(reply, "key-for-this-test") == NULL);
    zx_free(reply);

    clock_is_broken = 1;
    CHECK(zx_send_reply_buttons(client, MESSAGE, NULL) == ZX_INTERNAL);
    clock_is_broken = 0;

    host_send(client, ZX_OK);
}

static void *panics_on_a_thread(void *client)
{
    panics_and_goes_on(client);
    return NULL;
}

int main(int argc, char **argv)
{
    zx_client *client;
    pthread_t thread;
    int i;

    CHECK(argc == 2);
    client = host_client(argv[1]);
    for (i = 0; i < 100; i++)
        panics_and_goes_on(client);
    CHECK(pthread_create(&thread, NULL, panics_on_a_thread, client) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    zx_free(client);
    return 0;
}
