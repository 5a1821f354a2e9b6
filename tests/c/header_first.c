/* The header first, alone, and twice. Prints its version and the library's. */

#include <zixflow.h>
#include <zixflow.h>

#include <stdio.h>

const char *name_of_ok(void);

int main(void)
{
    printf("%d.%d.%d %s %s\n", ZX_VERSION_MAJOR, ZX_VERSION_MINOR, ZX_VERSION_PATCH, zx_version(),
           name_of_ok());
    return 0;
}
