//! What we call valid, CPython compiles, and the other way round; and an executable form always compiles.
//!
//! What may differ is listed in [`tolerated`]: faults of single CPython releases. Limits that move with release and platform (thousands of operators in one
//! chain) are tested by themselves in `depth.rs`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::programs::{CURIOSITIES, Dice, boundaries, damaged, mbpp, program};
use common::{interpreters, library_sources, syntax_tests};
use egcfg_python::{PythonVersion, check, executable_form};

/// Reports what is wrong, the first few in full.
fn none_of(wrong: &[String]) {
    let first = wrong[..wrong.len().min(6)].join("\n");
    assert!(wrong.is_empty(), "{} programs are judged wrongly, the first ones:\n{first}", wrong.len());
}

/// Where a release of CPython is at odds with its own documentation, and we are not.
fn tolerated(version: PythonVersion, program: &str, answer: Option<&str>) -> bool {
    // 3.12.1 compiles `__class__` in an inlined comprehension to nonsense, and says so.
    let internal = answer.is_some_and(|error| error.starts_with("SystemError"));
    // 3.9 takes the indentation of a line that is only a backslash for that of the next one.
    let backslash = version.minor == 9 && program.lines().any(|line| line.trim() == "\\");
    // Up to 3.12 a private name that is rebound in a comprehension is compared before it is mangled.
    let private = version.minor <= 12 && program.contains("(__x:=");
    internal || backslash || private
}

/// Asks every interpreter about every program.
fn agree(programs: &[String]) {
    let mut wrong = Vec::new();
    for mut interpreter in interpreters() {
        let version = interpreter.version;
        for (program, answer) in programs.iter().zip(interpreter.compile_all(programs)) {
            let ours = check(program, version);
            if ours.is_ok() != answer.is_none() && !tolerated(version, program, answer.as_deref()) {
                wrong.push(format!("{version}: cpython {answer:?}, ours {ours:?}\n{program:?}\n"));
            }
        }
    }
    none_of(&wrong);
}

/// Seeds and sizes can be raised for a long run: `EGCFG_TEST_SEED=7 EGCFG_TEST_PROGRAMS=50000 cargo test`.
fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn dice() -> Dice {
    Dice(setting("EGCFG_TEST_SEED", 1) as u64)
}

/// Every curiosity alone, and in a loop in a coroutine.
fn curiosities() -> Vec<String> {
    let inside = |code: &&str| {
        format!("async def outer(q):\n    while q:\n        {}\n", code.replace('\n', "\n        "))
    };
    CURIOSITIES.iter().map(|code| (*code).to_owned()).chain(CURIOSITIES.iter().map(inside)).collect()
}

/// Programs cut off between any two tokens, and solutions with damage.
fn cut_off() -> Vec<String> {
    let mut dice = dice();
    let mut programs = Vec::new();
    for record in mbpp().iter().step_by(12) {
        let code = record["code"].as_str().unwrap();
        let bounds = boundaries(code);
        programs.extend((0..10).map(|_| code[..bounds[dice.roll(bounds.len())]].to_owned()));
        programs.push(damaged(&mut dice, code));
    }
    for _ in 0..500 {
        let whole = program(&mut dice);
        let bounds = boundaries(&whole);
        programs.push(whole[..bounds[dice.roll(bounds.len())]].to_owned());
    }
    programs
}

#[test]
fn on_curiosities() {
    agree(&curiosities());
}

#[test]
fn on_generated_and_damaged_programs() {
    let mut dice = dice();
    let mut programs = Vec::new();
    for _ in 0..setting("EGCFG_TEST_PROGRAMS", 1_200) {
        let whole = program(&mut dice);
        programs.push(damaged(&mut dice, &whole));
        programs.push(whole);
    }
    agree(&programs);
}

#[test]
fn on_programs_that_are_cut_off() {
    agree(&cut_off());
}

#[test]
fn on_cpythons_own_syntax_tests() {
    agree(&syntax_tests());
}

#[test]
fn on_the_standard_library() {
    let mut dice = dice();
    let sources = library_sources(setting("EGCFG_TEST_FILES", 12));
    let damage: Vec<String> = sources.iter().map(|source| damaged(&mut dice, source)).collect();
    agree(&sources);
    agree(&damage);
}

#[test]
fn executable_forms_compile_and_stay() {
    let mut programs = curiosities();
    programs.extend(cut_off());
    let mut wrong = Vec::new();
    for mut interpreter in interpreters() {
        let version = interpreter.version;
        let forms: Vec<String> =
            programs.iter().filter_map(|program| executable_form(program, version)).collect();
        assert!(forms.len() * 2 > programs.len(), "only {} of {} have a form", forms.len(), programs.len());
        for (form, answer) in forms.iter().zip(interpreter.compile_all(&forms)) {
            if answer.is_some() || executable_form(form, version).as_ref() != Some(form) {
                wrong.push(format!("{version}: {answer:?}\n{form:?}\n"));
            }
        }
    }
    none_of(&wrong);
}
