//! What is wrong with a program's text, and where.

use ruff_text_size::TextSize;

/// Why a text is not a valid program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct SyntaxFault {
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1 in characters.
    pub column: usize,
    /// What is wrong. The wording is the parser's or ours, not CPython's.
    pub message: String,
}

impl SyntaxFault {
    /// A fault at a byte offset of `source`.
    pub(crate) fn at(source: &str, offset: TextSize, message: impl Into<String>) -> Self {
        let mut offset = offset.to_usize().min(source.len());
        while !source.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &source[..offset];
        let (mut line, mut start) = (1, 0);
        let bytes = before.as_bytes();
        for (index, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(index + 1) != Some(&b'\n')) {
                line += 1;
                start = index + 1;
            }
        }
        Self { line, column: before[start..].chars().count() + 1, message: message.into() }
    }
}
