//! Files that a user names: what is no regular file, or cannot be read, is refused at once under its own name; nothing waits for a
//! FIFO that nobody writes to.

use std::process::Command;

use crate::run::{egcfg, folder};

const TASK: &str = "prompt = 'double it'\ntests = ['assert f(2) == 4']\n";

#[test]
fn what_is_no_regular_file_is_refused_wherever_a_file_is_named() {
    let folder =
        folder(&[("task.toml", TASK), ("p.py", "def f(x):\n    return 2 * x\n"), ("text.toml", "x = 1\n")]);
    assert!(Command::new("mkfifo").arg(folder.path().join("fifo.toml")).status().unwrap().success());
    assert!(
        Command::new("mkfifo").args(["-m", "600"]).arg(folder.path().join("key")).status().unwrap().success()
    );
    std::fs::create_dir(folder.path().join("dir.toml")).unwrap();
    let server = "http://127.0.0.1:9/v1#m";
    for (args, file, kind) in [
        (&["run", "fifo.toml", "--dry-run"][..], "fifo.toml", "FIFO"),
        (&["run", "dir.toml", "--dry-run"], "dir.toml", "directory"),
        (&["solve", "fifo.toml"], "fifo.toml", "FIFO"),
        (&["solve", "task.toml", "--template", "fifo.toml"], "fifo.toml", "FIFO"),
        (&["solve", "task.toml", "--events", "fifo.toml"], "fifo.toml", "FIFO"),
        (&["solve", "task.toml", "--events", "dir.toml"], "dir.toml", "directory"),
        (&["solve", "task.toml", "--model", "fifo.toml"], "fifo.toml", "FIFO"),
        (&["solve", "task.toml", "--model", "/dev/zero"], "/dev/zero", "device"),
        (&["solve", "task.toml", "--model", "scripted:fifo.toml"], "fifo.toml", "FIFO"),
        (&["solve", "task.toml", "--model", server, "--key-file", "key"], "key", "FIFO"),
        (&["solve", "task.toml", "--model", server, "--tokenizer", "fifo.toml"], "fifo.toml", "FIFO"),
        (&["serve", "--model", "pocket", "--port", "0", "--api-key-file", "key"], "key", "FIFO"),
        (&["judge", "fifo.toml", "--test", "assert f(1) == 2"], "fifo.toml", "FIFO"),
        (&["judge", "p.py", "--task", "fifo.toml"], "fifo.toml", "FIFO"),
        (&["trace", "fifo.toml", "--call", "f(1)"], "fifo.toml", "FIFO"),
        (
            &["eval", "--dataset", "tasks", "--data", "fifo.toml", "--samples", "text.toml"],
            "fifo.toml",
            "FIFO",
        ),
        (
            &["eval", "--dataset", "tasks", "--data", "task.toml", "--samples", "fifo.toml"],
            "fifo.toml",
            "FIFO",
        ),
    ] {
        let ran = egcfg(folder.path(), args);
        assert!(matches!(ran.code, Some(3 | 4)), "{args:?}: {:?} {}", ran.code, ran.stderr);
        assert!(ran.stderr.contains(&format!("it is a {kind}")), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(file) && ran.stdout.is_empty(), "{args:?}: {}", ran.stderr);
    }
}
