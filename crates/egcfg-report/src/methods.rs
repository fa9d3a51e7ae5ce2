//! Methods side by side, as a Markdown table and lines: what `compare` prints, and a part of the report's table.

use std::fmt::Write as _;

use egcfg_results::stats::Interval;

use crate::columns::solved;
use crate::report::GroupReport;
use crate::row::Row;

/// The methods of a group with their leads over each other; empty where there is only one.
pub fn render(group: &GroupReport) -> String {
    if group.sides.len() < 2 {
        return String::new();
    }
    let mut text = String::from(
        "| method | solved | % (95 %) | RSR | pass shown tests | tokens per task | programs per task | guided forwards per line | seconds per task |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for side in &group.sides {
        let is = |row: &&Row| row.configuration == side.configuration && row.gamma == side.gamma;
        let Some(row) = group.rows.iter().find(is) else { continue };
        let mean = |value: Option<f64>, digits: usize| value.map_or("-".into(), |v| format!("{v:.digits$}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            side.label,
            row.score.as_ref().map_or("-".into(), solved),
            row.score.map_or("-".into(), |score| interval(score.percent, 1)),
            row.rsr.map_or("-".into(), |rsr| interval(rsr, 0)),
            row.shown_passed.map_or("-".into(), |shown| shown.to_string()),
            mean(row.tokens, 0),
            mean(row.programs, 1),
            mean(row.forwards_per_line, 2),
            mean(row.seconds, 2),
        );
    }
    text.push('\n');
    for pair in &group.comparisons {
        let lead = pair.lead;
        let _ = writeln!(
            text,
            "{} is {:+.1} points ({:+.1} to {:+.1}) against {}: of {} tasks {} are solved by the one alone, {} by the other",
            pair.second,
            lead.value,
            lead.low,
            lead.high,
            pair.first,
            pair.tasks,
            pair.only_second,
            pair.only_first
        );
    }
    text
}

fn interval(interval: Interval, digits: usize) -> String {
    format!("{:.digits$} ({:.digits$} to {:.digits$})", interval.value, interval.low, interval.high)
}
