//! Texts as Python string literals.

use std::fmt::Write as _;

/// A text as a Python string literal on one line.
///
/// ```
/// assert_eq!(egcfg_python::literal("a\"b\né\0"), r#""a\"b\né\x00""#);
/// ```
pub fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control < ' ' => _ = write!(quoted, "\\x{:02x}", u32::from(control)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

    use proptest::prelude::*;

    use super::literal;

    /// Texts of any characters, those that a literal has trouble with among them.
    fn text() -> impl Strategy<Value = String> {
        let odd = ('\0'..' ').chain("\u{7f}\u{85}\u{2028}\u{feff}\"'\\".chars());
        let character = prop_oneof![any::<char>(), proptest::sample::select(odd.collect::<Vec<char>>())];
        proptest::collection::vec(character, 0..40).prop_map(String::from_iter)
    }

    /// Says what each line of its input means to Python.
    const MEANT: &str =
        "import ast, json, sys\nfor line in sys.stdin: print(json.dumps(ast.literal_eval(line)), flush=True)";

    type Interpreter = (Child, ChildStdin, BufReader<ChildStdout>);

    thread_local! {
        /// One interpreter for all cases: starting one costs more than all else here. It ends with its input.
        static PYTHON: RefCell<Interpreter> = RefCell::new(start());
    }

    fn start() -> Interpreter {
        let mut python = Command::new("python3");
        let python =
            python.args(["-X", "utf8", "-S", "-E", "-c", MEANT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        (child, input, BufReader::new(output))
    }

    /// What Python takes a literal for.
    fn meant(literal: &str) -> String {
        PYTHON.with_borrow_mut(|(_, input, output)| {
            writeln!(input, "{literal}").unwrap();
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            serde_json::from_str(&line).unwrap()
        })
    }

    proptest! {
        /// Python itself says whether the literals mean the texts.
        #[test]
        fn a_literal_means_its_text(text in text()) {
            let literal = literal(&text);
            prop_assert!(!literal.contains(['\r', '\n', '\0']));
            prop_assert_eq!(meant(&literal), text);
        }
    }
}
