/* A host that has closed its standard streams, as some daemons do.
 *
 * usage: standard_streams OPTIONS_JSON
 *
 * Exits with 0 if a client that keeps a connection took none of their descriptors. */

#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "host.h"

int main(int argc, char **argv)
{
    int closed, descriptor;

    CHECK(argc == 2);
    for (closed = 0; closed < 3; closed++) {
        zx_client *client;
        CHECK(close(closed) == 0);
        client = host_client(argv[1]);
        host_send(client, ZX_OK);
        for (descriptor = 0; descriptor <= closed; descriptor++)
            if (fcntl(descriptor, F_GETFD) != -1 || errno != EBADF)
                return 1;
        zx_free(client);
    }
    return 0;
}
