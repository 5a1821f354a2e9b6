/* A host in which no further thread can be started. Arguments: "processes" or "memory", whichever
 * has run out; the options of a client whose server is given by its address, and of one with a name
 * that there is not, which a thread looks up. */

#define _GNU_SOURCE

#include <grp.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host.h"

enum { NOBODY = 65534 };

static void *do_nothing(void *argument)
{
    return argument;
}

/* One with as large a stack as the library's own has: musl's default would still fit. */
static int can_start_a_thread(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int refusal;

    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 512 * 1024) == 0);
    refusal = pthread_create(&thread, &attributes, do_nothing, NULL);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    if (refusal != 0)
        return 0;
    CHECK(pthread_join(thread, NULL) == 0);
    return 1;
}

static rlim_t bytes_in_use(void)
{
    unsigned long pages;
    FILE *statistics = fopen("/proc/self/statm", "r");

    CHECK(statistics != NULL);
    CHECK(fscanf(statistics, "%lu", &pages) == 1);
    CHECK(fclose(statistics) == 0);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
    int resource;
    struct rlimit before, limit;
    zx_client *by_address, *by_name;
    char *reply;

    CHECK(argc == 4);
    by_address = host_client(argv[2]);
    by_name = host_client(argv[3]);
    host_send(by_address, ZX_OK);

    resource = strcmp(argv[1], "memory") == 0 ? RLIMIT_AS : RLIMIT_NPROC;
    /* The number of processes does not bind root. */
    if (resource == RLIMIT_NPROC && geteuid() == 0)
        CHECK(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    CHECK(getrlimit(resource, &before) == 0);
    limit = before;
    /* Room for a call's own buffers, but for no thread's stack. */
    limit.rlim_cur = resource == RLIMIT_AS ? bytes_in_use() + 400 * 1024 : 0;
    CHECK(setrlimit(resource, &limit) == 0);
    CHECK(!can_start_a_thread());

    CHECK_STATUS(zx_send_reply_buttons(by_name, MESSAGE, &reply), ZX_NOT_SENT, reply);
    CHECK(strstr(reply, "thread") != NULL);
    CHECK(strstr(reply, "\"retryable\":true") != NULL);
    zx_free(reply);

    host_send(by_address, ZX_OK);

    /* Then the look-up has its thread, and only finds that there is no such name. */
    CHECK(setrlimit(resource, &before) == 0);
    CHECK_STATUS(zx_send_reply_buttons(by_name, MESSAGE, &reply), ZX_NOT_SENT, reply);
    CHECK(strstr(reply, "thread") == NULL);
    zx_free(reply);
    zx_free(by_address);
    zx_free(by_name);
    return 0;
}
