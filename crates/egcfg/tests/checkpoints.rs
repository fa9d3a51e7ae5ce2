//! Checkpoint folders of four families, converted and loaded by the real engine, against what Hugging
//! Face's libraries make of the same folders (`tools/goldens/make_checkpoints.py`): tokens of 3000 texts, log-probabilities.
//! The weights follow from a formula; only tokenizers and golden numbers are stored.

#![allow(clippy::unwrap_used, clippy::format_collect, reason = "test helpers")]

#[path = "../../egcfg-hub/tests/support/checkpoint.rs"]
mod checkpoint;
#[path = "../../egcfg-hub/tests/support/formula.rs"]
mod formula;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use checkpoint::{checkpoint, data, read};
use egcfg_hub::ElementType;
use egcfg_hub::checkpoint::{Options, convert};
use egcfg_model::{Encode, LanguageModel, LlamaModel, LlamaOptions, ScoreRequest, TokenId};
use formula::mix;
use futures::executor::block_on;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const FAMILIES: [&str; 4] = ["deepseek-coder", "codellama", "smollm", "qwen2.5-coder"];

/// Largest allowed difference of a log-probability, in nats, with single-precision weights. Measured: 2.1e-5, at values down to
/// -26.8.
const TOLERANCE: f32 = 1e-4;

fn egcfg(arguments: &[&str], cache: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egcfg")).args(arguments).env("EGCFG_CACHE", cache).output().unwrap()
}

fn converted(family: &str, kind: ElementType, sharded: bool) -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join(family);
    checkpoint(family, &folder, sharded);
    let out = place.path().join("out.gguf");
    let options = Options { matrices: kind, ..Options::default() };
    let summary = convert(&folder, &out, &options, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(summary.bytes, fs::metadata(&out).unwrap().len());
    (place, out)
}

fn load(path: &Path) -> LlamaModel {
    LlamaModel::load(&LlamaOptions::new(path).exact()).unwrap()
}

fn text(fragments: &[Value], number: u32) -> String {
    let start = 7919 * number;
    let count = 1 + mix(start) % 24;
    (0..count).map(|i| fragments[mix(start + 1 + i) as usize % fragments.len()].as_str().unwrap()).collect()
}

fn short_hash(tokens: &[TokenId]) -> String {
    let text: Vec<String> = tokens.iter().map(ToString::to_string).collect();
    let digest = Sha256::digest(text.join(" "));
    format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

/// Largest difference over a golden file's rows, and the number farthest from 0 in them.
fn difference(model: &LlamaModel, golden: &Value, every: usize) -> (f32, f32) {
    let (mut worst, mut lowest) = (0.0_f32, 0.0_f32);
    for prompt in golden["prompts"].as_array().unwrap() {
        let ids: Vec<TokenId> = serde_json::from_value(prompt["tokens"].clone()).unwrap();
        let (head, tail) = ids.split_at(1);
        let request = ScoreRequest { context: head.to_vec(), drafts: vec![tail.to_vec()] };
        let reply = block_on(model.score(request)).unwrap();
        let rows: Vec<_> = std::iter::once(&reply.next).chain(&reply.after[0]).collect();
        for row in prompt["rows"].as_array().unwrap() {
            let own = rows[row["after"].as_u64().unwrap() as usize].values();
            let expected = row["log_probs"].as_array().unwrap();
            assert_eq!(own.len().div_ceil(every), expected.len());
            for (own, expected) in own.iter().step_by(every).zip(expected) {
                let expected = expected.as_f64().unwrap() as f32;
                worst = worst.max((own - expected).abs());
                lowest = lowest.min(expected);
            }
        }
    }
    (worst, lowest)
}

#[test]
fn tokens_and_log_probabilities_are_those_of_transformers() {
    let common = read(&data("", "common.json"));
    let fragments = common["fragments"].as_array().unwrap();
    let texts = common["texts"].as_u64().unwrap() as u32;
    let every = common["every"].as_u64().unwrap() as usize;
    let mut wrong = Vec::new();
    for (number, family) in FAMILIES.into_iter().enumerate() {
        let golden = read(&data(family, "golden.json"));
        let (_place, path) = converted(family, ElementType::F32, number % 2 == 1);
        let model = load(&path);
        let hashes = golden["token_hashes"].as_str().unwrap();
        let mut others = Vec::new();
        for k in 0..texts {
            let text = text(fragments, k);
            let tokens = model.encode(&text, Encode::Plain).unwrap();
            if short_hash(&tokens) != hashes[8 * k as usize..8 * k as usize + 8] {
                let expected = golden["tokens"].get(k as usize).map(Value::to_string).unwrap_or_default();
                others.push(format!("{family} text {k}: {text:?}: {tokens:?}, not {expected}"));
            }
            let bytes: Vec<u8> = tokens.iter().flat_map(|token| model.token_bytes(*token)).copied().collect();
            assert_eq!(bytes, text.as_bytes(), "{family}: the pieces of a text join to it");
        }
        eprintln!("{family}: tokens of {} of {texts} texts differ", others.len());
        let (worst, lowest) = difference(&model, &golden, every);
        eprintln!("{family}: largest difference {worst:e} nats; values down to {lowest}");
        if lowest > -8.0 || worst > TOLERANCE {
            wrong.push(format!("{family}: {worst} nats, values down to {lowest}"));
        }
        wrong.extend(others.into_iter().take(5));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn facts_of_the_tokenizer_reach_the_engine() {
    let (_place, path) = converted("deepseek-coder", ElementType::F16, false);
    let model = load(&path);
    let info = model.info();
    assert_eq!((info.name.as_str(), info.vocab, info.context), ("deepseek-coder", 640, 512));
    let bos = "<\u{ff5c}begin\u{2581}of\u{2581}sentence\u{ff5c}>";
    assert_eq!(model.encode(bos, Encode::Template).unwrap(), [info.bos.unwrap()]);
    assert!(model.encode(bos, Encode::Plain).unwrap().len() > 1);
    let end = model.encode("<|EOT|>", Encode::Template).unwrap();
    assert!(end.len() == 1 && info.end_tokens.contains(&end[0]));
    // Not marked as special in the file; a program that contains its spelling must not get it all the same.
    assert!(model.encode("<\u{ff5c}fim\u{2581}hole\u{ff5c}>", Encode::Plain).unwrap().len() > 1);
    assert!(info.chat_template.as_deref().is_some_and(|template| template.contains("messages")));
    let (_place, path) = converted("codellama", ElementType::F16, false);
    let model = load(&path);
    assert_eq!(model.info().bos, Some(1));
    assert!(model.info().end_tokens.contains(&2));
}

#[test]
fn smaller_formats_stay_near() {
    let every = read(&data("", "common.json"))["every"].as_u64().unwrap() as usize;
    for (kind, allowed) in [(ElementType::F16, 0.1), (ElementType::Bf16, 1.0), (ElementType::Q8_0, 2.0)] {
        let (_place, path) = converted("qwen2.5-coder", kind, false);
        let (worst, _) = difference(&load(&path), &read(&data("qwen2.5-coder", "golden.json")), every);
        eprintln!("{kind:?}: largest difference {worst:e} nats");
        assert!(worst < allowed, "{kind:?}: {worst}");
    }
}

#[test]
fn a_folder_as_model_is_converted_once() {
    let place = tempfile::tempdir().unwrap();
    let (folder, cache) = (place.path().join("tiny"), place.path().join("cache"));
    checkpoint("smollm", &folder, true);
    let doctor = || {
        let output = egcfg(&["doctor", "--model", folder.to_str().unwrap(), "--json"], &cache);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["model"]["vocabulary"], 640);
    };
    let files = || {
        let mut all: Vec<_> = fs::read_dir(cache.join("converted"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "gguf"))
            .map(|entry| (entry.file_name(), entry.metadata().unwrap().modified().unwrap()))
            .collect();
        all.sort();
        all
    };
    doctor();
    let first = files();
    assert_eq!(first.len(), 1);
    doctor();
    assert_eq!(files(), first);
    // Another content is another file.
    let config = folder.join("config.json");
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("10000.0", "20000.0")).unwrap();
    doctor();
    assert_eq!(files().len(), 2);
}

/// What is changed in a checkpoint, and what the message must name.
type Fault = (&'static str, fn(&mut Value), &'static str);

#[test]
fn what_cannot_be_converted_is_named() {
    let faults: [Fault; 6] = [
        (
            "config.json",
            |v| v["architectures"] = json!(["GPTNeoXForCausalLM"]),
            "architectures: \"GPTNeoXForCausalLM\"",
        ),
        (
            "config.json",
            |v| v["rope_scaling"] = json!({ "rope_type": "llama3", "factor": 8.0 }),
            "rope_scaling.rope_type: \"llama3\"",
        ),
        (
            "config.json",
            |v| v["intermediate_size"] = json!(65),
            "has shape [64, 32]; config.json asks for [65, 32]",
        ),
        ("config.json", |v| v["num_hidden_layers"] = json!(1), "model.layers.1."),
        (
            "tokenizer.json",
            |v| v["pre_tokenizer"] = json!({ "type": "Whitespace" }),
            "pre_tokenizer: Whitespace",
        ),
        ("tokenizer.json", |v| v["model"]["type"] = json!("Unigram"), "model.type: \"Unigram\""),
    ];
    for (file, change, expected) in faults {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("broken");
        checkpoint("deepseek-coder", &folder, false);
        let mut value = read(&folder.join(file));
        change(&mut value);
        fs::write(folder.join(file), value.to_string()).unwrap();
        let output = egcfg(&["convert", folder.to_str().unwrap()], place.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(expected), "{said} lacks {expected}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left behind");
    }
    // A file that was cut short.
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("short");
    checkpoint("deepseek-coder", &folder, false);
    let weights = folder.join("model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() - 100]).unwrap();
    let output = egcfg(&["convert", folder.to_str().unwrap()], place.path());
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("its header speaks of"));
}
