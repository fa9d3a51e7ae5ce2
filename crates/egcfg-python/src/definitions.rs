//! What a text defines at its top level, and whether a program is finished.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Pattern, Stmt};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;

use crate::depth;
use crate::lines;
use crate::parse::{with_module, with_stack};
use crate::version::PythonVersion;

/// What a definition defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefinitionKind {
    /// `def` or `async def`.
    Function,
    /// `class`.
    Class,
}

/// A function or class at the top level of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: DefinitionKind,
    /// The line of its `def` or `class`, counted from 1 (decorators stand above).
    pub line: usize,
}

/// The functions and classes that a text defines at its top level, in order. The text need not be valid or complete; what
/// looks like a definition inside a string is none.
pub fn definitions(source: &str) -> Vec<Definition> {
    let source = lines::unix_newlines(source);
    let Ok(depth) = depth::measure(&source) else { return Vec::new() };
    with_stack(depth, || {
        let parsed = parse_unchecked(&source, ParseOptions::from(Mode::Module));
        let starts = lines::line_starts(&source);
        let tokens: Vec<_> = parsed.tokens().iter().collect();
        let definition = |window: &[&ruff_python_ast::token::Token]| {
            let [keyword, name] = window else { return None };
            let kind = match keyword.kind() {
                TokenKind::Def => DefinitionKind::Function,
                TokenKind::Class => DefinitionKind::Class,
                _ => return None,
            };
            let line = starts.partition_point(|start| *start <= keyword.start().to_usize());
            let before = &source[starts[line - 1]..keyword.start().to_usize()];
            let at_start =
                before.is_empty() || before.split_whitespace().eq(["async"]) && before.starts_with("async");
            (at_start && name.kind() == TokenKind::Name).then(|| Definition {
                name: source[name.range()].to_owned(),
                kind,
                line,
            })
        };
        tokens.windows(2).filter_map(definition).collect()
    })
}

/// Whether the definition of `name` has begun in a text: a line starts with `def name(`, `async def name(` or `class name`.
/// A plain scan, for text that is still being written.
pub fn defines(text: &str, name: &str) -> bool {
    text.split(['\n', '\r']).any(|line| {
        let line =
            line.strip_prefix("async").filter(|rest| rest.starts_with(BLANKS)).map_or(line, str::trim_start);
        let function = after_keyword(line, "def", name).is_some_and(|rest| rest.starts_with(['(', '[']));
        let class = after_keyword(line, "class", name).is_some_and(|rest| rest.starts_with(['(', ':', '[']));
        function || class
    })
}

const BLANKS: [char; 2] = [' ', '\t'];

/// What follows `keyword name` at the start of a line.
fn after_keyword<'a>(line: &'a str, keyword: &str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(keyword).filter(|rest| rest.starts_with(BLANKS))?;
    Some(rest.trim_start_matches(BLANKS).strip_prefix(name)?.trim_start_matches(BLANKS))
}

/// Whether a program is finished: it is valid, its last statement is the definition of `entry_point`, and that definition's
/// last line returns (or raises) on every path that reaches it. For a class, its last method counts.
pub fn finished(source: &str, entry_point: &str, version: PythonVersion) -> bool {
    let source = lines::unix_newlines(source);
    with_module(&source, version, |parsed| match parsed.suite().last() {
        Some(Stmt::FunctionDef(def)) => def.name.as_str() == entry_point && returns(&def.body),
        Some(Stmt::ClassDef(class)) => {
            class.name.as_str() == entry_point
                && class
                    .body
                    .last()
                    .and_then(Stmt::as_function_def_stmt)
                    .is_some_and(|method| returns(&method.body))
        }
        _ => false,
    })
    .unwrap_or(false)
}

/// Whether control cannot run off the end of a body.
fn returns(body: &[Stmt]) -> bool {
    match body.last() {
        Some(Stmt::Return(_) | Stmt::Raise(_)) => true,
        Some(Stmt::If(branch)) => {
            let has_else = branch.elif_else_clauses.last().is_some_and(|clause| clause.test.is_none());
            has_else
                && returns(&branch.body)
                && branch.elif_else_clauses.iter().all(|clause| returns(&clause.body))
        }
        Some(Stmt::With(with)) => returns(&with.body),
        Some(Stmt::Try(attempt)) => {
            let handlers = attempt.handlers.iter().filter_map(|handler| handler.as_except_handler());
            let tried = if attempt.orelse.is_empty() { &attempt.body } else { &attempt.orelse };
            returns(&attempt.finalbody)
                || (returns(tried) && handlers.map(|handler| &handler.body).all(|body| returns(body)))
        }
        Some(Stmt::Match(choice)) => {
            let caught = |pattern: &Pattern| pattern.irrefutable_pattern().is_some();
            let complete =
                choice.cases.last().is_some_and(|case| case.guard.is_none() && caught(&case.pattern));
            complete && choice.cases.iter().all(|case| returns(&case.body))
        }
        _ => false,
    }
}
