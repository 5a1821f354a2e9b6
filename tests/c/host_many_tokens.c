/* A host that makes a cancel token for each call, as the wrappers for Go and C++ do, in little address
 * space. Argument: how many tokens. */

#define _XOPEN_SOURCE 700

#include <sys/resource.h>

#include "host.h"

int main(int argc, char **argv)
{
    struct rlimit limit;
    long number, count;
    long pages;
    FILE *statistics;

    CHECK(argc == 2);
    count = atol(argv[1]);
    zx_free(zx_cancel_new());
    statistics = fopen("/proc/self/statm", "r");
    CHECK(statistics != NULL && fscanf(statistics, "%ld", &pages) == 1);
    CHECK(fclose(statistics) == 0);
    limit.rlim_cur = limit.rlim_max = (rlim_t)pages * 4096 + 16 * 1024 * 1024;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    for (number = 0; number < count; number++) {
        zx_cancel *token = zx_cancel_new();
        CHECK(token != NULL);
        zx_free(token);
    }
    return 0;
}
