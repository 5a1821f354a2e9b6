/* Forks children that are done with their parent's client in every way.
 *
 * usage: fork_and_close OPTIONS_JSON
 *
 * Sends a message, lets each child come to its end, sends another over the same connection, and frees
 * the client. */

#define _XOPEN_SOURCE 700

#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

enum { WAYS = 4 };

int main(int argc, char **argv)
{
    zx_client *client;
    int way, ended;

    CHECK(argc == 2);
    client = host_client(argv[1]);
    host_send(client, ZX_OK);
    for (way = 0; way < WAYS; way++) {
        pid_t child = fork();
        if (child == 0) {
            if (way & 1)
                zx_client_shutdown(client);
            if (way & 2)
                zx_free(client);
            exit(0);
        }
        CHECK(waitpid(child, &ended, 0) == child && ended == 0);
    }
    host_send(client, ZX_OK);
    zx_free(client);
    return 0;
}
