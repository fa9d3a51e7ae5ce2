//! Programs of others: every form of samples, honest scores, a log that survives a kill.

use std::path::{Path, PathBuf};

use egcfg_bench::dataset::Dataset;
use egcfg_bench::eval::{
    Conditions, Key, Samples, Summary, VerdictLog, evalplus_results, evaluate, summarize,
};
use egcfg_grade::{Extent, Grade, Outcome, grade};
use egcfg_sandbox::{Limits, SandboxOptions};
use serde_json::json;

use crate::{executor, load};

const RIGHT: &str = "def double_all(items):\n    return [2 * n for n in items]\n";
const WRONG: &str = "def double_all(items):\n    return items\n";
const EXITS: &str = "import os\ndef double_all(items):\n    os._exit(0)\n";

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

async fn judged(set: &Dataset, samples: &Samples) -> (Vec<Grade>, Summary) {
    let judged = evaluate(set, samples, &executor().await, &mut None, &Conditions::default(), 2, |_, _| {})
        .await
        .unwrap()
        .grades;
    let summary = summarize(set, samples, &judged, &[1, 2, 3, 10]);
    (judged, summary)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_of_one_suite_are_scored() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        json!({"task_id": "Mbpp/11", "completion": RIGHT}),
        json!({"task_id": 11, "solution": WRONG}),
        json!({"task_id": "MBPP/11", "completion": EXITS}),
        json!({"task_id": "12", "completion": ["def chain_sum(link):\n    return 3\n", "x", "def f("]}),
        json!({"task_id": "99", "completion": RIGHT}),
    ];
    let text = lines.map(|line| line.to_string() + "\n").concat();
    let set = load("mbpp", "mbpp.jsonl");
    let samples = Samples::read(&write(folder.path(), "samples.jsonl", &text), &set, false).unwrap();
    assert_eq!(samples.foreign, ["99"]);
    let (judged, summary) = judged(&set, &samples).await;
    let outcomes: Vec<bool> = judged.iter().map(|j| j.outcome == Outcome::Passed).collect();
    assert_eq!(outcomes, [true, false, false, false, false, false]);
    assert_eq!((summary.score.solved, summary.score.total, summary.missing, summary.errors), (1, 2, 2, 0));
    // One of three and none of three pass: pass@1 is the mean of 1/3 and 0, pass@2 of 2/3 and 0.
    let pass = |k: usize| summary.score.pass_at_k.get(&k).map(|i| (i.value * 6.0).round());
    assert_eq!((pass(1), pass(2), pass(3), pass(10)), (Some(1.0), Some(2.0), Some(3.0), None));
    assert_eq!(judged[2].failed.as_ref().unwrap().verdict, "exited early (code 0)");
    let file = evalplus_results(&set, &samples, &judged, &summary, "today");
    assert_eq!(file["eval"]["11"][0]["base_status"], "pass");
    assert_eq!(file["eval"]["11"][1]["base_fail_tests"][0], "assert double_all([1, 2]) == [2, 4]");
    assert_eq!(file["eval"]["11"][0]["plus_status"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plus_suite_is_scored_beside_its_base() {
    let folder = tempfile::tempdir().unwrap();
    // Right on both base inputs only.
    let lucky = "def similar_elements(one, two):\n    return (2,) if one else ()\n";
    let real = "def similar_elements(one, two):\n    return [n for n in one if n in two][::-1]\n";
    let lines = format!(
        "{}\n{}\n",
        json!({"task_id": "Mbpp/2", "solution": lucky}),
        json!({"task_id": "Mbpp/2", "solution": real})
    );
    let set = load("mbpp+", "mbpp_plus.jsonl");
    let samples = Samples::read(&write(folder.path(), "s.jsonl", &lines), &set, false).unwrap();
    let (judged, summary) = judged(&set, &samples).await;
    assert_eq!((judged[0].base, judged[0].outcome), (Some(Outcome::Passed), Outcome::Failed));
    assert!(
        judged[0]
            .failed
            .as_ref()
            .unwrap()
            .error
            .as_ref()
            .unwrap()
            .contains("plus input 0: expected (7,), got (2,)")
    );
    // Order and type of the elements are free in this task.
    assert_eq!(judged[1].outcome, Outcome::Passed, "{:?}", judged[1].failed);
    let base = summary.base.as_ref().unwrap();
    assert!(
        (base.pass_at_k[&1].value - 1.0).abs() < 1e-9
            && (summary.score.pass_at_k[&1].value - 0.5).abs() < 1e-9
    );
    let file = evalplus_results(&set, &samples, &judged, &summary, "today");
    let first = &file["eval"]["Mbpp/2"][0];
    assert_eq!((&first["base_status"], &first["plus_status"]), (&json!("pass"), &json!("fail")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completions_follow_their_header_and_solutions_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let lines = format!(
        "{}\n{}\n",
        json!({"task_id": "HumanEval/0", "completion": "    return max(items)\n"}),
        json!({"task_id": "HumanEval/1", "solution": "def mirror(text):\n    return text[::-1]\n"})
    );
    let set = load("humaneval", "humaneval.jsonl.gz");
    let samples = Samples::read(&write(folder.path(), "s.jsonl", &lines), &set, false).unwrap();
    let (_, summary) = judged(&set, &samples).await;
    assert_eq!((summary.score.solved, summary.score.total), (2, 2), "{:?}", summary.tasks);
}

#[test]
fn lists_and_folders_are_samples_too() {
    let folder = tempfile::tempdir().unwrap();
    let set = load("mbpp", "mbpp.jsonl");
    let lists = json!([["a = 1", "a = 2"], [RIGHT], [], ["x"], ["beyond"]]).to_string();
    let samples = Samples::read(&write(folder.path(), "generations.json", &lists), &set, false).unwrap();
    let places: Vec<(usize, usize)> = samples.samples.iter().map(|s| (s.item, s.number)).collect();
    assert_eq!((places, samples.foreign.len()), (vec![(0, 0), (0, 1), (1, 0), (3, 0)], 1));
    // A results folder; the second kind of file names its task itself.
    let root = folder.path().join("results");
    let config = "mbpp/model/ns3t0.75d5k1_ln";
    write(&root, &format!("{config}/task_id=11_gamma=0.5.json"), &json!({"code": RIGHT}).to_string());
    write(
        &root,
        &format!("{config}/task_id=x_gamma=1.json"),
        &json!({"code": WRONG, "egcfg": {"task": "12"}}).to_string(),
    );
    write(&root, "mbpp/model/solved_tasks/11.json", "{}");
    let samples = Samples::read(&root, &set, false).unwrap();
    let found: Vec<(usize, &str)> = samples.samples.iter().map(|s| (s.item, s.program.as_str())).collect();
    assert_eq!(found, [(1, RIGHT), (2, WRONG)]);
    // Folders of programs, with underscores for slashes.
    let set = load("humaneval", "humaneval.jsonl.gz");
    let root = folder.path().join("programs");
    write(&root, "HumanEval_1/0.py", "def mirror(text): ...");
    assert_eq!(Samples::read(&root, &set, false).unwrap().samples[0].item, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json.verdicts.jsonl");
    let set = load("mbpp", "mbpp.jsonl");
    let text = format!(
        "{}\n{}\n",
        json!({"task_id": 11, "solution": RIGHT}),
        json!({"task_id": 11, "solution": WRONG})
    );
    let samples = Samples::read(&write(folder.path(), "s.jsonl", &text), &set, false).unwrap();
    let executor = executor().await;
    let run = async |samples: &Samples| {
        let mut log = Some(VerdictLog::open(&path).unwrap());
        let mut first = None;
        let conditions = Conditions::default();
        let judged = evaluate(&set, samples, &executor, &mut log, &conditions, 1, |done, _| {
            first.get_or_insert(done);
        });
        let judged = judged.await.unwrap().grades;
        (judged, first.unwrap())
    };
    let (judged, first) = run(&samples).await;
    assert_eq!(first, 1);
    // As a kill in mid-write leaves it.
    let log = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &log[..log.len() - 30]).unwrap();
    let (again, first) = run(&samples).await;
    assert_eq!(first, 1, "one verdict was there, the other is judged again");
    assert_eq!(
        judged.iter().map(|j| j.outcome).collect::<Vec<_>>(),
        again.iter().map(|j| j.outcome).collect::<Vec<_>>()
    );
    let (_, first) = run(&samples).await;
    assert_eq!(first, 2, "all verdicts are there now");
    // A changed program is not taken for the old one.
    let changed = Samples {
        samples: samples
            .samples
            .iter()
            .cloned()
            .map(|s| egcfg_bench::eval::Sample { program: RIGHT.replace('n', "m"), ..s })
            .collect(),
        ..Samples::default()
    };
    let (_, first) = run(&changed).await;
    assert_eq!(first, 1);
}

/// A kept verdict counts under the very same tests, program and conditions, and under no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_is_kept_for_what_it_was_judged_by() {
    let folder = tempfile::tempdir().unwrap();
    let mut set = load("mbpp", "mbpp.jsonl");
    let mut log = VerdictLog::open(&folder.path().join("log")).unwrap();
    let program = "def double_all(items):\n    return items\n";
    let options = SandboxOptions::default();
    let limits = Limits { wall: 2 * options.limits.wall, ..options.limits.clone() };
    let others = [
        SandboxOptions { calibrate: false, ..options.clone() },
        SandboxOptions { limits, ..options.clone() },
        SandboxOptions { preload: vec!["json".into()], ..options.clone() },
        SandboxOptions { import_paths: vec![folder.path().to_owned()], ..options.clone() },
    ];
    let executor = executor().await;
    let conditions = Conditions::of(&options, &executor);
    assert_eq!(conditions, Conditions::of(&options, &executor));
    let key = Key::of(&set.items[1], program, &conditions);
    let grade = Grade::of(&[], &[], None);
    log.append(&key, "11", 0, &grade).unwrap();
    let log = VerdictLog::open(&folder.path().join("log")).unwrap();
    assert_eq!((log.get(&key), log.is_changed(&key)), (Some(&grade), false));
    let mut keys = std::collections::HashSet::from([key]);
    for options in &others {
        let other = Key::of(&set.items[1], program, &Conditions::of(options, &executor));
        assert!(log.get(&other).is_none() && log.is_changed(&other), "{options:?}");
        assert!(keys.insert(other));
    }
    // A package that comes in changes what can be imported.
    std::fs::create_dir(folder.path().join("numpy-2.0.dist-info")).unwrap();
    assert!(keys.insert(Key::of(&set.items[1], program, &Conditions::of(&others[3], &executor))));
    // Other tests, another program: another subject, not the same under other conditions.
    let other = Key::of(&set.items[1], "x = 1", &conditions);
    assert!(!log.is_changed(&other) && keys.insert(other));
    set.items[1].task.shown_tests.pop();
    let other = Key::of(&set.items[1], program, &conditions);
    assert!(!log.is_changed(&other) && keys.insert(other));
}

/// MBPP-ET has three tasks with asserts that are no Python: no program passes them, none is to blame, and no other try helps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_test_is_told_apart() {
    let executor = executor().await;
    let set = load("mbpp", "mbpp.jsonl");
    let task = &set.items[1].task;
    let tests = ["assert double_all([1]) == [2]", "assert double_all([]) == No solution"];
    let tests = tests.map(|text| egcfg_task::Test::Assert(text.to_owned()));
    let results = grade(&executor, task, RIGHT, &tests, Extent::UntilSettled).await.unwrap();
    let judged = Grade::of(&tests, &results, None);
    assert_eq!((judged.outcome, judged.passed_tests), (Outcome::Invalid, 1));
    assert_eq!(judged.failed.unwrap().verdict, "invalid test");
}
