/* Preloaded, it makes the look-up of the host in ZIXFLOW_HOST_THAT_HANGS take a minute, as with a
 * name server that says nothing. */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int look_up(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    const char *hanging = getenv("ZIXFLOW_HOST_THAT_HANGS");
    look_up *next;

    if (host != NULL && hanging != NULL && strcmp(host, hanging) == 0) {
        sleep(60);
        return EAI_AGAIN;
    }
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    return next(host, service, hints, found);
}
