//! Stopped in the middle: no process survives, and what was written is whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{command, folder};

/// A child that does not outlive its test.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A run that goes on for long: a test that nothing passes, and very many retries.
fn endless(folder: &Path) -> Guarded {
    let mut command = command(folder);
    command
        .args([
            "solve",
            "--prompt",
            "reverse the list",
            "--test",
            "assert change([1]) == [2]",
            "--gamma",
            "1",
            "--retries",
            "100000",
        ])
        .args(["--events", "log.jsonl"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Guarded(command.spawn().unwrap())
}

/// All descendants of a process.
fn descendants(root: u32) -> BTreeSet<u32> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let after = stat.rsplit(')').next().unwrap_or("");
        if let Some(parent) = after.split_whitespace().nth(1).and_then(|p| p.parse::<u32>().ok()) {
            parents.push((pid, parent));
        }
    }
    let mut found = BTreeSet::from([root]);
    loop {
        let more: Vec<u32> = parents
            .iter()
            .filter(|(p, q)| found.contains(q) && !found.contains(p))
            .map(|(p, _)| *p)
            .collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    found.remove(&root);
    found
}

fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}

fn stop_with(signal: &str) -> (Option<i32>, Vec<Value>) {
    let folder = folder(&[]);
    let mut child = endless(folder.path());
    let log = folder.path().join("log.jsonl");
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::fs::read_to_string(&log).map_or(0, |text| text.matches("\"executions\"").count()) < 5 {
        assert!(Instant::now() < deadline, "nothing ran");
        std::thread::sleep(Duration::from_millis(20));
    }
    let children = descendants(child.0.id());
    assert!(!children.is_empty(), "the sandbox's processes were not found");
    let killed =
        std::process::Command::new("kill").args([signal, &child.0.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let status = child.0.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while children.iter().any(|pid| alive(*pid)) {
        assert!(Instant::now() < deadline, "processes survive: {children:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let text = std::fs::read_to_string(&log).unwrap();
    (status.code(), text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn ctrl_c_ends_everything_with_130() {
    let (code, events) = stop_with("-INT");
    assert_eq!(code, Some(130));
    assert!(events.len() > 5);
}

#[test]
fn kill_9_leaves_no_process_and_a_whole_log() {
    let (code, events) = stop_with("-KILL");
    assert_eq!(code, None);
    assert!(events.len() > 5);
}

/// A server that takes connections and says nothing; while it is waited for, Ctrl-C and a request to terminate end everything.
#[test]
fn a_silent_server_is_not_waited_for_when_asked_to_end() {
    for signal in ["-INT", "-TERM"] {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = folder(&[]);
        let address = format!("http://{}/v1#x", server.local_addr().unwrap());
        let mut command = command(folder.path());
        command
            .args(["solve", "--prompt", "p", "--test", "assert f(1) == 1", "--model", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = Guarded(command.spawn().unwrap());
        let _connection = server.accept().unwrap();
        let killed =
            std::process::Command::new("kill").args([signal, &child.0.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let deadline = Instant::now() + Duration::from_secs(60);
        let status = loop {
            if let Some(status) = child.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it goes on after {signal}");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(status.code(), Some(130), "{signal}");
    }
}
