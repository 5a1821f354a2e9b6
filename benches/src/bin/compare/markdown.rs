//! The figures that the library's README states, as it states them.

use crate::report::{Results, or_dash};
use crate::table::Table;

pub fn markdown(results: &Results) -> String {
    [
        results.machine.clone(),
        kept_alive(results).markdown(),
        results.limits_table().markdown(),
        results.instructions_table().markdown(),
    ]
    .join("\n\n")
        + "\n"
}

fn kept_alive(results: &Results) -> Table {
    let mut table = Table::new([
        "",
        "",
        "p50 µs",
        "×",
        "processor µs",
        "×",
        "to libcurl",
        "half between",
        "instructions",
        "system calls",
    ]);
    for row in &results.kept_alive {
        table.row([
            row.protocol.name().to_owned(),
            row.contender.to_owned(),
            format!("{:.1}", row.median.p50 / 1e3),
            format!("{:.2}", row.to_raw_socket.p50),
            format!("{:.1}", row.median.processor / 1e3),
            format!("{:.2}", row.to_raw_socket.processor),
            format!("{:.2}", row.to_libcurl.processor),
            row.half_between(),
            or_dash(row.counts.instructions, 0),
            or_dash(row.counts.system_calls, 1),
        ]);
    }
    table
}
