//! Reading folders, and writing tables, CSV and JSON.

use egcfg_report::{Filter, Folder, Report, ReportError, csv, table};

use crate::experiment;
use crate::hand::{foreign, put};

#[test]
fn a_real_experiment_is_reported_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    experiment::write(folder.path(), 6);
    let read = Folder::read(folder.path(), &Filter::default()).unwrap();
    assert_eq!(read.groups[0].cells.len(), 6 * 10);
    assert!(read.groups[0].cells.iter().all(|cell| cell.events.is_some() && cell.tokens.is_some()));
    let report = Report::new(&read, None);
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
    assert!(counts.iter().all(|count| *count == counts[0]) && counts.len() == 1 + 5 + 10, "{text}");
    let shown = table::render(&report);
    for part in [
        "mbpp / scripted_adder: 6 tasks, 8 guided runs each",
        "any of N, oracle",
        "without 1 wrong tests",
        "equals any of N",
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

#[test]
fn bad_files_are_said_and_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "mbpp", "ns3t0.7d2k1_ln", "1", 1.0, &foreign(true));
    put(folder.path(), "mbpp", "ns3t0.7d2k1_ln", "2", 1.0, &serde_json::json!({"code": 3}));
    let read = Folder::read(folder.path(), &Filter::default()).unwrap();
    assert_eq!((read.groups[0].cells.len(), read.groups[0].unreadable.len()), (1, 1));
    let notes = &Report::new(&read, None).groups[0].notes;
    assert!(
        notes
            .iter()
            .any(|note| note.contains("1 result files could not be read") && note.contains("task_id=2")),
        "{notes:?}"
    );
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Folder::read(empty.path(), &Filter::default()), Err(ReportError::Empty { .. })));
    assert!(matches!(
        Folder::read(&empty.path().join("no"), &Filter::default()),
        Err(ReportError::Read { .. })
    ));
}
