//! What `include/zixflow.h` has to hold: the program here writes it, and a test compares.

use std::error::Error;
use std::fs;
use std::path::Path;

/// The header as cbindgen makes it from `src/ffi`, given the repository's root.
pub fn header(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut configuration = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    configuration.header = Some(fs::read_to_string(root.join("src/ffi/preface.h"))?);
    let bindings = cbindgen::generate_with_config(root, configuration)?;
    let mut header = Vec::new();
    bindings.write(&mut header);
    Ok(String::from_utf8(header)?)
}
