//! The engine against numbers that another implementation computed (`tools/goldens`), and the tokenizer against the trainer's.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "llama")]

use std::path::{Path, PathBuf};

use egcfg_model::{Encode, LanguageModel, LlamaModel, LlamaOptions, ScoreRequest, TokenId};
use futures::executor::block_on;
use serde_json::Value;

/// Largest allowed difference of a log-probability, in nats. Measured: 2.3e-5, at values down to -14.8.
const TOLERANCE: f32 = 1e-4;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn tokens(value: &Value) -> Vec<TokenId> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as TokenId).collect()
}

#[test]
fn log_probabilities_agree_with_transformers_at_every_position() {
    let model = LlamaModel::load(&LlamaOptions::new(data("tiny-linear-rope.gguf")).exact()).unwrap();
    let golden: Value =
        serde_json::from_slice(&std::fs::read(data("tiny-linear-rope.json")).unwrap()).unwrap();
    let mut worst = 0.0_f32;
    let mut spread = 0.0_f32;
    for prompt in golden["prompts"].as_array().unwrap() {
        let ids = tokens(&prompt["tokens"]);
        let (head, tail) = ids.split_at(1);
        let reply =
            block_on(model.score(ScoreRequest { context: head.to_vec(), drafts: vec![tail.to_vec()] }))
                .unwrap();
        let rows: Vec<_> = std::iter::once(&reply.next).chain(&reply.after[0]).collect();
        let expected = prompt["log_probs"].as_array().unwrap();
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(expected) {
            for (value, expected) in row.values().iter().zip(expected.as_array().unwrap()) {
                let expected = expected.as_f64().unwrap() as f32;
                worst = worst.max((value - expected).abs());
                spread = spread.max(-expected);
            }
        }
    }
    eprintln!("largest difference {worst:e} nats; values down to -{spread}");
    assert!(spread > 5.0, "the golden numbers are too flat to tell anything");
    assert!(worst < TOLERANCE, "largest difference {worst}");
}

#[test]
fn the_file_s_facts_are_found() {
    let model = LlamaModel::load(&LlamaOptions::new(data("tiny-linear-rope.gguf"))).unwrap();
    let info = model.info();
    assert_eq!(info.name, "tiny-linear-rope");
    assert_eq!((info.vocab, info.context), (64, 512));
    assert_eq!((info.end_tokens.as_slice(), info.bos), ([0].as_slice(), Some(1)));
    assert_eq!(info.prompt_template.as_deref(), Some("tiny"));
    assert!(info.chat_template.as_deref().is_some_and(|t| t.contains("messages")));
    assert!(info.details.iter().any(|(key, value)| key == "architecture" && value == "llama"));
    let stretched = LlamaOptions { context: Some(2048), ..LlamaOptions::new(data("tiny-linear-rope.gguf")) };
    let model = LlamaModel::load(&stretched).unwrap();
    assert!(model.info().details.iter().any(|(key, _)| key == "warning"));
}

#[test]
fn special_tokens_are_recognised_in_templates_only_and_pieces_join() {
    let model = LlamaModel::load(&LlamaOptions::new(data("tiny-linear-rope.gguf"))).unwrap();
    assert_eq!(model.encode("<|begin|>", Encode::Template).unwrap(), [1]);
    assert!(model.encode("", Encode::Plain).unwrap().is_empty());
    let text = "def f(x):\n    return x";
    let tokens = model.encode(text, Encode::Plain).unwrap();
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| model.token_bytes(*token)).copied().collect();
    assert_eq!(bytes, text.as_bytes());
    // At the end of a piece, the newline and the indentation are one token of this vocabulary.
    let tokens = model.encode("def f(x):\n    ", Encode::Plain).unwrap();
    assert!(tokens.iter().any(|token| model.token_bytes(*token) == b"\n    "));
    assert_eq!(model.token_bytes(0), b"");
    assert_eq!(model.token_bytes(64), b"");
    assert!(!model.encode("<|begin|>", Encode::Plain).unwrap().contains(&1));
}

#[cfg(feature = "pocket")]
#[test]
fn the_embedded_tokenizer_encodes_as_the_trainer_s_did() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/pocket/fixtures/tokens.json");
    let Ok(bytes) = std::fs::read(&fixture) else {
        eprintln!("skipped: {} is absent", fixture.display());
        return;
    };
    let model = LlamaModel::pocket().unwrap();
    let cases: Value = serde_json::from_slice(&bytes).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let text = case["text"].as_str().unwrap();
        assert_eq!(model.encode(text, Encode::Plain).unwrap(), tokens(&case["ids"]), "{text:?}");
        let bytes: Vec<u8> =
            tokens(&case["ids"]).iter().flat_map(|token| model.token_bytes(*token)).copied().collect();
        assert_eq!(bytes, text.as_bytes());
    }
}
