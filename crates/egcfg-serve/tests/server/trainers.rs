//! What trainers call: `/run_code` as verl's client does, `/get_reward` as OpenRLHF does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use egcfg_guidance::ExecutorError;
use egcfg_serve::{Ran, Script, Scripts};
use egcfg_task::{Clock, Verdict};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::client::{get, post, post_text};
use crate::parts::{PROGRAM, Server, away, bytes_model, parts};

/// Programs whose text says how they end; the sandbox fails as often as it is told to.
struct Told {
    failures: AtomicUsize,
}

impl Scripts for Told {
    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Ran, ExecutorError>> {
        let fails =
            self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        let ran = |verdict| Ran {
            verdict,
            error: None,
            stdout: script.stdin.to_uppercase(),
            stderr: String::new(),
            seconds: script.time.as_secs_f64(),
        };
        let ran = match script.source.as_str() {
            _ if fails => Err(ExecutorError("no process".into())),
            "loop" => Ok(ran(Verdict::Timeout { clock: Clock::Cpu })),
            "exit" => Ok(ran(Verdict::ExitedEarly { code: 3 })),
            _ => Ok(ran(Verdict::Passed)),
        };
        Box::pin(std::future::ready(ran))
    }
}

fn server(failures: usize) -> Server {
    let mut parts = parts(Arc::new(bytes_model(PROGRAM)));
    parts.scripts = Some(Arc::new(Told { failures: AtomicUsize::new(failures) }));
    Server::start(parts)
}

/// The body that verl's client sends.
fn verl(code: &str) -> Value {
    json!({
        "compile_timeout": 4, "run_timeout": 4, "code": code, "stdin": "abc", "memory_limit_MB": 1024,
        "language": "python", "files": {}, "fetch_files": [],
    })
}

#[test]
fn programs_run_as_a_client_of_sandbox_fusion_expects() {
    let server = server(1);
    for (code, status, run, return_code) in [
        ("print", "Success", "Finished", json!(0)),
        ("exit", "Failed", "Finished", json!(3)),
        ("loop", "Failed", "TimeLimitExceeded", Value::Null),
    ] {
        let reply = post(server.address, "/run_code", &verl(code));
        assert_eq!((reply.status, reply.header("x-egcfg-ignored")), (200, None), "{reply:?}");
        let reply = reply.json();
        let result = &reply["run_result"];
        assert_eq!((&reply["status"], &result["status"]), (&json!(status), &json!(run)), "{code}");
        assert_eq!((&result["return_code"], &result["stdout"]), (&return_code, &json!("ABC")), "{code}");
        assert_eq!(result["execution_time"], 4.0, "the limit that was asked for");
    }
    assert!(get(server.address, "/metrics").body.contains("egcfg_verdicts_total{verdict=\"timeout\"} 1\n"));
}

#[test]
fn a_broken_sandbox_is_a_status_of_its_own() {
    let reply = post(server(9).address, "/run_code", &verl("print")).json();
    assert_eq!((&reply["status"], &reply["run_result"]), (&json!("SandboxError"), &Value::Null));
    assert!(reply["message"].as_str().unwrap().contains("no process"));
}

#[test]
fn what_is_not_run_is_refused_by_name() {
    let server = server(0);
    for (field, value) in [
        ("language", json!("cpp")),
        ("language", Value::Null),
        ("code", Value::Null),
        ("files", json!({ "a.txt": "" })),
        ("fetch_files", json!(["a.txt"])),
        ("args", json!(["-v"])),
        ("run_timeout", json!(0)),
        ("run_timeout", json!(-1)),
        ("run_timeout", json!(1e9)),
        ("stdin", json!(3)),
    ] {
        let mut body = verl("print");
        body[field] = value;
        let reply = post(server.address, "/run_code", &body);
        assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!(field)), "{reply:?}");
    }
    let none = Server::usual();
    assert_eq!(post(none.address, "/run_code", &verl("print")).status, 400);
}

#[test]
fn a_batch_is_rewarded() {
    let server = Server::usual();
    // The scripted judge passes a test whose expected text stands in the program.
    let tests = ["assert f(1) == 7", "assert f(2) == 9"];
    let body = json!({
        "query": [
            "add\n```python\ndef f(x):\n    return x - 7 + 9\n```\n<|im_end|>",
            "add\ndef f(x):\n    return 7\n</s></s>",
            "add\nI cannot.",
        ],
        "prompts": ["add\n", "add\n", "add\n"],
        "labels": [json!({ "tests": tests }).to_string(), { "tests": tests }, tests.join("\n")],
    });
    let reply = post(server.address, "/get_reward", &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = reply.json();
    assert_eq!((&reply["rewards"], &reply["scores"]), (&json!([1.0, 0.0, 0.0]), &json!([1.0, 0.0, 0.0])));
    assert_eq!(reply["extra_logs"]["passed"], json!([1.0, 0.0, 0.0]));
    for list in reply["extra_logs"].as_object().unwrap().values() {
        assert_eq!(list.as_array().unwrap().len(), 3, "a number for each query");
    }
    let reply = post(server.address, "/get_reward?reward=fraction", &body).json();
    assert_eq!(reply["rewards"], json!([1.0, 0.5, 0.0]));
}

#[test]
fn a_program_needs_no_fence_and_words_are_none() {
    let server = Server::usual();
    // The scripted judge passes a test whose expected text stands in the program.
    let script = json!({ "inputs": ["1\n"], "outputs": ["n+1"] });
    let body = json!({
        "query": ["Qn=int(input())\nprint(n+1)\n", "Q def f(x): return x+1", "Qn+1, sure"],
        "prompts": ["Q", "Q", "Q"],
        "labels": [script, ["assert f(1) == x+1"], script],
    });
    let reply = post(server.address, "/get_reward", &body).json();
    assert_eq!(reply["rewards"], json!([1.0, 1.0, 0.0]), "{reply}");
    assert_eq!(reply["extra_logs"]["empty"], json!([0.0, 0.0, 1.0]), "{reply}");
}

/// Half of a surrogate pair, as `json.dumps` writes of a text that was cut inside a character, costs no other answer its reward.
#[test]
fn half_a_character_costs_nobody_a_reward() {
    let server = Server::usual();
    let body = r#"{"query": ["Qdef f(x): return x+1", "Qdef f(x): return '\ud83d' + x+1"],
        "prompts": ["Q", "Q"], "labels": [["assert f(1) == x+1"], ["assert f(1) == x+1"]]}"#;
    let reply = post_text(server.address, "/get_reward", "", body.as_bytes());
    assert_eq!((reply.status, &reply.json()["rewards"]), (200, &json!([1.0, 1.0])), "{reply:?}");
    let reply = post_text(server.address, "/get_reward", "", br#"{"query": ["\ud83d"], }"#);
    assert_eq!(reply.status, 400, "{reply:?}");
}

#[test]
fn a_broken_sandbox_rewards_nobody() {
    let mut broken = parts(Arc::new(bytes_model(PROGRAM)));
    broken.executor = Some(Arc::new(away()));
    let server = Server::start(broken);
    let body = json!({ "query": ["def f(x): return 7"], "labels": [["assert f(1) == 7"]] });
    let reply = post(server.address, "/get_reward", &body);
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (503, json!("sandbox_error")));
    assert!(reply.json()["error"]["message"].as_str().unwrap().contains("query[0]"));
}

#[test]
fn a_batch_names_what_is_wrong_with_it() {
    let server = Server::usual();
    let good = json!(["assert f(1) == 7"]);
    for (path, body, field) in [
        ("/get_reward", json!({}), "query"),
        ("/get_reward", json!({ "query": ["a"] }), "labels"),
        ("/get_reward", json!({ "query": ["a"], "labels": [good, good] }), "labels"),
        ("/get_reward", json!({ "query": ["a"], "prompts": [], "labels": [3] }), "labels[0]"),
        ("/get_reward", json!({ "query": ["a", "b"], "prompts": ["a"], "labels": [good, good] }), "prompts"),
        (
            "/get_reward",
            json!({ "query": ["a"], "labels": [{ "tests": ["assert f("] }] }),
            "labels[0].tests[0]",
        ),
        ("/get_reward?reward=most", json!({ "query": ["a"], "labels": [good] }), "reward"),
    ] {
        let reply = post(server.address, path, &body);
        assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!(field)), "{reply:?}");
    }
}
