//! The scripted model: exact distributions, exact accounting, the shared stop rules and seeds.
#![allow(clippy::unwrap_used)]

use egcfg_model::{
    Continuation, Encode, LanguageModel, LogProbs, ModelError, SampleRequest, ScoreRequest, ScriptedModel,
    StopReason, StopRule, Stream, TokenId,
};
use futures::executor::block_on;

const VOCAB: [&str; 8] = ["", "a", "b", "\n    ", "ab", "``", "`\n", "\n"];

fn model() -> ScriptedModel {
    ScriptedModel::hashed(&VOCAB, 7)
}

fn rule(max_tokens: usize) -> StopRule {
    StopRule { max_tokens, ..StopRule::default() }
}

fn sample(seed: u64, prefix: &[TokenId], stop: StopRule) -> Continuation {
    Continuation { prefix: prefix.to_vec(), seed, stop, ..Continuation::default() }
}

fn request(context: &[TokenId], continuations: Vec<Continuation>) -> SampleRequest {
    SampleRequest {
        context: context.to_vec(),
        continuations,
        temperature: 0.9,
        top_p: 0.95,
        want_distributions: true,
    }
}

#[test]
fn drafts_are_scored_as_single_steps_are() {
    let model = model();
    let drafts = vec![vec![1, 2, 3], vec![1, 2, 4, 1], vec![5]];
    let reply = block_on(model.score(ScoreRequest { context: vec![4, 4], drafts: drafts.clone() })).unwrap();
    assert_eq!(reply.next, model.distribution(&[4, 4]));
    for (draft, after) in drafts.iter().zip(&reply.after) {
        for at in 0..draft.len() {
            let context: Vec<TokenId> = [4, 4].iter().chain(&draft[..=at]).copied().collect();
            assert_eq!(after[at], model.distribution(&context));
        }
    }
    // Context 2, then the tree: 1 2 (3 | 4 1), 5.
    assert_eq!((reply.usage.computed, reply.usage.cached), (2 + 6, 0));
    let again = block_on(model.score(ScoreRequest { context: vec![4, 4, 1, 2], drafts: vec![] })).unwrap();
    assert_eq!((again.usage.computed, again.usage.cached), (0, 4));
    assert_eq!((model.calls(), model.computed()), (2, 8));
}

#[test]
fn distributions_depend_on_the_whole_context() {
    let model = model();
    assert_ne!(model.distribution(&[1, 2, 3]), model.distribution(&[2, 2, 3]));
    assert_ne!(model.distribution(&[1]), ScriptedModel::hashed(&VOCAB, 8).distribution(&[1]));
}

#[test]
fn lengthening_gives_what_sampling_at_once_would_have_given() {
    let model = model();
    for seed in 0..200 {
        let (whole, _) = block_on(model.sample(request(&[1], vec![sample(seed, &[], rule(12))]))).unwrap();
        let (first, _) = block_on(model.sample(request(&[1], vec![sample(seed, &[], rule(5))]))).unwrap();
        let mut joined = first[0].tokens.clone();
        if first[0].stop == StopReason::Length {
            let (rest, _) =
                block_on(model.sample(request(&[1], vec![sample(seed, &joined, rule(7))]))).unwrap();
            joined.extend(&rest[0].tokens);
        }
        assert_eq!(joined, whole[0].tokens);
    }
}

#[test]
fn what_was_sampled_is_cached_and_its_distributions_are_the_models() {
    let model = model();
    let (samples, usage) =
        block_on(model.sample(request(&[1, 2], (0..4).map(|s| sample(s, &[], rule(6))).collect()))).unwrap();
    assert!(usage.computed > 2);
    for one in &samples {
        let mut context = vec![1, 2];
        for ((token, distribution), log_prob) in one.tokens.iter().zip(&one.distributions).zip(&one.log_probs)
        {
            assert_eq!(*distribution, model.distribution(&context));
            assert_eq!(distribution.get(*token).to_bits(), log_prob.to_bits());
            context.push(*token);
        }
        // The last token was drawn, not computed.
        let reply = block_on(model.score(ScoreRequest { context, drafts: vec![] })).unwrap();
        assert!(reply.usage.computed <= 1);
    }
}

#[test]
fn zero_temperature_is_greedy_and_ties_take_the_lowest_id() {
    let model = ScriptedModel::with_rule(&VOCAB, Box::new(|_| vec![0.0, 1.0, 3.0, 3.0, 0.0, 3.0, 0.0, 0.0]));
    let greedy = SampleRequest { temperature: 0.0, ..request(&[1], vec![sample(3, &[], rule(4))]) };
    let (samples, _) = block_on(model.sample(greedy)).unwrap();
    assert_eq!(samples[0].tokens, [2, 2, 2, 2]);
    assert_eq!(samples[0].stop, StopReason::Length);
}

#[test]
fn continuations_end_where_their_rule_says() {
    // After k tokens of context the model writes token `script[k]`.
    let script: [TokenId; 8] = [1, 1, 3, 5, 6, 1, 7, 0];
    let model = ScriptedModel::with_rule(
        &VOCAB,
        Box::new(move |context| {
            let mut logits = vec![f32::NEG_INFINITY; VOCAB.len()];
            logits[script[context.len().min(7)] as usize] = 0.0;
            logits
        }),
    );
    let run = |stop: StopRule| {
        let (mut samples, _) = block_on(model.sample(request(&[1], vec![sample(0, &[], stop)]))).unwrap();
        let one = samples.remove(0);
        (one.tokens, one.stop)
    };
    assert_eq!(run(rule(100)), (vec![1, 3, 5, 6, 1, 7, 0], StopReason::EndOfText));
    assert_eq!(run(rule(2)), (vec![1, 3], StopReason::Length));
    assert_eq!(run(StopRule { newlines: Some(2), ..rule(9) }), (vec![1, 3, 5, 6], StopReason::Newlines));
    let fence = StopRule { texts: vec!["```".to_owned()], ..rule(9) };
    assert_eq!(run(fence), (vec![1, 3, 5, 6], StopReason::Text));
}

#[test]
fn a_stop_text_may_straddle_the_tail_and_a_character_may_straddle_tokens() {
    let vocab: [&[u8]; 4] = [b"", b"\xc3", b"\xa9", b"``"];
    let model = ScriptedModel::with_rule(
        &vocab,
        Box::new(|context| {
            let mut logits = vec![f32::NEG_INFINITY; 4];
            logits[if context.len() % 2 == 1 { 1 } else { 2 }] = 0.0;
            logits
        }),
    );
    let one = |tail: &str, text: &str| {
        let stop = StopRule { texts: vec![text.to_owned()], ..rule(8) };
        let asked = Continuation { tail: tail.to_owned(), stop, ..Continuation::default() };
        let (mut samples, _) = block_on(model.sample(request(&[3], vec![asked]))).unwrap();
        let sample = samples.remove(0);
        (sample.tokens.len(), sample.stop)
    };
    assert_eq!(one("x``", "`é"), (2, StopReason::Text));
    assert_eq!(one("", "éé"), (4, StopReason::Text));
    // A text that the tail held already is no reason to stop.
    assert_eq!(one("x``", "``"), (8, StopReason::Length));
}

#[test]
fn encoding_takes_the_longest_entry_and_specials_only_in_templates() {
    let model = ScriptedModel::hashed(&["", "a", "ab", "<", ">", "end"], 1).with_special("<end>", 0);
    assert_eq!(model.encode("aab<end>", Encode::Plain).unwrap(), [1, 2, 3, 5, 4]);
    assert_eq!(model.encode("aab<end>", Encode::Template).unwrap(), [1, 2, 0]);
    assert!(matches!(model.encode("ax", Encode::Plain), Err(ModelError::BadRequest(_))));
    assert_eq!(model.text(&[1, 2, 0]), "aab");
}

#[test]
fn impossible_requests_are_refused() {
    let model = model().with_context(4);
    let score = |context: Vec<TokenId>, drafts| block_on(model.score(ScoreRequest { context, drafts }));
    assert!(matches!(score(vec![], vec![]), Err(ModelError::BadRequest(_))));
    assert!(matches!(score(vec![8], vec![]), Err(ModelError::BadRequest(_))));
    assert!(matches!(score(vec![1], vec![vec![9]]), Err(ModelError::BadRequest(_))));
    assert_eq!(
        score(vec![1; 3], vec![vec![1, 1]]),
        Err(ModelError::ContextOverflow { needed: 5, context: 4 })
    );
    assert!(score(vec![1; 3], vec![vec![1]]).is_ok());
    let full = block_on(model.sample(request(&[1; 4], vec![sample(0, &[], rule(3))])));
    assert_eq!(full.unwrap_err(), ModelError::ContextOverflow { needed: 5, context: 4 });
    let (short, _) = block_on(model.sample(request(&[1; 3], vec![sample(0, &[], rule(3))]))).unwrap();
    assert_eq!(short[0].tokens.len(), 1);
    assert_eq!(short[0].stop == StopReason::EndOfText, short[0].tokens[0] == 0);
    let cold = SampleRequest { temperature: f64::NAN, ..request(&[1], vec![sample(0, &[], rule(3))]) };
    assert!(matches!(block_on(model.sample(cold)), Err(ModelError::BadRequest(_))));
}

#[test]
fn streams_fork_truncate_and_move_only_when_told() {
    let model = model();
    let mut stream = Stream::open(&model, vec![1, 2]);
    let fork = stream.fork();
    let after: Vec<LogProbs> = block_on(stream.extend(&[3, 4])).unwrap();
    assert_eq!(after[1], block_on(stream.next()).unwrap());
    assert_eq!(stream.tokens(), [1, 2, 3, 4]);
    stream.truncate(2);
    assert_eq!(block_on(stream.next()).unwrap(), block_on(fork.next()).unwrap());
}
