//! Texts that nest without end must be refused or handled on a small stack, by every function that parses.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::format_collect)]

mod common;

use common::interpreters;
use egcfg_python::{
    PythonVersion, check, definitions, doctest_examples, executable_form, extract_program, finished,
    normal_form, split_assert,
};

/// The stack of a tokio worker thread.
const STACK: usize = 2 << 20;

fn deep_texts() -> Vec<(&'static str, String)> {
    let n = 50_000;
    let staircase = |opener: &str, depth: usize| {
        let lines: String = (0..depth).map(|level| format!("{}{opener}\n", " ".repeat(level))).collect();
        format!("{lines}{}pass\n", " ".repeat(depth))
    };
    vec![
        ("open parentheses", "(".repeat(2 * n)),
        ("parentheses", format!("{}1{}", "(".repeat(2 * n), ")".repeat(2 * n))),
        ("brackets", format!("x = {}{}", "[".repeat(n), "]".repeat(n))),
        ("mixed brackets", format!("x = {}", "[({".repeat(n))),
        ("calls", format!("{}{}", "f(".repeat(n), ")".repeat(n))),
        ("not", format!("x = {}a", "not ".repeat(n))),
        ("minus", format!("x = {}a", "-".repeat(n))),
        ("plus", format!("x = a{}", " + a".repeat(n))),
        ("power", format!("x = a{}", "**a".repeat(n))),
        ("attributes", format!("x = a{}", ".b".repeat(n))),
        ("subscripts", format!("x = a{}", "[0]".repeat(n))),
        ("call chain", format!("x = a{}", "()".repeat(n))),
        ("conditionals", format!("x = {}c", "a if b else ".repeat(n))),
        ("lambdas", format!("x = {}c", "lambda: ".repeat(n))),
        ("lambda defaults", format!("x = {}c", "lambda a=".repeat(n))),
        ("await", format!("async def f():\n    {}a", "await ".repeat(n))),
        ("yield", format!("def f():\n    x = {}", "yield ".repeat(n))),
        ("assignments", format!("{}1", "x = ".repeat(n))),
        ("comparisons", format!("x = a{}", " < a".repeat(n))),
        ("conjunctions", format!("x = a{}", " and not a".repeat(n))),
        ("strings", format!("x = {}", "'a' ".repeat(n))),
        ("f-strings", "f'{".repeat(n)),
        ("format specifications", format!("f'{}", "{a:".repeat(n))),
        ("decorators", format!("{}def f(): pass\n", "@a\n".repeat(n))),
        ("elif", format!("if a:\n    pass\n{}", "elif b:\n    pass\n".repeat(n / 5))),
        ("if stairs", staircase("if a:", 1_500)),
        ("function stairs", staircase("def f():", 1_500)),
        ("for stairs", staircase("for a in b:", 99)),
        ("patterns", format!("match a:\n    case {}", "[".repeat(n))),
        ("pattern alternatives", format!("match a:\n    case 1{}: pass", " | 1".repeat(n))),
        ("type parameters", format!("def f[{}](): pass", "T, ".repeat(n / 50))),
        ("colons", ":".repeat(n)),
        ("quotes", "'".repeat(n)),
        ("backslashes", "\\\n".repeat(n)),
        ("one line", "a;".repeat(n)),
    ]
}

#[test]
fn deep_texts_do_not_overflow_a_small_stack() {
    let work = || {
        for (name, text) in deep_texts() {
            let version = PythonVersion::default();
            let valid = check(&text, version).is_ok();
            assert_eq!(normal_form(&text, version).is_some(), valid, "{name}");
            let form = executable_form(&text, version);
            assert!(form.is_none_or(|form| check(&form, version).is_ok()), "{name}");
            assert!(!finished(&text, "g", version), "{name}");
            definitions(&text);
            split_assert(&format!("assert {text}"), None);
            doctest_examples(&format!(">>> f({text})\n{text}\nf({text}) == 1"), "f");
            extract_program(&format!("```python\n{text}"), Some("f"));
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap().join().unwrap();
}

/// Just below a limit both sides accept, well above it neither does.
#[test]
fn limits_lie_where_cpython_has_them() {
    let stairs = |opener: &str, depth: usize| {
        let lines: String = (0..depth).map(|level| format!("{}{opener}\n", " ".repeat(level))).collect();
        format!("{lines}{}pass\n", " ".repeat(depth))
    };
    let generator = |depth: usize| {
        let lines: String =
            (0..depth).map(|level| format!("{}for a in b:\n", " ".repeat(level + 1))).collect();
        format!("def f():\n{lines}{}yield\n", " ".repeat(depth + 1))
    };
    let tries = |depth: usize| {
        let lines: String =
            (0..depth).map(|level| format!("{0}try: pass\n{0}except:\n", " ".repeat(level))).collect();
        format!("{lines}{}pass\n", " ".repeat(depth))
    };
    let finals = |depth: usize| {
        let opens: String = (0..depth).map(|level| format!("{}try:\n", " ".repeat(level))).collect();
        let closes: String =
            (0..depth).rev().map(|level| format!("{}finally: pass\n", " ".repeat(level))).collect();
        format!("{opens}{}pass\n{closes}", " ".repeat(depth))
    };
    let mut programs = Vec::new();
    for depth in [199, 200, 201] {
        programs.push(format!("x = {}1{}", "(".repeat(depth), ")".repeat(depth)));
    }
    programs.extend([98, 99, 100].map(|depth| stairs("if a:", depth)));
    for depth in 8..23 {
        programs.extend([
            stairs("for a in b:", depth),
            stairs("with a:", depth),
            generator(depth),
            tries(depth),
            finals(depth),
        ]);
        programs.push(format!("with {}: pass", vec!["a"; depth].join(", ")));
    }
    for depth in [1_000, 2_500, 20_000] {
        programs.push(format!("x = a{}", " + a".repeat(depth)));
        programs.push(format!("x = a{}", ".b".repeat(depth)));
        programs.push(format!("x = {}a", "-".repeat(depth)));
    }
    programs.extend([4_300, 4_301].map(|digits| format!("x = {}", "7".repeat(digits))));
    for mut interpreter in interpreters() {
        for (program, answer) in programs.iter().zip(interpreter.compile_all(&programs)) {
            let ours = check(program, interpreter.version);
            let shown = &program[..program.len().min(200)];
            assert_eq!(
                ours.is_ok(),
                answer.is_none(),
                "{}: {answer:?} {ours:?}\n{shown}",
                interpreter.version
            );
        }
    }
}
