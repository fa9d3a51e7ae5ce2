//! Where settings come from, and what wins.

use crate::start::egcfg;
use crate::world::{World, results};

const SESSION: &str = r#"{"gammas": [0, 0.5], "model_name": "scripted:script.toml", "deployment_type": "local",
  "dataset": "tasks", "results_dir": "theirs", "retries_count": 1, "random_seed": 7, "start_idx": 0, "end_idx": 2,
  "inference_endpoint_api_key": "s3cret", "use_global_cache": true, "flavour": "sweet"}"#;

#[test]
fn a_session_of_the_reference_runs_as_it_is() {
    let world = World::new(3, &[], 0.0);
    world.write("session.json", SESSION);
    world.write(
        "params.json",
        r#"{"t": [0.7, 0.9], "s": [2], "d": [2], "k": [1], "prompt_type": ["deepseek_instruct"]}"#,
    );
    let args = ["run", "--session-config-json", "session.json", "--dynamic-signals-params", "params.json"];
    let more = ["--data", "tasks.jsonl", "--workers", "1"];
    let listed = egcfg(world.folder.path(), &[&args, more.as_slice(), &["--dry-run"]].concat());
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert_eq!(listed.stdout.lines().count(), 2 * 2 * 2);
    assert!(listed.stderr.contains("warning: session.json: unknown key 'flavour' is not used\n"));
    assert!(
        listed.stderr.contains("warning: session.json: inference_endpoint_api_key is not read from a file")
    );
    assert!(!listed.stderr.contains("s3cret"));

    let ran = egcfg(world.folder.path(), &[&args, more.as_slice()].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let world = World { results: "theirs".into(), ..world };
    let files = world.files();
    let mut published: Vec<&str> = results(&files).iter().map(|file| file.as_str()).collect();
    let mut planned: Vec<&str> = listed.stdout.lines().collect();
    published.sort_unstable();
    planned.sort_unstable();
    assert_eq!(published, planned);
    let result = world.json("ns2t0.9d2k1_ln/task_id=t1_gamma=0.5.json");
    let keys: Vec<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
    let known = [
        "code",
        "results",
        "passed",
        "accuracy",
        "general_error",
        "has_testcase_error",
        "stats",
        "retry",
        "random_seed",
        "egcfg",
    ];
    assert_eq!(keys, known);
    assert_eq!((&result["random_seed"], &result["egcfg"]["method"]), (&7.into(), &"eg_cfg".into()));
    assert_eq!(result["results"].as_object().unwrap().len(), 3, "the hidden test is graded too");
}

#[test]
fn flags_win_over_the_file_and_the_file_over_the_session() {
    let world = World::new(2, &[], 0.0);
    world.write("session.json", SESSION);
    world.write(
        "mine.toml",
        "gammas = [1]\nretries = 1\nconfigurations = ['ns4t0.7d2k1_ln']\nmethods = ['eg_cfg', 'plain']\n",
    );
    let args =
        ["run", "mine.toml", "--session-config-json", "session.json", "--data", "tasks.jsonl", "--dry-run"];
    let listed = egcfg(world.folder.path(), &[&args, ["--end", "1", "-t", "0.8"].as_slice()].concat());
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let expected = "ns4t0.8d2k1_ln/task_id=t0_gamma=1.0.json\nns4t0.8d2k1_ln/task_id=t0_gamma=1.0_retry=1.json\n\
        plain/task_id=t0_gamma=0.0.json\n";
    assert_eq!(listed.stdout, expected);
    // Every value tells where it comes from.
    let origin = |key: &str| {
        let row = listed.stderr.lines().find(|line| line.split_whitespace().next() == Some(key));
        row.map(|row| row.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    assert_eq!(origin("configurations"), "mine.toml, with --temperature");
    assert_eq!(origin("gammas"), "mine.toml");
    assert_eq!(origin("seed"), "session.json");
    assert_eq!(origin("end"), "--end");
    assert_eq!(origin("jobs"), "default");
}

#[test]
fn best_of_takes_the_tokens_that_guidance_took() {
    let world = World::new(2, &[1], 0.0);
    let ran = world.run(&[
        "--method",
        "best_of,eg_cfg,plain",
        "--best-of",
        "equal",
        "--config",
        "ns2t0.7d2k1_ln",
        "--gamma",
        "0,0.5",
        "--jobs",
        "3",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for task in ["t0", "t1"] {
        let best = world.json(&format!("best_of_t0.7/task_id={task}_gamma=0.0.json"));
        let guided: u64 = ["0.0", "0.5"]
            .map(|g| {
                world.json(&format!("ns2t0.7d2k1_ln/task_id={task}_gamma={g}.json"))["stats"]["output_tokens"]
                    .as_u64()
                    .unwrap()
            })
            .iter()
            .sum();
        assert_eq!(best["egcfg"]["budget"], guided);
        let spent = best["stats"]["output_tokens"].as_u64().unwrap();
        // A first sample that passes ends the search; one that does not is followed by others to the budget's end.
        let passed = task == "t0";
        assert_eq!((best["passed"] == true, spent >= guided), (passed, !passed), "{spent} of {guided}");
    }
}

#[test]
fn mistakes_are_named() {
    let world = World::new(1, &[], 0.0);
    world.write("bad.toml", "gammas = [1]\nretries = 'x'\n");
    world.write("method.toml", "gammas = [1]\nmethods = ['plian']\n");
    world.write("none.toml", "gammas = [1]\nmethods = []\n");
    world.write("best.toml", "gammas = [1]\nbest_of = 'foo'\n");
    for (args, code, part) in [
        (vec!["run", "bad.toml"], 3, "error: bad.toml:2: field `retries`: "),
        (
            vec!["run", "method.toml"],
            3,
            "error: method.toml:2: field `methods`: 'plian' is no method; did you mean 'plain'?\n",
        ),
        (vec!["run", "none.toml"], 3, "error: none.toml:2: field `methods`: the list is empty"),
        (
            vec!["run", "best.toml"],
            3,
            "error: best.toml:2: field `best_of`: expected a number of samples from 1 on, or 'equal'\n",
        ),
        (vec!["run", "--data", "/nope", "--dry-run"], 3, "error: failed to read /nope: No such file"),
        (vec!["run"], 2, "error: no data given\nhint: name the tasks' file with --data\n"),
        (
            vec!["run", "--data", "tasks.jsonl", "--start", "4"],
            2,
            "error: tasks 4 to 1: tasks.jsonl holds 1, none is left",
        ),
        (
            vec!["run", "--data", "tasks.jsonl", "--method", "magic", "--dry-run"],
            3,
            "error: methods: 'magic' is none of eg_cfg",
        ),
        (
            vec!["run", "--data", "tasks.jsonl", "--results", "ftp://x", "--dry-run"],
            2,
            "error: --results 'ftp://'",
        ),
        (
            vec!["run", "--data", "tasks.jsonl", "--best-of", "many", "--dry-run"],
            2,
            "error: invalid value 'many' for '--best-of <N|equal>': expected a number of samples from 1 on, or 'equal'",
        ),
        (
            vec!["run", "--data", "tasks.jsonl", "--gamma", "0,-1", "--dry-run"],
            2,
            "error: invalid value '-1' for '--gamma <GAMMAS>': expected a number from 0 to 100",
        ),
    ] {
        let ran = egcfg(world.folder.path(), &args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
    }
}

/// As `compare`, `data verify` and `btp` have it; the first task may stand in a file.
#[test]
fn a_run_takes_the_first_tasks_only() {
    let world = World::new(4, &[], 0.0);
    world.write("mine.toml", "start = 1\nend = 4\nmethods = ['plain']\n");
    let args = ["run", "mine.toml", "--data", "tasks.jsonl", "--dry-run", "--limit", "2"];
    let listed = egcfg(world.folder.path(), &args);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let expected = "plain/task_id=t1_gamma=0.0.json\nplain/task_id=t2_gamma=0.0.json\n";
    assert_eq!(listed.stdout, expected);
    let row = listed.stderr.lines().find(|line| line.starts_with("end ")).unwrap_or_default();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["end", "3", "--limit"], "{}", listed.stderr);
    let both = egcfg(world.folder.path(), &[&args, ["--end", "3"].as_slice()].concat());
    assert_eq!(both.code, Some(2), "{}", both.stderr);
}

/// Two models of one name are two models: results of the one are never taken for the other's.
#[test]
fn a_folder_of_another_model_of_the_same_name_is_refused() {
    let world = World::new(2, &[], 0.0);
    let plain = ["--method", "plain"];
    assert_eq!(world.run(&plain).code, Some(0));
    let key = "plain/task_id=t0_gamma=0.0.json";
    let identity = world.json(key)["egcfg"]["identity"].clone();
    assert_eq!((&identity["kind"], &identity["name"]), (&"scripted".into(), &"scripted".into()));
    let file = world.root().join("experiment.toml");
    let own = std::fs::read_to_string(&file).unwrap();
    let (settings, of_model) = own.split_once("[identity]").unwrap();
    // As if a file of other weights, which calls itself the same, had begun here.
    std::fs::write(
        &file,
        format!("{settings}[identity]\nkind = 'file'\nname = 'scripted'\nsha256 = 'abcdef0123456789'\n"),
    )
    .unwrap();
    let refused = world.run(&plain);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    let said = "holds results of the model scripted (sha256 abcdef012345); this one is scripted\nhint: ";
    assert!(refused.stderr.contains(said), "{of_model}: {}", refused.stderr);
    // From before identities were kept: it goes on, and says what is not known.
    std::fs::write(&file, settings).unwrap();
    std::fs::remove_file(world.root().join(key)).unwrap();
    let old = world.run(&plain);
    assert_eq!(old.code, Some(0), "{}", old.stderr);
    assert!(old.stderr.contains("only the name is the same"), "{}", old.stderr);
    assert_eq!(world.json(key)["passed"], true);
}

#[test]
fn the_knobs_of_a_search_come_from_flags_and_files_and_name_the_folder() {
    let world = World::new(1, &[], 0.0);
    world.write(
        "mine.toml",
        "methods = ['search', 'best_of']\npolicy = 'unique'\nbudget = 900\ntime_budget = 30\nchoose = 'vote'\n",
    );
    let listed = egcfg(
        world.folder.path(),
        &["run", "mine.toml", "--data", "tasks.jsonl", "--budget", "400", "--width", "2", "--dry-run"],
    );
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let expected = "search_unique_t1.0_b400_30s_w2_vote/task_id=t0_gamma=0.0.json\nbest_of_t1.0_b400/task_id=t0_gamma=0.0.json\n";
    assert_eq!(listed.stdout, expected);
    let row = |key: &str| {
        let row = listed.stderr.lines().find(|line| line.split_whitespace().next() == Some(key));
        row.map(|row| row.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    assert_eq!((row("budget").as_str(), row("width").as_str()), ("400 --budget", "2 --width"));
    assert_eq!((row("policy").as_str(), row("time_budget").as_str()), ("unique mine.toml", "30 mine.toml"));
    let both = egcfg(
        world.folder.path(),
        &[
            "run",
            "mine.toml",
            "--data",
            "tasks.jsonl",
            "--method",
            "eg_cfg,best_of",
            "--best-of",
            "equal",
            "--dry-run",
        ],
    );
    assert_eq!(both.code, Some(3), "{}", both.stderr);
    assert!(both.stderr.contains("budget: a number of tokens and best_of = 'equal'"), "{}", both.stderr);
}
