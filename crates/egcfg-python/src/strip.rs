//! Takes out what does not run: comments, docstrings, blank lines, white space at line ends.
//!
//! Everything else stays as its author wrote it, because a model reads the result again. Strings of several lines are
//! never touched inside, nor is anything inside an f-string (its `=` fields print their own source).

use ruff_python_ast::statement_visitor::{self, StatementVisitor};
use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_ast::{ModModule, Stmt};
use ruff_python_parser::Parsed;
use ruff_text_size::{Ranged, TextRange};

use crate::lines;

/// A stretch of the source to leave out, and what stands there instead.
#[derive(Debug, Clone, Copy)]
struct Cut {
    range: TextRange,
    instead: &'static str,
}

/// The source (with `\n` line ends) of a valid module without comments, docstrings and blank lines. Empty when nothing is left.
pub(crate) fn strip(source: &str, parsed: &Parsed<ModModule>) -> String {
    let mut docstrings = Docstrings { tokens: parsed.tokens(), cuts: Vec::new() };
    docstrings.body(parsed.suite(), true);
    let mut cuts = docstrings.cuts;
    let whole = whole_strings(parsed.tokens());
    let comments = parsed.tokens().iter().filter(|token| token.kind() == TokenKind::Comment);
    let comments = comments.map(|token| Cut { range: token.range(), instead: "" });
    cuts.extend(comments.filter(|cut| !inside(&whole, cut.range.start().to_usize())));
    cuts.sort_by_key(|cut| cut.range.start());
    rewrite(source, &cuts, &whole)
}

/// Leading string statements of a body: the docstring, and what would become the docstring once it is gone.
pub(crate) fn leading_strings(body: &[Stmt]) -> usize {
    body.iter()
        .take_while(|stmt| stmt.as_expr_stmt().is_some_and(|stmt| stmt.value.is_string_literal_expr()))
        .count()
}

struct Docstrings<'a> {
    tokens: &'a Tokens,
    cuts: Vec<Cut>,
}

impl Docstrings<'_> {
    fn body(&mut self, body: &[Stmt], module: bool) {
        let count = leading_strings(body);
        for (index, stmt) in body[..count].iter().enumerate() {
            if index + 1 == body.len() && !module {
                self.cuts.push(Cut { range: stmt.range(), instead: "pass" });
            } else {
                self.cuts.push(Cut { range: self.with_semicolon(stmt.range()), instead: "" });
            }
        }
        statement_visitor::walk_body(self, body);
    }

    /// The statement's range, and the semicolon after it with the blanks up to the next statement.
    fn with_semicolon(&self, range: TextRange) -> TextRange {
        let mut after = self.tokens.after(range.end()).iter();
        match after.next() {
            Some(semi) if semi.kind() == TokenKind::Semi => {
                let end = match after.next() {
                    Some(next) if !next.kind().is_any_newline() && next.kind() != TokenKind::Comment => {
                        next.start()
                    }
                    _ => semi.end(),
                };
                TextRange::new(range.start(), end)
            }
            _ => range,
        }
    }
}

impl<'a> StatementVisitor<'a> for Docstrings<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.body(&def.body, false),
            Stmt::ClassDef(class) => self.body(&class.body, false),
            _ => statement_visitor::walk_stmt(self, stmt),
        }
    }
}

/// Ranges of strings and of outermost f-strings.
fn whole_strings(tokens: &Tokens) -> Vec<TextRange> {
    let mut ranges = Vec::new();
    let mut open = Vec::new();
    for token in tokens {
        match token.kind() {
            TokenKind::String if open.is_empty() => ranges.push(token.range()),
            TokenKind::FStringStart | TokenKind::TStringStart => open.push(token.start()),
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                if let Some(start) = open.pop()
                    && open.is_empty()
                {
                    ranges.push(TextRange::new(start, token.end()));
                }
            }
            _ => {}
        }
    }
    ranges
}

/// Whether an offset lies in one of the sorted ranges.
fn inside(ranges: &[TextRange], offset: usize) -> bool {
    let before = ranges.partition_point(|range| range.start().to_usize() <= offset);
    before > 0 && ranges[before - 1].end().to_usize() > offset
}

fn rewrite(source: &str, cuts: &[Cut], whole: &[TextRange]) -> String {
    let mut output =
        Output { text: String::with_capacity(source.len() + 1), line: String::new(), kept: false };
    let mut position = 0;
    for cut in cuts {
        let start = cut.range.start().to_usize();
        output.copy(source, position, start, whole);
        output.line.push_str(cut.instead);
        position = cut.range.end().to_usize();
    }
    output.copy(source, position, source.len(), whole);
    output.end_line();
    output.text
}

struct Output {
    text: String,
    line: String,
    /// Whether the line must stand even when it is empty: it continues the one before.
    kept: bool,
}

impl Output {
    fn copy(&mut self, source: &str, start: usize, end: usize, whole: &[TextRange]) {
        let mut position = start;
        while let Some(length) = source[position..end].find('\n') {
            let newline = position + length;
            self.line.push_str(&source[position..newline]);
            if inside(whole, newline) {
                self.text.push_str(&self.line);
                self.text.push('\n');
                self.line.clear();
                self.kept = true;
            } else {
                self.end_line();
            }
            position = newline + 1;
        }
        self.line.push_str(&source[position..end]);
    }

    fn end_line(&mut self) {
        let text = lines::trimmed(&self.line);
        if self.kept || !text.is_empty() {
            self.text.push_str(text);
            self.text.push('\n');
        }
        self.kept = text.ends_with('\\');
        self.line.clear();
    }
}
