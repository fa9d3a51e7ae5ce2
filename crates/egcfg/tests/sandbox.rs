//! The sandbox as a person meets it: the level that is asked for, the one that is had, what is said about the difference.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test helpers; a test that skips says so")]

use std::process::{Command, Output};

use serde_json::Value;

fn egcfg(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egcfg"));
    command.env_remove("EGCFG_SANDBOX").env_remove("EGCFG_PYTHON").env("NO_COLOR", "1");
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn doctor(arguments: &[&str]) -> (Option<i32>, Value, String) {
    let ran = egcfg(&[&["doctor", "--sandbox-only", "--json"], arguments].concat());
    (ran.status.code(), serde_json::from_slice(&ran.stdout).unwrap_or_default(), text(&ran.stderr))
}

#[test]
fn doctor_shows_every_layer_with_why_not() {
    let (code, seen, errors) = doctor(&[]);
    assert_eq!(code, Some(0), "{errors}");
    let level = seen["sandbox"]["level"].as_str().unwrap();
    // Control groups are only tried when they are asked for, so that nothing is missing without them.
    let tried = seen["protections"].as_array().unwrap().iter().filter(|p| p["layer"] != "L2");
    let mut missing = tried.filter(|p| p["needed"] == true && p["in_force"] == false).peekable();
    // What is missing is said once, on standard error; what is not is not talked about.
    assert_eq!(
        errors.lines().filter(|line| line.starts_with("note: sandbox level")).count(),
        usize::from(missing.peek().is_some())
    );
    assert!(missing.all(|p| p["missing"].as_str().is_some_and(|why| !why.is_empty()) && p["layer"] != level));
    assert!(seen["sandbox"]["calibration"].as_f64().unwrap() >= 1.0);
    let table = text(&egcfg(&["doctor", "--sandbox-only"]).stdout);
    let rows = table.lines().filter(|line| line.contains("; stops ")).count();
    assert_eq!(rows, seen["protections"].as_array().unwrap().len(), "{table}");
    for part in
        ["sandbox      level", "calibration", "  L0  seccomp", "  L1  private-root", "  L2  cgroup-memory"]
    {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn a_required_level_is_had_or_is_an_error_with_a_hint() {
    let (_, seen, _) = doctor(&[]);
    let strongest = seen["sandbox"]["level"].as_str().unwrap().to_owned();
    for level in ["L0", "L1", "L2"] {
        let (code, seen, errors) = doctor(&["--sandbox", level]);
        // What `auto` found can be had. Control groups it does not try, so they may be had or not.
        let had = level <= strongest.as_str() && strongest.starts_with('L');
        if had || level == "L2" && code == Some(0) {
            assert_eq!((code, seen["sandbox"]["level"].as_str()), (Some(0), Some(level)), "{errors}");
            assert_eq!(errors, "", "nothing is missing of what was asked for");
        } else {
            assert_eq!(code, Some(5), "{errors}");
            let lines: Vec<_> = errors.lines().collect();
            assert!(
                lines[0].starts_with(&format!("error: sandbox level {level} cannot be had here: ")),
                "{errors}"
            );
            assert!(lines[1].starts_with("hint: ") && lines.len() == 2, "{errors}");
        }
    }
    assert_eq!(doctor(&["--sandbox", "L9"]).0, Some(2));
}

#[test]
fn without_protection_says_so_each_time() {
    let (code, seen, errors) = doctor(&["--sandbox", "none", "--calibrate=false"]);
    assert_eq!((code, seen["sandbox"]["level"].as_str()), (Some(0), Some("none")));
    assert!(errors.starts_with("warning: programs run without protection"), "{errors}");
    assert_eq!(seen["sandbox"]["calibration"], 1.0);
}

#[test]
fn limits_come_from_the_kind_of_programs_and_from_flags() {
    let (_, seen, _) =
        doctor(&["--profile", "stdio", "--memory-limit", "128", "--wall-limit", "3", "--thread-limit", "5"]);
    let limits = &seen["sandbox"]["limits"];
    assert_eq!(seen["sandbox"]["profile"], "stdio");
    assert_eq!((&limits["cpu_s"], &limits["wall_s"]), (&10.0.into(), &3.0.into()));
    assert_eq!((&limits["memory"], &limits["threads"]), (&(128_u64 << 20).into(), &5.into()));
    let (_, seen, _) = doctor(&["--timeout", "2"]);
    let limits = &seen["sandbox"]["limits"];
    assert_eq!(
        (&limits["cpu_s"], &limits["idle_s"], &limits["wall_s"]),
        (&2.0.into(), &2.0.into(), &4.0.into())
    );
    assert_eq!(doctor(&["--memory-limit", "1"]).0, Some(2));
}

/// What root is in many a container: without its rights, or among few users.
#[test]
fn a_root_that_cannot_give_uids_away_runs_programs_as_itself() {
    for (wrapper, why) in [
        (["setpriv", "--bounding-set", "-all"], "root without CHOWN"),
        (["unshare", "--user", "--map-root-user"], "root of a user namespace with too few users"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let wrapped = |words: &[&str]| {
            let mut command = Command::new(wrapper[0]);
            command.args(&wrapper[1..]).args(words).env("TMPDIR", folder.path()).env("NO_COLOR", "1");
            command.env_remove("EGCFG_SANDBOX").env_remove("EGCFG_PYTHON").output()
        };
        if !wrapped(&["sh", "-c", "test \"$(id -u)\" = 0"]).is_ok_and(|ran| ran.status.success()) {
            println!("partly skipped: {wrapper:?} cannot be had here");
            continue;
        }
        let this = env!("CARGO_BIN_EXE_egcfg");
        let ran = wrapped(&[this, "doctor", "--sandbox-only", "--json"]).unwrap();
        assert_eq!(ran.status.code(), Some(0), "{wrapper:?}: {}", text(&ran.stderr));
        let seen: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_ne!(seen["sandbox"]["level"], "none", "{wrapper:?}: {}", text(&ran.stderr));
        let protections = seen["protections"].as_array().unwrap();
        let uid = protections.iter().find(|p| p["name"] == "unused-uid").unwrap();
        assert!(uid["missing"].as_str().is_some_and(|text| text.starts_with(why)), "{wrapper:?}: {uid}");
        let source = "import os\ndef f(x):\n    os.mkdir('d')\n    open('d/a', 'w').write('x')\n    \
                      open('/proc/1/environ')\n";
        let file = folder.path().join("program.py");
        std::fs::write(&file, source).unwrap();
        let judge = [this, "judge", file.to_str().unwrap(), "--test", "assert f(1) is None"];
        let ran = wrapped(&judge).unwrap();
        assert!(
            ["exception (PermissionError)", "exception (FileNotFoundError)"]
                .iter()
                .any(|verdict| text(&ran.stdout).starts_with(verdict)),
            "{wrapper:?}: {}{}",
            text(&ran.stdout),
            text(&ran.stderr)
        );
        let left = std::fs::read_dir(folder.path()).unwrap().flatten().filter(|entry| entry.path().is_dir());
        let left: Vec<_> =
            left.flat_map(|entry| std::fs::read_dir(entry.path()).unwrap().flatten()).collect();
        assert!(left.is_empty(), "{wrapper:?}: {left:?}");
    }
}

/// A module that the interpreter has and the plain profile hides costs a program that only carries its import along nothing; one that
/// uses it fails with a hint.
#[test]
fn an_unused_import_of_a_hidden_module_is_spared() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let made = Command::new("python3").args(["-m", "venv", "--without-pip", &at("venv")]).output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!(
            "skipped: an_unused_import_of_a_hidden_module_is_spared: python3 makes no virtual environment"
        );
        return;
    }
    let library = std::fs::read_dir(folder.path().join("venv/lib")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(library.join("site-packages/onlyhere.py"), "one = 1\n").unwrap();
    let judged = |source: &str, more: &[&str]| {
        std::fs::write(at("p.py"), source).unwrap();
        let (python, program) = (at("venv/bin/python3"), at("p.py"));
        let fixed = ["judge", &program, "--test", "assert f(1) == 2", "--python", &python];
        let ran = egcfg(&[&fixed[..], more].concat());
        (ran.status.code(), text(&ran.stdout) + &text(&ran.stderr))
    };
    let carried =
        "import math\nimport onlyhere as o\nfrom onlyhere import one\ndef f(x):\n    return x + 1\n";
    assert_eq!(judged(carried, &[]).0, Some(0), "{}", judged(carried, &[]).1);
    let used = "import onlyhere\ndef f(x):\n    return x + onlyhere.one\n";
    let (code, said) = judged(used, &[]);
    assert!(code == Some(1) && said.contains("--profile data shows it"), "{code:?}: {said}");
    assert_eq!(judged(used, &["--profile", "data"]).0, Some(0));
    let nowhere = carried.replace("onlyhere", "egcfg_no_such_module");
    assert_eq!(judged(&nowhere, &[]).0, Some(1));
}
