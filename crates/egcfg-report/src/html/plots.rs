//! The plots, as SVG without a script. Places along an axis are percentages of the width, so that a plot fits a narrow window
//! and its letters keep their size; each plot stands beside, or is, a table of its numbers.

use std::fmt::Write as _;

use egcfg_results::method::EG_CFG;

use super::embed::escape;
use crate::curve::Curve;
use crate::report::GroupReport;
use crate::row::Row;

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

/// Accuracy over tokens spent, as step lines, with its table.
pub(crate) fn curves(curves: &[Curve]) -> String {
    let most = curves.iter().map(|curve| curve.most).fold(0.0, f64::max);
    if most <= 0.0 {
        return String::new();
    }
    let top = curves.iter().filter_map(|curve| curve.points.last()).map(|point| point.1).fold(0.0, f64::max);
    let (right, up) = (round_up(most), round_up(top.max(1.0)).min(100.0));
    let mut out = String::from("<ul class=\"legend\" aria-label=\"Lines\">");
    for (index, curve) in curves.iter().enumerate() {
        let _ = write!(
            out,
            "<li><svg aria-hidden=\"true\"><line class=\"{0}\" {1} x1=\"0\" x2=\"100%\" y1=\"50%\" y2=\"50%\" stroke-width=\"2\"/></svg>{2}</li>",
            colour(index),
            dash(index),
            escape(&curve.label)
        );
    }
    out.push_str("</ul>\n<svg class=\"curve\" role=\"img\" aria-label=\"Percent of tasks solved over generated tokens per task; the numbers are in the table below\">");
    for tick in 0..=4 {
        let share = f64::from(tick) / 4.0;
        let place = 100.0 - 100.0 * share;
        let _ = write!(
            out,
            "<line class=\"{}\" x1=\"0\" x2=\"100%\" y1=\"{place}%\" y2=\"{place}%\"/>\
             <text x=\"0\" dx=\"-8\" y=\"{place}%\" dy=\"4\" text-anchor=\"end\">{}</text>\
             <text x=\"{}%\" y=\"100%\" dy=\"18\" text-anchor=\"{}\">{}</text>",
            if tick == 0 { "axis" } else { "grid" },
            short(up * share),
            100.0 * share,
            if tick == 4 { "end" } else { "middle" },
            short(right * share)
        );
    }
    out.push_str(
        "<text x=\"100%\" y=\"100%\" dy=\"34\" text-anchor=\"end\">generated tokens per task</text>",
    );
    out.push_str("<text x=\"0\" dx=\"-36\" y=\"0\" dy=\"-10\">% solved</text><svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" width=\"100%\" height=\"100%\">");
    for (index, curve) in curves.iter().enumerate() {
        let (x, y) = (|tokens: f64| 1000.0 * tokens / right, |percent: f64| 1000.0 - 1000.0 * percent / up);
        let (mut points, mut before) = (String::new(), 0.0);
        for (tokens, percent) in &curve.points {
            let _ = write!(points, "{:.1},{:.1} {0:.1},{:.1} ", x(*tokens), y(before), y(*percent));
            before = *percent;
        }
        let _ = write!(points, "{:.1},{:.1}", x(curve.most), y(before));
        let _ = write!(out, "<polyline class=\"{}\" {} points=\"{points}\"/>", colour(index), dash(index));
    }
    out.push_str("</svg></svg>\n<details><summary>As a table</summary><div class=\"scroll\"><table><thead><tr><th scope=\"col\">percent solved within</th>");
    let stops: Vec<f64> = (1..=4).map(|tick| right * f64::from(tick) / 4.0).collect();
    for stop in &stops {
        let _ = write!(out, "<th scope=\"col\" class=\"num\">{} tokens</th>", short(*stop));
    }
    out.push_str("</tr></thead><tbody>");
    for curve in curves {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(&curve.label));
        for stop in &stops {
            let reached =
                curve.points.iter().take_while(|point| point.0 <= *stop).last().map_or(0.0, |point| point.1);
            let _ = write!(out, "<td class=\"num\">{reached:.1}</td>");
        }
        out.push_str("</tr>");
    }
    out + "</tbody></table></div></details>\n"
}

fn colour(index: usize) -> &'static str {
    ["s3", "s0", "s4", "s5", "s1", "s2"][index % 6]
}

/// Lines differ by more than their colour.
fn dash(index: usize) -> &'static str {
    ["", "stroke-dasharray=\"6 4\"", "stroke-dasharray=\"2 3\"", "stroke-dasharray=\"10 3 2 3\""][index % 4]
}

/// The next of 1, 2, 2.5, 4, 5, 8 or 10 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|step| *step >= value * 0.999_999).unwrap_or(value)
}

/// A number for an axis: 12.5, 800, 1.5k, 2M.
fn short(value: f64) -> String {
    let plain = |value: f64| {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if value >= 1e6 {
        plain(value / 1e6) + "M"
    } else if value >= 1e3 {
        plain(value / 1e3) + "k"
    } else {
        plain(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        let ends: Vec<f64> = [0.7, 1.0, 3.2, 41.0, 83.0, 1234.0].map(round_up).to_vec();
        let expected = [0.8, 1.0, 4.0, 50.0, 100.0, 2000.0];
        assert!(ends.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{ends:?}");
        assert_eq!([12.5, 800.0, 1500.0, 2e6].map(short), ["12.5", "800", "1.5k", "2M"]);
    }
}
