//! Many agents on one folder.

use std::collections::HashMap;
use std::time::Duration;

use crate::world::{Running, World, results, until};

/// 25 tasks x 2 prompts x (plain, gamma 0, and gamma 0.5 twice): 200 units, so that every axis takes part.
pub(crate) const UNITS: usize = 200;
pub(crate) const GRID: [&str; 14] = [
    "--method",
    "plain,eg_cfg",
    "--config",
    "ns2t0.7d2k1_ln,ns2t0.9d2k1_lci_ln",
    "--gamma",
    "0,0.5",
    "--retries",
    "1",
    "--lease",
    "8",
    "--max-tokens",
    "100",
    "--jobs",
    "2",
];

/// Starts eight agents and kills three at random moments; returns what the agents said, the killed ones included.
pub(crate) fn eight_agents_of_which_three_die(world: &World, settled: impl Fn() -> usize) -> Vec<String> {
    let mut agents: Vec<Running> =
        (0..8).map(|n| world.start(&format!("agent{n}"), &[&GRID, ["-v"].as_slice()].concat())).collect();
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as usize;
    let mut said = Vec::new();
    for (kill, share) in [(0, 10), (1, 60), (2, 120)] {
        // At a random moment after so many units stand.
        until("work", || {
            settled() >= share || agents.iter_mut().any(|a| a.child.try_wait().unwrap().is_some())
        });
        std::thread::sleep(Duration::from_millis((seed >> (8 * kill)) as u64 % 200));
        let mut victim = agents.remove((seed >> (4 * kill)) % agents.len());
        assert_eq!(
            victim.child.try_wait().unwrap(),
            None,
            "an agent ended before it was killed: {}",
            victim.stderr()
        );
        victim.child.kill().unwrap();
        said.push(victim.stderr());
    }
    for agent in agents {
        let ended = agent.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        said.push(ended.stderr);
    }
    said
}

/// No unit was published twice; a killed agent may have died between publishing and saying so.
pub(crate) fn nothing_was_published_twice(said: &[String]) {
    let mut published: HashMap<&str, usize> = HashMap::new();
    for line in said.iter().flat_map(|text| text.lines()) {
        if let Some((unit, _)) = line.split_once(": passed, ") {
            *published.entry(unit).or_default() += 1;
        }
    }
    assert!(published.values().all(|count| *count == 1), "{published:?}");
    assert!((UNITS - 6..=UNITS).contains(&published.len()), "{}", published.len());
}

#[test]
fn eight_agents_share_a_folder_and_three_of_them_die() {
    let world = World::new(25, &[], 0.01);
    let said = eight_agents_of_which_three_die(&world, || results(&world.files()).len());
    nothing_was_published_twice(&said);
    let files = world.files();
    assert_eq!(results(&files).len(), UNITS);
    assert_eq!(files.iter().filter(|file| file.starts_with("solved_tasks/")).count(), 25);
    // Nothing is left of claims and of logs that nobody finished.
    assert!(!files.iter().any(|file| file.starts_with("claims/") || file.ends_with(".part")), "{files:?}");
    for file in results(&files) {
        let result = world.json(file);
        assert_eq!(result["passed"], true, "{file}");
        assert_eq!(result["egcfg"]["shown_passed"], true);
        let (folder, name) = file.split_once('/').unwrap();
        let log = world.root().join(folder).join("events").join(name.replace(".json", ".jsonl"));
        let log = std::fs::read_to_string(log).unwrap();
        let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert_eq!((&last["event"], &last["task"]), (&"verdict".into(), &result["egcfg"]["task"]));
    }
    // Once more: nothing is left to do, and nothing is done again.
    let again = world.run(&[&GRID, ["--json"].as_slice()].concat());
    let summary: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((again.code, &summary["done"], &summary["published"]), (Some(0), &UNITS.into(), &0.into()));
}

#[test]
fn an_agent_that_slept_past_its_lease_publishes_nothing() {
    let world = World::new(1, &[], 0.4);
    let plain = ["--method", "plain", "--lease", "0.6"];
    let sleeper = world.start("sleeper", &plain);
    until("a claim", || world.files().iter().any(|file| file.starts_with("claims/")));
    sleeper.signal("-STOP");
    let heir = world.run(&plain);
    assert_eq!(heir.code, Some(0), "{}", heir.stderr);
    assert!(heir.stderr.contains("is taken over (claim 2)"), "{}", heir.stderr);
    let key = "plain/task_id=t0_gamma=0.0.json";
    let (before, log) = (world.json(key), world.root().join("plain/events/task_id=t0_gamma=0.0.jsonl"));
    let log_before = std::fs::read(&log).unwrap();
    sleeper.signal("-CONT");
    let slept = sleeper.end();
    assert_eq!(slept.code, Some(0), "{}", slept.stderr);
    assert!(slept.stderr.contains("nothing of it is published here"), "{}", slept.stderr);
    assert_eq!(world.json(key), before);
    assert_eq!(std::fs::read(&log).unwrap(), log_before);
    assert!(heir.stderr.contains(&format!("agent {} on", before["egcfg"]["agent"].as_str().unwrap())));
    assert_eq!(before["egcfg"]["epoch"], 2);
    let files = world.files();
    assert!(!files.iter().any(|f| f.starts_with("claims/") || f.ends_with(".part")), "{files:?}");
}

#[test]
fn a_killed_run_goes_on_where_it_stood() {
    let world = World::new(12, &[3], 0.02);
    let plain = ["--method", "plain", "--lease", "60"];
    let mut first = world.start("first", &plain);
    until("five results", || results(&world.files()).len() >= 5);
    first.child.kill().unwrap();
    first.end();
    let files = world.files();
    let kept: Vec<_> = results(&files).iter().map(|file| ((*file).clone(), world.json(file))).collect();
    assert!(kept.len() < 12, "it was too fast to be killed");
    // The lease is a minute, but the process is known to be gone.
    let second = world.run(&plain);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert_eq!(results(&world.files()).len(), 12);
    for (file, result) in kept {
        assert_eq!(world.json(&file), result);
    }
    assert_eq!(world.json("plain/task_id=t3_gamma=0.0.json")["passed"], false);
}

#[test]
fn ctrl_c_gives_claims_back() {
    let world = World::new(3, &[], 0.3);
    let plain = ["--method", "plain", "--lease", "3600", "--jobs", "2"];
    let agent = world.start("agent", &plain);
    until("a claim", || world.files().iter().any(|file| file.starts_with("claims/")));
    agent.signal("-INT");
    let ended = agent.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("error: interrupted\n"), "{}", ended.stderr);
    let files = world.files();
    let last = files.iter().rfind(|file| file.starts_with("claims/")).unwrap();
    assert_eq!(
        (&world.json(last)["state"], last.ends_with(".e2.json")),
        (&"released".into(), true),
        "{files:?}"
    );
    let agents = files.iter().find(|file| file.starts_with("agents/")).unwrap();
    assert_eq!(world.json(agents)["state"], "interrupted");
    let again = world.run(&plain);
    assert_eq!((again.code, results(&world.files()).len()), (Some(0), 3), "{}", again.stderr);
}

#[test]
fn a_task_that_is_solved_elsewhere_is_dropped_in_mid_generation() {
    let world = World::new(1, &[], 1.0);
    let options = ["--gamma", "0,0.5", "--until-solved", "--lease", "2", "--config", "ns2t0.7d2k1_ln"];
    let agent = world.start("agent", &options);
    until("a claim", || world.files().iter().any(|file| file.starts_with("claims/")));
    std::fs::create_dir_all(world.root().join("solved_tasks")).unwrap();
    std::fs::write(world.root().join("solved_tasks/t0.json"), "{}").unwrap();
    let ended = agent.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("is dropped: its task was solved elsewhere"), "{}", ended.stderr);
    assert_eq!(results(&world.files()), Vec::<&String>::new());
}

#[test]
fn until_solved_climbs_the_gammas_only_as_far_as_needed() {
    let world = World::new(2, &[1], 0.0);
    let options = ["--gamma", "0,0.5", "--until-solved", "--config", "ns2t0.7d2k1_ln,ns2t0.9d2k1_ln"];
    let ran = world.run(&options);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let files = world.files();
    let names: Vec<&str> = results(&files).iter().map(|file| file.as_str()).collect();
    let mut expected = vec!["ns2t0.7d2k1_ln/task_id=t0_gamma=0.0.json"];
    for config in ["ns2t0.7d2k1_ln", "ns2t0.9d2k1_ln"] {
        expected.extend([0.0, 0.5].map(|g| &*format!("{config}/task_id=t1_gamma={g:?}.json").leak()));
    }
    // An agent may begin with either task, and then finds the other configuration's units of the solved one dropped.
    assert_eq!(names, expected);
    assert!(ran.stdout.contains("5 of 8 units done, 3 not needed, 1 tasks solved"), "{}", ran.stdout);
}
