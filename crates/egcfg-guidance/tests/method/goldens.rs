//! What a plain configuration name means stays what it was, to the token: event logs of the scripted model, for every
//! strategy, gamma and switch, as the first implementation wrote them (`tests/goldens`, one line per generation). They were
//! recorded before candidates moved into the tree, so a difference is a change of the published method's behaviour.
//!
//! `GOLDENS=record` writes them anew, which is right only where a decision (an ADR) changes the behaviour itself.

use std::fmt::Write as _;
use std::path::PathBuf;

use egcfg_guidance::{Event, Settings};

use crate::parts::{judge, settings, template, write, writer};

const NAMES: [&str; 16] = [
    "ns3t0.75d5k1_ln",
    "ns3t0.9d2k2_ln",
    "ns2t1.5dinfk1_ln",
    "ns3t1.2d3k1_lci_ln",
    "ns2t0.9d3k1_tok",
    "ns4t0.7d6k1_prf",
    "pns1t0.7d1k1_ln",
    "ns3t0.9d3k1_ln+o",
    "ns3t0.9d3k1_ln+m2",
    "ns3t1.2dinfk1_ln+p",
    "ns3t0.9d4k1_ln+r",
    "ns3t0.9d4k1_ln+e",
    "ns3t0.9dinfk1_ln+om2pr",
    "ns3t0.9dinfk1_ln+om2re",
    "ns3t0.9d4k1_prf+om1re",
    "ns2t0.9d3k1_tok+om2pre",
];
const GAMMAS: [f64; 5] = [0.0, 0.5, 1.0, 2.0, 3.0];
const SEEDS: [u64; 3] = [1, 4, 9];

/// 32 bits that tell texts apart (FNV-1a, folded).
fn mark(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{:08x}", (hash ^ (hash >> 32)) as u32)
}

/// One event in few letters; forwards are left out, since any schedule that picks the same tokens is right, and so are
/// times.
fn short(event: &Event, line: &mut String) {
    match event {
        Event::GuidanceStarted { position } => _ = write!(line, " G{position}"),
        Event::Refresh { position, line: at, .. } => _ = write!(line, " R{position}/{at}"),
        Event::Candidates { guided, candidates, .. } => {
            line.push_str(if *guided { " D" } else { " C" });
            for one in candidates {
                let end = if one.finished { "!" } else { "" };
                let _ = write!(line, ",{}+{}{}{}", one.new_tokens, one.reused_tokens, end, mark(&one.text));
            }
        }
        Event::Executions { runs, .. } => {
            line.push_str(" X");
            for run in runs {
                let known = if run.cached { "=" } else { "" };
                let _ = write!(line, ",{known}{}", mark(&run.program));
            }
        }
        Event::Signal { entries, tokens, text, .. } => {
            let _ = write!(line, " S{entries}/{tokens}/{}", mark(text));
        }
        Event::Token { id, guided, instead_of, .. } => {
            let _ = write!(line, " {id}");
            if guided.is_some() {
                line.push('g');
            }
            if let Some(other) = instead_of {
                let _ = write!(line, "~{}", mark(other));
            }
        }
        Event::Line { number, .. } => _ = write!(line, " L{number}"),
        Event::Stopped { reason, program, .. } => _ = write!(line, " {reason:?} {}", mark(program)),
        Event::Warning { message } => _ = write!(line, " W{}", mark(message)),
        _ => {}
    }
}

fn recorded(name: &str) -> String {
    let mut text = String::new();
    for gamma in GAMMAS {
        for seed in SEEDS {
            let executor = judge(|program: &str| program.len() % 5 == 0);
            let settings = Settings { seed, ..settings(name, gamma) };
            let (_, events) = write(&writer(seed), &executor, &settings, &template());
            let _ = write!(text, "gamma {gamma} seed {seed}:");
            for event in &events {
                short(event, &mut text);
            }
            text.push('\n');
        }
    }
    text
}

#[test]
fn plain_names_and_switches_mean_what_they_meant() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let mut changed = Vec::new();
    for name in NAMES {
        let path = folder.join(format!("{name}.txt"));
        let now = recorded(name);
        if std::env::var_os("GOLDENS").is_some_and(|value| value == "record") {
            std::fs::write(&path, &now).unwrap();
            continue;
        }
        let then = std::fs::read_to_string(&path).unwrap();
        for (then, now) in then.lines().zip(now.lines()).filter(|(then, now)| then != now) {
            let at = then.split(' ').zip(now.split(' ')).position(|(a, b)| a != b);
            let (a, b) =
                (at.and_then(|at| then.split(' ').nth(at)), at.and_then(|at| now.split(' ').nth(at)));
            changed.push(format!("{name} {}: item {at:?} was {a:?}, is {b:?}", &now[..14]));
        }
        if then.lines().count() != now.lines().count() {
            changed.push(format!("{name}: {} lines, then {}", now.lines().count(), then.lines().count()));
        }
    }
    assert!(changed.is_empty(), "{} differences\n{}", changed.len(), changed.join("\n"));
}
