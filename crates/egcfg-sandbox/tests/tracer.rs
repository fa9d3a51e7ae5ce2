//! The tracer on real interpreters: one normal form over versions and facilities, hostile programs, killed processes,
//! and the published implementation's samples.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use egcfg_task::{Cut, Event, Step, Trace};

#[path = "tracer/interpreters.rs"]
mod interpreters;
#[path = "tracer/peer.rs"]
mod peer;
#[path = "../src/trace/decode.rs"]
mod trace_decode;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn driver() -> String {
    folder("src/python").to_str().expect("a text path").to_owned()
}

/// Traces all programs of a file.
fn collect(
    interpreter: &interpreters::Interpreter,
    programs: &Path,
    more: &[&str],
) -> BTreeMap<String, Trace> {
    let driver = driver();
    let mut arguments = vec![driver.as_str(), programs.to_str().expect("a text path")];
    arguments.extend(more);
    let output = interpreter.output(&folder("tests/tracer/collect.py"), &arguments);
    output
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).expect("a record");
            let name = record["name"].as_str().expect("a name").to_owned();
            let wire = record["wire"].as_str().expect("bytes").as_bytes();
            (name, trace_decode::decode(wire, "any").expect("a header"))
        })
        .collect()
}

/// Steps that 3.9 does not report: its compiler drops statements without effect.
fn is_dropped_by_old_versions(step: &Step) -> bool {
    matches!(step.source.trim(), "pass" | "break" | "continue" | "3" | "\"A docstring.\"")
}

#[test]
fn every_version_and_facility_gives_the_same_steps() {
    let programs = folder("tests/tracer/programs.txt");
    let found = interpreters::found();
    let reference = collect(&found[0], &programs, &["settrace"]);
    assert!(reference.len() >= 40, "{}", reference.len());
    for (name, trace) in &reference {
        assert_eq!(trace.cut, None, "{name}");
        let (first, last) = (&trace.steps[0], trace.steps.last().expect("steps"));
        assert_eq!((first.event, first.depth, first.line), (Event::Line, 1, 0), "{name}");
        assert_eq!((&first.function[..], &first.source), ("<module>", &trace.invocation), "{name}");
        assert_eq!((last.depth, last.outcome.is_some()), (1, true), "{name}");
    }
    for interpreter in &found {
        for backend in interpreter.backends() {
            for (name, trace) in collect(interpreter, &programs, &[backend]) {
                let old = interpreter.version < (3, 10, 0);
                let kept = |trace: &Trace| {
                    let steps = trace.steps.iter().filter(|step| !(old && is_dropped_by_old_versions(step)));
                    steps.cloned().collect::<Vec<_>>()
                };
                let (expected, steps) = (kept(&reference[&name]), kept(&trace));
                for (position, (expected, step)) in expected.iter().zip(&steps).enumerate() {
                    assert_eq!(
                        step, expected,
                        "{name}, step {position}, {:?} {backend}",
                        interpreter.version
                    );
                }
                assert_eq!(steps.len(), expected.len(), "{name}, {:?} {backend}", interpreter.version);
            }
        }
    }
}

#[test]
fn hostile_programs_keep_their_outcome() {
    for interpreter in interpreters::found() {
        for backend in interpreter.backends() {
            let output = interpreter.output(&folder("tests/tracer/hostile.py"), &[&driver(), backend]);
            assert!(
                output.ends_with("done\n") && output.lines().count() > 25,
                "{:?} {output}",
                interpreter.version
            );
        }
    }
}

#[test]
fn a_killed_process_leaves_what_it_did() {
    let work = tempfile::tempdir().expect("a folder");
    for interpreter in interpreters::found() {
        for backend in interpreter.backends() {
            for sink in ["memory", "descriptor"] {
                let file = work.path().join(format!("{}-{backend}-{sink}", interpreter.version.1));
                let trace = traced_until_killed(&interpreter, backend, sink, &file);
                assert_eq!(trace.cut, Some(Cut::Died));
                let last = trace.steps.last().expect("steps");
                if sink == "memory" {
                    assert_eq!(
                        last.source.trim(),
                        "stuck = sum(iter(int, 1))",
                        "{:?} {backend}",
                        interpreter.version
                    );
                    assert_eq!(egcfg_task::compact(&trace, 20), "total=190 i=19 before=190");
                } else {
                    // All but the steps of the last few milliseconds.
                    assert!(trace.steps.len() >= 40, "{} steps", trace.steps.len());
                }
            }
        }
    }
}

/// Starts a program that never ends, waits until its trace has stopped growing, and kills it.
fn traced_until_killed(
    interpreter: &interpreters::Interpreter,
    backend: &str,
    sink: &str,
    file: &Path,
) -> Trace {
    let mut child = Command::new(&interpreter.python)
        .args(["-I", "-B", "-S"])
        .arg(folder("tests/tracer/endless.py"))
        .args([&driver(), backend, sink])
        .arg(file)
        .stdin(Stdio::null())
        .spawn()
        .expect("the interpreter starts");
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut last = None;
    let data = loop {
        std::thread::sleep(Duration::from_millis(20));
        let mut data = std::fs::read(file).unwrap_or_default();
        if sink == "memory" && data.len() > 8 {
            let size = u64::from_le_bytes(data[..8].try_into().expect("eight bytes")) as usize;
            data = data[8..8 + size].to_vec();
        }
        let text = String::from_utf8_lossy(&data).into_owned();
        let arrived = text.contains(if sink == "memory" { "stuck = " } else { "pause(" });
        if (arrived && last.as_ref() == Some(&data)) || Instant::now() > deadline {
            break data;
        }
        last = Some(data);
    };
    child.kill().expect("killed");
    child.wait().expect("waited for");
    trace_decode::decode(&data, "any").expect("a header")
}

#[test]
fn the_published_samples_are_matched_up_to_the_listed_differences() {
    let samples = folder("../../../shared/peer");
    let Ok(files) = samples.read_dir() else {
        println!("skipped: {} is not there", samples.display());
        return;
    };
    let work = tempfile::tempdir().expect("a folder");
    let interpreter = &interpreters::found()[0];
    let mut compared = 0;
    for file in files.flatten() {
        let sample = peer::sample(&std::fs::read_to_string(file.path()).expect("readable"));
        let programs = work.path().join("program.txt");
        std::fs::write(&programs, format!("\n=== sample | {}\n{}", sample.invocation, sample.program))
            .expect("written");
        let trace = &collect(interpreter, &programs, &["settrace"])["sample"];
        assert_eq!(peer::full(trace), sample.full, "{:?}", file.path());
        assert_eq!(peer::minimal(trace), sample.minimal, "{:?}", file.path());
        compared += 1;
    }
    assert!(compared > 0, "no samples in {}", samples.display());
}

#[test]
fn the_renderings_of_a_real_trace() {
    let work = tempfile::tempdir().expect("a folder");
    let programs = work.path().join("program.txt");
    let source = "def add(a, b):\n    a += b\n    c = [a, b]\n    return {c[0]: add}\n";
    std::fs::write(&programs, format!("\n=== sample | add(1, 2)\n{source}")).expect("written");
    let trace = &collect(&interpreters::found()[0], &programs, &["settrace"])["sample"];
    let expected = "\
= {'add': '<Function add>'} , {'add': 'Function'}
LINE: add(1, 2)
== {'a': 1, 'b': 2} , {'a': 'int', 'b': 'int'}
CALL: def add(a, b):
== {'a': 1, 'b': 2} , {'a': 'int', 'b': 'int'}
LINE:     a += b
== {'a': 3, 'b': 2} , {'a': 'int', 'b': 'int'}
LINE:     c = [a, b]
== {'a': 3, 'b': 2, 'c': [3, 2]} , {'a': 'int', 'b': 'int', 'c': 'list'}
LINE:     return {c[0]: add}
== {'a': 3, 'b': 2, 'c': [3, 2]} , {'a': 'int', 'b': 'int', 'c': 'list'}
RETURN:     return {c[0]: add}
Return Value: {3: <Function add>}
= {'add': '<Function add>'} , {'add': 'Function'}
RETURN: add(1, 2)
Return Value: {3: <Function add>}
";
    assert_eq!(egcfg_task::full(trace), expected);
    assert_eq!(egcfg_task::compact(trace, 40), "a=3 c=[3, 2]");
}
