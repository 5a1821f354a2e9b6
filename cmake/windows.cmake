# The libraries of Windows, by mingw: zixflow.dll, which names its version, an archive, and the import
# libraries of the DLL, for mingw and for compilers of Microsoft's ABI.

set(zixflow_shared "${zixflow_libraries}/zixflow.dll")
set(zixflow_static "${zixflow_libraries}/libzixflow.a")
set(zixflow_import_libraries "${zixflow_libraries}/libzixflow.dll.a" "${zixflow_libraries}/zixflow.lib")
set(zixflow_built_shared "${zixflow_cargo_output}/release/zixflow.dll")
set(zixflow_built_static "${zixflow_cargo_output}/release/libzixflow.a")

# As `rustc --print native-static-libs` lists it.
set(zixflow_needs ws2_32 crypt32 ncrypt secur32 userenv ntdll bcrypt advapi32)

if(NOT zixflow_rust_target)
  set(zixflow_rust_target x86_64-pc-windows-gnu)
endif()
enable_language(RC)
set(zixflow_version_object "${CMAKE_CURRENT_BINARY_DIR}/version.o")
string(REPLACE "." "," zixflow_version_numbers "${PROJECT_VERSION}")
configure_file(cmake/version.rc.in version.rc @ONLY)
add_custom_command(OUTPUT "${zixflow_version_object}"
  COMMAND "${CMAKE_RC_COMPILER}" version.rc "${zixflow_version_object}"
  DEPENDS "${CMAKE_CURRENT_BINARY_DIR}/version.rc"
  VERBATIM)

add_custom_target(zixflow_cargo
  COMMAND ${zixflow_cargo} "${ZIXFLOW_CARGO}" rustc
    ${zixflow_cargo_options} --release --lib --crate-type cdylib,staticlib
    -- -C "link-arg=${zixflow_version_object}" -C link-arg=-Wl,--no-insert-timestamp
  DEPENDS "${zixflow_version_object}"
  BYPRODUCTS "${zixflow_built_shared}" "${zixflow_built_static}"
  COMMENT "Building libzixflow with cargo"
  USES_TERMINAL VERBATIM)

add_custom_command(OUTPUT "${zixflow_shared}" "${zixflow_static}"
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${zixflow_libraries}"
  COMMAND "${CMAKE_STRIP}" --strip-unneeded -o "${zixflow_shared}" "${zixflow_built_shared}"
  COMMAND "${CMAKE_COMMAND}" -E copy "${zixflow_built_static}" "${zixflow_static}"
  DEPENDS zixflow_cargo "${zixflow_built_shared}" "${zixflow_built_static}"
  VERBATIM)

# By the list of what is exported, and not by what was: so a program finds each of them or none.
find_program(ZIXFLOW_DLLTOOL NAMES llvm-dlltool "${_CMAKE_TOOLCHAIN_PREFIX}dlltool" dlltool)
mark_as_advanced(ZIXFLOW_DLLTOOL)
set(zixflow_exports "${CMAKE_CURRENT_BINARY_DIR}/zixflow.def")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${zixflow_symbols}")
file(READ "${zixflow_symbols}" zixflow_exported)
file(WRITE "${zixflow_exports}" "LIBRARY zixflow.dll\nEXPORTS\n${zixflow_exported}")
foreach(import_library IN LISTS zixflow_import_libraries)
  add_custom_command(OUTPUT "${import_library}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${zixflow_libraries}"
    COMMAND ${ZIXFLOW_DLLTOOL} -m i386:x86-64 -d "${zixflow_exports}" -l "${import_library}"
    DEPENDS "${zixflow_exports}"
    VERBATIM)
endforeach()
