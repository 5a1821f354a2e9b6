//! The C examples, the C++ wrapper and the Go package, each with the compilers that are here.

mod c_programs;
mod cpp;
mod drivers;
mod go;
mod headers;
