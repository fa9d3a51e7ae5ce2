//! A folder with tasks, a script for the model, and agents over it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::start::{Ran, command, folder};

/// A folder of an experiment.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) results: String,
    pub(crate) env: Vec<(String, String)>,
}

/// A running agent, whose output goes to files; killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl World {
    /// `tasks` tasks, each of which the model solves, except those in `wrong`; a request takes `delay` seconds.
    pub(crate) fn new(tasks: usize, wrong: &[usize], delay: f64) -> Self {
        let world = Self { folder: folder(&[]), results: "out".into(), env: Vec::new() };
        let mut lines = String::new();
        for n in 0..tasks {
            let tests = [format!("assert f{n}(1) == {n}"), format!("assert f{n}(2) == {}", 2 * n)];
            let hidden = [format!("assert f{n}(5) == {}", 5 * n)];
            let prompt = format!("This is task number {n}.");
            let task = serde_json::json!({"id": format!("t{n}"), "prompt": prompt, "tests": tests, "hidden_tests": hidden});
            lines += &(task.to_string() + "\n");
        }
        world.write("tasks.jsonl", &lines);
        world.script(tasks, wrong, delay, &[]);
        world
    }

    pub(crate) fn script(&self, tasks: usize, wrong: &[usize], delay: f64, failures: &[&str]) {
        let mut text = format!("delay = {delay}\nfailures = {failures:?}\n[programs]\n");
        for n in 0..tasks {
            let body = if wrong.contains(&n) { "x - 100".to_owned() } else { format!("{n} * x") };
            text += &format!("\"task number {n}.\" = \"def f{n}(x):\\n    return {body}\"\n");
        }
        self.write("script.toml", &text);
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = command(self.folder.path());
        command.args([
            "run",
            "--data",
            "tasks.jsonl",
            "--model",
            "scripted:script.toml",
            "--results",
            &self.results,
        ]);
        command.args(["--workers", "1"]).args(more);
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    /// Runs one agent to its end.
    pub(crate) fn run(&self, more: &[&str]) -> Ran {
        Self::ran(&mut self.command(more))
    }

    /// Runs another command in the folder.
    pub(crate) fn egcfg(&self, arguments: &[&str]) -> Ran {
        let env = self.env.iter().map(|(key, value)| (key, value));
        Self::ran(command(self.folder.path()).args(arguments).envs(env))
    }

    fn ran(command: &mut Command) -> Ran {
        let out = command.output().unwrap();
        Ran {
            code: out.status.code(),
            stdout: String::from_utf8(out.stdout).unwrap(),
            stderr: String::from_utf8(out.stderr).unwrap(),
        }
    }

    /// Starts an agent.
    pub(crate) fn start(&self, name: &str, more: &[&str]) -> Running {
        let (out, err) =
            (self.folder.path().join(format!("{name}.out")), self.folder.path().join(format!("{name}.err")));
        let file = |path: &Path| Stdio::from(std::fs::File::create(path).unwrap());
        let child =
            self.command(more).stdin(Stdio::null()).stdout(file(&out)).stderr(file(&err)).spawn().unwrap();
        Running { child, out, err }
    }

    /// The experiment's root.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join(&self.results).join("tasks/scripted")
    }

    /// Every file below the root, by its path in it.
    pub(crate) fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, files: &mut Vec<String>) {
            let Ok(entries) = std::fs::read_dir(folder) else { return };
            for entry in entries.map(Result::unwrap) {
                let path = entry.path();
                if entry.file_type().unwrap().is_dir() {
                    walk(&path, root, files);
                } else {
                    files.push(path.strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        let mut files = Vec::new();
        walk(&self.root(), &self.root(), &mut files);
        files.sort();
        files
    }

    pub(crate) fn json(&self, key: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.root().join(key)).unwrap()).unwrap()
    }
}

impl Running {
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ran {
        let status = self.child.wait().unwrap();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        Ran { code: status.code(), stdout: read(&self.out), stderr: read(&self.err) }
    }

    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds; fails after ten minutes, which only a machine with far more to do needs.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(600), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Names of results among files.
pub(crate) fn results(files: &[String]) -> Vec<&String> {
    let other = |file: &str| {
        ["claims/", "agents/", "solved_tasks/", "errors/"].iter().any(|folder| file.starts_with(folder))
    };
    files.iter().filter(|file| !other(file) && file.ends_with(".json")).collect()
}
