//! Tests of the trace decoder on hand-written, torn, damaged and arbitrary input.

use std::fmt::Write as _;

use egcfg_task::{Cut, Event, Outcome};
use proptest::prelude::*;

use super::decode;

const WHOLE: &str = concat!(
    r#"["T",1,"settrace","3.11.7","f(3)"]"#,
    "\n",
    r#"["S",0,"f(3)"]"#,
    "\n",
    r#"["F",0,1,"<module>"]"#,
    "\n",
    r#"[1,0,0,["f","<Function f>","function"]]"#,
    "\n",
    r#"["S",1,"def f(n):"]"#,
    "\n",
    r#"["F",1,2,"f"]"#,
    "\n",
    r#"[0,1,1,["n","3","int","m","'é'","str"]]"#,
    "\n",
    r#"["S",2,"    return n"]"#,
    "\n",
    r#"[1,1,2,[],["n"]]"#,
    "\n",
    r#"[1,1,2,["k","1","int","n","4","int"]]"#,
    "\n",
    r#"[2,1,2,[],[],[0,"3"]]"#,
    "\n",
    r#"[3,0,0,[],[],[1,"KeyError","'k'"],"RAISE_VARARGS 1"]"#,
    "\n",
    r#"["E",null]"#,
    "\n",
);

fn names(trace: &egcfg_task::Trace, step: usize) -> Vec<(&str, &str)> {
    trace.steps[step].locals.iter().map(|local| (local.name.as_str(), local.value.as_str())).collect()
}

#[test]
fn locals_carry_over_and_keep_their_place() {
    let trace = decode(WHOLE.as_bytes(), "3.11.7").expect("a header");
    assert_eq!(trace.cut, None);
    assert_eq!(trace.invocation, "f(3)");
    assert_eq!(trace.steps.len(), 6);
    assert_eq!(names(&trace, 1), [("n", "3"), ("m", "'é'")]);
    assert_eq!(names(&trace, 2), [("m", "'é'")]);
    assert_eq!(names(&trace, 3), [("n", "4"), ("m", "'é'"), ("k", "1")]);
    assert_eq!(trace.steps[4].event, Event::Return);
    assert_eq!(trace.steps[4].outcome, Some(Outcome::Returned("3".to_owned())));
    assert_eq!(trace.steps[5].instruction.as_deref(), Some("RAISE_VARARGS 1"));
    assert_eq!(names(&trace, 5), [("f", "<Function f>")]);
}

#[test]
fn every_torn_tail_is_a_cut_trace_with_the_steps_before_it() {
    let whole = decode(WHOLE.as_bytes(), "3").expect("a header");
    let header = WHOLE.find('\n').expect("a line") + 1;
    for end in 0..WHOLE.len() {
        match decode(&WHOLE.as_bytes()[..end], "3") {
            None => assert!(end < header, "{end}"),
            Some(trace) => {
                assert_eq!(trace.cut, Some(Cut::Died), "{end}");
                assert_eq!(trace.steps[..], whole.steps[..trace.steps.len()]);
            }
        }
    }
}

#[test]
fn reasons_for_an_early_end_are_read() {
    for (name, cut) in [
        ("steps", Cut::Steps),
        ("time", Cut::Time),
        ("size", Cut::Size),
        ("depth", Cut::Depth),
        ("disabled", Cut::Disabled),
        ("failed", Cut::Failed),
    ] {
        let data = WHOLE.replace("[\"E\",null]", &format!("[\"E\",\"{name}\"]"));
        assert_eq!(decode(data.as_bytes(), "3").expect("a header").cut, Some(cut));
    }
}

#[test]
fn what_contradicts_itself_ends_the_trace() {
    for bad in [
        "[1,9,0]",
        "[1,0,77]",
        "[4,0,0]",
        r#"[1,0,0,["a","1"]]"#,
        r#"[1,0,0,["a",1,"int"]]"#,
        r#"[1,0,0,[],["never"]]"#,
        r#"["F",3,4000000000,"deep"]"#,
        r#"["E","bored"]"#,
        r#"{"a":1}"#,
        "[[[[",
        "\"\\ud800\"",
    ] {
        let data = WHOLE.replace("[\"E\",null]", bad);
        let trace = decode(data.as_bytes(), "3").expect("a header");
        assert_eq!((trace.cut, trace.steps.len()), (Some(Cut::Broken), 6), "{bad}");
    }
}

#[test]
fn a_small_input_cannot_grow_without_bound() {
    let mut data = String::from("[\"T\",1,\"monitoring\",\"3\",\"f\"]\n[\"S\",0,\"f\"]\n[\"F\",0,1,\"f\"]\n");
    let _ = writeln!(data, "[1,0,0,[\"a\",\"{}\",\"str\"]]", "x".repeat(1 << 20));
    data.push_str(&"[1,0,0]\n".repeat(10_000));
    let trace = decode(data.as_bytes(), "3").expect("a header");
    assert!(trace.steps.len() < 70, "{}", trace.steps.len());
    assert_eq!(trace.cut, Some(Cut::Size));
}

/// Each new name was compared with all before it: a trace of one megabyte took the decoder minutes.
#[test]
fn many_names_take_no_quadratic_time() {
    let head = "[\"T\",1,\"monitoring\",\"3\",\"f\"]\n[\"S\",0,\"f\"]\n[\"F\",0,1,\"f\"]\n";
    let names: Vec<String> = (0..60_000).map(|n| format!("\"{n:05}\"")).collect();
    let changes: Vec<String> = names.iter().map(|name| format!("{name},\"\",\"\"")).collect();
    let mut data = format!("{head}[1,0,0,[{}]]\n", changes.join(","));
    let trace = decode(data.as_bytes(), "3").expect("a header");
    assert_eq!(trace.steps[0].locals.len(), 60_000);
    // Deleted ones have left their places, which each later step has to pass.
    let _ = writeln!(data, "[1,0,0,[],[{}]]", names.join(","));
    data.push_str(&"[1,0,0]\n".repeat(40_000));
    let trace = decode(data.as_bytes(), "3").expect("a header");
    assert_eq!(trace.cut, Some(Cut::Size));
    assert!(trace.steps.len() < 100, "{}", trace.steps.len());
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_survived(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&data, "3");
    }

    #[test]
    fn damaged_traces_are_survived(edits in proptest::collection::vec((0..WHOLE.len(), any::<u8>()), 1..8)) {
        let mut data = WHOLE.as_bytes().to_vec();
        for (at, byte) in edits {
            data[at] = byte;
        }
        if let Some(trace) = decode(&data, "3") {
            prop_assert!(trace.steps.len() <= 20);
        }
    }

    #[test]
    fn shuffled_records_are_survived(order in proptest::collection::vec(0..14_usize, 0..40)) {
        let lines: Vec<&str> = WHOLE.lines().collect();
        let mut data = format!("{}\n", lines[0]);
        for at in order {
            data.push_str(lines[at.min(lines.len() - 1)]);
            data.push('\n');
        }
        let trace = decode(data.as_bytes(), "3");
        prop_assert!(trace.is_some());
    }
}
