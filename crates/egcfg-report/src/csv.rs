//! The report as CSV (RFC 4180): one line per number, per configuration and gamma, per pair of methods and per place of a curve,
//! told apart by the first column.

use egcfg_results::stats::{Interval, Score};

use crate::report::Report;

const HEAD: [&str; 31] = [
    "row",
    "dataset",
    "model",
    "method",
    "configuration",
    "gamma",
    "temperature",
    "results",
    "missing",
    "errors",
    "unproven",
    "solved",
    "total",
    "percent",
    "low",
    "high",
    "percent_without_wrong_tests",
    "rsr",
    "rsr_low",
    "rsr_high",
    "published_percent",
    "tokens",
    "computed",
    "forwards",
    "requests",
    "requests_per_line",
    "seconds",
    "programs",
    "against",
    "axis",
    "spent",
];

/// The whole report; numbers in full precision, unknown ones empty.
pub fn render(report: &Report) -> String {
    let mut text = line(&HEAD.map(str::to_owned));
    let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    let score = |score: Option<&Score>| -> [String; 5] {
        let percent = score.map(|s| s.percent);
        let [value, low, high] = interval(percent);
        [
            number(score.map(|s| s.solved)),
            score.map(|s| s.total.to_string()).unwrap_or_default(),
            value,
            low,
            high,
        ]
    };
    for group in &report.groups {
        let mut add = |cells: Vec<(&str, String)>| {
            let cell = |name: &&str| {
                let own = cells.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
                own.unwrap_or_else(|| match *name {
                    "dataset" => group.dataset.clone(),
                    "model" => group.model.clone(),
                    _ => String::new(),
                })
            };
            text.push_str(&line(&HEAD.iter().map(cell).collect::<Vec<_>>()));
        };
        for own in &group.numbers {
            let kind = serde_json::to_value(own.kind).unwrap_or_default();
            let [solved, total, percent, low, high] = score(own.score.as_ref());
            let [rsr, rsr_low, rsr_high] = interval(own.rsr);
            let published = group.published.and_then(|published| match own.kind {
                crate::Kind::Baseline => Some(published.baseline),
                crate::Kind::AnyOfN => Some(published.any_of_n),
                _ => None,
            });
            let right = own.without_wrong_tests.map(|s| s.percent.value);
            add(vec![
                ("row", kind.as_str().unwrap_or_default().to_owned()),
                ("configuration", own.of.clone()),
                ("solved", solved),
                ("total", total),
                ("percent", percent),
                ("low", low),
                ("high", high),
                ("percent_without_wrong_tests", number(right)),
                ("rsr", rsr),
                ("rsr_low", rsr_low),
                ("rsr_high", rsr_high),
                ("published_percent", number(published)),
                ("tokens", number(own.tokens_per_task)),
            ]);
        }
        for row in &group.rows {
            let [solved, total, percent, low, high] = score(row.score.as_ref());
            add(vec![
                ("row", "configuration".into()),
                ("method", row.method.clone()),
                ("configuration", row.configuration.clone()),
                ("gamma", row.gamma.to_string()),
                ("temperature", number(row.temperature)),
                ("results", row.results.to_string()),
                ("missing", row.missing.to_string()),
                ("errors", row.errors.to_string()),
                ("unproven", row.unproven.to_string()),
                ("solved", solved),
                ("total", total),
                ("percent", percent),
                ("low", low),
                ("high", high),
                ("tokens", number(row.tokens)),
                ("computed", number(row.computed)),
                ("forwards", number(row.forwards)),
                ("requests", number(row.requests)),
                ("requests_per_line", number(row.requests_per_line)),
                ("seconds", number(row.seconds)),
                ("programs", number(row.programs)),
                ("rsr", number(row.rsr.map(|rsr| rsr.value))),
                ("rsr_low", number(row.rsr.map(|rsr| rsr.low))),
                ("rsr_high", number(row.rsr.map(|rsr| rsr.high))),
            ]);
        }
        for pair in &group.comparisons {
            let [lead, low, high] = interval(Some(pair.lead));
            add(vec![
                ("row", "lead".into()),
                ("configuration", pair.second.clone()),
                ("against", pair.first.clone()),
                ("total", pair.tasks.to_string()),
                ("percent", lead),
                ("low", low),
                ("high", high),
            ]);
        }
        for curve in &group.curves {
            let axis = serde_json::to_value(curve.axis).unwrap_or_default();
            for point in &curve.points {
                let [percent, low, high] = interval(Some(point.solved));
                add(vec![
                    ("row", "curve".into()),
                    ("method", curve.method.clone()),
                    ("configuration", curve.label.clone()),
                    ("total", curve.tasks.to_string()),
                    ("percent", percent),
                    ("low", low),
                    ("high", high),
                    ("axis", axis.as_str().unwrap_or_default().to_owned()),
                    ("spent", point.spent.to_string()),
                ]);
            }
        }
    }
    text
}

fn interval(interval: Option<Interval>) -> [String; 3] {
    interval.map_or_else(Default::default, |i| [i.value, i.low, i.high].map(|value| value.to_string()))
}

fn line(cells: &[String]) -> String {
    let quoted: Vec<String> = cells
        .iter()
        .map(|cell| {
            if cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        })
        .collect();
    quoted.join(",") + "\r\n"
}
