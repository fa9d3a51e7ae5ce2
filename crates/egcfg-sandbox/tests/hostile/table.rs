//! The table of the cases in `docs/sandbox.md`, made from the headers of the programs, so that it cannot rot.
//! `EGCFG_UPDATE=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use egcfg_sandbox::Level;

use crate::program::{Hostile, all};

/// The cases, by number from 1.
const CASES: [&str; 37] = [
    "fork bombs",
    "thread bombs",
    "memory bombs",
    "memory bombs in other processes and threads",
    "endless loops in Python",
    "endless loops inside C",
    "sleeping and blocking",
    "deep recursion and nesting",
    "crashes",
    "running out of descriptors",
    "output floods and terminal escapes",
    "disk floods",
    "leaving by `SystemExit`",
    "leaving without an exception",
    "fork, and the parent leaves",
    "daemons",
    "signals to others",
    "deafness to signals",
    "switching off the tracer",
    "patching the interpreter",
    "forging a result",
    "values that claim to be equal",
    "tampering with what comes next",
    "reading secrets",
    "network and sockets",
    "files outside the box",
    "traps for the clean-up",
    "privileged system calls",
    "channels between programs",
    "other programs",
    "threads and handlers left behind",
    "waiting for input",
    "non-determinism",
    "odd sources",
    "hostile reprs under the tracer",
    "tracing bombs",
    "attacks on the supervisor",
];

const BEGIN: &str = "<!-- cases: begin -->\n";
const END: &str = "<!-- cases: end -->\n";

fn table() -> String {
    let programs = all();
    let mut text = String::from(
        "| case | programs | verdicts at L0 | at L1 and above | stopped by |\n|---|---|---|---|---|\n",
    );
    for (number, title) in (1..).zip(CASES) {
        let of_case: Vec<&Hostile> = programs.iter().filter(|program| program.case == number).collect();
        let low = verdicts(&of_case, Level::L0);
        let high = verdicts(&of_case, Level::L2);
        let high = if high == low { "the same".to_owned() } else { high };
        let stops: BTreeSet<&str> = of_case.iter().flat_map(|p| p.stops.iter().map(String::as_str)).collect();
        let stops = stops.into_iter().collect::<Vec<_>>().join(", ");
        writeln!(text, "| {number} {title} | {} | {low} | {high} | {stops} |", of_case.len())
            .expect("a text");
    }
    text
}

/// All verdicts that are right for some program of a case; those of one kind together.
fn verdicts(programs: &[&Hostile], level: Level) -> String {
    let all = programs.iter().flat_map(|program| program.verdicts(level));
    let kinds: BTreeSet<&str> = all.map(|verdict| verdict.split(" (").next().unwrap_or(verdict)).collect();
    kinds.into_iter().collect::<Vec<_>>().join(", ")
}

#[test]
fn the_documented_table_is_that_of_the_suite() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox.md");
    let text = std::fs::read_to_string(&path).expect("docs/sandbox.md");
    let (head, rest) = text.split_once(BEGIN).expect("the mark before the table");
    let (found, tail) = rest.split_once(END).expect("the mark after the table");
    if std::env::var_os("EGCFG_UPDATE").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{}{END}{tail}", table())).expect("to be written");
        return;
    }
    assert!(
        found == table(),
        "the table in docs/sandbox.md is not the suite's: run this test with EGCFG_UPDATE=1"
    );
}

#[test]
fn each_case_has_several_programs_and_each_names_what_stops_it() {
    let programs = all();
    let known: BTreeSet<String> = documented();
    for number in 1..=CASES.len() {
        let count = programs.iter().filter(|program| program.case == number).count();
        assert!(count >= 3, "case {number} has {count} programs");
    }
    for program in &programs {
        assert!((1..=CASES.len()).contains(&program.case), "{}", program.name);
        assert!(
            program.verdicts(Level::L0).iter().all(|verdict| verdict != "*"),
            "{} cannot fail",
            program.name
        );
        for name in program.stops.iter().chain(&program.needs) {
            assert!(known.contains(name), "{}: docs/sandbox.md does not say what {name} is", program.name);
        }
        if let Some(then) = &program.then {
            assert!(programs.iter().any(|other| other.name == *then), "{}: no program {then}", program.name);
        }
    }
}

/// What the document explains: the names in code font at the beginning of a table's row.
fn documented() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox.md");
    let text = std::fs::read_to_string(&path).expect("docs/sandbox.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).collect()
}
