//! Reading folders, and writing tables, CSV and JSON.

use egcfg_report::{Report, csv, table};
use egcfg_results::read::{Filter, Folder, ReadError};

use crate::experiment;
use crate::hand::{foreign, put};

#[test]
fn a_real_experiment_is_reported_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    experiment::write(folder.path(), 6);
    let read = Folder::read(folder.path(), &Filter::default()).unwrap();
    assert_eq!(read.groups[0].cells.len(), 6 * 10);
    assert!(read.groups[0].cells.iter().all(|cell| cell.events.is_some() && cell.tokens.is_some()));
    let report = Report::new(&read, None, &[]);
    let group = &report.groups[0];
    assert_eq!((group.tasks, group.n, group.rows.len()), (6, 8, 10));
    assert!(group.numbers.iter().all(|number| number.unknown.is_none()), "{:?}", group.numbers);
    // The JSON holds what the value holds, versioned.
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["groups"][0]["numbers"].as_array().unwrap().len(), 5);
    assert_eq!(json["groups"][0]["numbers"][3]["kind"], "any_of_n");
    // Every line of the CSV has the same number of fields; none of ours needs a quoted comma but the descriptions.
    let text = csv::render(&report);
    let fields = |line: &str| {
        let mut quoted = false;
        line.chars()
            .filter(|c| {
                quoted ^= *c == '"';
                *c == ',' && !quoted
            })
            .count()
    };
    let counts: Vec<usize> = text.lines().map(fields).collect();
    assert!(counts.iter().all(|count| *count == counts[0]), "{text}");
    let rows = |kind: &str| text.lines().filter(|line| line.starts_with(kind)).count();
    // Sides: gamma 0, the fixed configuration, two folders of best-of-N.
    assert_eq!((rows("configuration,"), rows("any_of_n,"), rows("lead,")), (10, 1, 4 * 3 / 2));
    assert!(rows("curve,") > 10, "{text}");
    let shown = table::render(&report);
    for part in [
        "mbpp / scripted_adder: 6 tasks, 8 guided runs each",
        "any of N, oracle",
        "without 1 wrong tests",
        "equals any of N",
        "| plain greedy |",
        "points (",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

#[test]
fn a_folder_is_found_at_any_level_and_filtered() {
    let folder = tempfile::tempdir().unwrap();
    for dataset in ["mbpp", "humaneval"] {
        put(folder.path(), dataset, "ns3t0.7d2k1_ln", "1", 1.0, &foreign(true));
    }
    std::fs::create_dir_all(folder.path().join("mbpp/m/claims/ns3t0.7d2k1_ln")).unwrap();
    std::fs::write(folder.path().join("mbpp/m/claims/ns3t0.7d2k1_ln/task_id=1_gamma=1.0.json"), "{}")
        .unwrap();
    let all = Folder::read(folder.path(), &Filter::default()).unwrap();
    assert_eq!(
        all.groups.iter().map(|group| group.dataset.as_str()).collect::<Vec<_>>(),
        ["humaneval", "mbpp"]
    );
    let one = Folder::read(&folder.path().join("mbpp/m"), &Filter::default()).unwrap();
    assert_eq!(
        (one.groups.len(), one.groups[0].dataset.as_str(), one.groups[0].model.as_str()),
        (1, "mbpp", "m")
    );
    assert_eq!(one.groups[0].cells.len(), 1, "claims are no results");
    let filter = |dataset: &str| Filter { dataset: Some(dataset.into()), model: None };
    assert_eq!(Folder::read(folder.path(), &filter("MBPP")).unwrap().groups.len(), 1);
    let error = Folder::read(folder.path(), &filter("apps")).unwrap_err();
    assert!(error.to_string().contains("humaneval / m, mbpp / m"), "{error}");
}

/// Whatever stands in a results file is one unit's problem: it is named, and everything else is counted.
#[test]
fn bad_files_are_said_and_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let name = "ns3t0.7d2k1_ln";
    put(folder.path(), "mbpp", name, "1", 1.0, &foreign(true));
    let own = folder.path().join("mbpp/m").join(name);
    let good = foreign(true).to_string();
    for (task, text) in [
        ("2", "{\"code\": 3}"),
        ("3", ""),
        ("4", " \n"),
        ("5", &good[..good.len() / 2]),
        ("6", "[]"),
        ("7", "{\"code\": \"x\"}"),
        ("8", "\u{0}\u{1}"),
    ] {
        std::fs::write(own.join(format!("task_id={task}_gamma=1.0.json")), text).unwrap();
    }
    // What is no file: a pipe would wait for a writer, the device would never end.
    let pipe = own.join("task_id=9_gamma=1.0.json");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", own.join("task_id=10_gamma=1.0.json")).unwrap();
    std::fs::create_dir(own.join("task_id=11_gamma=1.0.json")).unwrap();
    let read = Folder::read(folder.path(), &Filter::default()).unwrap();
    assert_eq!((read.groups[0].cells.len(), read.groups[0].unreadable.len()), (1, 10));
    let notes = &Report::new(&read, None, &[]).groups[0].notes;
    for task in 2..=11 {
        let said = format!("result file {name}/task_id={task}_gamma=1.0.json cannot be read: ");
        assert!(notes.iter().any(|note| note.starts_with(&said)), "task {task}: {notes:?}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Folder::read(empty.path(), &Filter::default()), Err(ReadError::Empty { .. })));
    assert!(matches!(
        Folder::read(&empty.path().join("no"), &Filter::default()),
        Err(ReadError::Folder { .. })
    ));
}

/// A copy under another way of writing its gamma is no second result.
#[test]
fn a_result_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let name = "ns3t0.7d2k1_ln";
    put(folder.path(), "mbpp", name, "1", 1.0, &foreign(true));
    let own = folder.path().join("mbpp/m").join(name);
    std::fs::copy(own.join("task_id=1_gamma=1.0.json"), own.join("task_id=1_gamma=1.json")).unwrap();
    let read = Folder::read(folder.path(), &Filter::default()).unwrap();
    assert_eq!(read.groups[0].cells.len(), 1);
    let said = format!(
        "result file {name}/task_id=1_gamma=1.json cannot be read: a second result of 1 at gamma 1; it does not count"
    );
    let notes = &Report::new(&read, None, &[]).groups[0].notes;
    assert!(notes.contains(&said), "{notes:?}");
}

/// Results of the published program whose generation failed have no program: errors, counted as such.
#[test]
fn results_without_a_program_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let name = "ns3t0.7d2k1_ln";
    put(folder.path(), "mbpp", name, "1", 1.0, &foreign(true));
    put(folder.path(), "mbpp", name, "2", 1.0, &foreign(false));
    let failed = serde_json::json!({"code": null, "results": {}, "passed": false, "accuracy": 0.0,
        "general_error": "ReadTimeout", "has_testcase_error": false, "stats": null, "retry": 0, "random_seed": 0});
    put(folder.path(), "mbpp", name, "3", 1.0, &failed);
    let report = Report::new(&Folder::read(folder.path(), &Filter::default()).unwrap(), None, &[]);
    let row = &report.groups[0].rows[0];
    let score = row.score.unwrap();
    assert_eq!((row.results, row.errors, score.solved, score.total), (3, 1, 1.0, 2));
    let said = "1 results say nothing about a program and are not scored: 1 x generation error: ReadTimeout";
    assert!(report.groups[0].notes.iter().any(|note| note == said), "{:?}", report.groups[0].notes);
}
