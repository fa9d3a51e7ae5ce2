//! Models of the hub by the real program: a download that was killed goes on where it ended, and nothing is asked where that is
//! forbidden.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::run::{command, folder};
use crate::support::{Faults, Hub, hub, requests};

/// `doctor` with a model of the fake hub, whose file is the embedded model's.
fn doctor(hub: &Hub, home: &Path, more: &[&str]) -> Command {
    let mut command = command(home);
    command
        .args(["doctor", "--json", "--model", "some/coder"])
        .args(more)
        .env("HF_ENDPOINT", &hub.address)
        .env("HF_HOME", home)
        .env_remove("HF_HUB_CACHE")
        .env_remove("HF_HUB_OFFLINE")
        .env_remove("HF_TOKEN");
    command
}

/// Bytes of the half file, once there is one.
fn half(home: &Path) -> u64 {
    let blobs = std::fs::read_dir(home.join("hub/models--some--coder/blobs"));
    let parts = blobs.into_iter().flatten().flatten();
    let parts = parts.filter(|entry| entry.path().extension().is_some_and(|end| end == "incomplete"));
    parts.filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).max().unwrap_or(0)
}

#[test]
fn a_download_that_was_killed_goes_on_and_the_model_loads() {
    let home = folder(&[]);
    let bytes = egcfg_model::POCKET_GGUF;
    let hub = hub(bytes.to_vec(), Faults { parts: 200, ..Faults::default() });
    let mut first =
        doctor(&hub, home.path(), &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while half(home.path()) < 100_000 {
        assert!(started.elapsed() < Duration::from_secs(60), "the download never began");
        assert!(first.try_wait().unwrap().is_none(), "the download ended too early");
        std::thread::sleep(Duration::from_millis(10));
    }
    // On Unix this is signal 9.
    first.kill().unwrap();
    first.wait().unwrap();
    let left = half(home.path());
    assert!((100_000..bytes.len() as u64).contains(&left), "{left}");

    let output = doctor(&hub, home.path(), &[]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let asked = requests(&hub, "GET /storage");
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1].ends_with(&format!(" {left}-")), "{asked:?} goes on at {left}");
    let snapshots = home.path().join("hub/models--some--coder/snapshots");
    let file = snapshots.join(crate::support::COMMIT).join("coder.Q8_0.gguf");
    assert_eq!(std::fs::read(file).unwrap(), bytes);
    assert_eq!(half(home.path()), 0);
}

#[test]
fn offline_asks_for_nothing_and_takes_what_is_there() {
    let home = folder(&[]);
    let hub = hub(egcfg_model::POCKET_GGUF.to_vec(), Faults::default());
    let refused = doctor(&hub, home.path(), &["--offline"]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(4), "{said}");
    assert!(said.contains("some/coder") && said.contains("hint: nothing is downloaded"), "{said}");
    assert!(requests(&hub, "").is_empty());
    assert!(doctor(&hub, home.path(), &[]).output().unwrap().status.success());
    let so_far = requests(&hub, "").len();
    assert!(doctor(&hub, home.path(), &["--offline"]).output().unwrap().status.success());
    assert_eq!(requests(&hub, "").len(), so_far);
}
