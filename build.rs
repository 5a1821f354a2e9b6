//! How the shared object is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ZIXFLOW_SONAME");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    // Unloading would take away code that still runs: a name look-up's thread, a fork handler.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // Where a program has two copies, one of them a plugin's, each calls its own functions. (Only
    // functions are exported, so that this is `-Bsymbolic-functions`, which not every linker knows.)
    println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    // Without a version, so that a program finds it where it was built. An installed library's
    // soname has one: CMakeLists.txt sees to that.
    let soname = std::env::var("ZIXFLOW_SONAME").unwrap_or_else(|_| "libzixflow.so".to_owned());
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{soname}");
}
