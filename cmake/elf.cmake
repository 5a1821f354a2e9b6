# The libraries of Linux: a shared object with a soname, and an archive of one object.

set(zixflow_soname "libzixflow.so.${zixflow_interface}")
set(zixflow_built_shared "${zixflow_cargo_output}/release/libzixflow.so")
set(zixflow_built_static "${zixflow_cargo_output}/release/libzixflow.a")
set(zixflow_shared "${zixflow_libraries}/libzixflow.so.${PROJECT_VERSION}")
set(zixflow_static "${zixflow_libraries}/libzixflow.a")

# What a program that links the archive needs besides. The unwinder is not among it: each compiler
# adds its own, which is another library for a program that is linked with -static.
set(zixflow_needs m dl pthread rt util)

# Cargo knows best what is out of date. Its release profile, whatever CMAKE_BUILD_TYPE says: what
# the library promises of stack and time are that profile's.
add_custom_target(zixflow_cargo
  COMMAND ${zixflow_cargo} "ZIXFLOW_SONAME=${zixflow_soname}" "${ZIXFLOW_CARGO}" rustc
    ${zixflow_cargo_options} --release --lib --crate-type cdylib,staticlib
    # What is missing is to be missed now, and not by the loader of some program.
    -- -C link-arg=-Wl,-z,defs
  BYPRODUCTS "${zixflow_built_shared}" "${zixflow_built_static}"
  COMMENT "Building libzixflow with cargo"
  USES_TERMINAL VERBATIM)

add_custom_command(OUTPUT "${zixflow_shared}"
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${zixflow_libraries}"
  COMMAND "${CMAKE_STRIP}" --strip-unneeded -o "${zixflow_shared}" "${zixflow_built_shared}"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink
    "libzixflow.so.${PROJECT_VERSION}" "${zixflow_libraries}/${zixflow_soname}"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink
    "${zixflow_soname}" "${zixflow_libraries}/libzixflow.so"
  DEPENDS zixflow_cargo "${zixflow_built_shared}"
  VERBATIM)

# GNU ld, whichever linker the project's programs are linked with.
find_program(ZIXFLOW_LD NAMES "${_CMAKE_TOOLCHAIN_PREFIX}ld" ld)
mark_as_advanced(ZIXFLOW_LD)
set(zixflow_parts "${zixflow_built_static}")
if(zixflow_rust_target MATCHES "musl")
  # There the compiler may have no unwinder that knows musl: Rust's own, which is made for it.
  find_program(ZIXFLOW_RUSTC rustc HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
  mark_as_advanced(ZIXFLOW_RUSTC)
  execute_process(COMMAND "${ZIXFLOW_RUSTC}" --print target-libdir --target "${zixflow_rust_target}"
    OUTPUT_VARIABLE zixflow_rust_libraries OUTPUT_STRIP_TRAILING_WHITESPACE)
  list(APPEND zixflow_parts "${zixflow_rust_libraries}/self-contained/libunwind.a")
endif()
set(zixflow_archive_script "${CMAKE_CURRENT_SOURCE_DIR}/cmake/archive.cmake")
add_custom_command(OUTPUT "${zixflow_static}"
  COMMAND "${CMAKE_COMMAND}" "-DLD=${ZIXFLOW_LD}" "-DOBJCOPY=${CMAKE_OBJCOPY}" "-DAR=${CMAKE_AR}"
    "-DINPUT=${zixflow_parts}" "-DOUTPUT=${zixflow_static}" "-DSYMBOLS=${zixflow_symbols}"
    -P "${zixflow_archive_script}"
  DEPENDS zixflow_cargo "${zixflow_built_static}" "${zixflow_symbols}" "${zixflow_archive_script}"
  VERBATIM)
