/* A host that makes every call on a thread with a stack of 64 KiB, and reports how much of it was
 * used. Arguments: a file with a message of 1 MiB, and the options of clients whose server
 * accepts, whatever way leads to it. */

#define _GNU_SOURCE

#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "every_call.h"

enum { STACK = 64 * 1024, GUARD = 64 * 1024, PAINT = 0xA5, LONGEST = 1024 * 1024 };

struct arguments {
    const char *large_message;
    char **options;
};

/* Nested as deep as the library takes it. */
#define DEEP                                                                                       \
    "{\"recipient\":1,\"new\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"deep\"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"

/* Rust panics where there is no clock: see host_panic.c. */
static __thread int clock_is_broken;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock_is_broken)
        return -1;
    return (int)syscall(SYS_clock_gettime, clock, now);
}

/* The same of a post-back. */
#define DEEP_POST_BACK                                                                             \
    "{\"request_id\":\"65ca1d21\",\"status\":\"delivered\","                                       \
    "\"new\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"

static void read_the_largest(const struct arguments *arguments)
{
    char *text;

    CHECK_STATUS(zx_check_reply_buttons(DEEP, &text), ZX_INVALID_MESSAGE, text);
    CHECK(strstr(text, "\"/recipient\"") != NULL);
    zx_free(text);
    CHECK_STATUS(zx_check_reply_buttons(arguments->large_message, &text), ZX_OK, text);
    zx_free(text);

    CHECK_STATUS(zx_read_post_back(DEEP_POST_BACK, &text), ZX_OK, text);
    zx_free(text);
    CHECK_STATUS(zx_read_post_back(arguments->large_message, &text), ZX_INVALID_MESSAGE, text);
    zx_free(text);

    text = zx_json_get(DEEP, "/new/0/0");
    CHECK(text != NULL && strncmp(text, "[[[", 3) == 0);
    zx_free(text);
    CHECK(zx_json_get(arguments->large_message, "/no/such/thing") == NULL);
}

static void make_clients(void)
{
    char *error;

    zx_free(host_client(NULL));
    zx_free(host_client("{\"tls_roots\":\"system\"}"));
    CHECK(zx_client_new("key", "workspace",
                        "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                        &error) == NULL);
    zx_free(error);
}

static void send(const struct arguments *arguments, const char *options)
{
    zx_client *client = host_client(options);
    char *reply;

    CHECK_STATUS(zx_send_reply_buttons(client, arguments->large_message, &reply), ZX_OK, reply);
    zx_free(reply);
    clock_is_broken = 1;
    host_send(client, ZX_INTERNAL);
    clock_is_broken = 0;
    zx_free(client);
}

static void *make_every_call(void *argument)
{
    const struct arguments *arguments = argument;
    char **options;

    read_the_largest(arguments);
    make_clients();
    for (options = arguments->options; *options != NULL; options++) {
        every_call(*options);
        send(arguments, *options);
    }
    return NULL;
}

static char *read_message(const char *path)
{
    char *text = malloc(LONGEST + 1);
    FILE *file = fopen(path, "r");
    size_t length;

    CHECK(text != NULL && file != NULL);
    length = fread(text, 1, LONGEST, file);
    CHECK(length == LONGEST && fclose(file) == 0);
    text[length] = '\0';
    return text;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    /* More where the C library insists on it, as on aarch64; no more may be used there, either. */
    const size_t size = PTHREAD_STACK_MIN > STACK ? (size_t)PTHREAD_STACK_MIN : STACK;
    unsigned char *memory, *stack;
    pthread_attr_t attributes;
    pthread_t thread;
    size_t untouched = 0;
    char *large_message;

    CHECK(argc > 2);
    large_message = read_message(argv[1]);
    arguments.large_message = large_message;
    arguments.options = argv + 2;

    memory = mmap(NULL, GUARD + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK(mprotect(memory, GUARD, PROT_NONE) == 0);
    stack = memory + GUARD;
    memset(stack, PAINT, size);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstack(&attributes, stack, size) == 0);
    CHECK(pthread_create(&thread, &attributes, make_every_call, &arguments) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);

    while (untouched < size && stack[untouched] == PAINT)
        untouched++;
    printf("%lu of %d bytes of stack were used\n", (unsigned long)(size - untouched), STACK);
    CHECK(size - untouched <= STACK);
    CHECK(munmap(memory, GUARD + size) == 0);
    free(large_message);
    return 0;
}
