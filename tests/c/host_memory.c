/* A host that runs for months. Arguments: "clients" or "tokens" (makes and frees them) or "sends"; how
 * many; the options of a client whose server accepts. Prints by how many KiB the resident memory grew
 * after the first tenth. */

#define _POSIX_C_SOURCE 200809L

#include "host_figures.h"

/* Makes a token and frees it. Large buffers of the host's come and go beside it. */
static void use_token(int i)
{
    const size_t size = 8 * 1024 * 1024;
    zx_cancel *cancel = zx_cancel_new();
    char *buffer;

    CHECK(cancel != NULL);
    zx_free(cancel);
    if (i % 1000 == 0) {
        buffer = malloc(size);
        CHECK(buffer != NULL);
        memset(buffer, i, size);
        free(buffer);
    }
}

int main(int argc, char **argv)
{
    int makes_clients, makes_tokens, count, i;
    long after_warm_up = 0, descriptors = 0;
    zx_client *client;

    CHECK(argc == 4);
    makes_clients = strcmp(argv[1], "clients") == 0;
    makes_tokens = strcmp(argv[1], "tokens") == 0;
    count = atoi(argv[2]);
    client = host_client(argv[3]);
    for (i = 0; i < count; i++) {
        if (i == count / 10) {
            after_warm_up = resident_kib();
            descriptors = count_entries("/proc/self/fd");
        }
        if (makes_clients) {
            zx_free(client);
            client = host_client(argv[3]);
        } else if (makes_tokens) {
            use_token(i);
        } else {
            host_send(client, ZX_OK);
        }
    }
    printf("%ld\n", resident_kib() - after_warm_up);
    CHECK(count_entries("/proc/self/fd") == descriptors);
    zx_free(client);
    return 0;
}
