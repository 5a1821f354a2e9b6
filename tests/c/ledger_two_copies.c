/* A host whose plugin loads another copy of the library, with the same ledger. Arguments: the other copy's
 * path; the options of a client with a ledger. */

#define _GNU_SOURCE

#include <dlfcn.h>

#include "host.h"

/* POSIX asks for this way of storing a function's address. */
#define FIND(pointer, handle, name) (*(void **)&(pointer) = dlsym(handle, name))

static zx_client *(*other_client_new)(const char *, const char *, const char *, char **);
static void (*other_free)(void *);

static void send_once(const zx_client *client)
{
    char *reply;
    zx_status status = zx_send_reply_buttons_with(client, MESSAGE, "{\"idempotency_key\":\"key\"}", NULL,
                                                  &reply);

    CHECK_STATUS(status, ZX_OK, reply);
    zx_free(reply);
}

int main(int argc, char **argv)
{
    zx_client *ours, *other;
    char *error;
    void *copy;

    CHECK(argc == 3);
    copy = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(copy != NULL);
    CHECK(FIND(other_client_new, copy, "zx_client_new") != NULL);
    CHECK(FIND(other_free, copy, "zx_free") != NULL);
    CHECK(other_free != zx_free);

    ours = host_client(argv[2]);
    send_once(ours);
    CHECK(other_client_new("key", "workspace", argv[2], &error) == NULL);
    CHECK(strstr(error, "is open in this process already") != NULL);
    other_free(error);
    /* The refusal took no lock away. */
    send_once(ours);
    zx_free(ours);

    /* Now it is the other's. */
    other = other_client_new("key", "workspace", argv[2], &error);
    CHECK_STATUS(other != NULL ? ZX_OK : ZX_INVALID_ARGUMENT, ZX_OK, error);
    other_free(other);
    return 0;
}
