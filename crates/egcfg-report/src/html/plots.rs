//! The plots, as SVG without a script. Places along an axis are percentages of the width, so that a plot fits a narrow window
//! and its letters keep their size; each plot stands beside, or is, a table of its numbers.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egcfg_results::method::EG_CFG;

use super::embed::escape;
use crate::curve::{Axis, Curve};
use crate::report::GroupReport;
use crate::row::Row;
use crate::svg;

/// Pixels per line of a strip.
const PITCH: usize = 18;

/// The group's gammas, ascending; their places name their colours.
fn gammas(group: &GroupReport) -> Vec<f64> {
    let mut gammas: Vec<f64> = group.rows.iter().map(|row| row.gamma).collect();
    gammas.sort_by(f64::total_cmp);
    gammas.dedup();
    gammas
}

/// Solved by configuration, with intervals: a table whose middle column is the plot.
pub(crate) fn dots(group: &GroupReport) -> String {
    let gammas = gammas(group);
    let mut names: Vec<&str> = group.rows.iter().map(|row| row.configuration.as_str()).collect();
    names.dedup();
    let mut out = String::from("<ul class=\"legend\" aria-label=\"Colours\">");
    for (index, gamma) in gammas.iter().enumerate() {
        let _ = write!(
            out,
            "<li><svg aria-hidden=\"true\"><line class=\"ci s{0}\" x1=\"0\" x2=\"100%\" y1=\"50%\" y2=\"50%\"/>\
             <circle class=\"s{0}\" cx=\"50%\" cy=\"50%\" r=\"4\"/></svg>γ = {gamma}</li>",
            index.min(5)
        );
    }
    let _ = write!(
        out,
        "</ul>\n<div class=\"{}\" tabindex=\"0\" role=\"region\" aria-label=\"Solved by configuration\">\
         <table class=\"dots\"><caption class=\"vh\">Percent of tasks solved by configuration and gamma, with 95 % intervals</caption>\
         <thead><tr><th scope=\"col\">configuration</th><th scope=\"col\" class=\"mid\">{}</th>\
         <th scope=\"col\" class=\"num\">%<span class=\"ranges\"> [95 %]</span></th></tr></thead><tbody>\n",
        if names.len() > 14 { "scroll tall" } else { "scroll" },
        axis()
    );
    for name in names {
        let rows: Vec<&Row> = group.rows.iter().filter(|row| row.configuration == name).collect();
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"mid\">{}</td><td>{}</td></tr>",
            // A name may break where its parts meet.
            escape(name).replace('_', "_<wbr>").replace('+', "+<wbr>"),
            strip(&rows, &gammas),
            values(&rows)
        );
    }
    out + "</tbody></table></div>\n"
}

fn axis() -> String {
    let mut out = String::from(
        "<span class=\"vh\">plot</span><svg class=\"strip\" height=\"14\" aria-hidden=\"true\">",
    );
    for (tick, anchor) in [(0, "start"), (50, "middle"), (100, "end")] {
        let _ = write!(out, "<text x=\"{tick}%\" y=\"11\" text-anchor=\"{anchor}\">{tick}</text>");
    }
    out + "</svg>"
}

fn strip(rows: &[&Row], gammas: &[f64]) -> String {
    let height = PITCH * rows.len();
    let mut out = format!("<svg class=\"strip\" height=\"{height}\" aria-hidden=\"true\">");
    for tick in [0, 25, 50, 75, 100] {
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{tick}%\" x2=\"{tick}%\" y1=\"-6\" y2=\"{}\"/>",
            height + 6
        );
    }
    for (index, row) in rows.iter().enumerate() {
        let Some(score) = row.score else { continue };
        let (y, percent) = (PITCH * index + PITCH / 2, score.percent);
        let colour = gammas.iter().position(|gamma| *gamma == row.gamma).unwrap_or(0).min(5);
        let _ = write!(
            out,
            "<line class=\"ci s{colour}\" x1=\"{:.2}%\" x2=\"{:.2}%\" y1=\"{y}\" y2=\"{y}\"/>\
             <circle class=\"s{colour}\" cx=\"{:.2}%\" cy=\"{y}\" r=\"4\"/>",
            percent.low, percent.high, percent.value
        );
    }
    out + "</svg>"
}

fn values(rows: &[&Row]) -> String {
    let lines = rows.iter().map(|row| match row.score {
        Some(score) => format!(
            "<div><span class=\"vh\">gamma {}: </span>{:.1}<span class=\"ranges\"> [{:.0}, {:.0}]</span></div>",
            row.gamma, score.percent.value, score.percent.low, score.percent.high
        ),
        None => format!("<div class=\"none\"><span class=\"vh\">gamma {}: </span>–</div>", row.gamma),
    });
    lines.collect()
}

/// Gamma by temperature: mean percent solved over the configurations that share both. Empty where there is only one of each.
pub(crate) fn heat(group: &GroupReport) -> String {
    let guided: Vec<&Row> = group.rows.iter().filter(|row| row.method == EG_CFG.name).collect();
    let mut temperatures: Vec<f64> = guided.iter().filter_map(|row| row.temperature).collect();
    temperatures.sort_by(f64::total_cmp);
    temperatures.dedup();
    let mut gammas: Vec<f64> = guided.iter().map(|row| row.gamma).collect();
    gammas.sort_by(f64::total_cmp);
    gammas.dedup();
    if temperatures.len() * gammas.len() < 2 {
        return String::new();
    }
    let mut cells: Vec<(f64, f64, Option<f64>, usize)> = Vec::new();
    for temperature in &temperatures {
        for gamma in &gammas {
            let own =
                guided.iter().filter(|row| row.temperature == Some(*temperature) && row.gamma == *gamma);
            let scores: Vec<f64> = own.filter_map(|row| row.score).map(|score| score.percent.value).collect();
            let mean = (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
            cells.push((*temperature, *gamma, mean, scores.len()));
        }
    }
    let known = || cells.iter().filter_map(|cell| cell.2);
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let mut out = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Gamma by temperature\"><table class=\"heat\">\
         <caption class=\"vh\">Mean percent of tasks solved, gamma by temperature</caption><thead><tr><th scope=\"col\">t \\ γ</th>",
    );
    for gamma in &gammas {
        let _ = write!(out, "<th scope=\"col\">{gamma}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for temperature in &temperatures {
        let _ = write!(out, "<tr><th scope=\"row\">{temperature}</th>");
        for (_, _, mean, count) in cells.iter().filter(|cell| cell.0 == *temperature) {
            match mean {
                Some(mean) => {
                    let depth = if high > low { (mean - low) / (high - low) } else { 0.5 };
                    let note =
                        if *count > 1 { format!("<small>mean of {count}</small>") } else { String::new() };
                    let _ = write!(out, "<td style=\"--v:{depth:.3}\">{mean:.1}{note}</td>");
                }
                None => out.push_str("<td style=\"--v:0\"><span class=\"none\">–</span></td>"),
            }
        }
        out.push_str("</tr>");
    }
    out + "</tbody></table></div>\n"
}

/// Solved against what was spent, one picture per axis, each with its table and itself as files to take away.
pub(crate) fn curves(curves: &[Curve]) -> String {
    let mut out = String::new();
    for axis in [Axis::Generated, Axis::Computed, Axis::Seconds] {
        let own: Vec<&Curve> = curves.iter().filter(|curve| curve.axis == axis).collect();
        let picture = svg::curves(&own);
        if picture.is_empty() {
            continue;
        }
        let shown = picture.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
        let body = format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Percent solved over {}\">{shown}</div>\n<p class=\"hint\">{} · {}</p>\n{}",
            axis.title(),
            file("SVG", "curve.svg", "image/svg+xml", &picture),
            file("CSV", "curve.csv", "text/csv", &csv(&own)),
            stops(&own)
        );
        if axis == Axis::Generated {
            out.push_str(&body);
        } else {
            let _ = writeln!(out, "<details><summary>Over {}</summary>{body}</details>", axis.title());
        }
    }
    out
}

fn file(label: &str, name: &str, kind: &str, content: &str) -> String {
    format!("<a download=\"{name}\" href=\"data:{kind};base64,{}\">{label}</a>", STANDARD.encode(content))
}

fn csv(curves: &[&Curve]) -> String {
    let mut text = String::from("curve,spent,percent,low,high\r\n");
    for (curve, point) in curves.iter().flat_map(|curve| curve.points.iter().map(move |point| (curve, point)))
    {
        let solved = point.solved;
        let label = curve.label.replace('"', "\"\"");
        let _ =
            write!(text, "\"{label}\",{},{},{},{}\r\n", point.spent, solved.value, solved.low, solved.high);
    }
    text
}

/// The curves at a few budgets.
fn stops(curves: &[&Curve]) -> String {
    let right = svg::round_up(curves.iter().map(|curve| curve.most).fold(0.0, f64::max).max(1e-9));
    let stops: Vec<f64> = (1..=4).map(|tick| right * f64::from(tick) / 4.0).collect();
    let mut out = String::from(
        "<details><summary>As a table</summary><div class=\"scroll\"><table><thead><tr><th scope=\"col\">percent solved within</th>",
    );
    for stop in &stops {
        let _ = write!(out, "<th scope=\"col\" class=\"num\">{}</th>", svg::short(*stop));
    }
    out.push_str("</tr></thead><tbody>");
    for curve in curves {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(&curve.label));
        for stop in &stops {
            let reached = curve.at(*stop).map_or_else(
                || "–".to_owned(),
                |solved| format!("{:.1} [{:.0}, {:.0}]", solved.value, solved.low, solved.high),
            );
            let _ = write!(out, "<td class=\"num\">{reached}</td>");
        }
        out.push_str("</tr>");
    }
    out + "</tbody></table></div></details>\n"
}
