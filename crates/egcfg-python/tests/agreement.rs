//! What we call valid, CPython compiles, and the other way round; and an executable form always compiles.
//!
//! There is no list of tolerated disagreements. Limits that move with release and platform (thousands of operators in one
//! chain) are tested by themselves in `depth.rs`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::programs::{CURIOSITIES, Dice, boundaries, damaged, mbpp, program};
use common::{interpreters, library_sources};
use egcfg_python::{check, executable_form};

/// Reports what is wrong, the first few in full.
fn none_of(wrong: &[String]) {
    let first = wrong[..wrong.len().min(6)].join("\n");
    assert!(wrong.is_empty(), "{} programs are judged wrongly, the first ones:\n{first}", wrong.len());
}

/// Asks every interpreter about every program.
fn agree(programs: &[String]) {
    let mut wrong = Vec::new();
    for mut interpreter in interpreters() {
        let version = interpreter.version;
        for (program, answer) in programs.iter().zip(interpreter.compile_all(programs)) {
            let ours = check(program, version);
            if ours.is_ok() != answer.is_none() {
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
    for _ in 0..setting("EGCFG_TEST_PROGRAMS", 1_500) {
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
