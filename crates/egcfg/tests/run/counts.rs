//! What a result counts is what its event log tells.

use std::collections::BTreeMap;

use crate::world::{World, results};

#[test]
fn a_result_counts_as_many_programs_as_its_log_has_attempts() {
    let world = World::new(2, &[1], 0.0);
    // The second task is never solved, and its repair is another program.
    let script = "[programs]\n\"task number 0.\" = \"def f0(x):\\n    return 0 * x\"\n\
        \"task number 1.\" = \"def f1(x):\\n    return x - 100\"\n\
        \"Correct the program\" = \"def f1(x):\\n    return x - 200\"\n";
    world.write("script.toml", script);
    let methods = ["--method", "best_of,search,self_debugging", "--policy", "independent", "--budget", "200"];
    let ran = world.run(&methods);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let files = world.files();
    let mut counted = BTreeMap::new();
    for file in results(&files) {
        let result = world.json(file);
        let (folder, name) = file.split_once('/').unwrap();
        let log = world.root().join(folder).join("events").join(name.replace(".json", ".jsonl"));
        let events = std::fs::read_to_string(log).unwrap();
        let attempts = events
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|event| event["event"] == "verdict")
            .count();
        assert_eq!(result["egcfg"]["programs"], attempts, "{file}");
        let of = |field: &str| result["egcfg"][field].as_str().unwrap().to_owned();
        counted.insert((of("method"), of("task")), attempts);
    }
    assert_eq!(counted.len(), 6, "{files:?}");
    for method in ["best_of", "search_independent", "self_debugging"] {
        let (solved, unsolved) = (&(method.into(), "t0".into()), &(method.into(), "t1".into()));
        assert!(counted[unsolved] > 1 && counted[solved] >= 1, "{counted:?}");
    }
}
