//! Every layout becomes the same tasks.

use std::io::Write as _;

use egcfg_bench::dataset::{Dataset, LoadOptions};
use egcfg_task::{Compare, Form, Test};

use crate::{file, load};

fn texts(tests: &[Test]) -> Vec<&str> {
    tests.iter().map(Test::key).collect()
}

fn ids(set: &Dataset) -> Vec<&str> {
    set.items.iter().map(|item| item.task.id.as_str()).collect()
}

#[test]
fn mbpp_shows_the_tests_that_decide() {
    let set = load("mbpp", "mbpp.jsonl");
    assert_eq!(ids(&set), ["3", "11", "12", "600"]);
    let double = &set.items[1];
    // The function that the tests call, not the helper before it; Unix line ends.
    assert_eq!(double.task.entry_point, "double_all");
    assert_eq!(double.task.grading_tests(), double.task.shown_tests);
    assert_eq!(double.task.shown_tests.len(), 3);
    assert_eq!(texts(&double.reference_tests), ["assert double_all([0.5]) == [1.0]"]);
    assert!(!double.reference.as_ref().unwrap().contains('\r'));
    assert_eq!(set.items[2].task.setup_code, "first = Link(1)\nfirst.next = Link(2)\nsecond = Link(5)");
    // The file is none that was checked, which is said with both sums.
    let [warning] = set.warnings.as_slice() else { panic!("{:?}", set.warnings) };
    assert!(warning.contains(&set.sha256) && warning.contains("ccf64ceae9c5403b"), "{warning}");
}

#[test]
fn splits_ids_and_limits_select() {
    let of = |options: LoadOptions| {
        let set = Dataset::load("mbpp", &file("mbpp.jsonl"), &options)?;
        Ok::<_, egcfg_bench::dataset::DatasetError>(ids(&set).join(" "))
    };
    let split = |name: &str| LoadOptions { split: Some(name.into()), ..LoadOptions::default() };
    let wanted =
        |ids: &[&str]| LoadOptions { ids: ids.iter().map(ToString::to_string).collect(), ..split("all") };
    assert_eq!(of(LoadOptions::default()).unwrap(), "11 12");
    assert_eq!(of(split("all")).unwrap(), "3 11 12 600");
    assert_eq!(of(split("prompt")).unwrap(), "3");
    assert_eq!(of(wanted(&["Mbpp/12", "600"])).unwrap(), "12 600");
    assert_eq!(of(wanted(&["3..11"])).unwrap(), "3 11");
    assert_eq!(of(LoadOptions { limit: Some(1), ..LoadOptions::default() }).unwrap(), "11");
    let error = of(split("dev")).unwrap_err().to_string();
    assert!(error.ends_with("has no task of the split dev; its splits: prompt, test, validation"), "{error}");
    let error = of(wanted(&["11", "99"])).unwrap_err().to_string();
    assert!(error.ends_with("has the id 99"), "{error}");
}

#[test]
fn humaneval_is_a_completion_with_hidden_asserts() {
    let set = load("humaneval", "humaneval.jsonl.gz");
    let largest = &set.items[0].task;
    assert!(largest.header.ends_with("-1\n    \"\"\"\n"), "{}", largest.header);
    assert!(largest.prompt.starts_with("The largest item."), "{}", largest.prompt);
    assert_eq!(texts(&largest.shown_tests), ["assert largest([1, 3, 2]) == 3", "assert largest([-1]) == -1"]);
    assert_eq!(
        texts(&largest.graded_tests),
        ["assert candidate([1, 3, 2]) == 3", "assert candidate([5]) == 5, 'one item'", "assert True"]
    );
    // A check that does more than assert stays whole.
    let mirror = &set.items[1].task;
    assert_eq!(texts(&mirror.shown_tests), ["assert mirror(\"ab\") == \"ba\""]);
    let [Test::Assert(check)] = mirror.graded_tests.as_slice() else { panic!("{:?}", mirror.graded_tests) };
    assert!(check.starts_with("def check(") && check.ends_with("\ncheck(mirror)\n"), "{check}");
}

#[test]
fn extended_suites_decide_and_the_base_suite_is_shown() {
    let set = load("mbpp-et", "mbpp_et.jsonl.gz");
    assert_eq!((set.items[0].task.shown_tests.len(), set.items[0].task.graded_tests.len()), (3, 4));
    let set = load("humaneval-et", "humaneval_et.jsonl");
    assert_eq!((set.items[0].task.shown_tests.len(), set.items[0].task.graded_tests.len()), (2, 40));
    let set = load("mbppplus", "mbpp_plus.jsonl");
    let common = &set.items[0];
    assert_eq!(common.task.prompt, "Write a function to find the common items of two tuples.");
    assert_eq!(
        texts(&common.task.shown_tests),
        [
            "assert set(similar_elements((1, 2),(2, 3))) == set((2,))",
            "assert set(similar_elements((),())) == set(())"
        ]
    );
    // 2 base inputs are one test, 60 plus inputs three.
    assert_eq!((common.base_tests, common.task.graded_tests.len()), (Some(1), 4));
}

#[test]
fn code_contests_programs_read_and_print() {
    let set = load("codecontests", "code_contests.jsonl");
    let sum = &set.items[0];
    assert_eq!((sum.task.form, sum.task.entry_point.as_str()), (Form::Stdio, "solve"));
    assert_eq!((sum.task.shown_tests.len(), sum.task.graded_tests.len()), (3, 3));
    assert_eq!(
        sum.task.graded_tests[0],
        Test::Stdio { stdin: "5 5\n".into(), stdout: "10\n".into(), compare: Compare::Codecontests }
    );
    assert!(sum.reference.as_ref().unwrap().contains("input()"), "the Python solution, not the C++ one");
    let set = load("codecontests", "code_contests_listed.jsonl");
    assert_eq!(set.items[0].task.id, "7");
    assert_eq!((set.items[0].task.shown_tests.len(), set.items[0].task.graded_tests.len()), (3, 2));
}

#[test]
fn ds1000_inserts_into_a_context() {
    let set = load("ds1000", "ds1000.jsonl.gz");
    let sort = &set.items[0];
    assert_eq!((sort.task.id.as_str(), sort.library.as_deref()), ("4", Some("Ourlib")));
    assert_eq!(texts(&sort.task.graded_tests), ["test_execution(PROGRAM)", "test_string(PROGRAM)"]);
    let program = egcfg_grade::program(&sort.task, "result = 'a\"\\n'");
    assert!(program.source.starts_with("PROGRAM = \"result = 'a\\\"\\\\n'\"\n"), "{}", program.source);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_holds_the_same_tasks() {
    let same = |set: &str, lines: &str, parquet: &str| {
        assert_eq!(load(set, lines).items, load(set, parquet).items, "{parquet}");
    };
    same("mbpp", "mbpp.jsonl", "mbpp.parquet");
    same("humaneval", "humaneval.jsonl.gz", "humaneval.parquet");
    same("codecontests", "code_contests.jsonl", "code_contests.parquet");
    same("ds1000", "ds1000.jsonl.gz", "ds1000.parquet");
}

#[test]
fn packed_files_are_the_plain_ones() {
    let plain = std::fs::read(file("mbpp.jsonl")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let expected = load("mbpp", "mbpp.jsonl");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(plain.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    // The ending does not matter; as a JSON array, the same tasks.
    let lines: Vec<&str> = std::str::from_utf8(&plain).unwrap().lines().collect();
    let array = format!("[\n{}\n]\n", lines.join(",\n")).into_bytes();
    for (name, data) in [("a.jsonl.gz", gzip.finish().unwrap()), ("a.zst", zstd), ("a.json", array)] {
        let path = folder.path().join(name);
        std::fs::write(&path, data).unwrap();
        let options = LoadOptions { split: Some("all".into()), ..LoadOptions::default() };
        let set = Dataset::load("mbpp", &path, &options).unwrap();
        assert_eq!(set.items, expected.items, "{name}");
        assert_eq!(set.sha256 == expected.sha256, name != "a.json", "{name}");
    }
}

#[test]
fn ids_of_related_sets_are_found() {
    let set = load("mbpp", "mbpp.jsonl");
    for id in ["11", "Mbpp/11", "MBPP/11", "mbpp/11"] {
        assert_eq!(set.find(id).unwrap().task.id, "11");
    }
    for id in ["mbpp_plus/11", "MBPP-ET/11"] {
        assert_eq!(set.find(id).unwrap().task.id, "11");
    }
    for id in ["Mbpp/13", "HumanEval/11", "other/11"] {
        assert!(set.find(id).is_none(), "{id}");
    }
    // Names of a user's own tasks are taken as they are.
    let own = load("tasks", "tasks.jsonl");
    assert!(own.find("square").is_some() && own.find("x/square").is_none());
}
