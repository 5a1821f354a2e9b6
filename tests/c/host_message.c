/* A host that is given any message. Argument: a file with its text. Checks it and reads the report,
 * and prints, each on a line: the milliseconds of processor time that the check took, by how many KiB
 * the memory grew at most, and how many bytes the report has. */

#define _POSIX_C_SOURCE 200809L

#include <time.h>

#include "host_figures.h"

static double processor_ms(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* The most that was resident since the last call, in KiB. */
static long most_resident_kib(void)
{
    char line[128];
    long most = -1;
    FILE *file = fopen("/proc/self/status", "r");

    CHECK(file != NULL);
    while (most < 0 && fgets(line, sizeof line, file) != NULL)
        sscanf(line, "VmHWM: %ld", &most);
    CHECK(most >= 0 && fclose(file) == 0);
    file = fopen("/proc/self/clear_refs", "w");
    CHECK(file != NULL && fputs("5", file) >= 0 && fclose(file) == 0);
    return most;
}

static char *read_text(const char *path)
{
    enum { LONGEST = 1024 * 1024 };
    char *text = malloc(LONGEST + 1);
    FILE *file = fopen(path, "r");
    size_t length;

    CHECK(text != NULL && file != NULL);
    length = fread(text, 1, LONGEST, file);
    CHECK(ferror(file) == 0 && fclose(file) == 0);
    text[length] = '\0';
    return text;
}

int main(int argc, char **argv)
{
    char *text, *report, *status;
    double before, after;
    long resident;

    CHECK(argc == 2);
    text = read_text(argv[1]);
    /* What the first call of all makes is no message's doing. */
    CHECK(zx_check_reply_buttons(MESSAGE, &report) == ZX_OK);
    zx_free(report);

    most_resident_kib();
    resident = resident_kib();
    before = processor_ms();
    CHECK(zx_check_reply_buttons(text, &report) == ZX_INVALID_MESSAGE);
    after = processor_ms();
    status = zx_json_get(report, "/status");
    CHECK(status != NULL && strcmp(status, "invalid_message") == 0);
    printf("%.0f\n%ld\n%lu\n", after - before, most_resident_kib() - resident,
           (unsigned long)strlen(report));
    zx_free(status);
    zx_free(report);
    free(text);
    return 0;
}
