/* A host that has closed its standard streams, as some daemons do.
 *
 * usage: standard_streams OPTIONS_JSON
 *
 * Exits with 0 if neither a client's files nor its connections took their descriptors. */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"

/* Of a file, too, such as a client's ca_file. */
ssize_t read(int descriptor, void *into, size_t size)
{
    CHECK(descriptor > 2);
    return syscall(SYS_read, descriptor, into, size);
}

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
