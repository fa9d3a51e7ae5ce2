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
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::literal;

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
            let literals: Vec<String> = texts.iter().map(|text| literal(text)).collect();
            let script = format!("import json; print(json.dumps([{}]))", literals.join(", "));
            let mut python = Command::new("python3");
            let mut child =
                python.args(["-X", "utf8", "-S", "-E", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            let meant: Vec<String> = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
            prop_assert_eq!(meant, texts);
        }
    }
}
