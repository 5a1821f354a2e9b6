//! Writes `include/zixflow.h` anew: `cargo run --example header`.

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let configuration = cbindgen::Config::from_file(root.join("cbindgen.toml"))
        .unwrap_or_else(|error| panic!("cbindgen.toml cannot be read: {error}"));
    let bindings = cbindgen::generate_with_config(root, configuration)
        .unwrap_or_else(|error| panic!("no header can be made from src/ffi: {error}"));
    let header = root.join("include/zixflow.h");
    match bindings.write_to_file(&header) {
        true => println!("{} was rewritten", header.display()),
        false => println!("{} is as it should be", header.display()),
    }
}
