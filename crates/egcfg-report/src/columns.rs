//! Text in columns, and scores as text.

use std::fmt::Write as _;

use egcfg_results::stats::Score;

/// `12/40`; a fraction where repetitions were averaged.
pub(crate) fn solved(score: &Score) -> String {
    let whole = (score.solved - score.solved.round()).abs() < 1e-9;
    if whole {
        format!("{:.0}/{}", score.solved, score.total)
    } else {
        format!("{:.1}/{}", score.solved, score.total)
    }
}

/// Writes rows as columns; the first `left` are text, the others numbers.
pub(crate) fn align(text: &mut String, lines: &[Vec<String>], left: usize) {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            lines.iter().filter_map(|l| l.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for line in lines {
        let mut out = String::new();
        for (column, cell) in line.iter().enumerate() {
            let pad = " ".repeat(widths[column] - cell.chars().count());
            if column < left {
                let _ = write!(out, "{cell}{pad}  ");
            } else {
                let _ = write!(out, "{pad}{cell}  ");
            }
        }
        let _ = writeln!(text, "{}", out.trim_end());
    }
}
