/* The header in a second unit of the same program. */

#include <zixflow.h>

const char *name_of_ok(void);

const char *name_of_ok(void)
{
    return zx_status_name(ZX_OK);
}
