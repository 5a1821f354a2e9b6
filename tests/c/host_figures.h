/* What a host's process takes, as /proc tells. */

#ifndef HOST_FIGURES_H
#define HOST_FIGURES_H

#include <dirent.h>
#include <unistd.h>

#include "host.h"

/* Resident memory, in KiB. */
static inline long resident_kib(void)
{
    long all, resident;
    FILE *statistics = fopen("/proc/self/statm", "r");

    CHECK(statistics != NULL);
    CHECK(fscanf(statistics, "%ld %ld", &all, &resident) == 2);
    CHECK(fclose(statistics) == 0);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Entries of a directory: of /proc/self/fd, the open descriptors; of /proc/self/task, the
 * threads. */
static inline long count_entries(const char *path)
{
    long entries = 0;
    DIR *directory = opendir(path);

    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        entries++;
    CHECK(closedir(directory) == 0);
    return entries;
}

#endif /* HOST_FIGURES_H */
