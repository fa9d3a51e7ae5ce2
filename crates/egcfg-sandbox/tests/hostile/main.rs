//! The hostile suite: programs that try to break out, to fool the judge or to ruin the machine, case by case, at every
//! layer of protection that this machine offers. Each must get one of its right verdicts *and* leave the host as it
//! was. For each protection there is one attempt that succeeds when only it is left out, so that a test that could not
//! fail is noticed. `programs/` holds the programs, `program.rs` the meaning of their headers.
//!
//! `EGCFG_HOSTILE=14` or `EGCFG_HOSTILE=14-atexit` runs the programs whose names begin so, `EGCFG_HOSTILE_LEVEL=L1` those
//! of one layer.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test says what it skips, and fails without what it needs"
)]

#[path = "../common/mod.rs"]
mod common;

mod canaries;
mod host;
mod program;
mod suite;
mod table;

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, set_child_subreaper, wait};

/// Marks the process that supervises the suite.
const HELPER: &str = "EGCFG_HOSTILE_TOKEN";

/// Runs one of the ignored tests below in a process of its own, whose environment and home hold secrets, and sees that
/// nothing is left when it has ended: no process, no work directory.
fn in_a_process_of_its_own(test: &str) {
    let home = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let secret = format!("secret-{:016x}", u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // Whoever loses a parent is inherited by this process.
    set_child_subreaper(Pid::from_raw(1)).unwrap();
    let started = Instant::now();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(HELPER, &secret)
        .env("HF_TOKEN", &secret)
        .env("AWS_SECRET_ACCESS_KEY", &secret)
        .env("HOME", home.path())
        .env("TMPDIR", temporary.path())
        .env("PYENV_ROOT", pyenv_root())
        .status()
        .unwrap();
    println!("{test}: {:.1} s", started.elapsed().as_secs_f64());
    assert!(status.success(), "{test} ended with {:?}, signal {:?}", status.code(), status.signal());
    let ended = Instant::now();
    loop {
        while wait(WaitOptions::NOHANG).is_ok_and(|one| one.is_some()) {}
        let left = common::descendants(std::process::id());
        if left.is_empty() && host::run_entries(temporary.path()) == 0 {
            break;
        }
        let files = host::run_entries(temporary.path());
        assert!(
            ended.elapsed() < Duration::from_secs(5),
            "processes {left:?} and {files} files in directories of the sandbox are left"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Version managers look under the home directory, which is another one there.
fn pyenv_root() -> std::path::PathBuf {
    let home = std::env::var_os("HOME").unwrap_or_default();
    std::env::var_os("PYENV_ROOT").map_or_else(|| std::path::Path::new(&home).join(".pyenv"), Into::into)
}

/// One at a time: each looks at all processes below this one.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn every_program_gets_a_right_verdict_and_leaves_the_host_as_it_was() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    in_a_process_of_its_own("supervisor_of_the_programs");
}

#[test]
fn each_protection_stops_what_nothing_else_stops() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    in_a_process_of_its_own("supervisor_of_the_canaries");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by other tests: runs in a process of its own, which another test starts"]
async fn supervisor_of_the_programs() {
    if std::env::var_os(HELPER).is_some() {
        end_with_parent();
        suite::run().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by other tests: runs in a process of its own, which another test starts"]
async fn supervisor_of_the_canaries() {
    if std::env::var_os(HELPER).is_some() {
        end_with_parent();
        canaries::run().await;
    }
}

/// A run that is broken off leaves nothing behind.
fn end_with_parent() {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
}
