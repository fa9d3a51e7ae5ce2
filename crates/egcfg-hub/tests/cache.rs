//! The hub's cache as its own tools leave it: links from snapshots to blobs, references by branch.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use egcfg_hub::{Cache, CacheError, Found, HubName};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A repository with these files; each is a link to a blob, as downloads make them.
fn repository(root: &Path, folder: &str, files: &[&str]) -> PathBuf {
    let repository = root.join(folder);
    let snapshot = repository.join("snapshots").join(COMMIT);
    for made in [&snapshot, &repository.join("blobs"), &repository.join("refs")] {
        fs::create_dir_all(made).unwrap();
    }
    fs::write(repository.join("refs/main"), COMMIT).unwrap();
    for (number, file) in files.iter().enumerate() {
        let blob = repository.join("blobs").join(format!("{number:064}"));
        fs::write(&blob, file).unwrap();
        symlink(format!("../../blobs/{number:064}"), snapshot.join(file)).unwrap();
    }
    snapshot
}

fn name(text: &str) -> HubName {
    HubName::parse(text).unwrap()
}

#[test]
fn names_are_found_by_branch_and_commit() {
    let root = tempfile::tempdir().unwrap();
    let snapshot = repository(root.path(), "models--some--coder", &["c.Q4_0.gguf", "c.Q8_0.gguf"]);
    let cache = Cache::new(root.path());
    let gguf = |file: &str| Ok(Found::Gguf(snapshot.join(file)));
    assert_eq!(cache.find(&name("some/coder")), gguf("c.Q8_0.gguf"));
    assert_eq!(cache.find(&name("some/coder:q4_0")), gguf("c.Q4_0.gguf"));
    assert_eq!(cache.find(&name("some/coder/c.Q4_0.gguf")), gguf("c.Q4_0.gguf"));
    assert_eq!(cache.find(&name(&format!("some/coder@{COMMIT}"))), gguf("c.Q8_0.gguf"));
    let error = cache.find(&name("some/coder:Q5_0")).unwrap_err();
    assert!(matches!(&error, CacheError::NoSuchFile { there, .. } if there == "c.Q8_0.gguf, c.Q4_0.gguf"));
    assert!(matches!(cache.find(&name("some/coder@v2")), Err(CacheError::Absent { .. })));
    assert!(matches!(cache.find(&name("other/coder")), Err(CacheError::Absent { .. })));
}

#[test]
fn checkpoints_count_only_when_they_are_whole() {
    let root = tempfile::tempdir().unwrap();
    let files = ["config.json", "tokenizer.json", "model.safetensors"];
    let snapshot = repository(root.path(), "models--some--weights", &files);
    let cache = Cache::new(root.path());
    assert_eq!(cache.find(&name("some/weights")), Ok(Found::Checkpoint(snapshot.clone())));
    // The blob of an unfinished download is not there yet: its link leads nowhere.
    fs::remove_file(root.path().join("models--some--weights/blobs").join(format!("{:064}", 2))).unwrap();
    assert!(matches!(cache.find(&name("some/weights")), Err(CacheError::NoSuchFile { .. })));
}

#[test]
fn the_folder_comes_from_the_environment_in_the_hub_s_order() {
    let all = [("HF_HUB_CACHE", "/a"), ("HF_HOME", "/b"), ("XDG_CACHE_HOME", "/c"), ("HOME", "/d")];
    let folders = ["/a", "/b/hub", "/c/huggingface/hub", "/d/.cache/huggingface/hub"];
    for (skip, folder) in folders.into_iter().enumerate() {
        let cache = Cache::of_environment(|wanted| {
            all[skip..].iter().find(|(name, _)| *name == wanted).map(|(_, value)| PathBuf::from(value))
        });
        match cache.unwrap().find(&name("x/y")) {
            Err(CacheError::Absent { folder: own, .. }) => assert_eq!(own, Path::new(folder)),
            other => panic!("{other:?}"),
        }
    }
    assert!(Cache::of_environment(|_| None).is_none());
}

#[test]
fn a_tilde_is_the_home_folder() {
    let of = |pairs: &'static [(&str, &str)]| {
        let find = |wanted: &str| {
            pairs.iter().find(|(key, _)| *key == wanted).map(|(_, value)| PathBuf::from(value))
        };
        let said = Cache::of_environment(find).unwrap().find(&name("a/b")).unwrap_err();
        let CacheError::Absent { folder, .. } = said else { panic!("{said}") };
        folder
    };
    assert_eq!(of(&[("HOME", "/h"), ("HF_HOME", "~/models")]), Path::new("/h/models/hub"));
    assert_eq!(of(&[("HOME", "/h"), ("HF_HUB_CACHE", "~/hub")]), Path::new("/h/hub"));
    assert_eq!(of(&[("HOME", "/h"), ("HF_HUB_CACHE", "~")]), Path::new("/h/"));
    assert_eq!(of(&[("HOME", "/h"), ("HF_HUB_CACHE", ""), ("HF_HOME", "/x")]), Path::new("/x/hub"));
    // Another user's home is not known here.
    assert_eq!(of(&[("HOME", "/h"), ("HF_HOME", "~other/models")]), Path::new("~other/models/hub"));
}

#[test]
fn a_snapshot_that_no_reference_names_is_named() {
    let root = tempfile::tempdir().unwrap();
    repository(root.path(), "models--some--coder", &["c.Q8_0.gguf"]);
    fs::remove_file(root.path().join("models--some--coder/refs/main")).unwrap();
    let said = Cache::new(root.path()).find(&name("some/coder")).unwrap_err().to_string();
    assert!(said.contains(&format!("ask for some/coder@{COMMIT}")), "{said}");
    assert!(Cache::new(root.path()).find(&name(&format!("some/coder@{COMMIT}"))).is_ok());
}
