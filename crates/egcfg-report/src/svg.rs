//! A curve plot as one SVG picture, for a page and for a file alike: lines as steps, bands around them. Colours follow the
//! page where there is one and have values of their own where there is none.

use std::fmt::Write as _;

use crate::curve::{Axis, Curve};
use crate::report::{GroupReport, Report};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
/// Room for labels: left, top, right, bottom.
const EDGE: (f64, f64, f64, f64) = (52.0, 28.0, 16.0, 44.0);

const COLOURS: [(&str, &str); 6] = [
    ("--g3", "#0a4f58"),
    ("--g4", "#8f4a00"),
    ("--g0", "#85888e"),
    ("--g5", "#5b3a8c"),
    ("--g2", "#24848e"),
    ("--bad", "#a9261d"),
];

/// The colour of the n-th curve.
pub(crate) fn colour(index: usize) -> String {
    let (name, value) = COLOURS[index % COLOURS.len()];
    format!("var({name}, {value})")
}

/// Lines differ by more than their colour.
pub(crate) fn dash(index: usize) -> String {
    // Five against six colours: thirty lines that differ.
    let dashes = ["", "7 4", "2 3", "10 3 2 3", "14 4"];
    let marks = dashes
        .map(|dash| if dash.is_empty() { String::new() } else { format!("stroke-dasharray=\"{dash}\"") });
    marks[index % marks.len()].clone()
}

/// The report's curves over generated tokens as one picture; that of the first group that has any.
pub fn render(report: &Report) -> Option<String> {
    let picture = |group: &GroupReport| {
        let own: Vec<&Curve> = group.curves.iter().filter(|curve| curve.axis == Axis::Generated).collect();
        curves(&own)
    };
    report.groups.iter().map(picture).find(|picture| !picture.is_empty())
}

/// Draws the curves of one axis; empty where there is nothing to draw.
pub fn curves(curves: &[&Curve]) -> String {
    let most = curves.iter().map(|curve| curve.most).fold(0.0, f64::max);
    let Some(first) = curves.first().filter(|_| most > 0.0) else { return String::new() };
    let top = curves.iter().filter_map(|curve| curve.points.last()).map(|point| point.solved.high);
    let (right, up) = (round_up(most), round_up(top.fold(1.0, f64::max)).min(100.0));
    let x = |spent: f64| EDGE.0 + (WIDTH - EDGE.0 - EDGE.2) * spent / right;
    let y = |percent: f64| HEIGHT - EDGE.3 - (HEIGHT - EDGE.1 - EDGE.3) * percent / up;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Percent of tasks solved over {0}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"var(--soft, #5a5d63)\">\n",
        first.axis.title()
    );
    for tick in 0..=4 {
        let share = f64::from(tick) / 4.0;
        let _ = writeln!(
            out,
            "<line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{2:.1}\" y2=\"{2:.1}\" stroke=\"var(--line, #dcdad3)\"/>\
             <text x=\"{3:.1}\" y=\"{4:.1}\" text-anchor=\"end\">{5}</text>\
             <text x=\"{6:.1}\" y=\"{7:.1}\" text-anchor=\"middle\">{8}</text>",
            x(0.0),
            x(right),
            y(up * share),
            x(0.0) - 8.0,
            y(up * share) + 4.0,
            short(up * share),
            x(right * share),
            y(0.0) + 18.0,
            short(right * share)
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text><text x=\"4\" y=\"14\">% of {} tasks solved</text>",
        x(right),
        y(0.0) + 36.0,
        first.axis.title(),
        first.tasks
    );
    for (index, curve) in curves.iter().enumerate() {
        let value = |of: fn(&crate::curve::Point) -> f64| -> Vec<(f64, f64)> {
            let mut steps: Vec<(f64, f64)> = Vec::new();
            for point in &curve.points {
                let before = steps.last().map_or(0.0, |step| step.1);
                steps.extend([(x(point.spent), before), (x(point.spent), y(of(point)))]);
            }
            let last = steps.last().map_or(y(0.0), |step| step.1);
            steps.push((x(curve.most), last));
            // The first step comes from nowhere.
            steps.remove(0);
            steps
        };
        let band = value(|point| point.solved.low)
            .into_iter()
            .chain(value(|point| point.solved.high).into_iter().rev());
        let colour = colour(index);
        let _ = writeln!(
            out,
            "<polygon points=\"{}\" fill=\"{colour}\" opacity=\"0.12\"/>\
             <polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" {}/>",
            joined(band),
            joined(value(|point| point.solved.value).into_iter()),
            dash(index)
        );
    }
    legend(&mut out, curves, x(0.0) + 14.0);
    out + "</svg>\n"
}

fn legend(out: &mut String, curves: &[&Curve], left: f64) {
    for (index, curve) in curves.iter().enumerate() {
        let y = EDGE.1 + 10.0 + 17.0 * index as f64;
        let _ = writeln!(
            out,
            "<line x1=\"{left:.1}\" x2=\"{:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"{2}\" stroke-width=\"2\" {3}/>\
             <text x=\"{4:.1}\" y=\"{5:.1}\" fill=\"var(--ink, #1c1d1f)\">{6}</text>",
            left + 26.0,
            y - 4.0,
            colour(index),
            dash(index),
            left + 34.0,
            y,
            escape(&curve.label)
        );
    }
}

fn joined(points: impl Iterator<Item = (f64, f64)>) -> String {
    points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The next of 1, 2, 2.5, 4, 5, 8 or 10 times a power of ten.
pub(crate) fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|step| *step >= value * 0.999_999).unwrap_or(value)
}

/// A number for an axis: 12.5, 800, 1.5k, 2M.
pub(crate) fn short(value: f64) -> String {
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
