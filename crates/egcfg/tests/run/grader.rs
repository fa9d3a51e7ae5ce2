//! `egcfg run --exec-eval`: a server that speaks ExecEval's protocol has the last word; candidates still run in the sandbox. A
//! server that is away or talks nonsense leaves errors that are tried again, never a program that failed.

use serde_json::{Value, json};

use crate::remote_judge::{Act, Server};
use crate::world::{World, results};

/// Tasks that read standard input: the model doubles rightly, except in `wrong`.
fn world(tasks: usize, wrong: &[usize]) -> World {
    let world = World::new(1, &[], 0.0);
    let (mut lines, mut script) = (String::new(), "[programs]\n".to_owned());
    for n in 0..tasks {
        let io = json!([{"stdin": "4\n", "stdout": "8\n"}, {"stdin": "-1\n", "stdout": "-2\n"}]);
        let task = json!({"id": format!("t{n}"), "prompt": format!("This is task number {n}."), "io": io});
        lines += &(task.to_string() + "\n");
        let factor = if wrong.contains(&n) { 3 } else { 2 };
        let program = format!("def solve():\\n    print({factor} * int(input()))\\n");
        script += &format!("\"task number {n}.\" = \"{program}\"\n");
    }
    world.write("tasks.jsonl", &lines);
    world.write("script.toml", &script);
    world
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Every result by its task, with who graded it.
fn graded(world: &World) -> Vec<(String, bool, Option<bool>, String)> {
    let files = world.files();
    let mut found: Vec<_> = results(&files)
        .into_iter()
        .map(|file| {
            let result = world.json(file);
            let ours = &result["egcfg"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let passed = result["passed"].as_bool().unwrap();
            (text(&ours["task"]), passed, ours["shown_passed"].as_bool(), text(&ours["grader"]))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn the_server_has_the_last_word_and_results_say_so() {
    let (runtime, world) = (runtime(), world(2, &[1]));
    // The first request asks for runtimes; the others are jobs, of whose tests the first always fails here.
    let deny = |answers: &mut Vec<Value>| answers[0]["exec_outcome"] = json!("RUNTIME_ERROR");
    let server = runtime.block_on(Server::start(vec![Act::Right, Act::Change(deny), Act::Change(deny)]));
    let address = server.address.to_string();
    // As a session's file asks for it.
    let session = json!({
        "gammas": [0], "exec_eval": true, "exec_eval_host_ip": "127.0.0.1", "exec_eval_host_port": server.address.port(),
    });
    world.write("session.json", &session.to_string());
    let ran = world.run(&["--session-config-json", "session.json", "--method", "plain"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("graded by the ExecEval server at {address}")), "{}", ran.stderr);
    let by = |task: &str, passed, shown| (task.to_owned(), passed, Some(shown), "exec_eval".to_owned());
    assert_eq!(graded(&world), [by("t0", false, true), by("t1", false, false)]);
    let jobs = server.jobs();
    assert_eq!(jobs.len(), 2, "candidates are none of its business");
    // The limits are those of the kind of programs.
    assert_eq!(jobs[0]["limits"]["cpu"], 10);
    let experiment = std::fs::read_to_string(world.root().join("experiment.toml")).unwrap();
    assert!(experiment.contains("exec_eval = true"), "{experiment}");
    // The sandbox, asked for the same, judges otherwise; in the same place that is another experiment.
    let ran = world.run(&["--gamma", "0", "--method", "plain"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("different: exec_eval\n"), "{}", ran.stderr);
    let local = World { results: "local".into(), ..world };
    let ran = local.run(&["--gamma", "0", "--method", "plain"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let by = |task: &str, passed| (task.to_owned(), passed, Some(passed), "sandbox".to_owned());
    assert_eq!(graded(&local), [by("t0", true), by("t1", false)]);
}

#[test]
fn a_server_that_talks_nonsense_is_no_wrong_answer() {
    let (runtime, world) = (runtime(), world(1, &[]));
    let mut acts = vec![Act::Right];
    // One attempt at the unit: a request, and its four repetitions.
    acts.extend(vec![Act::Html(502, "<html>bad gateway</html>"); 5]);
    let server = runtime.block_on(Server::start(acts));
    let address = server.address.to_string();
    let arguments = ["--exec-eval", &address, "--gamma", "0", "--method", "plain", "--max-attempts"];
    let ran = world.run(&[&arguments[..], &["1"]].concat());
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: --retry-errors tries them again"), "{}", ran.stderr);
    let files = world.files();
    assert_eq!(results(&files).len(), 0, "{files:?}");
    let error = files.iter().find(|file| file.starts_with("errors/")).unwrap();
    let error = world.json(error);
    assert_eq!((&error["kind"], &error["permanent"]), (&json!("grader"), &json!(false)), "{error}");
    assert!(error["message"].as_str().unwrap().contains("502"), "{error}");
    // It has come to itself.
    let ran = world.run(&[&arguments[..], &["2", "--retry-errors"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(graded(&world), [("t0".to_owned(), true, Some(true), "exec_eval".to_owned())]);
}

#[test]
fn what_no_server_can_grade_is_refused_before_anything_starts() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    // Asserts.
    let asserts = World::new(1, &[], 0.0);
    let ran = asserts.run(&["--exec-eval", &free]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot grade all tasks: task t0 has assert tests"), "{}", ran.stderr);
    // Nobody is there.
    let world = world(1, &[]);
    let ran = world.run(&["--exec-eval", &free]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: is an ExecEval server running there?"), "{}", ran.stderr);
    let ran = world.run(&["--exec-eval", "host:port"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: exec_eval: host:port: 'port' is no port"), "{}", ran.stderr);
    assert!(world.files().is_empty(), "{:?}", world.files());
}
