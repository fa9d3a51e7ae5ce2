//! Broken model files never end the process. A small file is changed at random places of its head (bytes, whole numbers,
//! lengths, truncation) and loaded; what the checks let through must load, encode and score, or fail with an error. A
//! change that llama.cpp meets with an abort ends this test program, and the file that did it lies in the target folder.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test helpers")]

use std::path::PathBuf;

use egcfg_model::{Encode, LanguageModel, LlamaModel, LlamaOptions, RandomLlama, ScoreRequest};
use futures::executor::block_on;

fn uniform(state: &mut u64) -> u64 {
    *state = state.wrapping_add(1);
    (egcfg_model::uniform(*state, 0) * (1_u64 << 53) as f64) as u64
}

/// One changed copy. Most changes go to metadata and tensor table, which are `head` bytes long.
fn mutate(original: &[u8], head: usize, state: &mut u64) -> Vec<u8> {
    let mut bytes = original.to_vec();
    let odd: [u64; 10] = [0, 1, 2, 7, 0x7f, 0xff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];
    for _ in 0..=uniform(state) % 3 {
        let at = uniform(state) as usize % head;
        let value = odd[uniform(state) as usize % odd.len()].to_le_bytes();
        match uniform(state) % 6 {
            0 => bytes[at] ^= 1 << (uniform(state) % 8),
            1 => bytes[at] = value[0],
            2 => bytes[at..at + 4].copy_from_slice(&value[..4]),
            3 => bytes[at..at + 8].copy_from_slice(&value),
            // A whole number of the metadata lies behind its type's number.
            4 => {
                let places: Vec<usize> =
                    (0..head - 8).filter(|at| bytes[*at..*at + 4] == [4, 0, 0, 0]).map(|at| at + 4).collect();
                if let Some(at) = places.get(uniform(state) as usize % places.len().max(1)) {
                    bytes[*at..*at + 4].copy_from_slice(&value[..4]);
                }
            }
            _ => bytes.truncate(head / 2 + uniform(state) as usize % head),
        }
        if bytes.len() < head {
            break;
        }
    }
    bytes
}

fn run(cases: u64, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original.gguf");
    let shape = RandomLlama { vocab: 300, width: 32, inner: 32, layers: 1, heads: 2, context: 128, seed: 5 };
    shape.write(&original).unwrap();
    let original = std::fs::read(original).unwrap();
    let head = original.len() - 2 * shape.parameters() - 2048;
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mutation-{seed}.gguf"));
    let (mut loaded, mut refused) = (0, 0);
    for case in 0..cases {
        let mut state = seed.wrapping_mul(1 << 32).wrapping_add(case << 8);
        std::fs::write(&path, mutate(&original, head, &mut state)).unwrap();
        let options = LlamaOptions { context: Some(64), cache_tokens: Some(128), ..LlamaOptions::new(&path) };
        match LlamaModel::load(&options) {
            Ok(model) => {
                loaded += 1;
                let tokens =
                    model.encode("def f(x):\n    return x\u{e9}\n", Encode::Plain).unwrap_or_default();
                let context = tokens.into_iter().take(8).chain([1]).collect();
                let _ = block_on(model.score(ScoreRequest { context, drafts: vec![] }));
            }
            Err(error) => {
                assert!(error.to_string().len() > 40, "{error}");
                refused += 1;
            }
        }
    }
    std::fs::remove_file(&path).unwrap();
    println!("{loaded} loaded, {refused} refused");
    assert!(loaded > cases / 50 && refused > cases / 10, "{loaded} loaded, {refused} refused");
}

#[test]
fn three_hundred_changed_files_end_nothing() {
    run(300, 1);
}

/// `make fuzz` runs it, or `cargo test --release --workspace --test gguf_mutations -- --ignored`.
#[test]
#[ignore = "takes minutes, `make fuzz` runs it: ten thousand loads"]
fn ten_thousand_changed_files_end_nothing() {
    run(10_000, 2);
}
