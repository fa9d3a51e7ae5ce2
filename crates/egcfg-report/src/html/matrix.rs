//! The tasks, methods side by side: a table that can be filtered and sorted by every column.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use egcfg_results::read::{Cell, Group};

use super::embed::{escape, fragment};
use crate::report::GroupReport;
use crate::sides::Side;

/// What became of a task under a method: the runs that count and how many of them pass.
#[derive(Clone, Copy)]
struct Became {
    runs: usize,
    scored: usize,
    passed: usize,
}

impl Became {
    fn of(side: &Side, cells: &[&Cell]) -> Self {
        let own = || cells.iter().filter(|cell| side.covers(cell));
        Self {
            runs: own().count(),
            scored: own().filter(|cell| cell.scored()).count(),
            passed: own().filter(|cell| cell.scored() && cell.passed).count(),
        }
    }

    fn solved(self) -> bool {
        self.passed > 0
    }

    fn failed(self) -> bool {
        self.scored > 0 && self.passed == 0
    }

    /// What the column sorts by: no result, an error, a failure, then the share that passes.
    fn rank(self) -> f64 {
        match (self.runs, self.scored) {
            (0, _) => -2.0,
            (_, 0) => -1.0,
            _ => self.passed as f64 / self.scored as f64,
        }
    }

    fn cell(self) -> String {
        let word = |class: &str, sign: &str, said: &str| {
            format!("<span class=\"{class}\">{sign}<span class=\"vh\"> {said}</span></span>")
        };
        let words = match (self.runs, self.scored, self.passed) {
            (0, ..) => word("none", "–", "no result"),
            (_, 0, _) => word("none", "!", "not scored"),
            (_, scored, passed) if scored == passed => word("ok", "✓", "passes"),
            (_, _, 0) => word("bad", "✗", "fails"),
            (_, scored, passed) => format!("{passed}/{scored}"),
        };
        format!("<td data-v=\"{}\">{words}</td>", self.rank())
    }
}

/// Writes the table.
pub(crate) fn render(out: &mut String, group: &Group, report: &GroupReport, place: usize) {
    let mut by_task: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
    for cell in &group.cells {
        by_task.entry(&cell.task).or_default().push(cell);
    }
    head(out, group, report, place);
    for task in &group.tasks {
        let cells = by_task.get(task.as_str()).map(Vec::as_slice).unwrap_or_default();
        let became: Vec<Became> = report.sides.iter().map(|side| Became::of(side, cells)).collect();
        let passing = cells.iter().filter(|cell| cell.scored() && cell.passed).count();
        let guided = cells.iter().any(|c| c.guided_grid() && c.gamma != 0.0 && c.scored() && c.passed);
        let fixed = report.fixed.as_ref().and_then(|fixed| cells.iter().find(|cell| fixed.covers(cell)));
        let greedy = became.first();
        let kinds = [
            ("solved", passing > 0),
            ("unsolved", passing == 0),
            ("gain", guided && greedy.is_some_and(|own| own.failed())),
            (
                "loss",
                greedy.is_some_and(|own| own.solved()) && fixed.is_some_and(|c| c.scored() && !c.passed),
            ),
            ("differ", became.iter().any(|own| own.solved()) && became.iter().any(|own| own.failed())),
            ("error", cells.iter().any(|cell| !cell.scored())),
        ];
        let kinds: Vec<&str> = kinds.into_iter().filter(|kind| kind.1).map(|kind| kind.0).collect();
        let tokens: usize = cells.iter().filter_map(|cell| cell.tokens).sum();
        let href = format!("#/{}/{}/{}", fragment(&group.dataset), fragment(&group.model), fragment(task));
        let columns: String = became.iter().map(|own| own.cell()).collect();
        let _ = writeln!(
            out,
            "<tr data-id=\"{id}\" data-kind=\"{}\"><th scope=\"row\"><a href=\"{}\">{id}</a></th>{columns}<td class=\"num\" data-v=\"{passing}\">{passing} of {}</td><td class=\"num\" data-v=\"{tokens}\">{tokens}</td></tr>",
            kinds.join(" "),
            escape(&href),
            cells.len(),
            id = escape(task),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn head(out: &mut String, group: &Group, report: &GroupReport, place: usize) {
    let _ = write!(
        out,
        "<h2 id=\"tasks-{place}-title\">Tasks</h2>\n<p class=\"hint\">Each opens its prompt, its tests and the replay of its runs. A column's title sorts by it.</p>\n\
         <div class=\"filters\" data-table=\"tasks-{place}\" role=\"search\"><label>Id contains<input type=\"search\" autocomplete=\"off\"></label>\
         <label>Which<select><option value=\"\">all</option><option value=\"gain\">solved by guidance only</option><option value=\"loss\">lost by guidance</option>\
         <option value=\"differ\">methods differ</option><option value=\"solved\">solved by any run</option><option value=\"unsolved\">unsolved</option><option value=\"error\">with errors</option></select></label>\
         <output aria-live=\"polite\" class=\"hint\">{} tasks</output></div>\n\
         <div class=\"scroll\"><table class=\"tasks\" id=\"tasks-{place}\" aria-labelledby=\"tasks-{place}-title\"><thead><tr><th scope=\"col\">task</th>",
        group.tasks.len()
    );
    for side in &report.sides {
        let title = format!("{} at gamma {}", side.configuration, side.gamma);
        let _ = write!(out, "<th scope=\"col\" title=\"{}\">{}</th>", escape(&title), escape(&side.label));
    }
    out.push_str(
        "<th scope=\"col\" class=\"num\">passing runs</th><th scope=\"col\" class=\"num\">tokens</th></tr></thead><tbody>\n",
    );
}
