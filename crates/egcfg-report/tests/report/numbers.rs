//! The four numbers, on folders whose numbers can be counted on the fingers.

use std::path::Path;

use egcfg_report::{Fixed, Kind, Number, Report};
use egcfg_results::read::{Filter, Folder};

use crate::hand::{broken, experiment, foreign, of_method, put, result};

const A: &str = "ns3t0.7d2k1_ln";
const B: &str = "ns3t1.2d2k1_ln";

fn report(results: &Path) -> Report {
    Report::new(&Folder::read(results, &Filter::default()).unwrap(), None, &[])
}

fn number(report: &Report, kind: Kind) -> Number {
    report.groups[0].numbers.iter().find(|number| number.kind == kind).unwrap().clone()
}

/// Solved tasks and scored tasks.
fn score(report: &Report, kind: Kind) -> (f64, usize) {
    let score =
        number(report, kind).score.unwrap_or_else(|| panic!("{kind:?}: {:?}", number(report, kind).unknown));
    (score.solved, score.total)
}

/// Four HumanEval tasks, two configurations, gammas 0 and 1: (passed, shown passed) per cell.
fn grid(results: &Path, skip: impl Fn(&str, &str, f64) -> bool) {
    let cells: [(&str, [(bool, bool); 4]); 4] = [
        // greedy A, guided A, greedy B, guided B
        ("0", [(true, true), (true, true), (true, true), (false, true)]),
        ("1", [(false, false), (true, true), (false, false), (true, true)]),
        // The shown tests choose a program that fails the graded ones, though a later one would pass.
        ("2", [(false, true), (false, false), (false, false), (true, true)]),
        ("3", [(false, false), (false, false), (false, false), (false, false)]),
    ];
    experiment(results, "humaneval", 4, &[A, B], &[0.0, 1.0], false);
    for (task, own) in cells {
        for ((name, gamma), (passed, shown)) in [(A, 0.0), (A, 1.0), (B, 0.0), (B, 1.0)].into_iter().zip(own)
        {
            if !skip(task, name, gamma) {
                put(results, "humaneval", name, task, gamma, &result(passed, shown, 10));
            }
        }
    }
}

#[test]
fn the_four_numbers_differ_and_each_is_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    grid(folder.path(), |_, _, _| false);
    for (task, tokens, passed) in [("0", 10, true), ("1", 40, false), ("2", 40, false), ("3", 45, false)] {
        put(
            folder.path(),
            "humaneval",
            "best_of_t0.7",
            task,
            0.0,
            &of_method("best_of", result(passed, passed, tokens)),
        );
    }
    let report = report(folder.path());
    assert_eq!(report.groups[0].n, 4);
    assert_eq!(score(&report, Kind::Baseline), (1.0, 4));
    assert_eq!(score(&report, Kind::Fixed), (2.0, 4));
    assert_eq!(score(&report, Kind::Chosen), (2.0, 4));
    assert_eq!(score(&report, Kind::AnyOfN), (3.0, 4));
    assert_eq!(score(&report, Kind::Unguided), (1.0, 4));
    // From 25 % to 75 %: two thirds of the gap.
    assert!((number(&report, Kind::AnyOfN).rsr.unwrap().value - 100.0 * 2.0 / 3.0).abs() < 1e-9);
    assert!((number(&report, Kind::AnyOfN).tokens_per_task.unwrap() - 40.0).abs() < 1e-9);
    let unguided = number(&report, Kind::Unguided);
    assert!(unguided.notes.iter().any(|note| note.contains("at least the tokens")), "{unguided:?}");
    let row = &report.groups[0].rows[1];
    assert_eq!((row.configuration.as_str(), row.gamma, row.temperature), (A, 1.0, Some(0.7)));
    assert_eq!(
        (row.tokens, row.computed, row.forwards, row.shown_passed),
        (Some(10.0), Some(30.0), Some(5.0), Some(2))
    );
}

#[test]
fn best_of_n_with_fewer_tokens_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    grid(folder.path(), |_, _, _| false);
    for task in ["0", "1", "2", "3"] {
        put(
            folder.path(),
            "humaneval",
            "best_of_t0.7",
            task,
            0.0,
            &of_method("best_of", result(task == "0", task == "0", 39)),
        );
    }
    let notes = number(&report(folder.path()), Kind::Unguided).notes;
    assert!(notes.iter().any(|note| note.contains("not at equal tokens: 3 unsolved")), "{notes:?}");
}

#[test]
fn what_cannot_be_known_is_left_out_and_said() {
    // A guided cell is missing on an unsolved task: neither the oracle nor the choice is known, pass@1 of A still is.
    let folder = tempfile::tempdir().unwrap();
    grid(folder.path(), |task, name, gamma| task == "3" && name == B && gamma > 0.5);
    let missing = report(folder.path());
    assert_eq!(score(&missing, Kind::Fixed), (2.0, 4));
    for (kind, said) in [
        (Kind::Chosen, "1 of 4 tasks do not have all 4 runs"),
        (Kind::AnyOfN, "1 of 4 tasks are unsolved"),
        (Kind::Unguided, "best_of"),
    ] {
        let number = number(&missing, kind);
        assert!(number.score.is_none() && number.unknown.as_ref().unwrap().contains(said), "{number:?}");
    }
    assert!(missing.groups[0].notes.iter().any(|note| note.contains("15 of 16 results")));
    // Missing on a solved task the oracle does not mind.
    let folder = tempfile::tempdir().unwrap();
    grid(folder.path(), |task, name, _| task == "0" && name == B);
    let solved = report(folder.path());
    assert_eq!(score(&solved, Kind::AnyOfN), (3.0, 4));
    assert!(number(&solved, Kind::Chosen).unknown.is_some());
    // A whole task is missing.
    let folder = tempfile::tempdir().unwrap();
    grid(folder.path(), |task, _, _| task == "1");
    let short = report(folder.path());
    for kind in [Kind::Baseline, Kind::Fixed, Kind::Chosen, Kind::AnyOfN] {
        assert!(number(&short, kind).unknown.is_some(), "{kind:?}");
    }
}

#[test]
fn after_until_solved_only_the_oracle_is_known() {
    let folder = tempfile::tempdir().unwrap();
    experiment(folder.path(), "humaneval", 2, &[A], &[0.0, 1.0], true);
    put(folder.path(), "humaneval", A, "0", 0.0, &result(true, true, 10));
    put(folder.path(), "humaneval", A, "1", 0.0, &result(false, false, 10));
    put(folder.path(), "humaneval", A, "1", 1.0, &result(false, true, 10));
    let report = report(folder.path());
    assert_eq!(score(&report, Kind::AnyOfN), (1.0, 2));
    let fixed = number(&report, Kind::Fixed);
    assert!(fixed.score.is_none() && fixed.unknown.unwrap().contains("until solved"));
    assert!(number(&report, Kind::Chosen).score.is_none());
    assert!(number(&report, Kind::AnyOfN).tokens_per_task.is_none());
}

#[test]
fn infrastructure_errors_are_not_wrong_answers() {
    let folder = tempfile::tempdir().unwrap();
    grid(folder.path(), |_, _, _| false);
    put(folder.path(), "humaneval", A, "3", 1.0, &broken());
    let report = report(folder.path());
    assert_eq!(score(&report, Kind::Fixed), (2.0, 3));
    // Task 3 might have been solved by the run that broke; tasks 0 to 2 are solved.
    assert_eq!(score(&report, Kind::AnyOfN), (3.0, 3));
    assert_eq!(report.groups[0].errors, 1);
    let row = report.groups[0].rows.iter().find(|row| row.configuration == A && row.gamma == 1.0).unwrap();
    assert_eq!((row.errors, row.score.unwrap().total), (1, 3));
}

#[test]
fn on_mbpp_two_equals_three_and_wrong_tests_are_set_apart() {
    let folder = tempfile::tempdir().unwrap();
    // Files of another program: no word of shown tests, which are the graded ones here.
    for (task, passed) in [("11", true), ("12", false), ("180", false), ("461", false)] {
        put(folder.path(), "mbpp", A, task, 0.0, &foreign(false));
        put(folder.path(), "mbpp", A, task, 1.0, &foreign(passed));
    }
    let report = report(folder.path());
    assert_eq!(score(&report, Kind::Chosen), score(&report, Kind::AnyOfN));
    assert!(number(&report, Kind::Chosen).notes.iter().any(|note| note.contains("equals any of N")));
    let right = number(&report, Kind::AnyOfN).without_wrong_tests.unwrap();
    assert_eq!((right.solved, right.total), (1.0, 2));
    assert_eq!(report.groups[0].wrong_tests, 2);
    // On another data set the same files leave the choice unknown.
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "mbpp-et", A, "11", 1.0, &foreign(true));
    assert!(
        number(&crate::numbers::report(folder.path()), Kind::Chosen).unknown.unwrap().contains("do not say")
    );
}

#[test]
fn published_numbers_stand_beside_ours() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("mbpp/deepseek-ai_deepseek-coder-1.3b-instruct").join(A);
    std::fs::create_dir_all(&model).unwrap();
    std::fs::write(model.join("task_id=11_gamma=1.0.json"), foreign(true).to_string()).unwrap();
    let report = report(folder.path());
    let published = report.groups[0].published.unwrap();
    assert_eq!((published.baseline, published.any_of_n), (49.4, 83.2));
    let text = egcfg_report::table::render(&report);
    assert!(text.contains("published") && text.contains("83.2"), "{text}");
}

#[test]
fn a_fixed_configuration_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    grid(folder.path(), |_, _, _| false);
    let fixed = Fixed::parse(&format!("{B}@1")).unwrap();
    let read = Folder::read(folder.path(), &Filter::default()).unwrap();
    let report = Report::new(&read, Some(&fixed), &[]);
    assert_eq!(score(&report, Kind::Fixed), (2.0, 4));
    assert!(number(&report, Kind::Fixed).of.contains(B));
    assert!(Fixed::parse("x@y").is_err() && Fixed::parse("@1").is_err());
}
