/* A host that loads the library, sends, and unloads it, again and again, while threads that use it
 * come and go. Arguments: the library's path; how many times; the options of a client whose server
 * accepts. Prints by how many KiB the resident memory grew after the first tenth. */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <pthread.h>
#include <time.h>

#include "host_figures.h"

enum { THREADS = 4 };

/* The library as a plugin: nothing of it is linked. */
struct library {
    void *handle;
    zx_client *(*client_new)(const char *, const char *, const char *, char **);
    zx_status (*send)(const zx_client *, const char *, char **);
    void (*free)(void *);
    const char *options;
};

/* POSIX asks for this way of storing a function's address. */
#define FIND(library, member, name) (*(void **)&(library)->member = dlsym((library)->handle, name))

static void open_library(struct library *library, const char *path)
{
    library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library->handle != NULL);
    CHECK(FIND(library, client_new, "zx_client_new") != NULL);
    CHECK(FIND(library, send, "zx_send_reply_buttons") != NULL);
    CHECK(FIND(library, free, "zx_free") != NULL);
}

static void *send_once(void *argument)
{
    const struct library *library = argument;
    char *reply;
    zx_client *client = library->client_new("key", "workspace", library->options, &reply);

    CHECK(client != NULL);
    CHECK(library->send(client, MESSAGE, &reply) == ZX_OK);
    library->free(reply);
    library->free(client);
    return NULL;
}

/* The library's thread for name look-ups, if any, ends by itself, and soon. */
static void await_single_thread(void)
{
    const struct timespec moment = {0, 1000 * 1000};
    int patience = 10 * 1000;

    /* "." and ".." count. */
    while (count_entries("/proc/self/task") > 3 && patience-- > 0)
        nanosleep(&moment, NULL);
    CHECK(count_entries("/proc/self/task") == 3);
}

int main(int argc, char **argv)
{
    int count, i, j;
    long after_warm_up = 0, descriptors = 0;
    struct library library;
    pthread_t threads[THREADS];

    CHECK(argc == 4);
    count = atoi(argv[2]);
    library.options = argv[3];
    for (i = 0; i < count; i++) {
        if (i == count / 10) {
            after_warm_up = resident_kib();
            descriptors = count_entries("/proc/self/fd");
        }
        open_library(&library, argv[1]);
        send_once(&library);
        for (j = 0; j < THREADS; j++)
            CHECK(pthread_create(&threads[j], NULL, send_once, &library) == 0);
        for (j = 0; j < THREADS; j++)
            CHECK(pthread_join(threads[j], NULL) == 0);
        CHECK(dlclose(library.handle) == 0);
    }
    await_single_thread();
    CHECK(count_entries("/proc/self/fd") == descriptors);
    printf("%ld\n", resident_kib() - after_warm_up);
    return 0;
}
