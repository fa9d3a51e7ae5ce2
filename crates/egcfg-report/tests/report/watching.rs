//! Watching a folder that fills.

use egcfg_report::watch::{Alive, Watcher, lines};
use egcfg_results::read::Filter;
use serde_json::json;

use crate::hand::{broken, experiment, put, result};

const A: &str = "ns3t0.7d2k1_ln";

#[test]
fn a_folder_is_watched_from_its_first_file_to_its_last() {
    let folder = tempfile::tempdir().unwrap();
    experiment(folder.path(), "humaneval", 2, &[A], &[0.0, 1.0], false);
    let mut watcher = Watcher::new(folder.path(), Filter::default());
    let before = watcher.look().unwrap();
    assert_eq!((before.groups[0].done, before.groups[0].total, before.finished()), (0, Some(4), false));
    assert!(
        lines::line(&before)
            .starts_with("0 of 4 units (0.0 %), 0 of 2 tasks solved, nothing in the last 5 min")
    );

    put(folder.path(), "humaneval", A, "0", 0.0, &result(false, false, 10));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let mut fresh = result(true, true, 30);
    fresh["stats"]["end_time"] = json!(now - 10.0);
    put(folder.path(), "humaneval", A, "0", 1.0, &fresh);
    // A result that is only half there yet: it is looked at again.
    let half = folder.path().join("humaneval/m").join(A).join("task_id=1_gamma=0.0.json");
    std::fs::write(&half, "{\"code\":").unwrap();
    let agents = folder.path().join("humaneval/m/agents");
    std::fs::create_dir_all(&agents).unwrap();
    let heartbeat = json!({"version": 1, "id": "host-1", "host": "host", "pid": 1, "beat": 3, "lease_seconds": 60.0, "state": "running",
        "done": 2, "current": [format!("{A}/task_id=1_gamma=0.0")], "tokens": 40, "errors": 0});
    std::fs::write(agents.join("host-1.json"), heartbeat.to_string()).unwrap();
    std::fs::write(agents.join("half.json"), "{").unwrap();
    let middle = watcher.look().unwrap();
    let group = &middle.groups[0];
    assert_eq!((group.done, group.passed, group.solved, group.tokens, group.alive()), (2, 1, 1, 40, 1));
    assert_eq!(group.agents.iter().map(|agent| agent.alive).collect::<Vec<_>>(), [Alive::Yes]);
    assert!(group.rate.is_some() && group.left().is_some());
    let text = lines::table(&middle);
    assert!(text.contains("1 of 1 agents alive") && text.contains("task_id=1_gamma=0.0"), "{text}");

    std::fs::write(&half, result(false, false, 1).to_string()).unwrap();
    put(folder.path(), "humaneval", A, "1", 1.0, &broken());
    let after = watcher.look().unwrap();
    assert_eq!((after.groups[0].done, after.groups[0].errors, after.finished()), (4, 1, true));
}
