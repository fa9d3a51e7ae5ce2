//! Physical and logical lines of a text, valid or not.

use std::borrow::Cow;

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;

use crate::version::PythonVersion;

/// White space within a line.
const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// The text with every line ending as `\n`, as Python's tokenizer reads it.
pub(crate) fn unix_newlines(source: &str) -> Cow<'_, str> {
    if source.contains('\r') {
        Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(source)
    }
}

/// The white space that a line begins with.
pub(crate) fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches(BLANKS).len()]
}

/// Whether a line holds white space only.
pub(crate) fn is_blank(line: &str) -> bool {
    line.trim_start_matches(BLANKS).is_empty()
}

/// Whether a line has text, and that at the margin.
pub(crate) fn is_at_margin(line: &str) -> bool {
    !is_blank(line) && indentation(line).is_empty()
}

/// Where the last lines begin that `is` chooses, from the end on: the places where a text that is no program may be cut. There are 64
/// at most, since each is tried by a parse.
pub(crate) fn last_begins(text: &str, is: impl Fn(&str) -> bool) -> impl Iterator<Item = usize> {
    const MOST: usize = 64;
    let mut at = text.len();
    let lines = text.split_inclusive('\n').rev().filter_map(move |line| {
        at -= line.len();
        is(line).then_some(at)
    });
    lines.take(MOST)
}

/// A line without white space at its end.
pub(crate) fn trimmed(line: &str) -> &str {
    line.trim_end_matches(BLANKS)
}

/// A logical line: its first physical line, and what matters about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Logical {
    /// Index of the physical line where it starts.
    pub(crate) line: usize,
    /// Column of its first token, in bytes.
    pub(crate) column: usize,
    /// Its first token.
    pub(crate) first: TokenKind,
    /// Whether its last token is a colon: it opens a block.
    pub(crate) opens: bool,
}

/// What one tolerant parse of a text tells about its lines and its first error.
pub(crate) struct Outline {
    pub(crate) logical: Vec<Logical>,
    /// Physical line of the first grammar error.
    pub(crate) first_error: Option<usize>,
}

/// Outlines a text of bounded depth.
pub(crate) fn outline(source: &str, starts: &[usize], version: PythonVersion) -> Outline {
    let line_of = |offset: usize| starts.partition_point(|start| *start <= offset).saturating_sub(1);
    let options = ParseOptions::from(Mode::Module).with_target_version(version.target());
    let parsed = parse_unchecked(source, options);
    let mut logical: Vec<Logical> = Vec::new();
    let mut fresh = true;
    for token in parsed.tokens() {
        match token.kind() {
            TokenKind::Newline => fresh = true,
            TokenKind::NonLogicalNewline
            | TokenKind::Comment
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::EndOfFile => {}
            kind => {
                let opens = kind == TokenKind::Colon;
                if fresh {
                    let start = token.start().to_usize();
                    let line = line_of(start);
                    logical.push(Logical { line, column: start - starts[line], first: kind, opens });
                    fresh = false;
                } else if let Some(last) = logical.last_mut() {
                    last.opens = opens;
                }
            }
        }
    }
    let grammar = parsed.errors().iter().map(|error| error.location.start());
    let release = parsed.unsupported_syntax_errors().iter().map(|error| error.range.start());
    let first_error = grammar.chain(release).min().map(|offset| line_of(offset.to_usize()));
    Outline { logical, first_error }
}

/// Byte offsets at which the physical lines of a text start.
pub(crate) fn line_starts(source: &str) -> Vec<usize> {
    std::iter::once(0).chain(source.match_indices('\n').map(|(index, _)| index + 1)).collect()
}
