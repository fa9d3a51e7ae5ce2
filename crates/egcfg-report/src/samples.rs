//! Results as samples: one program a line, in the form that `egcfg eval` and other evaluators read, with what egcfg knows of
//! each beside it. Results without a program are left out.

use egcfg_results::read::{Cell, Folder};
use serde_json::json;

use crate::fixed::Fixed;

/// All programs, in the experiment's order; `only` keeps those of one configuration and gamma.
pub fn render(folder: &Folder, only: Option<&Fixed>) -> String {
    let is = |cell: &&Cell| !cell.code.is_empty() && only.is_none_or(|fixed| fixed.covers(cell));
    let cells =
        folder.groups.iter().flat_map(|group| group.cells.iter().filter(is).map(move |cell| (group, cell)));
    let line = |(group, cell): (&egcfg_results::read::Group, &Cell)| {
        let object = json!({
            "task_id": cell.task,
            "solution": cell.code,
            "dataset": group.dataset,
            "model": group.model,
            "method": cell.method,
            "configuration": cell.configuration,
            "gamma": cell.gamma,
            "retry": cell.retry,
            "passed": if cell.scored() { json!(cell.passed) } else { json!(null) },
            "generated_tokens": cell.tokens,
        });
        format!("{object}\n")
    };
    cells.map(line).collect()
}
