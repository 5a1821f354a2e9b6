//! The figures in Markdown, as the READMEs have them.

use std::path::Path;

use anyhow::{Context, Result};

use crate::programs::RAW_SOCKET;
use crate::report::{Results, or_dash};
use crate::server::Protocol;
use crate::table::Table;

/// Between these lines a README has what the benchmarks put there.
const BEGIN: &str = "<!-- figures: written by the benchmarks -->\n";
const END: &str = "<!-- end of the figures -->\n";

/// Puts the figures into a README, in the place of the last ones.
pub fn put(file: &Path, figures: &str) -> Result<()> {
    let name = file.display();
    let readme = std::fs::read_to_string(file).with_context(|| name.to_string())?;
    let (before, rest) = readme
        .split_once(BEGIN)
        .with_context(|| format!("{name} has no line {BEGIN:?}"))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("{name} has no line {END:?}"))?;
    std::fs::write(file, format!("{before}{BEGIN}{figures}{END}{after}"))?;
    println!("Figures put into {name}");
    Ok(())
}

/// For the benchmarks' own README.
pub fn all(results: &Results) -> String {
    let mut parts = vec![results.machine.clone()];
    for section in results.sections() {
        parts.push(format!("{}:", section.caption));
        parts.push(section.table.markdown());
    }
    for reason in &results.not_measured {
        parts.push(format!("Not measured: {reason}"));
    }
    parts.join("\n\n") + "\n"
}

/// For the library's README.
pub fn summary(results: &Results) -> String {
    let mut table = Table::new(["", "p50 µs", "processor µs", "instructions", "system calls"]);
    let rows = results.kept_alive.iter();
    for row in rows.filter(|row| row.protocol == Protocol::Https && row.contender != RAW_SOCKET) {
        table.row([
            row.contender.to_owned(),
            format!("{:.1}", row.median.p50 / 1e3),
            format!("{:.1}", row.median.processor / 1e3),
            or_dash(row.counts.instructions, 0),
            or_dash(row.counts.system_calls, 1),
        ]);
    }
    format!(
        "What one send of a 600-byte message costs over a kept HTTPS connection to a server on the same \
         machine ({}), next to what one would write otherwise; [benches](benches) has the rest, and \
         `cd benches && cargo run --release` repeats it:\n\n{}\n",
        results.machine,
        table.markdown()
    )
}
