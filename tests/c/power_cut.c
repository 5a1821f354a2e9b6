/* Preloaded, it keeps what a power cut would leave of a ledger: of each of its files, what it held when it
 * was last synced, in the folder that POWER_CUT names. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        abort();
    }
}

/* In place of the whole file. */
static void copy(int from, const char *to)
{
    char part[4100], bytes[65536];
    off_t at = 0;
    ssize_t count;
    int file;

    snprintf(part, sizeof part, "%s.%d", to, (int)getpid());
    file = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(file >= 0, part);
    while ((count = pread(from, bytes, sizeof bytes, at)) > 0) {
        must(write(file, bytes, (size_t)count) == count, "write");
        at += count;
    }
    must(count == 0, "pread");
    close(file);
    must(rename(part, to) == 0, to);
}

static void keep(int descriptor)
{
    const char *folder = getenv("POWER_CUT");
    char link[64], path[4096], kept[4200];
    const char *name;
    ssize_t length;
    int lock, file;

    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = readlink(link, path, sizeof path - 1);
    must(length > 0, link);
    path[length] = '\0';
    name = strrchr(path, '/') + 1;
    if (folder == NULL || (strcmp(name, "ledger") != 0 && strcmp(name, "ledger-wal") != 0))
        return;
    /* The process may have it open to write alone. A file that is closed drops SQLite's locks in it, but
     * in its log it has none; and the ledger itself is read through SQLite's own descriptor. */
    file = strcmp(name, "ledger") == 0 ? descriptor : open(path, O_RDONLY);
    must(file >= 0, path);
    snprintf(kept, sizeof kept, "%s/lock", folder);
    lock = open(kept, O_RDWR | O_CREAT, 0600);
    must(lock >= 0 && flock(lock, LOCK_EX) == 0, kept);
    snprintf(kept, sizeof kept, "%s/%s", folder, name);
    copy(file, kept);
    close(lock);
    if (file != descriptor)
        close(file);
}

/* In place of the C library's: SQLite calls the one, and the library the other. */
int fsync(int descriptor)
{
    keep(descriptor);
    return (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor)
{
    keep(descriptor);
    return (int)syscall(SYS_fdatasync, descriptor);
}
