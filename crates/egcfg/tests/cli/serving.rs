//! `egcfg serve` on the embedded model: what comes over HTTP is what comes in process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::run::{command, egcfg, folder};

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
    open.args(["serve", "--port", "0", "--key-file", "key"]);
    let said = open.output().unwrap();
    assert_eq!(said.status.code(), Some(3));
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("chmod 600") && !said.contains("secret"), "{said}");
}
