//! `egcfg serve` on the embedded model: what comes over HTTP is what comes in process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::run::{command, egcfg, folder, repository};

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let folder = folder(&[]);
        let mut child = command(folder.path())
            .args(["serve", "--port", "0"])
            .args(args)
            .env_remove("EGCFG_API_KEY")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").and_then(|a| a.strip_suffix("/v1")).unwrap();
        Self { address: address.to_owned(), child }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
