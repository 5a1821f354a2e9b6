//! Writes `include/zixflow.h` anew: `cargo run -p zixflow-cbindgen`.

use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let header = zixflow_cbindgen::header(root)?;
    fs::write(root.join("include/zixflow.h"), header)?;
    println!("include/zixflow.h was written");
    Ok(())
}
