//! Imports that a program carries along and never uses, as the fixed preambles of samples do.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Alias, Stmt};
use ruff_text_size::Ranged;

use crate::asserts::NEWEST;
use crate::lines;
use crate::parse::with_module;

/// The program without the imports of `module` at its top level whose names it never uses: each such import is `pass`, so that line
/// numbers stay. `None` where there is none, or where one of its names stands anywhere else in the text.
///
/// ```
/// use egcfg_python::without_unused_import;
///
/// let program = "import numpy as np\ndef f(x):\n    return x\n";
/// assert_eq!(without_unused_import(program, "numpy").unwrap(), "pass\ndef f(x):\n    return x\n");
/// assert_eq!(without_unused_import("import numpy as np\nx = np.pi\n", "numpy"), None);
/// ```
pub fn without_unused_import(program: &str, module: &str) -> Option<String> {
    let source = lines::unix_newlines(program);
    let found = with_module(&source, NEWEST, |parsed| {
        let names: Vec<&str> = parsed
            .tokens()
            .iter()
            .filter(|token| token.kind() == TokenKind::Name)
            .map(|token| &source[token.range()])
            .collect();
        let is_of = |name: &str| name.split('.').next() == Some(module);
        let mut edits = Vec::new();
        for stmt in parsed.suite() {
            let aliases: &[Alias] = match stmt {
                Stmt::Import(import) if import.names.iter().all(|alias| is_of(&alias.name)) => &import.names,
                Stmt::ImportFrom(import)
                    if import.level == 0 && import.module.as_ref().is_some_and(|name| is_of(name)) =>
                {
                    &import.names
                }
                _ => continue,
            };
            let text = &source[stmt.range()];
            for alias in aliases {
                let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                let bound = bound.split('.').next().unwrap_or_default();
                // Within the statement the name may stand several times (`from numpy import numpy`); elsewhere not once.
                let inside = words(text).filter(|word| *word == bound).count();
                if bound == "*" || names.iter().filter(|name| **name == bound).count() > inside {
                    return None;
                }
            }
            edits.push((stmt.range(), format!("pass{}", "\\\n".repeat(text.matches('\n').count()))));
        }
        Some(edits)
    });
    let edits = found.ok()??;
    if edits.is_empty() {
        return None;
    }
    let mut edited = source.clone().into_owned();
    for (range, text) in edits.into_iter().rev() {
        edited.replace_range(range.start().to_usize()..range.end().to_usize(), &text);
    }
    Some(edited)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

#[cfg(test)]
mod tests {
    use super::without_unused_import;

    #[test]
    fn only_what_is_never_used_goes() {
        for (program, kept) in [
            ("import math\nimport numpy as np\nx = 1\n", Some("import math\npass\nx = 1\n")),
            ("import numpy\nimport numpy.linalg\n", None),
            ("import numpy.linalg\n", Some("pass\n")),
            ("from numpy import (\n    array,\n    zeros,\n)\nx = 1\n", Some("pass\\\n\\\n\\\n\nx = 1\n")),
            ("from numpy import *\n", None),
            ("from numpy import array\ndef f():\n    return array([1])\n", None),
            ("import numpy, math\n", None),
            ("import pandas as pd\n", None),
            ("try:\n    import numpy\nexcept ImportError:\n    numpy = None\n", None),
            ("def f():\n    import numpy\n", None),
            ("import numpy as np; x = 1\n", Some("pass; x = 1\n")),
            ("import numpy as np\n'np in a text'\n# np\n", Some("pass\n'np in a text'\n# np\n")),
            ("import numpy as np\nx = f'{np.pi}'\n", None),
        ] {
            assert_eq!(without_unused_import(program, "numpy").as_deref(), kept, "{program}");
        }
    }
}
