//! The report as text for a terminal.

use std::fmt::Write as _;

use egcfg_results::stats::Score;

use crate::columns::{align, solved};
use crate::methods;
use crate::numbers::{Kind, Number};
use crate::report::{GroupReport, Report};

/// The whole report.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    for (index, group) in report.groups.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        render_group(&mut text, group);
    }
    text
}

fn render_group(text: &mut String, group: &GroupReport) {
    let _ = writeln!(
        text,
        "{} / {}: {} tasks, {} guided runs each\n",
        group.dataset, group.model, group.tasks, group.n
    );
    let mut lines = vec![["", "", "solved", "%", "95 %", "RSR", "tokens/task"].map(str::to_owned).to_vec()];
    for number in &group.numbers {
        lines.push(number_line(number));
        if let Some(score) = number.without_wrong_tests {
            let label = format!("  without {} wrong tests", group.wrong_tests);
            lines.push(vec![String::new(), label, solved(&score), percent(&score), range(&score)]);
        }
        if let (Kind::Baseline | Kind::AnyOfN, Some(published)) = (number.kind, group.published) {
            let (value, rsr) = match number.kind {
                Kind::Baseline => (published.baseline, String::new()),
                _ => (published.any_of_n, format!("{:.1}", published.rsr)),
            };
            let value = format!("{value:.1}");
            lines.push(vec![String::new(), "  published".into(), String::new(), value, String::new(), rsr]);
        }
    }
    align(text, &lines, 2);
    for number in &group.numbers {
        let said =
            number.unknown.iter().map(|reason| format!("not known: {reason}")).chain(number.notes.clone());
        let said: Vec<String> = said.collect();
        if !said.is_empty() {
            let of = if number.of.is_empty() { String::new() } else { format!(" ({})", number.of) };
            let _ = writeln!(text, "\n{}{of}", number.label);
            for line in said {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    text.push('\n');
    let methods = methods::render(group);
    if !methods.is_empty() {
        text.push_str(&methods);
        text.push('\n');
    }
    let head = [
        "configuration",
        "gamma",
        "solved",
        "%",
        "95 %",
        "tokens",
        "computed",
        "forwards",
        "changed",
        "s",
        "errors",
        "missing",
    ];
    let mut head = head.map(str::to_owned).to_vec();
    // Models in this process make no requests.
    let remote = group.rows.iter().any(|row| row.requests.is_some());
    if remote {
        head.extend(["requests", "per line"].map(str::to_owned));
    }
    let mut lines = vec![head];
    for row in &group.rows {
        let score = |of: fn(&Score) -> String| row.score.as_ref().map(of).unwrap_or_default();
        let mean =
            |value: Option<f64>, digits: usize| value.map(|v| format!("{v:.digits$}")).unwrap_or_default();
        let mut line = vec![
            row.configuration.clone(),
            row.gamma.to_string(),
            score(solved),
            score(percent),
            score(range),
            mean(row.tokens, 0),
            mean(row.computed, 0),
            mean(row.forwards, 1),
            mean(row.changed, 1),
            mean(row.seconds, 2),
            row.errors.to_string(),
            row.missing.to_string(),
        ];
        if remote {
            line.extend([mean(row.requests, 1), mean(row.requests_per_line, 2)]);
        }
        lines.push(line);
    }
    align(text, &lines, 1);
    text.push_str(
        "tokens, computed (prefill included), forwards, changed tokens and seconds are means per result\n",
    );
    if remote {
        text.push_str(
            "requests to the server are a mean per result, and under guidance per line completed under it\n",
        );
    }
    for note in &group.notes {
        let _ = writeln!(text, "note: {note}");
    }
}

fn number_line(number: &Number) -> Vec<String> {
    let place = match number.kind {
        Kind::Baseline => "",
        Kind::Fixed => "1",
        Kind::Chosen => "2",
        Kind::AnyOfN => "3",
        Kind::Unguided => "4",
    };
    let score = |of: fn(&Score) -> String| number.score.as_ref().map_or_else(|| "-".to_owned(), of);
    let rsr = number.rsr.map(|rsr| format!("{:.1} [{:.1}, {:.1}]", rsr.value, rsr.low, rsr.high));
    vec![
        place.into(),
        number.label.into(),
        score(solved),
        score(percent),
        score(range),
        rsr.unwrap_or_default(),
        number.tokens_per_task.map(|tokens| format!("{tokens:.0}")).unwrap_or_default(),
    ]
}

fn percent(score: &Score) -> String {
    format!("{:.1}", score.percent.value)
}

fn range(score: &Score) -> String {
    format!("[{:.1}, {:.1}]", score.percent.low, score.percent.high)
}
