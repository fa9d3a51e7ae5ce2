//! What a given header defines before the function that is asked for: a whole program that answers it may rely on that
//! without repeating it.

use std::borrow::Cow;

use crate::check_function::statements;
use crate::definitions::{defines, definitions};
use crate::lines;

/// The program with those imports, helper functions and constants of a header in front that stand there before
/// `entry_point` and that the program does not have itself. Nothing is added to a program that begins with the header, or
/// to one that is no valid Python.
///
/// ```
/// use egcfg_python::with_preamble;
///
/// let header = "import math\n\ndef half(x):\n    return x / 2\n\ndef f(x):\n    \"\"\" Half of it. \"\"\"\n";
/// let program = "import math\n\ndef f(x):\n    return half(x)\n";
/// assert_eq!(with_preamble(header, "f", program), format!("def half(x):\n    return x / 2\n\n{program}"));
/// assert_eq!(with_preamble(header, "f", &format!("{header}    return half(x)\n")).matches("def half").count(), 1);
/// ```
pub fn with_preamble<'a>(header: &str, entry_point: &str, program: &'a str) -> Cow<'a, str> {
    if header.is_empty() || program.starts_with(header.trim_end()) {
        return Cow::Borrowed(program);
    }
    let Some(own) = statements(program) else { return Cow::Borrowed(program) };
    // The header's last function may lack a body.
    let given = statements(header).or_else(|| statements(&format!("{}\n    pass\n", header.trim_end())));
    let missing: Vec<String> = given
        .unwrap_or_default()
        .into_iter()
        .take_while(|statement| !defines(statement, entry_point))
        .filter(|statement| {
            let names = definitions(statement);
            if names.is_empty() {
                !statement.starts_with(['"', '\'']) && !own.contains(statement)
            } else {
                !names.iter().all(|definition| defines(program, &definition.name))
            }
        })
        .collect();
    if missing.is_empty() {
        return Cow::Borrowed(program);
    }
    // A program's `from __future__` must stay its first statement.
    let (future, rest) = program.split_at(behind_future(program, &own));
    Cow::Owned(format!("{future}{}\n\n{}", missing.join("\n\n"), rest))
}

/// The offset behind the last `from __future__` of a program and its line; 0 where there is none.
fn behind_future(program: &str, statements: &[String]) -> usize {
    let Some(last) = statements.iter().rposition(|statement| statement.starts_with("from __future__")) else {
        return 0;
    };
    let program = lines::unix_newlines(program);
    let mut at = 0;
    for statement in &statements[..=last] {
        at += program[at..].find(statement.as_str()).unwrap_or(0) + statement.len();
    }
    program[at..].find('\n').map_or(program.len(), |end| at + end + 1)
}

#[cfg(test)]
mod tests {
    use super::with_preamble;

    const HEADER: &str = "from typing import List\n\nLIMIT = 3\n\ndef help(x):\n    \"\"\" Helps. \"\"\"\n    return x\n\ndef f(xs: List[int]) -> int:\n    \"\"\" Does. \"\"\"\n";

    #[test]
    fn what_a_program_has_is_not_given_again() {
        let whole = format!("{HEADER}    return help(xs[0])\n");
        assert_eq!(with_preamble(HEADER, "f", &whole), whole);
        let own =
            "from typing import List\nLIMIT = 3\ndef help(x): return 2 * x\ndef f(xs): return help(1)\n";
        assert_eq!(with_preamble(HEADER, "f", own), own);
        assert_eq!(with_preamble("", "f", own), own);
        assert_eq!(with_preamble(HEADER, "f", "def f(:"), "def f(:");
    }

    #[test]
    fn what_it_lacks_stands_before_it_and_behind_its_future_imports() {
        let given = "from typing import List\n\nLIMIT = 3\n\ndef help(x):\n    \"\"\" Helps. \"\"\"\n    return x\n\n";
        let program = "def f(xs):\n    return help(xs[0])\n";
        assert_eq!(with_preamble(HEADER, "f", program), format!("{given}{program}"));
        let future = "\"\"\" Text. \"\"\"\nfrom __future__ import annotations  # soon\n";
        assert_eq!(
            with_preamble(HEADER, "f", &format!("{future}{program}")),
            format!("{future}{given}{program}")
        );
    }

    /// HumanEval/32's kind: the header's function has no body but its docstring, or none at all.
    #[test]
    fn an_open_header_is_understood() {
        let header = "def help(x):\n    return x\n\ndef f(xs):";
        let program = "def f(xs): return help(xs)\n";
        assert_eq!(with_preamble(header, "f", program), format!("def help(x):\n    return x\n\n{program}"));
    }
}
