//! MBPP and MBPP-ET. All three asserts of a task are shown; in MBPP they decide, in MBPP-ET the extended ones do. Setup
//! code runs after the solution (tasks 367 and 927 build objects of its class). Both published layouts are read: the
//! original's `text`, and `prompt` with `test_imports` of the sanitized one.

use egcfg_files::{Fault, Record};
use egcfg_task::{Task, Test};

use super::item::{Item, unix};

/// A record of MBPP.
pub(super) fn read(record: &Record) -> Result<Item, Fault> {
    let code = unix(&record.required::<String>("code")?);
    let shown: Vec<String> = record.required("test_list")?;
    if shown.is_empty() {
        return Err(record.wrong("test_list", "is empty"));
    }
    let imports = record.texts("test_imports")?.join("\n");
    let setup: String = record.optional("test_setup_code")?.unwrap_or_default();
    let setup_code =
        [imports, unix(&setup)].into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>();
    let id = record.id("task_id")?;
    let task = Task {
        prompt: unix(&record.either::<String>(&["text", "prompt"])?),
        entry_point: entry_point(&shown, &code)
            .ok_or_else(|| record.wrong("test_list", "calls no function that could be the tested one"))?,
        shown_tests: asserts(shown),
        setup_code: setup_code.join("\n"),
        id,
        ..Task::default()
    };
    let split = split(&task.id);
    let reference_tests = asserts(record.texts("challenge_test_list")?);
    Ok(Item { task, reference: Some(code), reference_tests, split, ..Item::default() })
}

/// A record of MBPP-ET.
pub(super) fn read_et(record: &Record) -> Result<Item, Fault> {
    let mut item = read(record)?;
    item.task.graded_tests = asserts(record.required("test_case_list")?);
    item.reference_tests.clear();
    Ok(item)
}

/// Tests from their texts.
pub(super) fn asserts(tests: Vec<String>) -> Vec<Test> {
    tests.into_iter().map(|test| Test::Assert(unix(&test))).collect()
}

/// The function that the tests call; where they call several, the one that the reference defines.
pub(super) fn entry_point(tests: &[String], code: &str) -> Option<String> {
    let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
    let called = egcfg_python::entry_point(&tests);
    let defined = egcfg_python::definitions(code);
    if called.as_ref().is_some_and(|name| defined.iter().any(|definition| definition.name == *name)) {
        return called;
    }
    let calls = |name: &str| {
        tests.iter().any(|test| {
            egcfg_python::split_assert(test, Some(name))
                .is_some_and(|parts| parts.function.as_deref() == Some(name))
        })
    };
    defined.into_iter().map(|definition| definition.name).find(|name| calls(name)).or(called)
}

/// The published splits of the ids.
fn split(id: &str) -> Option<&'static str> {
    Some(match id.parse::<u32>().ok()? {
        1..=10 => "prompt",
        11..=510 => "test",
        511..=600 => "validation",
        _ => "train",
    })
}
