//! The one door to the parser: depth guard, room on the stack, parsing, version check, semantic check.
//!
//! Every function of this crate that needs a syntax tree goes through [`with_module`], so that none of them can be given
//! a tree that is too deep to walk or a program that CPython would refuse.

use ruff_python_ast::{Expr, Mod, ModModule};
use ruff_python_parser::{Mode, ParseOptions, Parsed, UnsupportedSyntaxError, parse_unchecked};
use ruff_text_size::Ranged;

use crate::depth;
use crate::fault::SyntaxFault;
use crate::semantic;
use crate::text_rules;
use crate::version::PythonVersion;

/// Up to this depth the stack of any thread is enough.
const SHALLOW: usize = 120;
/// Stack for one level of a deep tree: a few frames of parser or walk, generous for builds without optimisation.
const BYTES_PER_LEVEL: usize = 16 << 10;

/// Says whether CPython's `compile(source, "<string>", "exec")` of that version would accept `source`.
///
/// Everything that makes `compile()` fail counts: grammar, tokens (tabs, encodings, string prefixes), scopes (`return`
/// outside a function, `nonlocal` without a binding, ...) and its limits on nesting.
pub fn check(source: &str, version: PythonVersion) -> Result<(), SyntaxFault> {
    with_module(source, version, |_| ())
}

/// Parses and checks `source`, and hands the tree to `look`. The tree is freed before this returns.
pub(crate) fn with_module<R>(
    source: &str,
    version: PythonVersion,
    look: impl FnOnce(&Parsed<ModModule>) -> R,
) -> Result<R, SyntaxFault> {
    text_rules::check(source, version)?;
    let depth = depth::measure(source)?;
    with_stack(depth, || {
        let parsed = parse_module(source, version)?;
        semantic::check(source, version, &parsed)?;
        Ok(look(&parsed))
    })
}

fn parse_module(source: &str, version: PythonVersion) -> Result<Parsed<ModModule>, SyntaxFault> {
    let options = ParseOptions::from(Mode::Module).with_target_version(version.target());
    let parsed = parse_unchecked(source, options);
    if let Some(error) = parsed.errors().first() {
        return Err(SyntaxFault::at(source, error.location.start(), error.error.to_string()));
    }
    if let Some(error) = parsed.unsupported_syntax_errors().first() {
        return Err(SyntaxFault::at(source, error.range.start(), error.to_string()));
    }
    if version.minor == 9 && source.contains(":=") {
        index_walrus(source)?;
    }
    // Module mode always gives a module.
    parsed.try_into_module().ok_or_else(|| SyntaxFault::at(source, 0.into(), "not a module"))
}

/// Ruff dates a bare `:=` in an index to 3.9, CPython allows it from 3.10: asks as if for 3.8.
fn index_walrus(source: &str) -> Result<(), SyntaxFault> {
    let options = ParseOptions::from(Mode::Module).with_target_version(ruff_python_ast::PythonVersion::PY38);
    let parsed = parse_unchecked(source, options);
    // The kind's inner enum is not public; its message is.
    let in_index = |error: &&UnsupportedSyntaxError| error.to_string().contains("in a sequence index");
    match parsed.unsupported_syntax_errors().iter().find(in_index) {
        Some(error) => {
            Err(SyntaxFault::at(source, error.range.start(), "cannot use unparenthesized `:=` in an index"))
        }
        None => Ok(()),
    }
}

/// Parses one expression and hands it to `look`; with `brackets`, line breaks are allowed as between parentheses.
pub(crate) fn with_expression<R>(source: &str, brackets: bool, look: impl FnOnce(&Expr) -> R) -> Option<R> {
    let depth = depth::measure(source).ok()?;
    with_stack(depth, || {
        let mode = if brackets { Mode::ParenthesizedExpression } else { Mode::Expression };
        let parsed = parse_unchecked(source, ParseOptions::from(mode));
        if parsed.has_invalid_syntax() {
            return None;
        }
        let Mod::Expression(expression) = parsed.syntax() else { return None };
        (!expression.body.range().is_empty()).then(|| look(&expression.body))
    })
}

/// Whether a text is one expression by itself.
pub fn is_expression(source: &str) -> bool {
    // Alone, it may neither wait nor yield.
    with_expression(source, false, |_| ()).is_some() && check(source.trim(), PythonVersion::default()).is_ok()
}

pub(crate) fn with_stack<R>(depth: usize, work: impl FnOnce() -> R) -> R {
    if depth <= SHALLOW { work() } else { stacker::grow((2 << 20) + depth * BYTES_PER_LEVEL, work) }
}

#[cfg(test)]
mod tests {
    use super::is_expression;

    #[test]
    fn an_expression_stands_alone() {
        for text in ["f(1)", "[x for x in y]", "(lambda: (yield))", "a if b else c", "f'{x}'"] {
            assert!(is_expression(text), "{text}");
        }
        for text in ["x = 1", "f(1); f(2)", "await f(1)", "(yield 1)", "[await x]", "", "f("] {
            assert!(!is_expression(text), "{text}");
        }
    }
}
