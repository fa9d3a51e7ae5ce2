//! The engine on a real model file: caching, forking, evicting, batching and sampling change what is computed, never what is
//! answered (up to the arithmetic's noise, which is measured here).
#![allow(clippy::unwrap_used)]
#![cfg(feature = "llama")]

use std::path::{Path, PathBuf};

use egcfg_model::{
    Continuation, Encode, LanguageModel, LlamaModel, LlamaOptions, LogProbs, ModelError, SampleRequest,
    ScoreRequest, StopReason, StopRule, Stream, TokenId, convert_to_f32, uniform,
};
use futures::executor::block_on;
use futures::future::join_all;

/// Largest difference of two log-probabilities of the same context under different schedules, in nats. Measured: 1.1e-5.
const NOISE: f32 = 1e-4;

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny-linear-rope.gguf")
}

fn exact() -> LlamaOptions {
    LlamaOptions::new(file()).exact()
}

fn load(change: impl FnOnce(&mut LlamaOptions)) -> LlamaModel {
    let mut options = exact();
    change(&mut options);
    LlamaModel::load(&options).unwrap()
}

/// Reproducible tokens of the tiny vocabulary.
fn tokens(seed: u64, length: usize) -> Vec<TokenId> {
    (0..length as u64).map(|at| 2 + (uniform(seed, at) * 56.0) as TokenId).collect()
}

fn score(model: &LlamaModel, context: &[TokenId], drafts: &[Vec<TokenId>]) -> (Vec<LogProbs>, usize, usize) {
    let reply =
        block_on(model.score(ScoreRequest { context: context.to_vec(), drafts: drafts.to_vec() })).unwrap();
    let rows = std::iter::once(reply.next).chain(reply.after.into_iter().flatten()).collect();
    (rows, reply.usage.computed, reply.usage.cached)
}

fn distance(a: &LogProbs, b: &LogProbs) -> f32 {
    a.values().iter().zip(b.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn request(context: &[TokenId], continuations: Vec<Continuation>) -> SampleRequest {
    SampleRequest {
        context: context.to_vec(),
        continuations,
        temperature: 0.9,
        top_p: 0.95,
        want_distributions: false,
    }
}

fn draw(seed: u64, prefix: &[TokenId], max_tokens: usize) -> Continuation {
    let stop = StopRule { max_tokens, ..StopRule::default() };
    Continuation { prefix: prefix.to_vec(), seed, stop, ..Continuation::default() }
}

#[test]
fn drafts_in_one_batch_score_as_single_steps_do() {
    let (batched, single) = (load(|_| ()), load(|_| ()));
    let context = tokens(1, 40);
    let common = tokens(2, 5);
    let drafts: Vec<Vec<TokenId>> = (3..6).map(|seed| [common.clone(), tokens(seed, 15)].concat()).collect();
    let (rows, computed, _) = score(&batched, &context, &drafts);
    assert_eq!(computed, 40 + 5 + 3 * 15);
    let mut worst = distance(&rows[0], &score(&single, &context, &[]).0[0]);
    let mut rows = rows[1..].iter();
    for draft in &drafts {
        let mut stream = Stream::open(&single, context.clone());
        for token in draft {
            let step = block_on(stream.extend(&[*token])).unwrap();
            worst = worst.max(distance(&step[0], rows.next().unwrap()));
        }
    }
    eprintln!("largest difference between one batch and single steps: {worst:e}");
    assert!(worst < NOISE, "{worst}");
}

#[test]
fn a_cached_prefix_gives_what_a_cold_one_gives_and_is_not_computed_again() {
    let warm = load(|_| ());
    let base = tokens(1, 60);
    score(&warm, &base, &[]);
    for (keep, more) in [(60, 10), (30, 20), (59, 1), (1, 40), (60, 0)] {
        let context = [&base[..keep], &tokens(7 + keep as u64, more)].concat();
        let (rows, computed, cached) = score(&warm, &context, &[]);
        assert_eq!((computed, cached), (more, keep));
        let (cold, computed, cached) = score(&load(|_| ()), &context, &[]);
        assert_eq!((computed, cached), (context.len(), 0));
        assert!(distance(&rows[0], &cold[0]) < NOISE);
    }
    // A prefix whose distribution nobody has asked for costs its last token.
    let (_, computed, cached) = score(&warm, &base[..20], &[]);
    assert_eq!((computed, cached), (1, 19));
    let (_, computed, cached) = score(&warm, &base[..20], &[]);
    assert_eq!((computed, cached), (0, 20));
}

#[test]
fn a_tiny_cache_forgets_and_still_answers_right() {
    let small = load(|options| {
        options.context = Some(96);
        options.cache_tokens = Some(256);
        options.max_sequences = Some(4);
        options.batch = Some(32);
    });
    let large = load(|_| ());
    for round in 0..60_u64 {
        let base = tokens(round % 5, 20 + 7 * (round as usize % 5));
        let drafts: Vec<_> = (0..round % 4).map(|at| tokens(100 + round + at, 9)).collect();
        let (a, ..) = score(&small, &base, &drafts);
        let (b, ..) = score(&large, &base, &drafts);
        assert!(a.iter().zip(&b).all(|(a, b)| distance(a, b) < NOISE), "round {round}");
    }
}

#[test]
fn seeds_reproduce_alone_and_in_company() {
    let context = tokens(3, 50);
    let (crowd, _) =
        block_on(load(|_| ()).sample(request(&context, (0..12).map(|s| draw(s, &[], 60)).collect())))
            .unwrap();
    let alone = load(|_| ());
    let (mut different, mut total) = (0, 0);
    for (seed, together) in crowd.iter().enumerate() {
        let (one, _) = block_on(alone.sample(request(&context, vec![draw(seed as u64, &[], 60)]))).unwrap();
        total += together.tokens.len();
        different += usize::from(one[0].tokens != together.tokens);
    }
    eprintln!("{different} of 12 continuations ({total} tokens) differ between alone and together");
    // Only a draw that lies within the noise of a boundary may differ: about one in ten thousand.
    assert!(different <= 1 && total > 100);
    let (again, _) =
        block_on(load(|_| ()).sample(request(&context, (0..12).map(|s| draw(s, &[], 60)).collect())))
            .unwrap();
    assert_eq!(again, crowd);
}

#[test]
fn lengthening_gives_what_sampling_at_once_would_have_given() {
    let context = tokens(4, 30);
    let (whole, _) =
        block_on(load(|_| ()).sample(request(&context, (0..8).map(|s| draw(s, &[], 40)).collect()))).unwrap();
    let model = load(|_| ());
    let (first, _) =
        block_on(model.sample(request(&context, (0..8).map(|s| draw(s, &[], 15)).collect()))).unwrap();
    let longer: Vec<usize> = (0..8).filter(|s| first[*s].stop == StopReason::Length).collect();
    assert!(longer.len() > 3);
    let more = longer.iter().map(|s| draw(*s as u64, &first[*s].tokens, 25)).collect();
    let (rest, usage) = block_on(model.sample(request(&context, more))).unwrap();
    // Of each prefix only the last token, which had been drawn and not computed.
    let sampled: usize = rest.iter().map(|sample| sample.tokens.len()).sum();
    assert!(usage.computed <= sampled, "{usage:?} for {sampled} tokens");
    for (s, rest) in longer.iter().zip(&rest) {
        assert_eq!([&first[*s].tokens[..], &rest.tokens[..]].concat(), whole[*s].tokens);
    }
}

#[test]
fn samples_report_the_distributions_they_were_drawn_from() {
    let model = load(|_| ());
    let context = tokens(5, 25);
    let asked = SampleRequest {
        want_distributions: true,
        ..request(&context, vec![draw(1, &[], 20), draw(2, &[], 20)])
    };
    let (samples, _) = block_on(model.sample(asked)).unwrap();
    for sample in &samples {
        assert_eq!(sample.distributions.len(), sample.tokens.len());
        // Known along the sample: scoring it computes its last token and nothing else.
        let (rows, computed, _) = score(&model, &context, std::slice::from_ref(&sample.tokens));
        assert!(computed <= 1);
        for (at, row) in sample.distributions.iter().enumerate() {
            assert!(distance(row, &rows[at]) < NOISE);
            assert!((row.get(sample.tokens[at]) - sample.log_probs[at]).abs() < 1e-6);
        }
    }
}

#[test]
fn greedy_sampling_is_the_argmax_of_every_step() {
    let model = load(|_| ());
    let context = tokens(6, 12);
    let greedy = SampleRequest { temperature: 0.0, ..request(&context, vec![draw(0, &[], 30)]) };
    let (samples, _) = block_on(model.sample(greedy)).unwrap();
    let mut stream = Stream::open(&model, context);
    for token in &samples[0].tokens {
        assert_eq!(block_on(stream.next()).unwrap().argmax(), *token);
        stream.push(&[*token]);
    }
}

#[test]
fn many_tasks_share_the_engine_and_each_gets_its_own_answer() {
    let model = load(|options| options.cache_tokens = Some(2048));
    let run = async |model: &LlamaModel, id: u64| {
        let mut context = [tokens(0, 20), tokens(100 + id, 10)].concat();
        let mut all = Vec::new();
        for step in 0..4 {
            let seeds = (0..3).map(|s| draw(1000 * id + 10 * step + s, &[], 12)).collect();
            let (samples, _) = model.sample(request(&context, seeds)).await.unwrap();
            let drafts: Vec<_> = samples.iter().map(|sample| sample.tokens.clone()).collect();
            let reply = model.score(ScoreRequest { context: context.clone(), drafts }).await.unwrap();
            context.push(reply.next.argmax());
            all.extend(samples.into_iter().map(|sample| sample.tokens));
        }
        (context, all)
    };
    let together = block_on(join_all((0..10).map(|id| run(&model, id))));
    let alone = load(|_| ());
    let same = (0..10).filter(|id| block_on(run(&alone, *id)) == together[*id as usize]).count();
    eprintln!("{same} of 10 tasks equal alone and together");
    assert!(same >= 9);
}

#[test]
fn dropped_requests_free_the_engine() {
    let model = load(|_| ());
    let context = tokens(8, 30);
    block_on(async {
        let mut long = model.sample(request(&context, (0..8).map(|s| draw(s, &[], 450)).collect()));
        assert!(futures::poll!(&mut long).is_pending());
        drop(long);
        let reply = model.score(ScoreRequest { context: context.clone(), drafts: vec![] }).await.unwrap();
        assert!(reply.usage.computed <= context.len());
    });
}

#[test]
fn impossible_requests_are_named() {
    let model = load(|options| {
        options.context = Some(64);
        options.max_sequences = Some(2);
    });
    let ask = |context: Vec<TokenId>, drafts| block_on(model.score(ScoreRequest { context, drafts }));
    assert!(matches!(ask(vec![], vec![]), Err(ModelError::BadRequest(_))));
    assert!(matches!(ask(vec![64], vec![]), Err(ModelError::BadRequest(_))));
    assert_eq!(
        ask(tokens(1, 60), vec![tokens(2, 5)]),
        Err(ModelError::ContextOverflow { needed: 65, context: 64 })
    );
    let wide = ask(tokens(1, 10), vec![vec![2], vec![3], vec![4]]);
    assert!(matches!(wide, Err(ModelError::CacheFull { .. })), "{wide:?}");
    let full = block_on(model.sample(request(&tokens(1, 64), vec![draw(0, &[], 3)])));
    assert_eq!(full.unwrap_err(), ModelError::ContextOverflow { needed: 65, context: 64 });
    let (last, _) = block_on(model.sample(request(&tokens(1, 62), vec![draw(0, &[], 9)]))).unwrap();
    assert!(last[0].tokens.len() <= 2);
    // None of it has hurt the engine.
    assert!(ask(tokens(1, 10), vec![vec![2]]).is_ok());
}

#[test]
fn broken_files_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let whole = std::fs::read(file()).unwrap();
    std::fs::write(path("text.gguf"), "no model at all").unwrap();
    std::fs::write(path("empty.gguf"), "").unwrap();
    std::fs::write(path("cut.gguf"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(path("header.gguf"), &whole[..100]).unwrap();
    let reason = |name: &str| match LlamaModel::load(&LlamaOptions::new(path(name))) {
        Err(ModelError::Load { path, reason }) => {
            assert!(path.ends_with(name));
            reason
        }
        other => panic!("{name}: {other:?}"),
    };
    assert!(reason("absent.gguf").contains("no such file"));
    assert!(reason("text.gguf").contains("not a GGUF"));
    assert!(reason("empty.gguf").contains("not a GGUF"));
    let cut = reason("cut.gguf");
    assert!(cut.contains("it is truncated") && cut.contains("ffn_down.weight"), "{cut}");
    let header = reason("header.gguf");
    assert!(header.contains("truncated"), "{header}");
    let huge = LlamaOptions { cache_tokens: Some(1 << 33), ..exact() };
    let error = LlamaModel::load(&huge).unwrap_err().to_string();
    assert!(error.contains("MiB") && error.contains("cache"), "{error}");
}

#[test]
fn bytes_in_memory_load_like_the_file() {
    let bytes = std::fs::read(file()).unwrap();
    let from_bytes = LlamaModel::from_bytes("tiny", &bytes, &exact()).unwrap();
    let context = from_bytes.encode("def f(x):\n    return x", Encode::Plain).unwrap();
    assert_eq!(score(&from_bytes, &context, &[]).0, score(&load(|_| ()), &context, &[]).0);
}

#[cfg(feature = "pocket")]
#[test]
fn a_single_precision_copy_answers_almost_as_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = (folder.path().join("f16.gguf"), folder.path().join("f32.gguf"));
    std::fs::write(&small, egcfg_model::POCKET_GGUF).unwrap();
    convert_to_f32(&small, &large).unwrap();
    assert!(large.metadata().unwrap().len() > 3 * small.metadata().unwrap().len() / 2);
    let original = LlamaModel::load(&LlamaOptions::new(&small)).unwrap();
    let copy = LlamaModel::load(&LlamaOptions::new(&large).exact()).unwrap();
    assert_eq!(original.info().prompt_template, copy.info().prompt_template);
    let context = original.encode("### Task\nadd 3 to each number\n", Encode::Plain).unwrap();
    let apart = distance(&score(&original, &context, &[]).0[0], &score(&copy, &context, &[]).0[0]);
    eprintln!("f16 weights and cache against f32: {apart:e}");
    assert!(apart > 0.0 && apart < 0.1, "{apart}");
}
