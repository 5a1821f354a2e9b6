/* Preloaded, it makes the library look as if another version of it were installed. */
const char *zx_version(void);

const char *zx_version(void)
{
    return "0.4.0";
}
