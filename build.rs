//! How the shared object is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    // Unloading would take away code that still runs: a name look-up's thread, a fork handler.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // Where a program has two copies, one of them a plugin's, each calls its own functions.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic-functions");
    // Without a version, so that a program finds it where it was built. An installed library's
    // soname has one: `cargo cinstall`, which turns on the feature `capi`, sees to that.
    if std::env::var_os("CARGO_FEATURE_CAPI").is_none() {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libzixflow.so");
    }
}
