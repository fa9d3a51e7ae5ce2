//! The public files themselves, where they are: that they are the ones that were checked, and a sample of their references.

use std::path::{Path, PathBuf};

use egcfg_bench::dataset::{Dataset, LoadOptions};
use egcfg_bench::eval::{Environment, verify};

use crate::executor;

/// A file of the shared data; says so where there is none.
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn the_public_files_load_whole_and_without_a_warning() {
    let files = [
        ("mbpp", "mbpp.jsonl.gz", 974),
        ("mbpp-et", "mbpp_et_test500_rebuilt.jsonl.gz", 500),
        ("mbpp+", "MbppPlus.jsonl.gz", 378),
        ("humaneval", "humaneval.jsonl.gz", 164),
        ("humaneval-et", "humaneval_et.jsonl.gz", 164),
        ("humaneval+", "HumanEvalPlus.jsonl.gz", 164),
        ("codecontests", "codecontests_sample20_with_tests.jsonl.gz", 20),
        ("codecontests", "codecontests_test_statements.jsonl.gz", 165),
        ("ds1000", "ds1000.jsonl.gz", 1000),
    ];
    for (set, name, expected) in files {
        let Some(path) = shared(name) else { continue };
        let options = LoadOptions { split: Some("all".into()), ..LoadOptions::default() };
        let loaded = Dataset::load(set, &path, &options).unwrap();
        assert_eq!(loaded.items.len(), expected, "{name}");
        let only_statements = name.contains("statements");
        assert_eq!(loaded.warnings.len(), usize::from(only_statements), "{name}: {:?}", loaded.warnings);
        for item in &loaded.items {
            assert!(!item.task.prompt.is_empty() && !item.task.entry_point.is_empty(), "{}", item.task.id);
            assert!(only_statements || !item.task.grading_tests().is_empty(), "{name}: {}", item.task.id);
        }
    }
    let Some(path) = shared("mbpp.jsonl.gz") else { return };
    assert_eq!(Dataset::load("mbpp", &path, &LoadOptions::default()).unwrap().items.len(), 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_of_the_public_references_passes() {
    let samples = [
        ("mbpp", "mbpp.jsonl.gz", "11,367,510,927"),
        ("mbpp+", "MbppPlus.jsonl.gz", "2,106,124,252,278,435,558,581,722,737,791,793"),
        ("humaneval+", "HumanEvalPlus.jsonl.gz", "0,32"),
        ("humaneval-et", "humaneval_et.jsonl.gz", "0,10"),
    ];
    let executor = executor().await;
    for (set, name, ids) in samples {
        let Some(path) = shared(name) else { return };
        let ids: Vec<String> = ids.split(',').map(str::to_owned).collect();
        let options = LoadOptions { split: Some("all".into()), ids: ids.clone(), limit: None };
        let loaded = Dataset::load(set, &path, &options).unwrap();
        let found = verify(&loaded, &executor, &Environment::default(), 2, |_, _| {}).await.unwrap();
        assert_eq!(
            (found.passed, found.failed),
            (ids.len(), 0),
            "{name}: {:?} {:?}",
            found.failures,
            found.errors
        );
    }
}
