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
    use std::process::Command;

    use proptest::prelude::*;

    use super::literal;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(match ProptestConfig::default().cases { 256 => 16, asked => asked }))]

        /// Python itself says whether the literal means the text.
        #[test]
        fn a_literal_means_its_text(text in "(\\PC|[\\x01-\\x1f\u{7f}\u{85}\u{2028}\u{feff}\\r\\n\"'\\\\]){0,40}") {
            let script = format!("import sys; sys.stdout.buffer.write({}.encode())", literal(&text));
            let output = Command::new("python3").args(["-X", "utf8", "-S", "-E", "-c", &script]).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
