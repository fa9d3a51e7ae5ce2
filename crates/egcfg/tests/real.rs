//! A real model that is not ours: SmolLM2-135M-Instruct, where `scripts/real-model.sh` has put it or `EGCFG_REAL_MODEL` names a
//! file. Without one the tests are skipped and say so. They ask what holds on every machine and at every speed: how the answer
//! begins, what is refused, who the model is.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test helpers; a skipped test says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use egcfg_gguf::content;
use serde_json::Value;

/// What `scripts/real-model.sh` checks too.
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// The model's file, or nothing and a line that says so.
fn model(test: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let fetched = cache.map(|cache| cache.join("egcfg/models/SmolLM2-135M-Instruct.Q4_1.gguf"));
    let found = set("EGCFG_REAL_MODEL").or(fetched).filter(|file| file.is_file());
    if found.is_none() {
        eprintln!(
            "skipped: {test}: no real model; scripts/real-model.sh fetches one, EGCFG_REAL_MODEL names one"
        );
    }
    found
}

fn egcfg(arguments: &[&str], cache: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egcfg"))
        .args(arguments)
        .env_remove("EGCFG_MODEL")
        .env("EGCFG_CACHE", cache)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn it_is_known_by_its_content() {
    let Some(file) = model("it_is_known_by_its_content") else { return };
    let place = tempfile::tempdir().unwrap();
    let output = egcfg(&["doctor", "--json", "-m", file.to_str().unwrap()], place.path());
    assert!(output.status.success(), "{}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let hash = report["model"]["identity"]["sha256"].as_str().unwrap();
    assert_eq!(hash, content::of_file(&file, None, &mut |_, _| true).unwrap());
    if std::env::var_os("EGCFG_REAL_MODEL").is_none() {
        assert_eq!(hash, SHA256);
        assert_eq!(report["model"]["vocabulary"], 49152);
    }
}

#[test]
fn an_opened_answer_defines_what_the_tests_call() {
    let Some(file) = model("an_opened_answer_defines_what_the_tests_call") else { return };
    let place = tempfile::tempdir().unwrap();
    let task = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/real/count_vowels.toml");
    let arguments =
        ["solve", task.to_str().unwrap(), "--model", file.to_str().unwrap(), "--threads", "1", "--json"];
    let plain = ["--method", "eg_cfg", "--gamma", "0", "--open", "always", "--max-tokens", "40"];
    let output = egcfg(&[&arguments[..], &plain[..]].concat(), place.path());
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = result["code"].as_str().unwrap();
    assert!(code.starts_with("def count_vowels("), "{code:?}");
}

#[test]
fn what_is_wrong_with_a_file_is_named() {
    let Some(file) = model("what_is_wrong_with_a_file_is_named") else { return };
    if std::env::var_os("EGCFG_REAL_MODEL").is_some_and(|name| !name.is_empty()) {
        eprintln!("skipped: what_is_wrong_with_a_file_is_named: its cuts are made for the fetched model");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let head = {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        fs::File::open(&file).unwrap().take(4 << 20).read_to_end(&mut bytes).unwrap();
        bytes
    };
    // The length of a text stands in eight bytes before it; another text of that length changes nothing else.
    let with = |from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let at = head.windows(from.len()).position(|window| window == from).unwrap();
        let mut whole = fs::read(&file).unwrap();
        whole[at..at + to.len()].copy_from_slice(to);
        whole
    };
    let checks: [(&str, Vec<u8>, &str); 3] = [
        ("cut.gguf", head.clone(), "it is truncated"),
        (
            "tokens.gguf",
            with(b"tokenizer.ggml.merges", b"tokenizer.ggml.marges"),
            "tokenizer.ggml.merges: is missing",
        ),
        ("shape.gguf", with(b"token_embd.weight", b"token_embx.weight"), "token_embd.weight: is missing"),
    ];
    for (name, bytes, expected) in checks {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        let output = egcfg(&["doctor", "--model", path.to_str().unwrap()], place.path());
        assert!(said(&output).contains(expected), "{name}: {} lacks {expected}", said(&output));
        assert_eq!(output.status.code(), Some(4), "{name}");
        fs::remove_file(&path).unwrap();
    }
    // The model where an adapter is asked for.
    let output = egcfg(&["doctor", "--lora", file.to_str().unwrap()], place.path());
    assert!(said(&output).contains("the file is a model, not an adapter"), "{}", said(&output));
}
