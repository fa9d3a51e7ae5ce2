//! MBPP+ and HumanEval+ (EvalPlus): inputs without outputs. What is expected is what the reference solution returns, so a
//! deciding test holds the reference and a few inputs: it runs in the clean interpreter, calls the reference there and the
//! program through its proxy, and compares as EvalPlus does: tolerances for numbers, the tasks whose order of elements is
//! free, those where only the presence of a result counts, and roots of a polynomial. Inputs were filtered by the
//! contracts before they were published; contracts are no part of a program's test.
//!
//! The public hub's layout has the finished test program of a task instead of its inputs; that is taken as one test.

use std::fmt::Write as _;

use egcfg_files::{Fault, Record, array_parts};
use egcfg_python::literal;
use egcfg_task::Test;

use super::humaneval;
use super::item::{Item, unix};
use super::mbpp;

/// Inputs per test at most: few enough that a slow program has a test's whole time for them, many enough that a task's
/// hundreds of inputs are a handful of tests.
const INPUTS_PER_TEST: usize = 25;
/// Bytes of inputs per test.
const BYTES_PER_TEST: usize = 256 << 10;

/// What runs in a test, after its constants.
const CHECK: &str = include_str!("evalplus_check.py");

/// A record of HumanEval+.
pub(super) fn read_humaneval(record: &Record) -> Result<Item, Fault> {
    let mut item = humaneval::without_grading(record)?;
    if record.raw("base_input").is_none() {
        return finished_program(record, item, "check");
    }
    let reference = item.reference.clone().unwrap_or_default();
    let kind = if item.task.entry_point == "find_zero" { "root" } else { "equal" };
    grade(record, &mut item, &reference, kind, "raw")?;
    Ok(item)
}

/// A record of MBPP+.
pub(super) fn read_mbpp(record: &Record) -> Result<Item, Fault> {
    if record.raw("base_input").is_none() {
        let mut item = mbpp::read(record)?;
        item.split = None;
        return finished_program(record, item, "");
    }
    let id = record.id("task_id")?;
    let number: u32 =
        super::item::id_key(&id).parse().map_err(|_| record.wrong("task_id", "expected Mbpp/<number>"))?;
    let reference = unix(&record.required::<String>("canonical_solution")?);
    let shown: String = unix(&record.required::<String>("assertion")?);
    let shown =
        egcfg_python::statements(&shown).ok_or_else(|| record.wrong("assertion", "not valid Python"))?;
    // What is no assert is an import that the asserts need.
    let (shown, setup): (Vec<_>, Vec<_>) = shown.into_iter().partition(|text| text.starts_with("assert"));
    let text: String = record.required("prompt")?;
    let mut item = Item {
        reference: Some(reference.clone()),
        task: egcfg_task::Task {
            id,
            prompt: statement(&unix(&text)),
            entry_point: record.required("entry_point")?,
            shown_tests: mbpp::asserts(shown),
            setup_code: setup.join("\n"),
            ..egcfg_task::Task::default()
        },
        ..Item::default()
    };
    let kind = kind(&item.task.entry_point);
    if kind == "presence" {
        item.task.context = PRESENCE.replace("ENTRY", &item.task.entry_point);
    }
    grade(record, &mut item, &reference, kind, shape(number))?;
    Ok(item)
}

/// A task's text out of the docstring that holds it, without the example assert.
fn statement(prompt: &str) -> String {
    let text = prompt.trim().trim_matches('"').trim();
    let lines = text.lines().take_while(|line| !line.trim_start().starts_with("assert "));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Sets the deciding tests: the base inputs', then the plus inputs'.
fn grade(record: &Record, item: &mut Item, reference: &str, kind: &str, shape: &str) -> Result<(), Fault> {
    let tolerance: f64 = record.optional("atol")?.unwrap_or(0.0);
    let mut tests = Vec::new();
    for (suite, field) in [("base", "base_input"), ("plus", "plus_input")] {
        let raw = record.raw(field).ok_or_else(|| record.wrong(field, "is missing"))?;
        // One published record holds an empty object where it has no inputs.
        let inputs = if raw == "{}" { Ok(Vec::new()) } else { array_parts(raw) };
        let inputs = inputs.map_err(|_| record.wrong(field, "expected a list of argument lists"))?;
        let mut first = 0;
        for chunk in chunks(&inputs) {
            let mut text = String::new();
            let inputs = format!("[{}]", chunk.join(", "));
            for (name, value) in [
                ("SUITE", suite),
                ("ENTRY", &item.task.entry_point),
                ("KIND", kind),
                ("REFERENCE", reference),
                ("INPUTS", &inputs),
            ] {
                let _ = writeln!(text, "{name} = {}", literal(value));
            }
            let _ = writeln!(
                text,
                "FIRST = {first}\nTOLERANCE = {tolerance:?}\n\n\ndef SHAPE(raw):\n    return {shape}\n\n"
            );
            first += chunk.len();
            tests.push(Test::Assert(text + CHECK));
        }
        if suite == "base" {
            item.base_tests = Some(tests.len());
        }
    }
    item.task.graded_tests = tests;
    Ok(())
}

fn chunks<'a>(inputs: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    let (mut chunks, mut start, mut size) = (Vec::new(), 0, 0);
    for (index, input) in inputs.iter().enumerate() {
        let full = index - start == INPUTS_PER_TEST || size + input.len() > BYTES_PER_TEST;
        let alone = is_large(input) || index > 0 && is_large(inputs[index - 1]);
        if index > start && (full || alone) {
            chunks.push(&inputs[start..index]);
            (start, size) = (index, 0);
        }
        size += input.len();
    }
    if start < inputs.len() {
        chunks.push(&inputs[start..]);
    }
    chunks
}

/// Whether an input holds a number of six digits or more. Such a number is often a size (HumanEval/130 returns a list of a
/// million items for each of ten inputs), and then one input takes a test's whole time.
fn is_large(input: &str) -> bool {
    const DIGITS: usize = 6;
    input.split(|c: char| !(c.is_ascii_digit() || c == '.')).any(|number| {
        let whole = number.split('.').next().unwrap_or_default();
        whole.len() >= DIGITS
    })
}

/// A test program as it is published: `check(candidate)` defined, or asserts that run at once. Its numeric library is used for
/// one comparison only, which does not need it.
fn finished_program(record: &Record, mut item: Item, call: &str) -> Result<Item, Fault> {
    let test = unix(&record.required::<String>("test")?);
    let test = test.replace("import numpy as np\n", NUMPY);
    let call =
        if call.is_empty() { String::new() } else { format!("\n\n{call}({})\n", item.task.entry_point) };
    item.task.graded_tests = vec![Test::Assert(test + &call)];
    Ok(item)
}

const NUMPY: &str = "\
class np:
    class ndarray:
        pass

    float32 = float64 = object()

    @staticmethod
    def allclose(a, b, rtol=1e-05, atol=1e-08):
        if isinstance(b, (list, tuple)):
            return len(a) == len(b) and all(np.allclose(x, y, rtol, atol) for x, y in zip(a, b))
        return a == b or abs(a - b) <= atol + rtol * abs(b)

";

/// Some functions may return any object or `None` (a match of a regular expression, say), and only that counts. Such an
/// object cannot leave its process, so it is reduced there.
const PRESENCE: &str = "
exec(compile(PROGRAM, '<program>', 'exec'))


def ENTRY(*arguments, function=ENTRY):
    result = function(*arguments)
    return result if isinstance(result, bool) else result is not None
";

/// How results of a function of MBPP+ are compared, where it is not by equality.
fn kind(entry_point: &str) -> &'static str {
    match entry_point {
        "are_equivalent" => "anything",
        "sum_div" => "zero",
        "surface_Area" => "pyramid",
        "digit_distance_nums" => "digits",
        "similar_elements"
        | "find_char_long"
        | "common_in_nested_lists"
        | "extract_singly"
        | "larg_nnum"
        | "intersection_array"
        | "find_dissimilar"
        | "Diff" => "set",
        "check_str" | "text_match_three" | "text_starta_endb" => "presence",
        _ => "equal",
    }
}

/// JSON knows lists only: what the arguments of an MBPP+ task are in Python, as an expression over the list `raw`.
fn shape(number: u32) -> &'static str {
    match number {
        2 | 116 | 132 | 143 | 222 | 261 | 273 | 394 | 399 | 421 | 424 | 429 | 470 | 560 | 579 | 596 | 616
        | 630 | 726 | 740 | 744 | 809 => "[tuple(part) for part in raw]",
        63 | 64 | 70 | 94 | 120 | 237 | 272 | 299 | 400 | 409 | 417 | 438 | 473 | 614 | 780 => {
            "[[tuple(item) for item in part] for part in raw]"
        }
        75 | 413 | 444 | 753 => "[[tuple(item) for item in raw[0]], raw[1]]",
        106 | 750 => "[raw[0], tuple(raw[1])]",
        115 => "[[set(item) if isinstance(item, list) and item else {} for item in raw[0]]]",
        124 => "[float(raw[0]), complex(raw[1])]",
        250 | 405 | 446 | 617 | 720 | 763 | 808 => "[tuple(raw[0]), raw[1]]",
        259 | 401 | 445 => "[tuple(tuple(item) for item in part) for part in raw]",
        278 => "[tuple(tuple(item) if isinstance(item, list) else item for item in raw[0])]",
        307 => "[tuple(raw[0]), raw[1], raw[2]]",
        722 => "[{key: tuple(value) for key, value in raw[0].items()}] + raw[1:]",
        252 => "[complex(raw[0])]",
        580 | 615 | 791 => {
            "(lambda deep: deep(deep, raw))(lambda deep, value: tuple(deep(deep, item) for item in value) if isinstance(value, list) else value)"
        }
        _ => "raw",
    }
}
