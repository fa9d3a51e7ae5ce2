//! The program in an answer: what counts as code that defines a name, and what a header adds to it.

use egcfg_python::{defines, extract_program};
use egcfg_task::Task;

/// Whether a text defines `name` in one way or the other, or is code at all where there is no name.
pub(super) fn is_code(text: &str, name: &str) -> bool {
    if name.is_empty() { !text.trim().is_empty() } else { defines(text, name) || assigns(text, name) }
}

/// Whether a line at the margin gives `name` a value: `add = lambda xs: ...` is a definition too.
fn assigns(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let rest = line.strip_prefix(name).map(str::trim_start).unwrap_or_default();
        rest.strip_prefix('=').is_some_and(|value| !value.starts_with('=')) || rest.starts_with(':')
    })
}

/// The code in an answer that defines `name`.
pub(super) fn program_in(answer: &str, name: &str) -> Option<String> {
    let code = extract_program(answer, Some(name).filter(|name| !name.is_empty())).code;
    is_code(&code, name).then_some(code)
}

/// A completion task's header may import and define what the program needs; a program written afresh may have left it out.
pub(super) fn with_prelude(task: &Task, code: String) -> String {
    let lines: Vec<&str> = task.header.split_inclusive('\n').collect();
    let own = lines.iter().position(|line| defines(line, &task.entry_point)).unwrap_or(0);
    let prelude = lines[..own].concat();
    if prelude.trim().is_empty() || code.contains(prelude.trim()) {
        return code;
    }
    format!("{}\n\n\n{code}", prelude.trim_end())
}
