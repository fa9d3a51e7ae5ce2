//! Test programs taken apart: the statements of a text, and the asserts of a `check(candidate)` function.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use crate::lines;
use crate::parse::with_module;
use crate::version::PythonVersion;

/// Tests are read with the newest syntax: they come from data, not from the model.
const NEWEST: PythonVersion = PythonVersion { major: 3, minor: 14 };

/// The statements at the top level of a text, in order; `None` where it is not valid Python.
pub fn statements(source: &str) -> Option<Vec<String>> {
    let source = lines::unix_newlines(source);
    let texts = |body: &[Stmt]| body.iter().map(|stmt| source[stmt.range()].to_owned()).collect();
    with_module(&source, NEWEST, |parsed| texts(parsed.suite())).ok()
}

/// The asserts of a test program that defines the function `name(candidate)`, where running each by itself is the same as
/// running the function: its body holds asserts and constants only, and the program holds nothing else but constants that no assert can
/// see. `None` where it does more, or is not valid.
///
/// ```
/// use egcfg_python::check_asserts;
///
/// let test = "META = {'author': 'a'}\n\ndef check(candidate):\n    assert candidate(1) == 2\n    assert True\n";
/// assert_eq!(check_asserts(test, "check").unwrap(), ["assert candidate(1) == 2", "assert True"]);
/// assert!(check_asserts("def check(candidate):\n    x = 1\n    assert candidate(x)\n", "check").is_none());
/// ```
pub fn check_asserts(source: &str, name: &str) -> Option<Vec<String>> {
    let source = lines::unix_newlines(source);
    with_module(&source, NEWEST, |parsed| {
        let mut function = None;
        for stmt in parsed.suite() {
            match stmt {
                Stmt::FunctionDef(def) if def.name.as_str() == name && function.is_none() => {
                    function = Some(def);
                }
                // Other than upper-case names of metadata, an assert may use it.
                Stmt::Assign(assign) if assign.targets.iter().all(is_metadata) => {}
                Stmt::Expr(expr) if is_constant(&expr.value) => {}
                _ => return None,
            }
        }
        let def = function?;
        let parameters: Vec<&str> = def.parameters.iter().map(|p| p.name().as_str()).collect();
        if parameters != ["candidate"] || !def.decorator_list.is_empty() {
            return None;
        }
        let mut asserts = Vec::new();
        for stmt in &def.body {
            match stmt {
                Stmt::Assert(_) => asserts.push(source[stmt.range()].to_owned()),
                Stmt::Expr(expr) if is_constant(&expr.value) => {}
                _ => return None,
            }
        }
        let visible =
            asserts.iter().any(|text| text.contains("METADATA") || text.contains(&format!("{name}(")));
        (!visible).then_some(asserts)
    })
    .ok()?
}

fn is_metadata(target: &Expr) -> bool {
    matches!(target, Expr::Name(name) if matches!(name.id.as_str(), "METADATA" | "META"))
}

fn is_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::StringLiteral(_) | Expr::EllipsisLiteral(_) | Expr::NumberLiteral(_))
}
