//! A small server that speaks ExecEval's documented protocol: it really compiles and runs what it is sent, with the flags
//! and the comparison that the documentation names, and misbehaves when told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// What happens to one request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// It is answered as it should be.
    Right,
    /// This status with this body, of the type HTML.
    Html(u16, &'static str),
    /// This status with this body, of the type JSON.
    Json(u16, Value),
    /// The connection ends without an answer.
    Drop,
    /// The answer ends after this many bytes of its body.
    Truncate(usize),
    /// Nothing comes for this long.
    Silence(Duration),
    /// The answer comes a byte at a time and never ends.
    Trickle,
    /// The answer comes after its result list has been changed.
    Change(fn(&mut Vec<Value>)),
    /// The client is sent elsewhere.
    Redirect(String),
}

/// A running server; it ends with its handle.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Value>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts one that treats its first requests like this and all later ones rightly.
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let acts = Arc::new(Mutex::new(VecDeque::from(acts)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&acts), Arc::clone(&log)));
            }
        });
        Self { address, seen, task }
    }

    /// The jobs that came.
    pub(crate) fn jobs(&self) -> Vec<Value> {
        self.seen.lock().expect("no panic").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, acts: Arc<Mutex<VecDeque<Act>>>, seen: Arc<Mutex<Vec<Value>>>) {
    let Some((path, body)) = read(&mut stream).await else { return };
    let act = acts.lock().expect("no panic").pop_front().unwrap_or(Act::Right);
    let answer = if path == "/api/all_runtimes" {
        json!([{"runtime_name": "GNU C", "timelimit_factor": 1}, {"runtime_name": "Python 3", "timelimit_factor": 3}])
    } else {
        let job: Value = serde_json::from_slice(&body).expect("a job in JSON");
        seen.lock().expect("no panic").push(job.clone());
        if matches!(act, Act::Html(..) | Act::Json(..) | Act::Drop | Act::Silence(_)) {
            Value::Null
        } else {
            json!({ "data": run(&job).await })
        }
    };
    let right = answer.to_string().into_bytes();
    let reply = match act {
        Act::Right => response(200, "application/json", &right),
        Act::Html(status, body) => response(status, "text/html", body.as_bytes()),
        Act::Json(status, body) => response(status, "application/json", body.to_string().as_bytes()),
        Act::Drop => return,
        Act::Truncate(size) => {
            let mut reply = response(200, "application/json", &right);
            let head = reply.len() - right.len();
            reply.truncate(head + size.min(right.len() - 1));
            reply
        }
        Act::Silence(time) => {
            tokio::time::sleep(time).await;
            return;
        }
        Act::Trickle => {
            let head =
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n";
            let mut going = stream.write_all(head).await.is_ok();
            while going {
                tokio::time::sleep(Duration::from_millis(20)).await;
                going = stream.write_all(b" ").await.is_ok();
            }
            return;
        }
        Act::Change(change) => {
            let mut answer = answer;
            change(answer["data"].as_array_mut().expect("a list"));
            response(200, "application/json", answer.to_string().as_bytes())
        }
        Act::Redirect(to) => {
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .into_bytes()
        }
    };
    let _ = stream.write_all(&reply).await;
    let _ = stream.shutdown().await;
}

fn response(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    let mut reply = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    reply.extend_from_slice(body);
    reply
}

async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut data = Vec::new();
    let end = loop {
        if stream.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
        if let Some(at) = data.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&data[..end]).to_lowercase();
    let path = head.split(' ').nth(1)?.to_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.trim().parse().expect("a length"));
    let mut body = data.split_off(end);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((path, body))
}

/// Runs a job as the documentation says.
async fn run(job: &Value) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("test.py");
    std::fs::write(&file, job["source_code"].as_str().expect("a text")).expect("a file");
    let compiled =
        Command::new("python3").args(["-W", "ignore", "-m", "py_compile"]).arg(&file).output().await;
    let compiled = compiled.expect("python3");
    if !compiled.status.success() {
        let text = String::from_utf8_lossy(&compiled.stderr);
        return vec![json!({"input": "", "output": [], "result": text, "exec_outcome": "COMPILATION_ERROR",
            "time_consumed": null, "peak_memory_consumed": null})];
    }
    let limits = &job["limits"];
    let (cpu, memory) = (limits["cpu"].as_u64().expect("cpu"), limits["_as"].as_u64().expect("_as"));
    let mut results = Vec::new();
    for test in job["unittests"].as_array().expect("a list") {
        // Hard and soft limit alike: the kernel ends the process without a word.
        let script =
            format!("ulimit -t {cpu}; ulimit -v {}; exec python3 -W ignore -OO -s -S \"$0\"", memory / 1024);
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("sh");
        let input = test["input"].as_str().expect("an input");
        let mut stdin = child.stdin.take().expect("a pipe");
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        // On a busy machine the documented limit would end right programs, too: it is for those that are to meet it.
        let short = job["source_code"].as_str().is_some_and(|source| source.contains("short clock"));
        let wall = Duration::from_secs(if short { 3 * cpu } else { 200 });
        let ended = tokio::time::timeout(wall, child.wait_with_output()).await;
        let (outcome, result, time) = match ended {
            Err(_) => ("TIME_LIMIT_EXCEEDED", Value::Null, None),
            Ok(output) => outcome(&output.expect("an output"), &test["output"], cpu),
        };
        results.push(
            json!({"input": input, "output": test["output"], "result": result, "exec_outcome": outcome,
            "time_consumed": time, "peak_memory_consumed": "20000 kB"}),
        );
    }
    results
}

fn outcome(output: &std::process::Output, expected: &Value, cpu: u64) -> (&'static str, Value, Option<f64>) {
    use std::os::unix::process::ExitStatusExt;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let tokens = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    if output.status.success() {
        let right = expected.as_array().expect("a list").iter();
        let right = right.map(|one| one.as_str().expect("a text")).any(|one| tokens(one) == tokens(&out));
        return (if right { "PASSED" } else { "WRONG_ANSWER" }, json!(out.trim()), Some(0.02));
    }
    if err.is_empty() {
        // Killed by the processor limit: the account shows it.
        let time = (output.status.signal() == Some(9)).then_some(cpu as f64);
        return ("MEMORY_LIMIT_EXCEEDED", json!(out.trim()), time.or(Some(0.02)));
    }
    let memory = err.to_lowercase().contains("memoryerror");
    let result = match output.status.signal() {
        Some(signal) => format!("Process exited with code {signal}, A signal stderr: {err}"),
        None => err.into_owned(),
    };
    (if memory { "MEMORY_LIMIT_EXCEEDED" } else { "RUNTIME_ERROR" }, json!(result), Some(0.02))
}
