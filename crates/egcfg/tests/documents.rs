//! Documents that say what the code says: environment variables, exit codes, the reference of commands.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All files below a folder that people write.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type().unwrap().is_dir() {
            if !["target", "node_modules", "snapshots"].contains(&name.as_ref()) {
                files(&path, found);
            }
        } else if ["rs", "sh", "py", "toml"].iter().any(|end| name.ends_with(&format!(".{end}"))) {
            found.push(path);
        }
    }
}

/// Names of our variables in a text: EGCFG_ and capitals.
fn variables(text: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    // A prefix on its own (EGCFG_) names none.
    parts.filter(|part| part.starts_with("EGCFG_") && part.len() > 6).map(str::to_owned).collect()
}

#[test]
fn every_variable_is_documented_and_every_documented_one_is_read() {
    let root = repository();
    let mut sources = vec![root.join("Makefile")];
    for folder in ["crates", "scripts", "tools"] {
        files(&root.join(folder), &mut sources);
    }
    let here = Path::new(file!()).file_name().unwrap();
    sources.retain(|path| path.file_name() != Some(here));
    let read: BTreeSet<String> = sources
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|text| variables(&text))
        .collect();
    let told = variables(&std::fs::read_to_string(root.join("docs/environment.md")).unwrap());
    assert!(read.len() > 5, "{read:?}");
    // What tests and their helper processes tell each other.
    let inner = ["EGCFG_SPOILED", "EGCFG_TEST_HELPER", "EGCFG_HOSTILE_TOKEN"];
    let undocumented: Vec<_> =
        read.difference(&told).filter(|name| !inner.contains(&name.as_str())).collect();
    let unread: Vec<_> = told.difference(&read).collect();
    assert!(undocumented.is_empty(), "not in docs/environment.md: {undocumented:?}");
    assert!(unread.is_empty(), "in docs/environment.md, read by nothing: {unread:?}");
}

#[test]
fn every_exit_code_is_documented_under_its_name() {
    let root = repository();
    let source = std::fs::read_to_string(root.join("crates/egcfg/src/exit.rs")).unwrap();
    let codes: BTreeSet<(String, String)> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub(crate) const ")?.split_once(": u8 = "))
        .map(|(name, code)| (code.trim_end_matches(';').to_owned(), name.to_lowercase()))
        .collect();
    let page = std::fs::read_to_string(root.join("docs/exit-codes.md")).unwrap();
    let rows: BTreeSet<(String, String)> = page
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let code = cells.get(1).filter(|code| code.parse::<u8>().is_ok())?;
            // `bad usage` is USAGE, `model error` is MODEL.
            let name = cells.get(2)?.trim_start_matches("bad ").trim_end_matches(" error");
            Some(((*code).to_owned(), name.to_owned()))
        })
        .collect();
    assert_eq!(codes, rows);
}

#[test]
fn the_reference_of_commands_is_what_the_program_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_egcfg")).arg("reference").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let path = repository().join("docs/cli.md");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(&path, &said).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == said, "docs/cli.md is old: run `egcfg reference > docs/cli.md`");
}

#[test]
fn completions_and_pages_cover_every_command() {
    let egcfg = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_egcfg")).args(args).output().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = egcfg(&["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["solve", "verify", "stop-on-pass", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // A shell that is here must be able to read it.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("egcfg");
        std::fs::write(&file, script).unwrap();
        if let Ok(checked) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man");
    assert!(egcfg(&["man", "--out", out.to_str().unwrap()]).status.success());
    let pages: BTreeSet<String> = std::fs::read_dir(&out)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    for page in ["egcfg.1", "egcfg-solve.1", "egcfg-data-verify.1", "egcfg-submit-slurm.1"] {
        assert!(pages.contains(page), "{page}: {pages:?}");
    }
}

/// `scripts/test.sh` adds up what the test programs say, and does not take a skipped test for one that passed.
#[test]
fn the_sum_of_all_tests_tells_what_was_skipped() {
    let log = "\
running 4 tests
test a ... ok
test b::c ... ok
test d ... ignored, started by other tests: a process
test e ... ignored, takes minutes

successes:

---- a stdout ----
skipped: no data
skipped: told twice

---- b::c stdout ----
partly skipped: one of two

successes:
    a
    b::c

test result: ok. 2 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out

failures:

---- f stdout ----
skipped: but it failed

test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out
";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let sum = |text: &str, status: &str| {
        std::fs::write(&path, text).unwrap();
        let script = repository().join("scripts/sum-tests.awk");
        let ran = Command::new("awk").args(["-v", status, "-f"]).arg(script).arg(&path).output().unwrap();
        String::from_utf8(ran.stdout).unwrap()
    };
    let told = "\nskipped in part:\n  b::c: one of two\n\nskipped:\n  e: takes minutes\n  a: no data\n";
    assert_eq!(sum(log, "status=101"), format!("{told}\n4 passed, 1 failed, 2 skipped\n"));
    let dead = "test result: ok. 7 passed; 0 failed; 0 ignored\n";
    assert!(sum(dead, "status=101").ends_with("\n7 passed, 1 failed, 0 skipped\n"));
    assert_eq!(sum(dead, "status=0"), "\n7 passed, 0 failed, 0 skipped\n");
}
