//! The overview: the numbers, the plots, what it cost, and the list of tasks; readable without a script.

use std::fmt::Write as _;

use egcfg_results::read::Group;

use super::embed::escape;
use super::matrix;
use super::plots;
use crate::columns::solved;
use crate::numbers::{Kind, Number};
use crate::report::GroupReport;

/// The section of one group; `place` numbers it.
pub(crate) fn render(group: &Group, report: &GroupReport, place: usize) -> String {
    let mut out = format!(
        "<section id=\"group-{place}\" aria-labelledby=\"title-{place}\">\n<h1 id=\"title-{place}\">{} <span class=\"none\">/</span> {}</h1>\n\
         <p class=\"lead\">{} tasks, {} guided runs each{}.</p>\n",
        escape(&report.dataset),
        escape(&report.model),
        report.tasks,
        report.n,
        if report.wrong_tests > 0 {
            format!(", {} tasks with wrong tests", report.wrong_tests)
        } else {
            String::new()
        }
    );
    numbers(&mut out, report);
    if !report.notes.is_empty() {
        let notes = report.notes.iter().map(|note| format!("<li>{}</li>", escape(note)));
        let notes = notes.collect::<Vec<String>>().concat();
        let _ = writeln!(out, "<ul class=\"notes\">{notes}</ul>");
    }
    let _ = write!(
        out,
        "<h2>Solved by configuration</h2>\n<p class=\"hint\">Percent of tasks whose graded tests pass, one run each; bars are 95 % intervals (bootstrap over tasks).</p>\n{}",
        plots::dots(report)
    );
    let heat = plots::heat(report);
    if !heat.is_empty() {
        let _ = write!(
            out,
            "<h2>Gamma by temperature</h2>\n<p class=\"hint\">Mean percent solved over the configurations that share both.</p>\n{heat}"
        );
    }
    let curves = plots::curves(&report.curves);
    if !curves.is_empty() {
        let _ = write!(
            out,
            "<h2>Accuracy over tokens spent</h2>\n<p class=\"hint\">Tasks solved once each has spent that much, over the same tasks for every method, with 95 % bands. A task's runs are taken in the experiment's order; \
             the first that passes the shown tests is the answer, right or wrong.</p>\n{curves}"
        );
    }
    costs(&mut out, report);
    methods(&mut out, report);
    matrix::render(&mut out, group, report, place);
    out + "</section>\n"
}

fn numbers(out: &mut String, report: &GroupReport) {
    out.push_str("<ol class=\"numbers\">\n");
    // The four numbers; the baseline stands last, for reference.
    let (baseline, four): (Vec<&Number>, Vec<&Number>) =
        report.numbers.iter().partition(|number| number.kind == Kind::Baseline);
    for (index, number) in four.iter().chain(&baseline).enumerate() {
        let title = if number.kind == Kind::Baseline {
            number.label.to_owned()
        } else {
            format!("{} · {}", index + 1, number.label)
        };
        let _ = write!(out, "<li><h3>{}</h3>", escape(&title));
        if let Some(score) = &number.score {
            let p = score.percent;
            let _ = write!(
                out,
                "<p class=\"big\">{:.1}&thinsp;%<small>{}</small></p><dl><dt>95 %</dt><dd>{:.1} to {:.1}</dd>",
                p.value,
                solved(score),
                p.low,
                p.high
            );
            if let Some(right) = number.without_wrong_tests {
                let _ = write!(
                    out,
                    "<dt>right tests only</dt><dd>{:.1} % ({})</dd>",
                    right.percent.value,
                    solved(&right)
                );
            }
            if let Some(rsr) = number.rsr {
                let _ = write!(
                    out,
                    "<dt><abbr title=\"share of the baseline's gap that is closed\">RSR</abbr></dt><dd>{:.1} ({:.1} to {:.1})</dd>",
                    rsr.value, rsr.low, rsr.high
                );
            }
            if let Some(tokens) = number.tokens_per_task {
                let _ = write!(out, "<dt>tokens / task</dt><dd>{tokens:.0}</dd>");
            }
            out.push_str(&published(report, number.kind));
            out.push_str("</dl>");
        } else {
            let reason = number.unknown.as_deref().unwrap_or("no result");
            let _ = write!(out, "<p class=\"unknown\">not known</p><p>{}.</p>", escape(reason));
            let line = published(report, number.kind);
            if !line.is_empty() {
                let _ = write!(out, "<dl>{line}</dl>");
            }
        }
        let mut said: Vec<String> = Vec::new();
        if !number.of.is_empty() {
            said.push(escape(&number.of).replace('_', "_<wbr>"));
        }
        said.extend(number.notes.iter().map(|note| escape(note)));
        let _ = writeln!(out, "<p>{}</p></li>", said.join("; "));
    }
    out.push_str("</ol>\n");
}

fn published(report: &GroupReport, kind: Kind) -> String {
    let Some(published) = report.published else { return String::new() };
    match kind {
        Kind::Baseline => format!("<dt>published</dt><dd>{:.1} %</dd>", published.baseline),
        Kind::AnyOfN => {
            format!("<dt>published</dt><dd>{:.1} %, RSR {:.1}</dd>", published.any_of_n, published.rsr)
        }
        _ => String::new(),
    }
}

/// Methods against each other over the same tasks.
fn methods(out: &mut String, report: &GroupReport) {
    if report.comparisons.is_empty() {
        return;
    }
    out.push_str(
        "<h2>One against another</h2>\n<p class=\"hint\">Points of percent that the first is ahead over the tasks that both were scored on; 95 % paired bootstrap over tasks.</p>\n\
         <div class=\"scroll\"><table><thead><tr><th scope=\"col\">method</th><th scope=\"col\">against</th><th scope=\"col\" class=\"num\">points</th><th scope=\"col\" class=\"num\">95 %</th>\
         <th scope=\"col\" class=\"num\">solved by it alone</th><th scope=\"col\" class=\"num\">by the other alone</th><th scope=\"col\" class=\"num\">tasks</th></tr></thead><tbody>\n",
    );
    for pair in &report.comparisons {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"num\">{:+.1}</td><td class=\"num\">{:+.1} to {:+.1}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
            escape(&pair.second),
            escape(&pair.first),
            pair.lead.value,
            pair.lead.low,
            pair.lead.high,
            pair.only_second,
            pair.only_first,
            pair.tasks
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn costs(out: &mut String, report: &GroupReport) {
    out.push_str(
        "<h2>Cost by configuration and gamma</h2>\n<p class=\"hint\">Means per result. Tokens are the budget: generated, accepted and sampled. \
         Computed tokens went through the model, prefill included.</p>\n<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Cost by configuration\"><table class=\"costs\"><thead><tr>",
    );
    let heads = [
        "configuration",
        "γ",
        "solved",
        "shown",
        "tokens",
        "computed",
        "forwards",
        "changed",
        "seconds",
        "unproven",
        "errors",
        "missing",
    ];
    // Models in this process make no requests.
    let remote = report.rows.iter().any(|row| row.requests.is_some());
    let heads = heads.into_iter().chain(["requests", "requests per line"].into_iter().filter(|_| remote));
    for (index, head) in heads.enumerate() {
        let _ =
            write!(out, "<th scope=\"col\"{}>{head}</th>", if index == 0 { "" } else { " class=\"num\"" });
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in &report.rows {
        let mean = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "–".to_owned(), |v| format!("{v:.digits$}"))
        };
        let cells = [
            row.gamma.to_string(),
            row.score.as_ref().map_or_else(|| "–".to_owned(), solved),
            row.shown_passed.map_or_else(|| "–".to_owned(), |n| n.to_string()),
            mean(row.tokens, 0),
            mean(row.computed, 0),
            mean(row.forwards, 1),
            mean(row.changed, 1),
            mean(row.seconds, 2),
            row.unproven.to_string(),
            row.errors.to_string(),
            row.missing.to_string(),
        ];
        let asked = [mean(row.requests, 1), mean(row.requests_per_line, 2)];
        let cells = cells.iter().chain(asked.iter().filter(|_| remote));
        let cells = cells.map(|cell| format!("<td class=\"num\">{cell}</td>"));
        let cells = cells.collect::<Vec<String>>().concat();
        let _ = writeln!(out, "<tr><th scope=\"row\">{}</th>{cells}</tr>", escape(&row.configuration));
    }
    out.push_str("</tbody></table></div>\n");
}
