//! Models behind real servers against the same model in this process: with the same candidates guidance picks the same
//! tokens; `egcfg serve` draws the same candidates too; and a line takes few requests.

use std::collections::HashMap;
use std::sync::Mutex;

use egcfg_guidance::{ExecutionCache, Settings, Stats};
use egcfg_model::{
    Encode, EndpointModel, EndpointOptions, KnownReply, LanguageModel, LlamaModel, LlamaOptions, ModelError,
    ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest, TokenId, TokensRequest, Usage,
};
use futures::future::BoxFuture;

use crate::parts::{Comparison, sandbox, single_precision, tasks, write};
use crate::servers::{egcfg_serve, llama_server};

/// Every configuration takes its turn: memory and reuse, a gamma that needs both streams, and the reference's switches at a
/// gamma that extrapolates.
const KINDS: [(&str, f64); 3] =
    [("ns3t0.9d3k1_ln+om2re", 1.0), ("ns2t0.9d2k1_ln+oe", 0.5), ("ns2t0.9d2k1_ln", 3.0)];
/// Most programs here are not much longer, and whole lists cost time: a position's is 512 entries of JSON.
const MOST_TOKENS: usize = 40;

/// Draws that were made in this process, by what was asked.
#[derive(Default)]
struct Draws(Mutex<HashMap<String, Vec<Sample>>>);

/// The model in this process, whose draws are kept.
struct Recording<'a> {
    model: &'a LlamaModel,
    draws: &'a Draws,
}

/// Candidates as recorded, everything else from a server: P along them too.
struct Replaying<'a> {
    draws: &'a Draws,
    recorded: &'a LlamaModel,
    server: &'a EndpointModel,
}

fn key(request: &SampleRequest) -> String {
    format!("{:?} {:?} {}", request.context, request.continuations, request.temperature)
}

impl LanguageModel for Recording<'_> {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }
    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        self.model.encode(text, how)
    }
    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.model.token_bytes(token)
    }
    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        self.model.score(request)
    }
    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        Box::pin(async move {
            let key = key(&request);
            let (samples, usage) = self.model.sample(request).await?;
            self.draws.0.lock().unwrap().insert(key, samples.clone());
            Ok((samples, usage))
        })
    }
    fn score_all(&self, requests: Vec<ScoreRequest>) -> BoxFuture<'_, Result<Vec<ScoreReply>, ModelError>> {
        self.model.score_all(requests)
    }
}

impl LanguageModel for Replaying<'_> {
    fn info(&self) -> &ModelInfo {
        self.server.info()
    }
    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        let tokens = self.server.encode(text, how)?;
        assert_eq!(tokens, self.recorded.encode(text, how)?, "tokens of {text:?}");
        Ok(tokens)
    }
    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.server.token_bytes(token)
    }
    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        self.server.score(request)
    }
    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        Box::pin(async move {
            if request.temperature == 0.0 {
                return self.server.sample(request).await;
            }
            let asked = request.clone();
            let known = self.draws.0.lock().unwrap().get(&key(&request)).cloned();
            let mut samples = match known {
                Some(samples) => samples,
                // Behind a near-tie other candidates are asked for than were recorded.
                None => self.recorded.sample(request).await?.0,
            };
            // P along the candidates, from the server: as if it had drawn them.
            let drawn = samples.iter().zip(&asked.continuations).map(|(sample, standing)| ScoreRequest {
                context: [asked.context.as_slice(), &standing.prefix].concat(),
                drafts: vec![sample.tokens.clone()],
            });
            let replies = self.server.score_all(drawn.collect()).await?;
            for (sample, reply) in samples.iter_mut().zip(replies) {
                let rows = std::iter::once(reply.next).chain(reply.after.into_iter().flatten());
                sample.distributions = rows.take(sample.tokens.len()).collect();
            }
            Ok((samples, Usage::default()))
        })
    }
    fn score_all(&self, requests: Vec<ScoreRequest>) -> BoxFuture<'_, Result<Vec<ScoreReply>, ModelError>> {
        self.server.score_all(requests)
    }
    fn known_log_probs(&self, requests: Vec<TokensRequest>) -> BoxFuture<'_, Result<KnownReply, ModelError>> {
        self.server.known_log_probs(requests)
    }
}

fn connect(address: &str) -> EndpointModel {
    EndpointModel::connect(EndpointOptions::parse(&format!("http://{address}/v1")).unwrap()).unwrap()
}

/// What a test compares through a server.
#[derive(Clone, Copy, PartialEq)]
enum Candidates {
    Recorded,
    TheServersOwn,
}

/// Runs tasks in this process and through the server, and compares token by token.
fn compare(name: &str, address: &str, model: &LlamaModel, tasks_taken: usize, candidates: Candidates) {
    let server = connect(address);
    let caps = server.capabilities();
    assert!(caps.whole() && caps.token_ids(), "{name}: {caps:?}");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let runner = sandbox().await;
        let mut comparison = Comparison::default();
        for (number, task) in tasks(40, tasks_taken).iter().enumerate() {
            let (config, gamma) = KINDS[number % KINDS.len()];
            let settings = Settings {
                config: config.parse().unwrap(),
                gamma,
                max_tokens: Some(MOST_TOKENS),
                ..Settings::default()
            };
            let (cache, draws) = (ExecutionCache::default(), Draws::default());
            let here = Recording { model, draws: &draws };
            let (_, in_process) = write(&here, &runner, task, &cache, &settings).await;
            let replaying = Replaying { draws: &draws, recorded: model, server: &server };
            let there: &dyn LanguageModel = match candidates {
                Candidates::Recorded => &replaying,
                Candidates::TheServersOwn => &server,
            };
            let (generation, over_http) = write(there, &runner, task, &cache, &settings).await;
            assert_eq!(generation.stats.support_truncated, 0, "whole lists leave nothing open");
            comparison.add(&format!("{name} {} {config}", task.id), gamma, &in_process, &over_http);
        }
        comparison.say(name);
        assert!(comparison.compared > 20 * tasks_taken, "{}", comparison.compared);
        assert!(comparison.noise < 1e-3, "single precision should not differ by {}", comparison.noise);
    });
}

/// Runs tasks with the server's own candidates; requests per line.
fn freely(name: &str, address: &str, tasks_taken: usize) {
    let server = connect(address);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let cost = runtime.block_on(async {
        let (runner, mut cost) = (sandbox().await, Stats::default());
        let settings =
            Settings { config: KINDS[0].0.parse().unwrap(), gamma: KINDS[0].1, ..Settings::default() };
        for task in &tasks(40, tasks_taken) {
            let cache = ExecutionCache::default();
            cost += write(&server, &runner, task, &cache, &settings).await.0.stats;
        }
        cost
    });
    let per_line = cost.requests_per_line().unwrap();
    println!("{name}: {per_line:.2} requests per guided line ({} lines)", cost.guided_lines);
    assert!(per_line <= 4.0, "{name}: {per_line}");
}

#[test]
fn guidance_over_http_picks_the_tokens_that_it_picks_in_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = single_precision(folder.path());
    let model = LlamaModel::load(&LlamaOptions::new(&file).exact()).unwrap();
    let own = egcfg_serve(&file);
    compare("egcfg serve, recorded candidates", &own.address, &model, 20, Candidates::Recorded);
    compare("egcfg serve, its own candidates", &own.address, &model, 4, Candidates::TheServersOwn);
    freely("egcfg serve", &own.address, 2);
}

#[test]
fn guidance_over_llama_cpps_server_picks_the_tokens_that_it_picks_in_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = single_precision(folder.path());
    let Some(server) = llama_server(&file) else { return };
    let model = LlamaModel::load(&LlamaOptions::new(&file).exact()).unwrap();
    compare("llama-server, recorded candidates", &server.address, &model, 20, Candidates::Recorded);
    freely("llama-server", &server.address, 2);
}
