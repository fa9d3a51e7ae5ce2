//! Downloads from a hub in the test process, which breaks off, throttles and lies where a test tells it to.

#![allow(clippy::unwrap_used, clippy::format_collect, reason = "test helpers")]
#![cfg(unix)]

#[path = "support/hub.rs"]
mod support;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use egcfg_hub::{Cache, DownloadError, Found, HubName, Remote};

use support::{Faults, Hub, hub, requests};

fn content() -> Vec<u8> {
    (0..300_000).map(|i| (i * 31 % 251) as u8).collect()
}

fn fetch(hub: &Hub, root: &Path, name: &str) -> Result<(), DownloadError> {
    let remote = Remote::new(&hub.address, Some("hf_secret")).pause(Duration::from_millis(5));
    let name = HubName::parse(name).unwrap();
    remote.fetch(&Cache::new(root), &name, &mut |_| ControlFlow::Continue(()))
}

/// The file is in the cache, whole, under its hash, and nothing half is left.
fn assert_whole(root: &Path) {
    let found = Cache::new(root).find(&HubName::parse("some/coder").unwrap()).unwrap();
    let Found::Gguf(path) = found else { panic!("{found:?}") };
    assert!(path.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read(&path).unwrap(), content());
    let blobs = fs::read_dir(root.join("models--some--coder/blobs")).unwrap();
    assert!(blobs.flatten().all(|entry| entry.path().extension().is_none_or(|end| end != "incomplete")));
}

#[test]
fn the_chosen_file_comes_and_is_found() {
    let (hub, root) = (hub(content(), Faults::default()), tempfile::tempdir().unwrap());
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_whole(root.path());
    assert!(hub.log.lock().unwrap().iter().all(|(_, key)| key.as_deref() == Some("Bearer hf_secret")));
    assert!(requests(&hub, "Q4_0").is_empty());
    // A second time, nothing is transferred.
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_eq!(requests(&hub, "GET /storage").len(), 1);
}

#[test]
fn what_breaks_off_is_gone_on_with() {
    let (hub, root) = (
        hub(content(), Faults { cuts: 3, unavailable: 2, ..Faults::default() }),
        tempfile::tempdir().unwrap(),
    );
    fetch(&hub, root.path(), "some/coder:Q8_0").unwrap();
    assert_whole(root.path());
    let starts: Vec<_> = requests(&hub, "GET /storage");
    assert_eq!(starts.len(), 4);
    assert!(starts[0].ends_with(" -"));
    // Every later attempt asks for a later beginning, and none for the whole.
    let from =
        |line: &String| line.rsplit(' ').next().unwrap().trim_end_matches('-').parse::<usize>().unwrap();
    let from: Vec<usize> = starts[1..].iter().map(from).collect();
    assert!(from[0] > 0 && from.is_sorted_by(|a, b| a < b), "{from:?}");
}

#[test]
fn an_interrupted_download_is_gone_on_with_by_the_next() {
    let (hub, root) = (hub(content(), Faults::default()), tempfile::tempdir().unwrap());
    let remote = Remote::new(&hub.address, None);
    let name = HubName::parse("some/coder").unwrap();
    let ended = remote.fetch(&Cache::new(root.path()), &name, &mut |_| ControlFlow::Break(()));
    assert!(matches!(ended, Err(DownloadError::Interrupted)), "{ended:?}");
    assert!(Cache::new(root.path()).find(&name).is_err());
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_whole(root.path());
    assert_eq!(requests(&hub, "GET /storage").len(), 2);
    assert!(!requests(&hub, "GET /storage")[1].ends_with(" -"));
}

#[test]
fn a_server_without_ranges_and_a_wrong_part_still_end_well() {
    let (hub, root) = (
        hub(content(), Faults { cuts: 1, no_ranges: true, ..Faults::default() }),
        tempfile::tempdir().unwrap(),
    );
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_whole(root.path());
    let root = tempfile::tempdir().unwrap();
    *hub.faults.lock().unwrap() = Faults { wrong: 1, throttled: 1, ..Faults::default() };
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_whole(root.path());
    let root = tempfile::tempdir().unwrap();
    *hub.faults.lock().unwrap() = Faults { wrong: 9, ..Faults::default() };
    let error = fetch(&hub, root.path(), "some/coder").unwrap_err();
    assert!(matches!(&error, DownloadError::Checksum { file } if file == "coder.Q8_0.gguf"), "{error}");
    assert!(Cache::new(root.path()).find(&HubName::parse("some/coder").unwrap()).is_err());
}

#[test]
fn refusals_are_told_apart_and_not_repeated() {
    let root = tempfile::tempdir().unwrap();
    let ask = |refuse| {
        let hub = hub(content(), Faults { refuse, ..Faults::default() });
        let error = fetch(&hub, root.path(), "some/coder").unwrap_err();
        (error, requests(&hub, "").len())
    };
    let (error, asked) = ask(Some((403, "GatedRepo")));
    assert!(matches!(error, DownloadError::Denied { status: 403, gated: true, .. }), "{error}");
    assert_eq!(asked, 1);
    let (error, asked) = ask(Some((401, "RepoNotFound")));
    assert!(matches!(error, DownloadError::Denied { status: 401, gated: false, .. }), "{error}");
    assert_eq!(asked, 1);
    let (error, asked) = ask(Some((404, "RevisionNotFound")));
    assert!(matches!(error, DownloadError::Absent(_)), "{error}");
    assert_eq!(asked, 1);
    let (error, asked) = ask(Some((500, "")));
    assert!(matches!(error, DownloadError::Network { .. }), "{error}");
    assert_eq!(asked, 5);
    assert!(
        !format!("{error} {error:?} {:?}", Remote::new("http://x", Some("hf_secret"))).contains("secret")
    );
}
