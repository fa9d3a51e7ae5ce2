//! Executable forms: the nearest valid program to an unfinished one.
//!
//! A text that is valid stays as it is. Otherwise, in turn: `pass` is appended, the last line is dropped, the last line is
//! replaced by `pass`; and again with one line less, until something is valid. `pass` goes to the last line's
//! indentation; after a line that opens a block it goes one level deeper, so that a trailing `for x in xs:` stays and runs.
//! Then comments, docstrings and blank lines go.

use crate::depth;
use crate::fault::SyntaxFault;
use crate::lines::{self, Logical, Outline};
use crate::parse::{with_module, with_stack};
use crate::strip;
use crate::version::PythonVersion;

use ruff_python_ast::token::TokenKind;

/// A fault within so many lines of the end is reached line by line.
const NEARBY: usize = 4;
/// Lines that are dropped one by one; from then on a fault's own line says how far back to go, and strides double.
const PATIENT_STEPS: usize = 32;

/// The executable form of a program text that may be cut off anywhere: it compiles, it holds no comments, docstrings or
/// blank lines, and it ends with a newline. `None` when nothing that runs can be made of the text.
///
/// ```
/// use egcfg_python::{PythonVersion, executable_form};
///
/// let cut_off = "def total(xs):\n    \"\"\"Adds up.\"\"\"\n    s = 0  # the sum\n    for x in xs:\n";
/// let form = executable_form(cut_off, PythonVersion::default()).unwrap();
/// assert_eq!(form, "def total(xs):\n    s = 0\n    for x in xs:\n        pass\n");
/// ```
pub fn executable_form(source: &str, version: PythonVersion) -> Option<String> {
    let source = lines::unix_newlines(source);
    if let Ok(form) = stripped(&source, version) {
        return non_empty(form);
    }
    non_empty(Repair::new(&source, version).run()?)
}

fn non_empty(form: String) -> Option<String> {
    (!form.is_empty()).then_some(form)
}

/// The stripped text of a valid program.
fn stripped(source: &str, version: PythonVersion) -> Result<String, SyntaxFault> {
    with_module(source, version, |parsed| strip::strip(source, parsed))
}

struct Repair<'a> {
    source: &'a str,
    version: PythonVersion,
    /// Offsets of the physical lines.
    starts: Vec<usize>,
    outline: Outline,
    /// One level of indentation, as this program writes it.
    unit: &'a str,
    steps: usize,
}

impl<'a> Repair<'a> {
    fn new(source: &'a str, version: PythonVersion) -> Self {
        // What is too deep to parse is cut back to where it is not, before any parse.
        let mut source = source;
        while let Err(fault) = depth::measure(source) {
            let end = source
                .match_indices('\n')
                .nth(fault.line.saturating_sub(2))
                .map_or(0, |(index, _)| index + 1);
            source = &source[..if fault.line < 2 || end >= source.len() { 0 } else { end }];
        }
        let starts = lines::line_starts(source);
        let depth = depth::measure(source).unwrap_or(0);
        let outline = with_stack(depth, || lines::outline(source, &starts, version));
        let unit = indentation_unit(source);
        Self { source, version, starts, outline, unit, steps: 0 }
    }

    fn run(&mut self) -> Option<String> {
        // `count` physical lines are still there; blank ones at the end count only as the last one's indentation.
        let mut count =
            self.outline.first_error.map_or(self.starts.len(), |line| self.starts.len().min(line + 1));
        while count > 0 {
            count = self.before_open_try(count);
            if lines::is_blank(self.line(count - 1)) && count < self.starts.len() {
                count -= 1;
                continue;
            }
            let (fault, persistent) = match self.attempt(count, Some(self.pass_after(count))) {
                Ok(form) => return Some(form),
                Err(fault) => (fault.line - 1, self.persistent(&fault, count)),
            };
            let replaced = lines::indentation(self.line(count - 1)).to_owned();
            for pass in [None, Some(replaced)] {
                if let Ok(form) = self.attempt(count - 1, pass) {
                    return Some(form);
                }
            }
            self.steps += 1;
            let impatient = self.steps.checked_sub(PATIENT_STEPS);
            count = match impatient {
                None => (count - 1).min(persistent + 1),
                // Ever larger strides keep the number of attempts small on texts of any length.
                Some(more) => (count - 1).min(fault + 1).saturating_sub((1 << more.min(30)) - 1),
            };
        }
        None
    }

    /// The line of a fault that no line after it can mend; else the last line there is.
    ///
    /// A fault of scopes (`return` outside a function) is the same without what follows it. Some others are not: a `case _:`
    /// is at fault only when another case comes after it.
    fn persistent(&self, fault: &SyntaxFault, count: usize) -> usize {
        let line = fault.line - 1;
        if line + NEARBY < count && self.attempt(line + 1, None).is_err_and(|again| again == *fault) {
            line
        } else {
            count
        }
    }

    fn line(&self, index: usize) -> &'a str {
        let end = self.starts.get(index + 1).map_or(self.source.len(), |next| next - 1);
        &self.source[self.starts[index]..end]
    }

    /// The first `count` lines, and `pass` at the given indentation.
    fn attempt(&self, count: usize, pass: Option<String>) -> Result<String, SyntaxFault> {
        let end = self.starts.get(count).copied().unwrap_or(self.source.len());
        let mut text = String::with_capacity(end + 16);
        text.push_str(&self.source[..end]);
        if let Some(indentation) = pass {
            // A last line of white space is the indentation itself.
            if !text.ends_with('\n') && !text.is_empty() {
                let line = text.rfind('\n').map_or(0, |index| index + 1);
                if lines::is_blank(&text[line..]) {
                    text.truncate(line);
                } else {
                    text.push('\n');
                }
            }
            text.push_str(&indentation);
            text.push_str("pass\n");
        }
        stripped(&text, self.version)
    }

    /// The indentation of a `pass` after the first `count` lines.
    fn pass_after(&self, count: usize) -> String {
        let last = self.line(count - 1);
        let own = lines::indentation(last);
        let Some(logical) = self.logical_at(count - 1) else { return own.to_owned() };
        if !logical.opens {
            return own.to_owned();
        }
        let opener = lines::indentation(self.line(logical.line));
        if lines::is_blank(last) && own.len() > opener.len() && own.starts_with(opener) {
            return own.to_owned();
        }
        format!("{opener}{}", self.unit)
    }

    /// The last logical line that starts at or before a physical line.
    fn logical_at(&self, line: usize) -> Option<Logical> {
        let after = self.outline.logical.partition_point(|logical| logical.line <= line);
        after.checked_sub(1).map(|index| self.outline.logical[index])
    }

    /// Inside a `try` that has no handler yet, nothing that this repair does can help: goes back to its `try:` line.
    fn before_open_try(&self, count: usize) -> usize {
        // The open `try` statements: where each starts, and whether a handler has come.
        let mut open: Vec<(Logical, bool)> = Vec::new();
        for logical in self.outline.logical.iter().take_while(|logical| logical.line < count) {
            open.retain(|(start, _)| start.column <= logical.column);
            if let Some((start, handled)) = open.last_mut()
                && start.column == logical.column
            {
                if matches!(logical.first, TokenKind::Except | TokenKind::Finally) {
                    *handled = true;
                } else {
                    open.pop();
                }
            }
            if logical.first == TokenKind::Try && logical.opens {
                open.push((*logical, false));
            }
        }
        let unhandled = open.into_iter().find(|(_, handled)| !handled);
        unhandled.map_or(count, |(start, _)| count.min(start.line + 1))
    }
}

/// The first indentation of a program, or four spaces.
fn indentation_unit(source: &str) -> &str {
    source
        .split('\n')
        .map(|line| (lines::indentation(line), line))
        .find(|(indentation, line)| !indentation.is_empty() && !lines::is_blank(line))
        .map_or("    ", |(indentation, _)| indentation)
}
