//! The renderings of traces, on traces written by hand.

use egcfg_task::{
    Backend, Cut, Event, Local, Outcome, Step, TRACE_VERSION, Trace, compact, full, minimal, minimal_state,
};

fn locals(pairs: &[(&str, &str, &str)]) -> Vec<Local> {
    pairs
        .iter()
        .map(|&(name, value, type_name)| Local {
            name: name.to_owned(),
            value: value.to_owned(),
            type_name: type_name.to_owned(),
        })
        .collect()
}

fn step(event: Event, depth: u32, line: u32, source: &str, state: &[(&str, &str, &str)]) -> Step {
    Step {
        event,
        depth,
        function: if depth == 1 { "<module>" } else { "f" }.to_owned(),
        line,
        source: source.to_owned(),
        locals: locals(state),
        outcome: None,
        instruction: None,
    }
}

fn trace(steps: Vec<Step>) -> Trace {
    Trace {
        version: TRACE_VERSION,
        backend: Backend::Settrace,
        python: "3.11.7".to_owned(),
        invocation: "f([1], 'x')".to_owned(),
        steps,
        cut: None,
    }
}

/// `f` changes its list, binds two names, calls itself, and returns or raises.
fn sample(outcome: Outcome) -> Trace {
    let event = if matches!(outcome, Outcome::Returned(_)) { Event::Return } else { Event::Exception };
    let module = [("f", "<Function f>", "function"), ("p", "<P object name='q'>", "P")];
    let mut steps = vec![
        step(Event::Line, 1, 0, "f([1], 'x')", &module),
        step(Event::Call, 2, 1, "def f(xs, s):", &[("xs", "[1]", "list"), ("s", "'x'", "str")]),
        step(Event::Line, 2, 2, "    xs.append(2)", &[("xs", "[1]", "list"), ("s", "'x'", "str")]),
        step(Event::Call, 3, 1, "def f(xs, s):", &[("xs", "[]", "list"), ("s", "''", "str")]),
        step(Event::Return, 3, 5, "    return 0", &[("xs", "[]", "list"), ("s", "''", "str")]),
        step(
            event,
            2,
            5,
            "    return t",
            &[
                ("xs", "[1, 2]", "list"),
                ("s", "'x'", "str"),
                ("t", "(1, 'a long text')", "tuple"),
                ("u", "0", "int"),
            ],
        ),
        step(event, 1, 0, "f([1], 'x')", &module),
    ];
    steps[4].outcome = Some(Outcome::Returned("0".to_owned()));
    steps[5].outcome = Some(outcome.clone());
    steps[6].outcome = Some(outcome);
    trace(steps)
}

#[test]
fn full_shows_depth_state_event_and_value() {
    let text = full(&sample(Outcome::Returned("(1, 'a long text')".to_owned())));
    let expected = r#"= {'f': '<Function f>', 'p': "<P object name='q'>"} , {'f': 'Function', 'p': 'P'}
LINE: f([1], 'x')
== {'xs': [1], 's': 'x'} , {'xs': 'list', 's': 'str'}
CALL: def f(xs, s):
== {'xs': [1], 's': 'x'} , {'xs': 'list', 's': 'str'}
LINE:     xs.append(2)
=== {'xs': [], 's': ''} , {'xs': 'list', 's': 'str'}
CALL: def f(xs, s):
=== {'xs': [], 's': ''} , {'xs': 'list', 's': 'str'}
RETURN:     return 0
Return Value: 0
== {'xs': [1, 2], 's': 'x', 't': (1, 'a long text'), 'u': 0} , {'xs': 'list', 's': 'str', 't': 'tuple', 'u': 'int'}
RETURN:     return t
Return Value: (1, 'a long text')
= {'f': '<Function f>', 'p': "<P object name='q'>"} , {'f': 'Function', 'p': 'P'}
RETURN: f([1], 'x')
Return Value: (1, 'a long text')
"#;
    assert_eq!(text, expected);
}

#[test]
fn full_names_exceptions_and_instructions() {
    let raised = Outcome::Raised { exception: "KeyError".to_owned(), message: "'k'".to_owned() };
    let mut trace = sample(raised);
    trace.steps[2].instruction = Some("LOAD_FAST xs".to_owned());
    let text = full(&trace);
    assert!(text.contains("INSTRUCTION: LOAD_FAST xs\n"), "{text}");
    assert!(text.ends_with("EXCEPTION: f([1], 'x')\nReturn Value: KeyError: 'k'\n"), "{text}");
}

#[test]
fn a_cut_trace_says_why_in_full_and_minimal() {
    let mut trace = sample(Outcome::Returned("0".to_owned()));
    for cut in
        [Cut::Steps, Cut::Time, Cut::Size, Cut::Died, Cut::Disabled, Cut::Depth, Cut::Failed, Cut::Broken]
    {
        trace.cut = Some(cut);
        for text in [full(&trace), minimal(&trace)] {
            let last = text.lines().last().unwrap_or_default();
            assert!(
                last.starts_with("... (cut: ") || last.starts_with("... (incomplete: "),
                "{cut:?}: {last}"
            );
        }
        let json = serde_json::to_string(&trace).expect("serialisable");
        assert_eq!(serde_json::from_str::<Trace>(&json).expect("readable"), trace);
    }
}

#[test]
fn minimal_is_the_state_at_the_functions_end() {
    let text = minimal(&sample(Outcome::Returned("0".to_owned())));
    assert_eq!(
        text,
        "{'xs': [1, 2], 's': 'x', 't': (1, 'a long text'), 'u': 0} , {'xs': 'list', 's': 'str', 't': 'tuple', 'u': 'int'}\n"
    );
    assert_eq!(minimal(&trace(Vec::new())), "{} , {}\n");
}

#[test]
fn compact_leaves_out_what_the_call_said_and_cuts_long_values() {
    let sample = sample(Outcome::Returned("0".to_owned()));
    let names: Vec<&str> = minimal_state(&sample).iter().map(|local| local.name.as_str()).collect();
    assert_eq!(names, ["xs", "t", "u"]);
    assert_eq!(compact(&sample, 6), "xs=[1, 2] t=(1, 'a... u=0");
    assert_eq!(compact(&sample, 100), "xs=[1, 2] t=(1, 'a long text') u=0");
    assert_eq!(compact(&trace(Vec::new()), 6), "");
}

#[test]
fn a_function_that_never_returned_ends_where_it_was_last_seen() {
    let mut sample = sample(Outcome::Returned("0".to_owned()));
    sample.steps.truncate(5);
    sample.cut = Some(Cut::Died);
    assert_eq!(compact(&sample, 100), "");
    let (call, end) = sample.function_end().expect("a call");
    assert_eq!((call.line, end.line), (1, 2));
}

#[test]
fn a_second_call_at_the_same_depth_is_not_the_functions_end() {
    let mut sample = sample(Outcome::Returned("0".to_owned()));
    let other = step(Event::Call, 2, 9, "def g():", &[]);
    sample.steps.insert(6, other);
    let (_, end) = sample.function_end().expect("a call");
    assert_eq!(end.line, 5);
}
