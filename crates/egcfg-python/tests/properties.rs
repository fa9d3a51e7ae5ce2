//! What must hold for any text.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::format_collect)]

mod common;

use common::programs::{Dice, damaged, program};
use egcfg_python::{
    PythonVersion, check, defines, definitions, doctest_examples, entry_point, executable_form,
    extract_program, finished, normal_form, split_assert,
};
use proptest::prelude::*;

fn versions() -> impl Strategy<Value = PythonVersion> {
    (7_u8..=14).prop_map(|minor| PythonVersion::new(3, minor).unwrap())
}

/// Python-like rubble: words and marks in any order, and plain noise.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "def f(",
        "):",
        "\n",
        "    ",
        "\t",
        "\r",
        "\"\"\"",
        "'",
        "f'{",
        "}",
        "{",
        "(",
        "[",
        "]",
        ")",
        "x",
        "= ",
        "return ",
        "\\",
        "\\\n",
        "#",
        ";",
        "if x:",
        "else:",
        "try:",
        "except:",
        "match x:",
        "case _:",
        "class A:",
        "@a",
        "lambda: ",
        "0x",
        "1e",
        "é",
        "\u{feff}",
        "\0",
        "😀",
        "\x0c",
        ">>> f(1)",
        "assert ",
        "== ",
        "```python",
        "```",
        "<think>",
        "</think>",
        "async ",
        "await ",
        "global x",
        "nonlocal x",
        ":=",
        "...",
        "pass",
    ]);
    prop_oneof![prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()), ".{0,80}"]
}

/// Grammatical programs, damaged or not.
fn programs() -> impl Strategy<Value = String> {
    (any::<u64>(), any::<bool>()).prop_map(|(seed, hurt)| {
        let mut dice = Dice(seed);
        let whole = program(&mut dice);
        if hurt { damaged(&mut dice, &whole) } else { whole }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 400, asked => asked }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(text in prop_oneof![texts(), programs()], version in versions()) {
        let valid = check(&text, version).is_ok();
        prop_assert_eq!(normal_form(&text, version).is_some(), valid);
        finished(&text, "f", version);
        definitions(&text);
        defines(&text, "f");
        split_assert(&text, None);
        entry_point(&[&text]);
        for example in doctest_examples(&text, "f") {
            prop_assert!(check(&example.to_assert(), PythonVersion::new(3, 14).unwrap()).is_ok(), "{example:?}");
        }
        extract_program(&text, Some("f"));
    }

    #[test]
    fn executable_forms_are_valid_and_final(text in prop_oneof![texts(), programs()], version in versions()) {
        if let Some(form) = executable_form(&text, version) {
            prop_assert!(check(&form, version).is_ok(), "{form:?}");
            prop_assert_eq!(executable_form(&form, version), Some(form.clone()));
            prop_assert!(form.ends_with('\n'));
            if check(&text, version).is_ok() {
                prop_assert_eq!(normal_form(&text, version), normal_form(&form, version));
            }
        }
    }

    #[test]
    fn layout_does_not_change_the_normal_form(seed in any::<u64>(), version in versions()) {
        let mut dice = Dice(seed);
        let text = program(&mut dice);
        if let Some(normal) = normal_form(&text, version) {
            // Lines inside a string or after a backslash are not layout.
            let plain = !text.contains("'''") && !text.contains("\"\"\"") && !text.contains('\\');
            if plain {
                let spread: String = text.lines().map(|line| format!("\n{line}  # note\n   # more\n")).collect();
                prop_assert_eq!(normal_form(&spread, version), Some(normal.clone()), "{}", spread);
            }
            prop_assert_eq!(normal_form(&text.replace('\n', "\r\n"), version), Some(normal));
        }
    }
}
