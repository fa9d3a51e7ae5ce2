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
    use std::io::Write as _;
    use std::process::{Command, Stdio};

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

    proptest! {
        // A hundred texts per interpreter: starting one costs more than all else here.
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(100)))]

        /// Python itself says whether the literals mean the texts.
        #[test]
        fn a_literal_means_its_text(
            texts in proptest::collection::vec(text(), 100)
        ) {
            let lines: Vec<String> = texts.iter().map(|text| literal(text)).collect();
            prop_assert!(lines.iter().all(|line| line.is_ascii() && !line.contains(['\r', '\n', '\0'])));
            prop_assert_eq!(meant(&lines), texts);
        }
    }

    /// What Python takes these literals for.
    fn meant(literals: &[String]) -> Vec<String> {
        let script = format!("import json; print(json.dumps([{}]))", literals.join(", "));
        let mut python = Command::new("python3");
        let mut child =
            python.args(["-S", "-E", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
    }
}
