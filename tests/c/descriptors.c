/* Counts the descriptors that clients hold.
 *
 * usage: descriptors CASE OPTIONS_JSON NUMBER
 *
 * at_rest    NUMBER clients, under a limit of 1,024 descriptors: made, each used once, freed. The
 *            server closes each connection. Prints the bytes of memory that a client takes.
 * give_way   NUMBER clients with a connection each, under a limit of 64; then there is room for no
 *            file; then for nothing at all.
 * shut_down  NUMBER clients, each shut down while threads send with it. */

#define _GNU_SOURCE

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

enum { MOST_CLIENTS = 10000, MOST_DESCRIPTORS = 64, THREADS = 4 };

static zx_client *clients[MOST_CLIENTS];

static int descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    CHECK(closedir(directory) == 0);
    return count;
}

static long bytes_in_use(void)
{
    long size, resident;
    FILE *statistics = fopen("/proc/self/statm", "r");

    CHECK(statistics != NULL);
    CHECK(fscanf(statistics, "%ld %ld", &size, &resident) == 2);
    CHECK(fclose(statistics) == 0);
    return resident * sysconf(_SC_PAGESIZE);
}

static void limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = count;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void at_rest(const char *options, int number)
{
    int before, index;
    long bytes;

    limit_descriptors(1024);
    before = descriptors();
    bytes = bytes_in_use();
    for (index = 0; index < number; index++)
        clients[index] = host_client(options);
    CHECK(descriptors() == before);
    for (index = 0; index < number; index++)
        host_send(clients[index], ZX_OK);
    CHECK(descriptors() == before);
    printf("%ld\n", (bytes_in_use() - bytes) / number);
    for (index = 0; index < number; index++)
        zx_free(clients[index]);
    CHECK(descriptors() == before);
}

static void give_way(const char *options, int number)
{
    int fillers[MOST_DESCRIPTORS];
    int before, index, count = 0;
    char *reply;

    limit_descriptors(MOST_DESCRIPTORS);
    before = descriptors();
    for (index = 0; index < number; index++)
        clients[index] = host_client(options);
    CHECK(descriptors() == before);
    /* Each keeps its connection for as long as there is room. */
    for (index = 0; index < number; index++)
        host_send(clients[index], ZX_OK);
    CHECK(descriptors() > before);

    /* A client's files need descriptors, too. */
    for (index = 0; index < 2; index++) {
        host_send(clients[0], ZX_OK);
        while ((fillers[count] = open("/dev/null", O_RDONLY)) >= 0)
            count++;
        zx_free(host_client(index == 0 ? options
                                       : "{\"tls_roots\":\"system\",\"proxy\":\"\"}"));
        while (count > 0)
            CHECK(close(fillers[--count]) == 0);
        CHECK(descriptors() == before);
    }
    host_send(clients[0], ZX_OK);
    for (index = 1; index < number; index++)
        zx_client_shutdown(clients[index]);
    host_send(clients[0], ZX_OK);
    CHECK(descriptors() == before + 1);
    zx_free(clients[0]);
    CHECK(descriptors() == before);

    clients[0] = host_client(options);
    while ((fillers[count] = open("/dev/null", O_RDONLY)) >= 0)
        count++;
    CHECK_STATUS(zx_send_reply_buttons_with(clients[0], MESSAGE, "{\"max_retries\":1}", NULL, &reply),
                 ZX_NOT_SENT, reply);
    CHECK(strstr(reply, "\"retryable\":true") != NULL);
    CHECK(strstr(reply, "Too many open files") != NULL);
    zx_free(reply);
    while (count > 0)
        CHECK(close(fillers[--count]) == 0);
    host_send(clients[0], ZX_OK);
    for (index = 0; index < number; index++)
        zx_free(clients[index]);
    CHECK(descriptors() == before);
}

static volatile int is_over;

/* The call that is under way is the last: one after it would tidy up. */
static void *send_until_over(void *client)
{
    while (!is_over)
        zx_send_reply_buttons(client, MESSAGE, NULL);
    return NULL;
}

static void shut_down(const char *options, int number)
{
    struct timespec moment = {0, 0};
    pthread_t threads[THREADS];
    int before = descriptors();
    int index, thread;

    for (index = 0; index < number; index++) {
        clients[index] = host_client(options);
        is_over = 0;
        for (thread = 0; thread < THREADS; thread++)
            CHECK(pthread_create(&threads[thread], NULL, send_until_over, clients[index]) ==
                  0);
        moment.tv_nsec = 5 * 1000 * 1000 + index * 10007 % 1000000;
        nanosleep(&moment, NULL);
        is_over = 1;
        zx_client_shutdown(clients[index]);
        for (thread = 0; thread < THREADS; thread++)
            CHECK(pthread_join(threads[thread], NULL) == 0);
        CHECK(descriptors() == before);
    }
    for (index = 0; index < number; index++)
        zx_free(clients[index]);
}

int main(int argc, char **argv)
{
    int number;

    CHECK(argc == 4);
    number = atoi(argv[3]);
    CHECK(number > 0 && number <= MOST_CLIENTS);
    if (strcmp(argv[1], "at_rest") == 0)
        at_rest(argv[2], number);
    else if (strcmp(argv[1], "give_way") == 0)
        give_way(argv[2], number);
    else
        shut_down(argv[2], number);
    return 0;
}
