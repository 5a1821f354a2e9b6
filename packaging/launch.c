/* Stands where a program for another machine would, and runs that under qemu. Linked statically:
 * what a test preloads is meant for the other machine's loader. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    const char *preload = getenv("LD_PRELOAD");
    const char **line = calloc((size_t)argc + 6, sizeof *line);
    char setting[4096];
    int count = 0;

    if (line == NULL)
        return 1;
    line[count++] = QEMU;
    line[count++] = "-L";
    line[count++] = SYSROOT;
    if (preload != NULL) {
        snprintf(setting, sizeof setting, "LD_PRELOAD=%s", preload);
        line[count++] = "-E";
        line[count++] = setting;
        unsetenv("LD_PRELOAD");
    }
    line[count++] = PROGRAM;
    for (int argument = 1; argument < argc; argument++)
        line[count++] = argv[argument];
    execve(QEMU, (char **)line, environ);
    perror(QEMU);
    return 1;
}
