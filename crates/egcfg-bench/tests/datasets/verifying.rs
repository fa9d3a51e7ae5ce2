//! References of every layout through the sandbox.

use egcfg_bench::eval::{Environment, Verification, verify};

use crate::{executor, load};

async fn verified(set: &str, name: &str) -> Verification {
    let set = load(set, name);
    verify(&set, &executor().await, &Environment::default(), 2, |_, _| {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn references_pass_in_every_layout() {
    let files = [
        ("mbpp-et", "mbpp_et.jsonl.gz", 2),
        ("humaneval", "humaneval.jsonl.gz", 2),
        ("humaneval-et", "humaneval_et.jsonl", 1),
        ("mbpp+", "mbpp_plus.jsonl", 3),
        ("mbpp+", "mbpp_plus.parquet", 1),
        ("humaneval+", "humaneval_plus.jsonl", 2),
        ("humaneval+", "humaneval_plus.parquet", 1),
        ("codecontests", "code_contests.jsonl", 1),
        ("tasks", "tasks.jsonl", 2),
    ];
    for (set, name, expected) in files {
        if cfg!(not(feature = "parquet")) && name.ends_with(".parquet") {
            continue;
        }
        let found = verified(set, name).await;
        assert_eq!((found.passed, found.failed, found.errors.len()), (expected, 0, 0), "{name}: {found:#?}");
        assert!(found.is_clean() && found.shown_contradict.is_empty(), "{name}: {found:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_reference_is_found_and_setup_code_runs_after_it() {
    let found = verified("mbpp", "mbpp.jsonl").await;
    assert_eq!((found.passed, found.failed), (3, 1), "{found:#?}");
    let failure = &found.failures[0];
    assert_eq!((failure.task.as_str(), failure.failed.index), ("600", 1));
    assert_eq!(failure.failed.test, "assert broken(2) == 3");
    assert!(failure.known.is_none() && !found.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_is_skipped_by_reason() {
    let found = verified("ds1000", "ds1000.jsonl.gz").await;
    assert_eq!((found.passed, found.failed, found.unproven), (1, 0, 1), "{found:#?}");
    assert_eq!(found.skipped.get("Tensorflow"), Some(&1));
    assert_eq!(found.skipped.get("egcfg_no_such_module"), Some(&1));
    let found = verified("codecontests", "code_contests_listed.jsonl").await;
    assert_eq!((found.passed, found.skipped.get("no reference solution")), (0, Some(&1)));
}
