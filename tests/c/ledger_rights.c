/* Makes a client whose ledger it must not write, as a user without rights where it is run by one who has all.
 * Prints the refusal.
 *
 * usage: ledger_rights OPTIONS_JSON */

#define _GNU_SOURCE

#include <unistd.h>

#include "host.h"

int main(int argc, char **argv)
{
    char *error = NULL;
    zx_client *client;

    CHECK(argc == 2);
    if (geteuid() == 0)
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    client = zx_client_new("key-for-this-test", "workspace-4711", argv[1], &error);
    CHECK(client == NULL && error != NULL);
    puts(error);
    zx_free(error);
    return 0;
}
