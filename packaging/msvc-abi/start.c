/* Microsoft's C library starts a program by code that every program links, and that is not to be had
 * here: what it does for one without arguments. */

int main(void);
__declspec(dllimport) int _initialize_narrow_environment(void);
__declspec(dllimport) void exit(int status);

void start(void)
{
    _initialize_narrow_environment();
    exit(main());
}
