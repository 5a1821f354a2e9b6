//! The kept-alive sends as bars, in SVG.

use std::fmt::Write;

use crate::programs::ZIXFLOW;
use crate::report::{Results, Row};
use crate::server::Protocol;

const NAME_WIDTH: f64 = 150.0;
const BAR_WIDTH: f64 = 220.0;
const PANEL_WIDTH: f64 = NAME_WIDTH + BAR_WIDTH + 60.0;
const BAR_HEIGHT: f64 = 20.0;

type Value = fn(&Row) -> Option<f64>;

const PANELS: [(&str, Value); 3] = [
    ("p50, µs", |row| Some(row.median.p50 / 1e3)),
    ("processor time, µs", |row| {
        Some(row.median.processor / 1e3)
    }),
    ("instructions, thousands", |row| {
        row.counts.instructions.map(|count| count / 1e3)
    }),
];

/// One panel for each measure and protocol; shorter is better.
pub fn svg(results: &Results) -> String {
    let contenders = results.kept_alive.len() / Protocol::ALL.len();
    let panel_height = (contenders as f64 + 2.0) * BAR_HEIGHT;
    let width = PANEL_WIDTH * PANELS.len() as f64;
    let height = panel_height * Protocol::ALL.len() as f64;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
"#
    );
    for (line, protocol) in Protocol::ALL.into_iter().enumerate() {
        let rows: Vec<&Row> = results
            .kept_alive
            .iter()
            .filter(|row| row.protocol == protocol)
            .collect();
        for (column, (measure, value)) in PANELS.into_iter().enumerate() {
            let (x, y) = (column as f64 * PANEL_WIDTH, line as f64 * panel_height);
            let title = format!("{}: {measure}", protocol.name());
            svg += &panel(x, y, &title, &rows, value);
        }
    }
    svg + "</svg>\n"
}

fn panel(x: f64, y: f64, title: &str, rows: &[&Row], value: Value) -> String {
    let longest = rows
        .iter()
        .filter_map(|row| value(row))
        .fold(f64::MIN_POSITIVE, f64::max);
    let bars = x + NAME_WIDTH;
    let mut panel = format!(
        r#"<text x="{bars}" y="{}" font-weight="bold">{title}</text>
"#,
        y + BAR_HEIGHT
    );
    for (i, row) in rows.iter().enumerate() {
        let top = y + (i as f64 + 1.5) * BAR_HEIGHT;
        let base = top + 0.65 * BAR_HEIGHT;
        let color = if row.contender == ZIXFLOW {
            "#c44e00"
        } else {
            "#8a9ba8"
        };
        let (length, label) = match value(row) {
            Some(value) => (value / longest * BAR_WIDTH, format!("{value:.1}")),
            None => (0.0, "not measured".to_owned()),
        };
        let _ = writeln!(
            panel,
            r#"<text x="{}" y="{base}" text-anchor="end">{}</text><rect x="{bars}" y="{top}" width="{length:.1}" height="{}" fill="{color}"/><text x="{}" y="{base}">{label}</text>"#,
            bars - 6.0,
            row.contender,
            0.8 * BAR_HEIGHT,
            bars + length + 4.0,
        );
    }
    panel
}
