//! What the tests share: CPython as the second opinion, and programs to ask about.

// Each test file uses its part of this.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::print_stdout)]

pub mod programs;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use egcfg_python::PythonVersion;

/// Reads one JSON string per line and answers `ok` or the error's name and text.
const SERVER: &str = r#"
import sys, json, warnings
warnings.simplefilter("ignore")
for line in sys.stdin.buffer:
    try:
        compile(json.loads(line), "<program>", "exec", dont_inherit=True)
        answer = "ok"
    except BaseException as error:
        answer = type(error).__name__ + ": " + str(error).replace("\n", " ")
    sys.stdout.write(answer.encode("ascii", "replace").decode() + "\n")
    sys.stdout.flush()
"#;

/// The oldest release on which agreement is claimed.
const OLDEST: u8 = 9;

pub struct Interpreter {
    pub version: PythonVersion,
    pub path: PathBuf,
    /// Where its standard library lies.
    pub library: PathBuf,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Interpreter {
    /// Asks for several programs at once; each answer is `None` for a program that compiles, else the error.
    pub fn compile_all(&mut self, programs: &[String]) -> Vec<Option<String>> {
        let mut answers = Vec::new();
        // Small batches: a full pipe in both directions would block both sides.
        for batch in programs.chunks(8) {
            let input = self.input.as_mut().unwrap();
            for program in batch {
                writeln!(input, "{}", serde_json::to_string(program).unwrap()).unwrap();
            }
            input.flush().unwrap();
            for program in batch {
                let mut answer = String::new();
                let read = self.output.read_line(&mut answer).unwrap();
                assert!(read > 0, "python {} died of {program:?}", self.version);
                answers.push((answer.trim() != "ok").then(|| answer.trim().to_owned()));
            }
        }
        answers
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// One running CPython of every release (3.9 and later) that this machine has.
pub fn interpreters() -> Vec<Interpreter> {
    let mut found: BTreeMap<u8, (PathBuf, PathBuf)> = BTreeMap::new();
    for path in candidates() {
        let script = "import sys, os; print(sys.implementation.name, *sys.version_info[:2], os.path.dirname(os.__file__))";
        let Ok(output) = Command::new(&path).args(["-I", "-c", script]).stderr(Stdio::null()).output() else {
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if let ["cpython", "3", minor, library] = text.trim().splitn(4, ' ').collect::<Vec<_>>()[..]
            && let Ok(minor) = minor.parse::<u8>()
            && minor >= OLDEST
        {
            found.entry(minor).or_insert((path, PathBuf::from(library)));
        }
    }
    if found.is_empty() {
        println!("note: no CPython 3.{OLDEST} or later found, nothing to compare with");
    }
    let start = |(minor, (path, library)): (u8, (PathBuf, PathBuf))| {
        let version = PythonVersion::new(3, minor).ok()?;
        let mut command = Command::new(&path);
        command.args(["-I", "-c", SERVER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Some(Interpreter { version, path, library, child, input, output })
    };
    found.into_iter().filter_map(start).collect()
}

/// Every path that may be an interpreter: names on PATH, and what pyenv has installed.
fn candidates() -> Vec<PathBuf> {
    let names: Vec<String> = std::iter::once("python3".to_owned())
        .chain((9..=14).map(|minor| format!("python3.{minor}")))
        .collect();
    let mut paths = Vec::new();
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    for root in std::env::var_os("PYENV_ROOT").map(PathBuf::from).into_iter().chain(home) {
        let versions = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
        paths.extend(
            versions.map(|entry| entry.path().join("bin").join("python3")).filter(|path| path.exists()),
        );
    }
    paths.sort();
    for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
        paths.extend(names.iter().map(|name| folder.join(name)).filter(|path| path.exists()));
    }
    paths
}

/// Some files of the standard library of every interpreter found, spread over all of them.
pub fn library_sources(count: usize) -> Vec<String> {
    let mut sources = Vec::new();
    for path in interpreters().iter().map(|interpreter| &interpreter.library) {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut files: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "py")).collect();
        files.sort();
        let step = (files.len() / count.max(1)).max(1);
        let read = files.iter().step_by(step).filter_map(|path| std::fs::read_to_string(path).ok());
        // Long files say little more, and would be compiled by every release.
        sources.extend(read.filter(|source| source.len() < 40_000));
    }
    sources
}

/// Runs trusted programs, each in a fresh module, and returns those that raise. All hold where no interpreter is found.
pub fn failing(programs: &[String]) -> Vec<&String> {
    const RUNNER: &str = r#"
import sys, json
for program in json.load(sys.stdin):
    try:
        exec(compile(program, "<program>", "exec"), {"__name__": "program"})
        print("ok")
    except BaseException as error:
        print(type(error).__name__)
"#;
    let Some(path) = interpreters().last().map(|interpreter| interpreter.path.clone()) else {
        return Vec::new();
    };
    let mut command = Command::new(path);
    let mut child =
        command.args(["-I", "-c", RUNNER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), programs).unwrap();
    let output = child.wait_with_output().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), programs.len(), "a program printed or ended the interpreter");
    programs.iter().zip(answers).filter(|(_, answer)| *answer != "ok").map(|(program, _)| program).collect()
}

/// The programs in CPython's own tests of its syntax, where the newest interpreter found has its tests installed.
pub fn syntax_tests() -> Vec<String> {
    let Some(path) = interpreters().last().map(|interpreter| interpreter.path.clone()) else {
        return Vec::new();
    };
    let output =
        Command::new(path).args(["-I", "-W", "ignore", "-c", include_str!("harvest.py")]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let programs: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    if programs.is_empty() {
        println!("note: this CPython has no tests installed, their programs are left out");
    }
    programs
}
