//! The figures that the library's README states, as it states them.

use std::fmt::Write;

use crate::report::{Results, or_dash};

pub fn markdown(results: &Results) -> String {
    let mut text = format!("{}\n\n", results.machine);
    text += "| | | p50 µs | × | processor µs | × | to libcurl | half between | instructions | system calls |\n";
    text += "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for row in &results.kept_alive {
        let [from, to] = row.processor_to_libcurl;
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} | {:.2} | {:.1} | {:.2} | {:.2} | {from:.2} and {to:.2} | {} | {} |",
            row.protocol.name(),
            row.contender,
            row.median.p50 / 1e3,
            row.to_raw_socket.p50,
            row.median.processor / 1e3,
            row.to_raw_socket.processor,
            row.to_libcurl.processor,
            or_dash(row.counts.instructions, 0),
            or_dash(row.counts.system_calls, 1),
        );
    }
    text += "\n| | at most | measured | |\n| --- | --- | --- | --- |\n";
    for limit in &results.limits {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            limit.of,
            limit.at_most,
            limit.figure(),
            limit.verdict()
        );
    }
    text
}
