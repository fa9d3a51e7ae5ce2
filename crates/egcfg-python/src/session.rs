//! Programs as interpreters and notebooks show them: with prompts, magic commands, and the labels of a page that code was copied
//! from.

use std::borrow::Cow;

use crate::lines;
use crate::parse::check;
use crate::version::PythonVersion;

/// Lines that a page puts above a program.
const LABELS: [&str; 5] = ["python", "python3", "py", "copy code", "copy"];

/// The program without what is none of it; as it is where nothing is to be taken away, or where that makes no program of it.
pub(crate) fn plain(code: &str) -> Cow<'_, str> {
    let bare = without_labels(code);
    if is_valid(bare) {
        return if bare.len() < code.len() { bare.to_owned().into() } else { code.into() };
    }
    let shown = without_prompts(bare);
    let kept: String =
        shown.split('\n').filter(|line| !is_magic(line)).flat_map(|line| [line, "\n"]).collect();
    if is_valid(&kept) && !kept.trim().is_empty() { kept.into() } else { code.into() }
}

fn is_valid(code: &str) -> bool {
    check(code, PythonVersion::default()).is_ok()
}

fn without_labels(code: &str) -> &str {
    let mut rest = code;
    while has_label(rest) {
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    rest
}

/// Whether the first line is such a label, with something below it.
pub(crate) fn has_label(code: &str) -> bool {
    code.split_once('\n')
        .is_some_and(|(first, _)| LABELS.contains(&first.trim().to_ascii_lowercase().as_str()))
}

/// `%matplotlib inline`, `!pip install x`, `f?`.
fn is_magic(line: &str) -> bool {
    let line = line.trim();
    let asked = line.trim_end_matches('?');
    line.starts_with(['%', '!'])
        || asked.len() < line.len() && asked.chars().all(|c| c.is_alphanumeric() || "._".contains(c))
}

/// The statements of a session, without prompts and without what was printed; of code before a session, that code.
fn without_prompts(code: &str) -> String {
    let mut before = String::new();
    let (mut said, mut in_session) = (String::new(), false);
    for line in code.split('\n') {
        if let Some(first) = opened(line.trim_start()) {
            in_session = true;
            said.push_str(first);
            said.push('\n');
        } else if in_session {
            if let Some(next) = continued(line.trim_start()) {
                said.push_str(next);
                said.push('\n');
            }
        } else {
            before.push_str(line);
            before.push('\n');
        }
    }
    if !in_session || !before.trim().is_empty() && is_valid(&before) { before } else { said }
}

/// What stands behind the prompt of a statement, `>>> ` or `In [1]: `.
fn opened(line: &str) -> Option<&str> {
    let after = if let Some(after) = line.strip_prefix(">>>") {
        after
    } else {
        let (number, after) = line.strip_prefix("In [")?.split_once("]:")?;
        number.chars().all(|c| c.is_ascii_digit() || c == ' ').then_some(after)?
    };
    Some(after.strip_prefix(' ').unwrap_or(after))
}

/// What stands behind the prompt of a statement's next line.
fn continued(line: &str) -> Option<&str> {
    let after = line.strip_prefix("...")?;
    let after = after.strip_prefix(':').unwrap_or(after);
    Some(after.strip_prefix(' ').unwrap_or(after))
}

/// The longest beginning of a program that is one and satisfies `wanted`, up to a line at the margin; the program as it is where none
/// does.
pub(crate) fn whole_part(code: &str, wanted: impl Fn(&str) -> bool) -> &str {
    if is_valid(code) {
        return code;
    }
    let mut parts = lines::last_begins(code, lines::is_at_margin).map(|cut| &code[..cut]);
    parts.find(|part| wanted(part) && is_valid(part)).unwrap_or(code)
}
