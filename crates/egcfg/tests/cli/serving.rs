//! `egcfg serve` on the embedded model: what comes over HTTP is what comes in process.

use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use crate::run::{Server, command, egcfg, folder, repository};

const PROMPT: &str = "keep the even numbers, then reverse the order";
const TESTS: [&str; 2] = ["assert pick([1, 2, 4]) == [4, 2]", "assert pick([6]) == [6]"];

#[test]
fn a_guided_request_gives_what_solve_gives_and_the_server_ends_in_order() {
    let empty = folder(&[]);
    let solved = egcfg(
        empty.path(),
        &["solve", "--json", "--prompt", PROMPT, "--test", TESTS[0], "--test", TESTS[1], "--seed", "3"],
    );
    let solved: Value = serde_json::from_str(&solved.stdout).unwrap();
    let mut server = Server::start(&[]);
    let body = json!({ "prompt": PROMPT, "tests": TESTS, "seed": 3, "task_id": "command line" });
    let choice = server.post("/v1/completions", &body)["choices"][0].clone();
    assert_eq!(choice["text"], solved["code"], "{choice}");
    assert_eq!(choice["egcfg"]["passed"], solved["passed"]);

    let body = json!({ "prompt": "### Task\n", "max_tokens": 10, "seed": 1, "return_token_ids": true, "logprobs": 1 });
    let (one, two) = (server.post("/v1/completions", &body), server.post("/v1/completions", &body));
    assert_eq!(one["choices"], two["choices"], "a seed repeats");

    let ended = Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap();
    assert!(ended.success());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_server_for_others_needs_a_key() {
    let empty = folder(&[("key", "secret\n")]);
    let ran = egcfg(empty.path(), &["serve", "--host", "0.0.0.0", "--port", "0"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("EGCFG_API_KEY"), "{}", ran.stderr);
    let mut open = command(empty.path());
    open.args(["serve", "--port", "0", "--api-key-file", "key"]);
    let said = open.output().unwrap();
    assert_eq!(said.status.code(), Some(3));
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("chmod 600") && !said.contains("secret"), "{said}");
}

#[test]
fn what_a_server_was_asked_is_told_by_every_command() {
    let server = Server::start(&[]);
    let empty = folder(&[]);
    let model = format!("http://{}/v1", server.address);
    let tasks = repository("tools/pocket/dev.jsonl");
    let (tasks, config) = (tasks.to_str().unwrap(), "ns2t0.9d4k1_ln+oe");
    let compared = egcfg(
        empty.path(),
        &["compare", tasks, "--limit", "2", "--config", config, "--model", &model, "--json"],
    );
    assert_eq!(compared.code, Some(0), "{}", compared.stderr);
    let summary: Value = serde_json::from_str(&compared.stdout).unwrap();
    let row = |method: &str| {
        let rows = summary["rows"].as_array().unwrap();
        rows.iter()
            .find(|row| row["method"] == method)
            .unwrap_or_else(|| panic!("{method}: {summary}"))
            .clone()
    };
    let guided = row("eg_cfg");
    let per_line = guided["requests_per_line"].as_f64().unwrap();
    assert!(guided["requests"].as_f64().unwrap() > 0.0 && (1.0..=4.0).contains(&per_line), "{guided}");
    assert!(
        row("best_of")["requests"].as_f64().unwrap() > 0.0
            && row("plain")["requests"].as_f64().unwrap() > 0.0
    );

    let solve = |more: &[&str]| {
        let base = ["solve", "--prompt", PROMPT, "--test", TESTS[0], "--config", config, "--gamma", "1"];
        egcfg(empty.path(), &[&base[..], more].concat())
    };
    let remote = solve(&["--model", &model]);
    assert!(remote.stderr.contains(" requests to the server, "), "{}", remote.stderr);
    assert!(remote.stderr.contains(" per guided line"), "{}", remote.stderr);
    assert!(!solve(&[]).stderr.contains("requests"), "a model in this process is asked nothing");

    let ran = egcfg(
        empty.path(),
        &[
            "run",
            "--dataset",
            "tasks",
            "--data",
            tasks,
            "--end",
            "1",
            "--config",
            config,
            "--gamma",
            "0,1",
            "--results",
            "out",
            "--model",
            &model,
        ],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains(" requests to the server, "), "{}", ran.stdout);
    let report = egcfg(empty.path(), &["report", "out"]);
    assert!(report.stdout.contains("requests  per line"), "{}{}", report.stdout, report.stderr);
    let page = egcfg(empty.path(), &["report", "out", "--format", "html"]);
    assert!(page.stdout.contains("requests per line"), "{}", page.stderr);
}

#[test]
fn the_embedded_model_can_be_written_out_for_other_engines() {
    let empty = folder(&[]);
    let half = egcfg(empty.path(), &["convert", "pocket"]);
    assert_eq!((half.code, half.stdout.as_str()), (Some(0), "pocket.f16.gguf\n"), "{}", half.stderr);
    assert_eq!(std::fs::read(empty.path().join("pocket.f16.gguf")).unwrap(), egcfg_model::POCKET_GGUF);
    let single = egcfg(empty.path(), &["convert", "pocket", "--type", "f32", "--out", "single.gguf"]);
    assert_eq!(single.code, Some(0), "{}", single.stderr);
    let doctor = egcfg(empty.path(), &["doctor", "--model", "single.gguf", "--json"]);
    let report: Value = serde_json::from_str(&doctor.stdout).unwrap();
    assert_eq!(report["model"]["vocabulary"], 512, "{}", doctor.stderr);
    let refused = egcfg(empty.path(), &["convert", "pocket", "--type", "q8_0", "--out", "small.gguf"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: it is f16"), "{}", refused.stderr);
    assert!(!empty.path().join("small.gguf").exists());
}

#[test]
fn a_thousand_silent_connections_shut_nobody_out() {
    let server = Server::start(&[]);
    let mut silent = Vec::new();
    for _ in 0..1030 {
        match TcpStream::connect(&server.address) {
            Ok(stream) => silent.push(stream),
            // This process has no more descriptors: as many as there are have to do.
            Err(_) => break,
        }
    }
    // Room for the connection that asks.
    silent.truncate(silent.len().saturating_sub(8));
    assert!(silent.len() > 600, "too few descriptors for this test: {}", silent.len());
    for _ in 0..3 {
        let reply = server.post("/tokenize", &json!({ "prompt": "a" }));
        assert!(reply["count"].as_u64().is_some_and(|count| count > 0), "{reply}");
    }
}

/// The body that verl's client sends.
fn verl(code: &str, stdin: &str, seconds: f64) -> Value {
    json!({
        "compile_timeout": seconds, "run_timeout": seconds, "code": code, "stdin": stdin, "memory_limit_MB": 1024,
        "language": "python", "files": {}, "fetch_files": [],
    })
}

#[test]
fn trainers_run_programs_in_the_sandbox() {
    let server = Server::start(&[]);
    for (code, stdin, status, run, return_code, out) in [
        ("print(sum(map(int, input().split())))", "1 2 3\n", "Success", "Finished", json!(0), "6\n"),
        ("print(1)\nimport sys\nsys.exit(3)", "", "Failed", "Finished", json!(3), "1\n"),
        ("def f(:", "", "Failed", "Finished", json!(1), ""),
        ("1 / 0", "", "Failed", "Finished", json!(1), ""),
        ("if __name__ == '__main__':\n    print('main')", "", "Success", "Finished", json!(0), "main\n"),
        ("def solve():\n    print('no')\nprint('yes')", "", "Success", "Finished", json!(0), "yes\n"),
    ] {
        let reply = server.post("/run_code", &verl(code, stdin, 5.0));
        let result = &reply["run_result"];
        assert_eq!((&reply["status"], &result["status"]), (&json!(status), &json!(run)), "{code}: {reply}");
        assert_eq!(
            (&result["return_code"], &result["stdout"]),
            (&return_code, &json!(out)),
            "{code}: {reply}"
        );
    }
    let reply = server.post("/run_code", &verl("1 / 0", "", 5.0));
    let told = reply["run_result"]["stderr"].as_str().unwrap();
    assert!(told.contains("ZeroDivisionError"), "{told}");
    for code in
        ["while True: pass", "import time\ntime.sleep(1000)", "import os\nos.fork()\nwhile True: pass"]
    {
        let reply = server.post("/run_code", &verl(code, "", 1.0));
        assert_ne!(reply["status"], "Success", "{code}: {reply}");
        assert_ne!(reply["status"], "SandboxError", "{code}: {reply}");
    }
    assert_eq!(server.post("/run_code", &verl("print(1)", "", 5.0))["status"], "Success");
}

#[test]
fn trainers_get_rewards_from_the_sandbox() {
    let server = Server::start(&[]);
    let label = json!({ "tests": ["assert add(1, 2) == 3", "assert add(2, 2) == 4"] }).to_string();
    let answers = [
        "Here:\n```python\ndef add(a, b):\n    return a + b\n```\nDone.<|im_end|>",
        "```python\ndef add(a, b):\n    return 3\n```<|im_end|>",
        "def add(a, b):\n    while True:\n        pass\n",
        "import os\ndef add(a, b):\n    os._exit(0)\n",
        "class Any:\n    def __eq__(self, other):\n        return True\ndef add(a, b):\n    return Any()\n",
        "I do not know.",
    ];
    let queries: Vec<String> =
        answers.iter().map(|answer| format!("<|im_start|>user\nadd\n{answer}")).collect();
    let body = json!({
        "query": queries,
        "prompts": vec!["<|im_start|>user\nadd\n"; answers.len()],
        "labels": vec![label; answers.len()],
    });
    let reply = server.post("/get_reward", &body);
    assert_eq!(reply["rewards"], json!([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]), "{reply}");
    let reply = server.post("/get_reward?reward=fraction", &body);
    assert_eq!(reply["rewards"], json!([1.0, 0.5, 0.0, 0.0, 0.0, 0.0]), "{reply}");
}
