# How cargo is called: zixflow_cargo is the command line up to its subcommand, zixflow_cargo_options
# what each subcommand is given, zixflow_cargo_output where it puts what it builds.

find_program(ZIXFLOW_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin"
  DOC "The command that builds: cargo, or cargo-zigbuild")
if(NOT ZIXFLOW_CARGO)
  message(FATAL_ERROR
    "cargo was not found. Building libzixflow needs Rust (https://rustup.rs); "
    "its packages do not.")
endif()

if(CMAKE_CROSSCOMPILING AND NOT ZIXFLOW_TARGET)
  message(FATAL_ERROR
    "Set ZIXFLOW_TARGET to the Rust target to build for, such as aarch64-unknown-linux-gnu.")
endif()

set(zixflow_cargo "${CMAKE_COMMAND}" -E env)
set(zixflow_rustflags "${ZIXFLOW_RUSTFLAGS}")
set(zixflow_cargo_options
  --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml"
  --target-dir "${ZIXFLOW_CARGO_TARGET_DIR}"
  # Which cargo looks for where it runs, and that is the build tree.
  --config "${CMAKE_CURRENT_SOURCE_DIR}/.cargo/config.toml"
  ${ZIXFLOW_CARGO_FLAGS})
set(zixflow_cargo_output "${ZIXFLOW_CARGO_TARGET_DIR}")
if(ZIXFLOW_TARGET)
  list(APPEND zixflow_cargo_options --target "${ZIXFLOW_TARGET}")
  # cargo-zigbuild takes the oldest glibc behind the target's name.
  string(REGEX REPLACE "\\..*" "" zixflow_rust_target "${ZIXFLOW_TARGET}")
  string(APPEND zixflow_cargo_output "/${zixflow_rust_target}")
  # Rust's default for musl is a static program, which no shared object can be.
  if(zixflow_rust_target MATCHES "musl")
    string(APPEND zixflow_rustflags " -C target-feature=-crt-static")
  endif()
  if(NOT ZIXFLOW_CARGO MATCHES "zigbuild")
    string(MAKE_C_IDENTIFIER "${zixflow_rust_target}" zixflow_suffix)
    string(TOUPPER "${zixflow_suffix}" zixflow_variable)
    list(APPEND zixflow_cargo
      "CARGO_TARGET_${zixflow_variable}_LINKER=${CMAKE_C_COMPILER}"
      "CC_${zixflow_suffix}=${CMAKE_C_COMPILER}"
      "AR_${zixflow_suffix}=${CMAKE_AR}")
  endif()
endif()
# Whatever CFLAGS say: Rust links the C code of its crates, and knows nothing of a C compiler's
# bitcode, nor of its sanitizers' libraries.
foreach(kind IN ITEMS HOST TARGET)
  list(APPEND zixflow_cargo "${kind}_CFLAGS=$ENV{${kind}_CFLAGS} -fno-lto -fno-sanitize=all")
endforeach()
if(zixflow_rustflags)
  list(APPEND zixflow_cargo "RUSTFLAGS=${zixflow_rustflags}")
endif()
