//! The engine's logic against a device of the tests' own: a key-value memory with few cells that knows which token lies
//! where, refuses what llama.cpp would refuse, and answers with the scripted model's logits for whatever the memory holds.
//! So every answer must be the scripted model's, to the bit, however the engine forked, evicted, parked and batched.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use tokio::sync::oneshot;
use tokio::sync::oneshot::Receiver;

use crate::api::{
    Continuation, LanguageModel, Sample, SampleRequest, ScoreReply, ScoreRequest, StopRule, TokenId, Usage,
};
use crate::error::ModelError;
use crate::llama::batch::{ComputeError, Device};
use crate::llama::cache::Memory;
use crate::llama::engine::{Engine, Limits};
use crate::llama::info::Vocabulary;
use crate::llama::job::Message;
use crate::sampler::Sampler;
use crate::scripted::ScriptedModel;

const VOCAB: [&str; 5] = ["", "a", "b", "\n  ", "c\n"];
const SEED: u64 = 11;
const CONTEXT: usize = 24;

#[derive(Clone)]
struct Cell {
    token: TokenId,
    position: usize,
    sequences: BTreeSet<usize>,
}

struct Fake {
    cells: usize,
    memory: Vec<Cell>,
    batch: Vec<(Cell, bool)>,
    logits: Vec<Vec<f32>>,
    model: ScriptedModel,
    computed: usize,
    /// Batches until it breaks.
    batches_left: usize,
}

impl Fake {
    fn tokens(&self, sequence: usize) -> Vec<TokenId> {
        let mut own: Vec<(usize, TokenId)> = self
            .memory
            .iter()
            .filter(|cell| cell.sequences.contains(&sequence))
            .map(|cell| (cell.position, cell.token))
            .collect();
        own.sort_unstable();
        assert!(own.iter().enumerate().all(|(at, (position, _))| at == *position), "gaps in a sequence");
        own.into_iter().map(|(_, token)| token).collect()
    }
}

impl Memory for Fake {
    fn fork(&mut self, from: usize, to: usize, len: usize) {
        assert!(self.tokens(to).is_empty(), "forked over a living sequence");
        for cell in &mut self.memory {
            if cell.position < len && cell.sequences.contains(&from) {
                cell.sequences.insert(to);
            }
        }
    }

    fn keep(&mut self, sequence: usize, len: usize) {
        for cell in &mut self.memory {
            if cell.position >= len {
                cell.sequences.remove(&sequence);
            }
        }
        self.memory.retain(|cell| !cell.sequences.is_empty());
    }
}

impl Device for Fake {
    fn clear(&mut self) {
        self.batch.clear();
    }

    fn add(
        &mut self,
        token: TokenId,
        position: usize,
        sequences: &[usize],
        want: bool,
    ) -> Result<(), ComputeError> {
        assert!(!sequences.is_empty());
        self.batch.push((Cell { token, position, sequences: sequences.iter().copied().collect() }, want));
        Ok(())
    }

    fn compute(&mut self) -> Result<(), ComputeError> {
        if self.batches_left == 0 {
            return Err(ComputeError::Fatal("out of order".to_owned()));
        }
        self.batches_left -= 1;
        if self.memory.len() + self.batch.len() > self.cells {
            return Err(ComputeError::Full);
        }
        self.logits.clear();
        for (cell, _) in self.batch.clone() {
            let mut prefixes: Vec<Vec<TokenId>> = cell.sequences.iter().map(|id| self.tokens(*id)).collect();
            prefixes.dedup();
            assert_eq!(prefixes.len(), 1, "a token of several sequences needs one prefix");
            let mut context = prefixes.remove(0);
            assert_eq!(context.len(), cell.position, "positions are consecutive");
            context.push(cell.token);
            self.logits.push(self.model.distribution(&context).values().to_vec());
            self.memory.push(cell);
        }
        self.computed += self.batch.len();
        Ok(())
    }

    fn logits(&self, index: usize) -> &[f32] {
        assert!(self.batch[index].1, "these logits were not wanted");
        &self.logits[index]
    }
}

fn model() -> ScriptedModel {
    ScriptedModel::hashed(&VOCAB, SEED).with_context(CONTEXT)
}

fn engine(cells: usize, sequences: usize, batch: usize, rows: usize) -> Engine<Fake> {
    let device = Fake {
        cells,
        memory: Vec::new(),
        batch: Vec::new(),
        logits: Vec::new(),
        model: model(),
        computed: 0,
        batches_left: usize::MAX,
    };
    let vocabulary = Vocabulary::new(VOCAB.iter().map(|text| (text.as_bytes().to_vec(), text.is_empty())));
    Engine::new(device, Arc::new(vocabulary), Limits { context: CONTEXT, batch, sequences, rows, cells })
}

/// Works until nothing is left, with a bound that a live-lock would break.
fn work(engine: &mut Engine<Fake>) {
    for _ in 0..5000 {
        if engine.lanes.is_empty() {
            assert!(engine.jobs.is_empty(), "jobs without lanes");
            return;
        }
        engine.turn().unwrap();
    }
    panic!("the engine does not come to an end: {:?}", engine.lanes);
}

enum Asked {
    Score(ScoreRequest, Receiver<Result<ScoreReply, ModelError>>),
    Sample(SampleRequest, Receiver<Result<(Vec<Sample>, Usage), ModelError>>),
}

fn ask_score(engine: &mut Engine<Fake>, request: ScoreRequest) -> Asked {
    let (reply, answer) = oneshot::channel();
    engine.admit(Message::Score(vec![(request.clone(), reply)]));
    Asked::Score(request, answer)
}

fn ask_sample(engine: &mut Engine<Fake>, request: SampleRequest) -> Asked {
    let (reply, answer) = oneshot::channel();
    let sampler = Sampler::new(request.temperature, request.top_p).unwrap();
    engine.admit(Message::Sample(request.clone(), sampler, reply));
    Asked::Sample(request, answer)
}

/// The answer must be the scripted model's.
fn verify(asked: Asked) {
    let truth = model();
    match asked {
        Asked::Score(request, mut answer) => {
            let reply = answer.try_recv().unwrap().unwrap();
            let expected = futures::executor::block_on(truth.score(request)).unwrap();
            assert_rows(&reply.next, &expected.next);
            for (got, expected) in reply.after.iter().zip(&expected.after) {
                assert_eq!(got.len(), expected.len());
                got.iter().zip(expected).for_each(|(got, expected)| assert_rows(got, expected));
            }
            assert_eq!(reply.after.len(), expected.after.len());
        }
        Asked::Sample(request, mut answer) => {
            let (samples, _) = answer.try_recv().unwrap().unwrap();
            let (expected, _) = futures::executor::block_on(truth.sample(request)).unwrap();
            assert_eq!(samples.len(), expected.len());
            for (got, expected) in samples.iter().zip(&expected) {
                assert_eq!((&got.tokens, got.stop), (&expected.tokens, expected.stop));
                assert_eq!(got.distributions.len(), expected.distributions.len());
                got.distributions.iter().zip(&expected.distributions).for_each(|(a, b)| assert_rows(a, b));
            }
        }
    }
}

/// Equal up to the second normalisation that the fake device's logits go through.
fn assert_rows(got: &crate::LogProbs, expected: &crate::LogProbs) {
    for (a, b) in got.values().iter().zip(expected.values()) {
        assert!((a - b).abs() < 1e-5, "{got:?} {expected:?}");
    }
}

fn score(context: &[TokenId], drafts: &[&[TokenId]]) -> ScoreRequest {
    ScoreRequest { context: context.to_vec(), drafts: drafts.iter().map(|draft| draft.to_vec()).collect() }
}

fn sample(context: &[TokenId], seeds: std::ops::Range<u64>, max_tokens: usize) -> SampleRequest {
    let stop = StopRule { max_tokens, ..StopRule::default() };
    SampleRequest {
        context: context.to_vec(),
        continuations: seeds
            .map(|seed| Continuation { seed, stop: stop.clone(), ..Continuation::default() })
            .collect(),
        temperature: 0.9,
        top_p: 0.9,
        want_distributions: false,
    }
}

#[test]
fn shared_prefixes_are_computed_once() {
    let mut engine = engine(256, 16, 64, 1000);
    let long: Vec<TokenId> = (0..20).map(|i| 1 + i % 4).collect();
    let first = ask_score(&mut engine, score(&long, &[&[1, 2], &[1, 3]]));
    let second = ask_score(&mut engine, score(&long, &[&[1, 2, 2]]));
    let third = ask_sample(&mut engine, sample(&long, 0..3, 1));
    work(&mut engine);
    // Context, 1, 2, 3, then the second request's last 2; a sampled token is drawn, not computed.
    assert_eq!(engine.device.computed, 20 + 3 + 1);
    [first, second, third].into_iter().for_each(verify);
}

#[test]
fn what_is_remembered_costs_nothing() {
    let mut engine = engine(256, 16, 64, 1000);
    let asked = ask_score(&mut engine, score(&[1, 2], &[&[1, 2, 3], &[1, 4]]));
    work(&mut engine);
    verify(asked);
    let before = engine.device.computed;
    for request in
        [score(&[1, 2], &[]), score(&[1, 2, 1, 2], &[&[3]]), score(&[1, 2, 1], &[&[4], &[2, 3], &[]])]
    {
        let asked = ask_score(&mut engine, request);
        work(&mut engine);
        verify(asked);
    }
    assert_eq!(engine.device.computed, before);
}

#[test]
fn scoring_along_a_sample_computes_at_most_its_last_token() {
    let mut engine = engine(256, 16, 64, 1000);
    let mut request = sample(&[1, 2, 3], 5..6, 8);
    request.want_distributions = true;
    let Asked::Sample(_, mut answer) = ask_sample(&mut engine, request) else { unreachable!() };
    work(&mut engine);
    let sampled = answer.try_recv().unwrap().unwrap().0.remove(0).tokens;
    let before = engine.device.computed;
    let asked = ask_score(&mut engine, score(&[1, 2, 3], &[&sampled]));
    work(&mut engine);
    verify(asked);
    assert_eq!(engine.device.computed, before + 1);
}

#[test]
fn a_cancelled_request_leaves_no_work_behind() {
    let mut engine = engine(256, 16, 4, 1000);
    let gone = ask_sample(&mut engine, sample(&[1, 2, 3], 0..4, 20));
    let gone_too = ask_score(&mut engine, score(&[2; 20], &[&[1], &[3]]));
    let stays = ask_score(&mut engine, score(&[3, 3], &[]));
    engine.turn().unwrap();
    drop(gone);
    drop(gone_too);
    engine.turn().unwrap();
    assert!(engine.lanes.len() <= 1);
    work(&mut engine);
    verify(stays);
}

#[test]
fn a_request_that_cannot_fit_fails_alone() {
    let mut engine = engine(12, 2, 64, 1000);
    let fits = ask_score(&mut engine, score(&[1; 8], &[&[2, 2]]));
    let long = ask_score(&mut engine, score(&[1; 13], &[]));
    let wide = ask_score(&mut engine, score(&[1, 1], &[&[1], &[2], &[3]]));
    work(&mut engine);
    verify(fits);
    for asked in [long, wide] {
        let Asked::Score(_, mut answer) = asked else { unreachable!() };
        assert!(matches!(answer.try_recv().unwrap(), Err(ModelError::CacheFull { .. })));
    }
    let after = ask_sample(&mut engine, sample(&[1, 2], 0..6, 10));
    work(&mut engine);
    verify(after);
}

#[test]
fn a_broken_device_is_told_to_everyone_who_waits() {
    let mut engine = engine(256, 16, 4, 1000);
    engine.device.batches_left = 2;
    let (outbox, inbox) = std::sync::mpsc::channel();
    let (reply, mut first) = oneshot::channel();
    let (other, mut second) = oneshot::channel();
    outbox.send(Message::Score(vec![(score(&[1; 20], &[]), reply), (score(&[2; 20], &[]), other)])).unwrap();
    let error = engine.run(&inbox).unwrap_err();
    assert_eq!(error, ModelError::Engine("out of order".to_owned()));
    assert_eq!(first.try_recv().unwrap(), Err(error.clone()));
    assert_eq!(second.try_recv().unwrap(), Err(error));
}

fn tokens(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<TokenId>> {
    // Few different tokens: requests then share prefixes often.
    prop::collection::vec(1_u32..3, length)
}

fn any_request() -> impl Strategy<Value = (bool, Vec<TokenId>, Vec<Vec<TokenId>>, u64, bool)> {
    (any::<bool>(), tokens(1..12), prop::collection::vec(tokens(0..5), 0..5), 0_u64..50, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 2000, asked => asked }, ..ProptestConfig::default() })]
    #[test]
    fn any_schedule_answers_as_the_scripted_model_does(
        requests in prop::collection::vec((any_request(), 0_usize..4), 1..12),
        // Room for the largest single request: 11 + 4 * 4 cells, 4 leaves.
        cells in 27_usize..80,
        sequences in 4_usize..12,
        batch in 1_usize..30,
        rows in 0_usize..40,
    ) {
        let mut engine = engine(cells, sequences, batch, rows);
        let mut asked = Vec::new();
        for ((is_score, context, drafts, seed, want), turns) in requests {
            asked.push(if is_score {
                ask_score(&mut engine, ScoreRequest { context, drafts })
            } else {
                let continuations = drafts
                    .into_iter()
                    .enumerate()
                    .map(|(at, prefix)| Continuation {
                        prefix,
                        seed: seed + (at % 2) as u64,
                        stop: StopRule { max_tokens: 1 + at * 3, newlines: Some(3), texts: vec![] },
                        ..Continuation::default()
                    })
                    .collect();
                ask_sample(&mut engine, SampleRequest {
                    context, continuations, temperature: 0.8, top_p: 0.95, want_distributions: want,
                })
            });
            for _ in 0..turns {
                engine.turn().unwrap();
            }
        }
        work(&mut engine);
        asked.into_iter().for_each(verify);
    }
}
