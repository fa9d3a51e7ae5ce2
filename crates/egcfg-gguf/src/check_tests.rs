//! Files that are no model, and files that are, byte by byte.

use super::*;
use crate::write::{ElementType, Entry, Meta, padding, write_head};
use proptest::prelude::*;

fn tokens() -> Vec<String> {
    (0..8).map(|id| format!("t{id}")).collect()
}

/// A file that passes, as the engine's smallest model has it; `change` adds to its metadata.
fn file(skip: &[&str], change: impl FnOnce(&mut Meta)) -> Vec<u8> {
    let mut meta = Meta::default();
    let has = |key: &str| !skip.contains(&key);
    if has("general.architecture") {
        meta.string("general.architecture", "llama");
    }
    for (key, value) in [
        ("context_length", 64),
        ("embedding_length", 32),
        ("block_count", 1),
        ("feed_forward_length", 32),
        ("attention.head_count", 2),
        ("attention.head_count_kv", 2),
        ("rope.dimension_count", 16),
    ] {
        if has(key) {
            meta.u32(&format!("llama.{key}"), value);
        }
    }
    if has("tokenizer.ggml.model") {
        meta.string("tokenizer.ggml.model", "gpt2");
    }
    meta.strings("tokenizer.ggml.merges", &["t 0".to_owned()]);
    if has("tokenizer.ggml.tokens") {
        meta.strings("tokenizer.ggml.tokens", &tokens());
    }
    change(&mut meta);
    let table = [Entry { name: "token_embd.weight".into(), shape: vec![32, 8], kind: ElementType::F16 }];
    let mut bytes = Vec::new();
    write_head(&mut bytes, &meta, &table).unwrap();
    bytes.extend(vec![0; table[0].bytes() as usize]);
    bytes.extend(padding(table[0].bytes()));
    bytes
}

fn said(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    std::fs::write(&path, bytes).unwrap();
    check_model(&path).map_or_else(|error| error.to_string(), |_| "fine".to_owned())
}

#[test]
fn what_is_no_model_is_named() {
    assert_eq!(said(&file(&[], |_| {})), "fine");
    for (bytes, expected) in [
        (b"PK\x03\x04 and so on".to_vec(), "zip archive"),
        (b"<!DOCTYPE html><html>".to_vec(), "web page"),
        (b"version https://git-lfs.github.com/spec/v1".to_vec(), "git lfs pull"),
        (b"GG".to_vec(), "shorter than four bytes"),
        (file(&[], |_| {})[..400].to_vec(), "truncated"),
        (file(&[], |meta| meta.string("general.type", "adapter")), "is an adapter, not a model"),
        (file(&[], |meta| meta.string("general.type", "mmproj")), "projector for pictures"),
        (
            file(&["general.architecture"], |meta| meta.string("general.architecture", "nomic-bert")),
            "embedding model",
        ),
        (file(&["general.architecture"], |meta| meta.string("general.architecture", "clip")), "projector"),
        (file(&["general.architecture"], |_| {}), "general.architecture: is missing"),
        (
            file(&["context_length"], |meta| meta.u32("llama.context_length", 0x8000_0000)),
            "llama.context_length: is 2147483648",
        ),
        (file(&["block_count"], |meta| meta.u32("llama.block_count", 0)), "llama.block_count: is 0"),
        (
            file(&["attention.head_count"], |meta| meta.u32("llama.attention.head_count", 0)),
            "llama.attention.head_count",
        ),
        (
            file(&["attention.head_count_kv"], |meta| meta.u32("llama.attention.head_count_kv", 3)),
            "does not divide the 2 heads",
        ),
        (
            file(&["rope.dimension_count"], |meta| meta.u32("llama.rope.dimension_count", 15)),
            "rope.dimension_count: is 15",
        ),
        (file(&[], |meta| meta.u32("llama.expert_used_count", 2)), "is 2 of 0 experts"),
        (file(&[], |meta| meta.f32("llama.attention.layer_norm_rms_epsilon", f32::NAN)), "epsilon: is NaN"),
        (file(&[], |meta| meta.u32("tokenizer.ggml.eos_token_id", 8)), "outside the vocabulary of 8 tokens"),
        (file(&[], |meta| meta.i32s("tokenizer.ggml.token_type", &[1; 7])), "7 entries for 8 tokens"),
        (
            file(&["tokenizer.ggml.tokens"], |meta| {
                meta.strings("tokenizer.ggml.tokens", &["a".to_owned(), "a".to_owned()]);
            }),
            "holds \"a\" twice",
        ),
        (
            // The engine takes both for "a".
            file(&["tokenizer.ggml.tokens"], |meta| {
                meta.strings("tokenizer.ggml.tokens", &["a\0b".to_owned(), "a".to_owned()]);
            }),
            "holds \"a\" twice",
        ),
        (
            file(&["tokenizer.ggml.tokens"], |meta| {
                meta.strings("tokenizer.ggml.tokens", &tokens()[..7]);
            }),
            "8 rows for 7 tokens: weights and tokenizer are of different models",
        ),
        (file(&["tokenizer.ggml.model"], |_| {}), "has no tokenizer"),
        (
            file(&["tokenizer.ggml.model"], |meta| meta.string("tokenizer.ggml.model", "llama")),
            "0 of the 256 tokens for single bytes",
        ),
        (file(&[], |meta| meta.u32("split.no", 1)), "name the first one"),
        (file(&[], |meta| meta.u32("split.count", 3)), "must end in -00001-of-00003.gguf"),
    ] {
        let said = said(&bytes);
        assert!(said.contains(expected), "{expected:?}: {said}");
    }
}

#[test]
fn a_missing_part_is_named_and_all_parts_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("m-00001-of-00002.gguf");
    std::fs::write(&first, file(&[], |meta| meta.u32("split.count", 2))).unwrap();
    let said = check_model(&first).unwrap_err().to_string();
    assert!(said.contains("m-00002-of-00002.gguf is missing"), "{said}");
    std::fs::write(folder.path().join("m-00002-of-00002.gguf"), file(&[], |meta| meta.u32("split.no", 1)))
        .unwrap();
    assert_eq!(check_model(&first).unwrap().len(), 2);
}

#[test]
fn a_count_beyond_the_file_takes_no_memory() {
    for at in [8, 16] {
        let mut bytes = file(&[], |_| {});
        bytes[at..at + 8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
        assert!(said(&bytes).contains("do not fit into"), "{at}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        edits in prop::collection::vec((0_usize..900, prop::sample::select(vec![0_u8, 1, 8, 0x7f, 0x80, 0xff])), 0..8),
        cut in prop::option::of(0_usize..1200),
    ) {
        let mut bytes = file(&[], |_| {});
        for (at, byte) in edits {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut);
        }
        let _ = Head::read(bytes.as_slice(), bytes.len() as u64);
    }
}
