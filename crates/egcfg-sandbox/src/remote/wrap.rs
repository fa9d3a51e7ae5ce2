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
    use std::process::Command;

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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(match ProptestConfig::default().cases { 256 => 16, asked => asked }))]

        /// Python itself says whether the literal means the text.
        #[test]
        fn a_literal_means_its_text(text in "(\\PC|[\\x00-\\x1f\u{feff}\\r\\n\"'\\\\]){0,40}") {
            let script = format!("import sys; sys.stdout.buffer.write({}.encode())", literal(&text));
            prop_assert!(script.is_ascii() && !script.contains(['\r', '\n', '\0']));
            let output = Command::new("python3").args(["-S", "-E", "-c", &script]).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
