//! The whole method over HTTP: with the same candidates and lists of the whole vocabulary it picks the tokens that it picks with
//! the same model in this process; with shorter lists every doubtful choice is counted; and it needs few requests.
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::float_cmp,
    dead_code,
    reason = "test helpers"
)]

#[path = "../../../egcfg-model/tests/endpoint/fakes.rs"]
mod fakes;
#[path = "../method/parts.rs"]
mod parts;
#[path = "../../../egcfg-model/tests/endpoint/server.rs"]
mod server;

use std::sync::Arc;

use egcfg_guidance::{Event, Schedule, Settings};
use egcfg_model::{
    Dialect, Encode, EndpointModel, EndpointOptions, KnownReply, LanguageModel, ModelError, ModelInfo,
    Sample, SampleRequest, ScoreReply, ScoreRequest, ScriptedModel, TokenId, TokensRequest, Usage,
};
use futures::future::BoxFuture;

use fakes::Fake;
use parts::{settings, template, vocab, write, writer};

/// Candidates as recorded in this process, everything else from the server. Distributions of the recording are dropped, so
/// that P comes over the wire as well.
struct Recorded<'a> {
    draws: &'a ScriptedModel,
    rest: &'a EndpointModel,
}

impl LanguageModel for Recorded<'_> {
    fn info(&self) -> &ModelInfo {
        self.rest.info()
    }
    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        self.rest.encode(text, how)
    }
    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.rest.token_bytes(token)
    }
    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        self.rest.score(request)
    }
    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        Box::pin(async move {
            if request.temperature == 0.0 {
                return self.rest.sample(request).await;
            }
            let (mut samples, usage) = self.draws.sample(request).await?;
            for sample in &mut samples {
                sample.distributions.clear();
            }
            Ok((samples, usage))
        })
    }
    fn score_all(&self, requests: Vec<ScoreRequest>) -> BoxFuture<'_, Result<Vec<ScoreReply>, ModelError>> {
        self.rest.score_all(requests)
    }
    fn known_log_probs(&self, requests: Vec<TokensRequest>) -> BoxFuture<'_, Result<KnownReply, ModelError>> {
        self.rest.known_log_probs(requests)
    }
}

fn connect(fake: Fake, top: usize) -> EndpointModel {
    let server = fake.start();
    let address = format!("{}?top={top}&context=4096", server.address);
    EndpointModel::connect(EndpointOptions::parse(&address).unwrap()).unwrap()
}

fn judge() -> parts::ScriptedExecutor {
    parts::judge(|program: &str| program.len().is_multiple_of(3))
}

#[test]
fn with_whole_lists_guidance_picks_the_tokens_that_it_picks_in_process() {
    let whole = vocab().len();
    for dialect in [Dialect::Egcfg, Dialect::Vllm, Dialect::Sglang, Dialect::LlamaCpp] {
        for seed in 1..3 {
            let model = Arc::new(writer(seed));
            let endpoint = connect(Fake::new(dialect, Arc::clone(&model), 10_000), whole);
            let recorded = Recorded { draws: &model, rest: &endpoint };
            for gamma in [0.0, 0.5, 1.0, 3.0] {
                let schedules = if gamma == 3.0 {
                    &[Schedule::Drafted, Schedule::OneStep][..]
                } else {
                    &[Schedule::Drafted][..]
                };
                for schedule in schedules.iter().copied() {
                    let settings = Settings { schedule, ..settings("ns3t0.75d2k1_ln", gamma) };
                    let (here, _) = write(&*model, &judge(), &settings, &template());
                    let (there, events) = write(&recorded, &judge(), &settings, &template());
                    assert_eq!(
                        there.tokens, here.tokens,
                        "{dialect:?} seed {seed} gamma {gamma} {schedule:?}"
                    );
                    assert_eq!((there.program, there.stop), (here.program, here.stop));
                    let doubtful =
                        events.iter().filter(|e| matches!(e, Event::SupportTruncated { .. })).count();
                    assert_eq!(doubtful, 0, "whole lists leave nothing open");
                }
            }
        }
    }
}

#[test]
fn this_programs_own_server_needs_no_recording() {
    for seed in 1..3 {
        let model = Arc::new(writer(seed));
        let endpoint = connect(Fake::new(Dialect::Egcfg, Arc::clone(&model), 10_000), vocab().len());
        for gamma in [0.5, 1.0, 3.0] {
            let settings = settings("ns3t0.75d2k1_ln", gamma);
            let (here, _) = write(&*model, &judge(), &settings, &template());
            let (there, _) = write(&endpoint, &judge(), &settings, &template());
            assert_eq!(
                (there.tokens, there.program),
                (here.tokens, here.program),
                "seed {seed} gamma {gamma}"
            );
        }
    }
}

/// Requests that an event tells of.
fn asked(event: &Event) -> usize {
    match event {
        Event::Candidates { usage, .. } | Event::Forward { usage, .. } | Event::Asked { usage, .. } => {
            usage.requests
        }
        _ => 0,
    }
}

#[test]
fn a_line_takes_at_most_four_requests_where_prompts_are_scored() {
    for dialect in [Dialect::Egcfg, Dialect::Vllm, Dialect::Sglang] {
        let (mut requests, mut lines) = (0, 0);
        for seed in 1..4 {
            let endpoint = connect(Fake::new(dialect, Arc::new(writer(seed)), 10_000), vocab().len());
            let (generation, events) =
                write(&endpoint, &judge(), &settings("ns3t0.75d2k1_ln", 1.0), &template());
            let told: usize = events.iter().map(asked).sum();
            assert_eq!(generation.stats.requests, told, "the event log tells every request");
            // What is written before guidance begins is no guided line; the last one ends without a newline.
            let guided = events.iter().skip_while(|event| !matches!(event, Event::GuidanceStarted { .. }));
            let guided = guided.map(asked).sum::<usize>();
            assert_eq!(generation.stats.guided_requests, guided);
            requests += guided;
            lines += generation.stats.guided_lines + 1;
        }
        assert!(lines > 5, "{lines} lines");
        assert!(requests <= 4 * lines, "{dialect:?}: {requests} requests for {lines} lines");
    }
}

#[test]
fn choices_that_short_lists_leave_open_are_asked_for_or_counted() {
    let (mut asked, mut open) = (0, 0);
    for (dialect, seed) in [
        (Dialect::Vllm, 1),
        (Dialect::Vllm, 2),
        (Dialect::OpenAi, 1),
        (Dialect::OpenAi, 2),
        (Dialect::OpenAi, 3),
    ] {
        let endpoint = connect(Fake::new(dialect, Arc::new(writer(seed)), 2), 2);
        let (generation, events) = write(&endpoint, &judge(), &settings("ns3t1.2d2k1_ln", 3.0), &template());
        let told = events.iter().filter(|e| matches!(e, Event::SupportTruncated { .. })).count();
        assert_eq!(generation.stats.support_truncated, told);
        asked += events.iter().filter(|e| matches!(e, Event::Asked { .. })).count();
        open += told;
    }
    assert!(open > 0, "two-token lists at gamma 3 leave choices open");
    assert!(asked > 0, "and are asked for where they can be");
}
