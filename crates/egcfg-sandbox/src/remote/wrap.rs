//! The text that is sent for a program. It is sent inside a small script (`wrapper.py`) and not as it stands: the script
//! calls the entry point, keeps the program's asserts and its `exit` whatever flags the server starts Python with, and
//! names exceptions and exit codes, for which the server's own outcomes have one word.

use std::fmt::Write as _;

use crate::options::Program;

const WRAPPER: &str = include_str!("wrapper.py");

/// The script that runs `program`; plain ASCII, with `\n` as its only line end, so that no server changes it.
pub(super) fn wrap(program: &Program) -> String {
    // In one pass each: the program's text may contain the second placeholder.
    let (head, rest) = WRAPPER.split_once("@SOURCE@").unwrap_or((WRAPPER, ""));
    let (middle, tail) = rest.split_once("@ENTRY@").unwrap_or((rest, ""));
    [head, &literal(&program.source), middle, &literal(&program.entry_point), tail].concat()
}

/// `text` as a Python string literal in ASCII.
fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            ' '..='~' => quoted.push(character),
            _ => _ = write!(quoted, "\\U{:08x}", u32::from(character)),
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

    use super::*;

    #[test]
    fn a_program_that_holds_the_placeholders_is_sent_whole() {
        let program = Program {
            source: "x = '@ENTRY@ @SOURCE@'".to_owned(),
            entry_point: "solve".to_owned(),
            ..Program::default()
        };
        let text = wrap(&program);
        assert!(text.contains("SOURCE = \"x = '@ENTRY@ @SOURCE@'\"\nENTRY = \"solve\"\n"), "{text}");
    }

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
        let python = python.args(["-S", "-E", "-c", MEANT]).stdin(Stdio::piped()).stdout(Stdio::piped());
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
            prop_assert!(literal.is_ascii() && !literal.contains(['\r', '\n', '\0']));
            prop_assert_eq!(meant(&literal), text);
        }
    }
}
