//! The embedded model: loads, knows itself, encodes and answers.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "pocket")]

use egcfg_model::{
    Continuation, Encode, LanguageModel, LlamaModel, SampleRequest, ScoreRequest, StopReason, StopRule,
};
use futures::executor::block_on;

#[test]
fn the_embedded_model_loads_encodes_and_answers() {
    let model = LlamaModel::pocket().unwrap();
    let info = model.info();
    assert!(info.vocab > 256 && info.context >= 512 && !info.end_tokens.is_empty());
    let text = "### Task\nkeep the even numbers of xs, é and 12\n    y = x\n";
    let tokens = model.encode(text, Encode::Plain).unwrap();
    let bytes: Vec<u8> = tokens.iter().flat_map(|t| model.token_bytes(*t)).copied().collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), text);
    let mut context = tokens;
    context.splice(0..0, info.bos);
    let reply = block_on(
        model.score(ScoreRequest { context: context.clone(), drafts: vec![vec![5, 6], vec![5, 7]] }),
    )
    .unwrap();
    assert_eq!(reply.usage.computed, context.len() + 3);
    let total: f64 = reply.next.values().iter().map(|x| f64::from(*x).exp()).sum();
    assert!((total - 1.0).abs() < 1e-5);
    let again =
        block_on(model.score(ScoreRequest { context: context.clone(), drafts: vec![vec![5, 7]] })).unwrap();
    assert_eq!((again.usage.computed, again.usage.cached), (0, context.len()));
    assert_eq!(again.after[0], reply.after[1]);
    let request = SampleRequest {
        context: context.clone(),
        continuations: (0..3)
            .map(|seed| Continuation {
                seed,
                stop: StopRule { max_tokens: 40, newlines: Some(3), texts: vec![] },
                ..Continuation::default()
            })
            .collect(),
        temperature: 0.9,
        top_p: 0.95,
        want_distributions: false,
    };
    let (samples, usage) = block_on(model.sample(request.clone())).unwrap();
    assert_eq!(usage.cached, context.len());
    assert!(samples.iter().all(|sample| sample.stop != StopReason::Text && !sample.tokens.is_empty()));
    // Drawn from remembered distributions the second time; the arithmetic may differ in its last digits, the draws not.
    let (again, _) = block_on(model.sample(request)).unwrap();
    for (one, other) in samples.iter().zip(&again) {
        assert_eq!((&one.tokens, one.stop), (&other.tokens, other.stop));
        assert!(one.log_probs.iter().zip(&other.log_probs).all(|(a, b)| (a - b).abs() < 1e-2));
    }
}
