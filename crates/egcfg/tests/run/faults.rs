//! What is no fault of a program is never a wrong answer: errors are kept apart, tried again, and told.

use crate::world::{World, results};

#[test]
fn a_model_that_fails_on_a_task_leaves_an_error_and_no_result() {
    let world = World::new(3, &[], 0.0);
    world.script(3, &[], 0.0, &["task number 1."]);
    let plain = ["--method", "plain", "--lease", "1", "--max-attempts", "2"];
    let ran = world.run(&plain);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: 1 units could not be carried out"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: --retry-errors"), "{}", ran.stderr);
    let files = world.files();
    assert_eq!(results(&files).len(), 2);
    let errors: Vec<&String> = files.iter().filter(|file| file.starts_with("errors/")).collect();
    assert_eq!(errors.len(), 2, "{files:?}");
    assert_eq!(world.json(errors[1])["attempt"], 2);
    // As it stands, it stays given up; when the cause is gone, it is tried again on demand.
    assert_eq!(world.run(&plain).code, Some(4));
    world.script(3, &[], 0.0, &[]);
    let again = world.run(&[&plain, ["--retry-errors"].as_slice()].concat());
    assert_eq!((again.code, results(&world.files()).len()), (Some(0), 3), "{}", again.stderr);
}

#[test]
fn a_model_that_always_fails_ends_the_agent_soon() {
    let world = World::new(20, &[], 0.0);
    world.script(20, &[], 0.0, &["task number"]);
    let ran = world.run(&["--method", "plain"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("5 units failed one after the other"), "{}", ran.stderr);
    assert_eq!(results(&world.files()).len(), 0);
}

#[test]
fn other_settings_on_the_same_results_are_refused_by_name() {
    let world = World::new(2, &[], 0.0);
    assert_eq!(world.run(&["--method", "plain"]).code, Some(0));
    let ran = world.run(&["--method", "plain", "--seed", "7", "--max-tokens", "50"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("is of another experiment; different: max_tokens, seed\n"), "{}", ran.stderr);
    let other_tasks = World::new(3, &[], 0.0);
    std::fs::copy(other_tasks.folder.path().join("tasks.jsonl"), world.folder.path().join("tasks.jsonl"))
        .unwrap();
    let ran = world.run(&["--method", "plain"]);
    assert!(ran.stderr.contains("different: tasks, tasks_sha256\n"), "{}", ran.stderr);
}

#[test]
fn a_result_that_cannot_be_read_is_set_aside_and_made_again() {
    let world = World::new(3, &[], 0.0);
    let plain = ["--method", "plain"];
    assert_eq!(world.run(&plain).code, Some(0));
    let files = world.files();
    let names: Vec<String> = results(&files).into_iter().cloned().collect();
    let whole: Vec<Vec<u8>> =
        names.iter().map(|name| std::fs::read(world.root().join(name)).unwrap()).collect();
    // As a crash of the machine leaves one, cut short, and what is no file.
    std::fs::write(world.root().join(&names[0]), "").unwrap();
    std::fs::write(world.root().join(&names[1]), &whole[1][..whole[1].len() / 2]).unwrap();
    std::fs::remove_file(world.root().join(&names[2])).unwrap();
    std::os::unix::fs::symlink("/dev/null", world.root().join(&names[2])).unwrap();
    let ran = world.run(&plain);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for reason in ["it is empty", "it is no whole JSON", "it is a link, not a regular file"] {
        assert!(ran.stderr.contains(reason), "{reason}: {}", ran.stderr);
    }
    for name in &names {
        assert!(world.json(name)["passed"].is_boolean(), "{name}");
        assert!(world.files().contains(&format!("{name}.unreadable")), "{name}");
    }
    assert!(!world.run(&plain).stderr.contains("set aside"));
}
