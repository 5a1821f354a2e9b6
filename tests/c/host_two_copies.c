/* A host that is linked with the library, and whose plugin loads another copy of it. Arguments: the
 * other copy's path; the options of a client whose server accepts. */

#define _GNU_SOURCE

#include <dlfcn.h>

#include "host.h"

/* POSIX asks for this way of storing a function's address. */
#define FIND(pointer, handle, name) (*(void **)&(pointer) = dlsym(handle, name))

int main(int argc, char **argv)
{
    zx_client *(*other_client_new)(const char *, const char *, const char *, char **);
    zx_status (*other_send)(const zx_client *, const char *, char **);
    void (*other_free)(void *);
    zx_client *ours, *other;
    void *copy;

    CHECK(argc == 3);
    copy = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(copy != NULL);
    CHECK(FIND(other_client_new, copy, "zx_client_new") != NULL);
    CHECK(FIND(other_send, copy, "zx_send_reply_buttons") != NULL);
    CHECK(FIND(other_free, copy, "zx_free") != NULL);
    CHECK(other_free != zx_free);

    ours = host_client(argv[2]);
    other = other_client_new("key", "workspace", argv[2], NULL);
    CHECK(other != NULL && other != ours);

    /* Each copy knows its own client, and the other's not. */
    CHECK(other_send(other, MESSAGE, NULL) == ZX_OK);
    CHECK(other_send(ours, MESSAGE, NULL) == ZX_INVALID_ARGUMENT);
    host_send(ours, ZX_OK);
    host_send(other, ZX_INVALID_ARGUMENT);
    other_free(ours);
    zx_free(other);
    host_send(ours, ZX_OK);
    CHECK(other_send(other, MESSAGE, NULL) == ZX_OK);

    zx_free(ours);
    other_free(other);
    return 0;
}
