# clang and lld-link for Microsoft's ABI and its C library, which every Windows has. Microsoft's headers
# and import libraries are not to be had here: mingw's declare the same functions.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET x86_64-pc-windows-msvc)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT
  "-Wall -Wextra -Werror -fgnuc-version=4.2.1 -D_UCRT -isystem /usr/share/mingw-w64/include")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld-link -nostdlib -Wl,-nodefaultlib,-entry:start")
set(CMAKE_C_STANDARD_LIBRARIES /usr/x86_64-w64-mingw32/lib/libucrt.a CACHE STRING "")
