//! Servers through which only text passes, with the model's tokenizer on this side.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egcfg_model::{
    Continuation, Dialect, Encode, EndpointModel, EndpointOptions, LanguageModel, ModelError, SampleRequest,
    ScoreRequest, ScriptedModel, StopRule, TokenId,
};
use futures::executor::block_on;
use serde_json::json;

use crate::dialects::model;
use crate::fakes::Fake;

/// The scripted model's vocabulary as a `tokenizer.json` of the byte-level kind; tokens of several characters have no merges
/// here, so a text is encoded character by character, as by the scripted model.
fn tokenizer_of(scripted: &ScriptedModel, folder: &Path) -> PathBuf {
    // What is not printable in Latin-1 is a letter from U+0100 on, in order.
    let hidden: Vec<u8> = (0..=0x20).chain(0x7f..=0xa0).chain([0xad]).collect();
    let letter = |byte: u8| match hidden.iter().position(|other| *other == byte) {
        Some(place) => char::from_u32(0x100 + place as u32).unwrap(),
        None => char::from(byte),
    };
    let mut vocab = serde_json::Map::new();
    vocab.insert("</s>".to_owned(), json!(0));
    for id in 1..scripted.info().vocab as TokenId {
        vocab.insert(scripted.token_bytes(id).iter().map(|byte| letter(*byte)).collect(), json!(id));
    }
    let file = json!({
        "version": "1.0",
        "added_tokens": [{
            "id": 0, "content": "</s>", "special": true, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false,
        }],
        "normalizer": null,
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false },
        "post_processor": null,
        "decoder": null,
        "model": { "type": "BPE", "vocab": vocab, "merges": [] },
    });
    let path = folder.join("tokenizer.json");
    std::fs::write(&path, file.to_string()).unwrap();
    path
}

fn connect(fake: Fake, tokenizer: &Path) -> Result<EndpointModel, ModelError> {
    let mut options = EndpointOptions::parse(&format!("{}?top=20", fake.start().address)).unwrap();
    options.tokenizer = Some(tokenizer.to_owned());
    EndpointModel::connect(options)
}

fn greedy(model: &dyn LanguageModel, text: &str) -> Vec<TokenId> {
    let request = SampleRequest {
        context: model.encode(text, Encode::Plain).unwrap(),
        continuations: vec![Continuation {
            stop: StopRule { max_tokens: 40, ..StopRule::default() },
            ..Continuation::default()
        }],
        temperature: 0.0,
        top_p: 1.0,
        want_distributions: false,
    };
    block_on(model.sample(request)).unwrap().0.remove(0).tokens
}

#[test]
fn tokens_are_the_models_own_where_the_server_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 20..24 {
        let scripted = model(seed);
        let file = tokenizer_of(&scripted, folder.path());
        let endpoint = connect(Fake::new(Dialect::OpenAi, Arc::clone(&scripted), 200), &file).unwrap();
        assert!(endpoint.capabilities().token_ids(), "{:?}", endpoint.capabilities());
        assert_eq!(endpoint.info().end_tokens, [0]);
        // Without a piece of several characters, which would need merges.
        let text = "def f(x): return";
        assert_eq!(
            endpoint.encode(text, Encode::Plain).unwrap(),
            scripted.encode(text, Encode::Plain).unwrap()
        );
        assert_eq!(greedy(&endpoint, text), greedy(&*scripted, text), "the same ids, not the same text only");
        // A user's text that spells the end stays text; a template's is the end.
        assert!(!endpoint.encode("</s>", Encode::Plain).unwrap().contains(&0));
        assert_eq!(endpoint.encode("</s>", Encode::Template).unwrap(), [0]);
        let context = scripted.encode("abc", Encode::Plain).unwrap();
        let drafts = vec![vec![5, 6, 1]];
        let reply = block_on(endpoint.score(ScoreRequest { context: context.clone(), drafts })).unwrap();
        // Token 1 is "ab", of which text would make two tokens.
        let expected = scripted.distribution(&[context.as_slice(), &[5, 6, 1]].concat());
        assert_eq!(reply.after[0][2].argmax(), expected.argmax());
        assert!((reply.after[0][2].get(expected.argmax()) - expected.get(expected.argmax())).abs() < 1e-4);
    }
}

#[test]
fn a_server_that_wants_text_gets_it_and_lengths_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let scripted = model(31);
    let file = tokenizer_of(&scripted, folder.path());
    let mut fake = Fake::new(Dialect::OpenAi, Arc::clone(&scripted), 200);
    fake.text_only = true;
    let endpoint = connect(fake, &file).unwrap();
    let caps = endpoint.capabilities();
    assert!(
        !caps.token_ids() && caps.notes.iter().any(|note| note.contains("takes no token ids")),
        "{caps:?}"
    );
    let text = "def f(x):\n    return";
    assert_eq!(endpoint.encode(text, Encode::Plain).unwrap().len(), text.len());
    let bytes = |model: &dyn LanguageModel| -> Vec<u8> {
        greedy(model, text).iter().flat_map(|t| model.token_bytes(*t).to_vec()).collect()
    };
    assert_eq!(bytes(&endpoint), bytes(&*scripted));
}

#[test]
fn another_models_tokenizer_is_refused() {
    let other =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../egcfg-hub/tests/data/deepseek-coder/tokenizer.json");
    let said = connect(Fake::new(Dialect::OpenAi, model(40), 200), &other).unwrap_err().to_string();
    assert!(said.contains("not this model's tokenizer"), "{said}");
}
