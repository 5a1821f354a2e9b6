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

#include "host.h"

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

/* As the API's own page shows it, and something new in it, nested as deep as the library takes it. */
#define POST_BACK                                                                                  \
    "{\"message_id\":604132581490819100,\"request_id\":\"65ca1d21\",\"status\":\"delivered\","     \
    "\"status_at\":\"2026-01-28T17:17:59.254174911Z\","                                            \
    "\"new\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"

static void check_and_compose(const struct arguments *arguments)
{
    const zx_button button = {"a", "Yes"};
    zx_reply_buttons message = {0};
    char *text;

    CHECK_STATUS(zx_check_reply_buttons(MESSAGE, &text), ZX_OK, text);
    zx_free(text);
    CHECK_STATUS(zx_check_reply_buttons(DEEP, &text), ZX_INVALID_MESSAGE, text);
    CHECK(strstr(text, "\"/recipient\"") != NULL);
    zx_free(text);
    CHECK_STATUS(zx_check_reply_buttons(arguments->large_message, &text), ZX_OK, text);
    zx_free(text);

    message.size = sizeof message;
    message.recipient = "919876543210";
    message.phone_id = "1";
    message.body = "Shall we?";
    message.buttons = &button;
    message.button_count = 1;
    CHECK_STATUS(zx_compose_reply_buttons(&message, &text), ZX_OK, text);
    zx_free(text);

    CHECK_STATUS(zx_read_post_back(POST_BACK, &text), ZX_OK, text);
    CHECK(strstr(text, "\"status_at_ms\":1769620679254,\"rank\":2,") != NULL);
    zx_free(text);
    CHECK_STATUS(zx_read_post_back(arguments->large_message, &text), ZX_INVALID_MESSAGE, text);
    zx_free(text);

    text = zx_json_get(DEEP, "/new/0/0");
    CHECK(text != NULL && strncmp(text, "[[[", 3) == 0);
    zx_free(text);
    CHECK(zx_json_get(arguments->large_message, "/no/such/thing") == NULL);

    CHECK(strcmp(zx_status_name(ZX_INTERNAL), "ZX_INTERNAL") == 0);
    CHECK(strlen(zx_version()) > 0);
    CHECK(strlen(zx_reply_buttons_schema()) > 0);
    CHECK(strlen(zx_client_options_schema()) > 0);
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
    zx_cancel *cancel = zx_cancel_new();
    char *reply;

    host_send(client, ZX_OK);
    CHECK_STATUS(zx_send_reply_buttons(client, arguments->large_message, &reply), ZX_OK, reply);
    zx_free(reply);
    CHECK_STATUS(zx_send_reply_buttons_with(client, MESSAGE, "{\"timeout_ms\":20000}", NULL, &reply),
                 ZX_OK, reply);
    zx_free(reply);
    CHECK_STATUS(zx_send_reply_buttons_with(client, MESSAGE, "{\"tries\":true}", cancel, &reply),
                 ZX_OK, reply);
    CHECK(strstr(reply, "\"tries\":[{\"at_ms\":") != NULL);
    zx_free(reply);
    zx_cancel_now(cancel);
    CHECK_STATUS(zx_send_reply_buttons_with(client, MESSAGE, NULL, cancel, &reply), ZX_NOT_SENT,
                 reply);
    zx_free(reply);
    zx_free(cancel);
    CHECK_STATUS(zx_client_stats(client, &reply), ZX_OK, reply);
    CHECK(strstr(reply, "\"calls_ok\":4,") != NULL);
    zx_free(reply);
    clock_is_broken = 1;
    host_send(client, ZX_INTERNAL);
    clock_is_broken = 0;
    zx_client_shutdown(client);
    host_send(client, ZX_NOT_SENT);
    zx_free(client);
}

static void *make_every_call(void *argument)
{
    const struct arguments *arguments = argument;
    char **options;

    check_and_compose(arguments);
    make_clients();
    for (options = arguments->options; *options != NULL; options++)
        send(arguments, *options);
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
