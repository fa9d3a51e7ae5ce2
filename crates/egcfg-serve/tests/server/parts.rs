//! The scripted parts: a model over bytes, a model that takes its time, executors that look for a text.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use egcfg_guidance::{Open, Order, Settings, Template};
use egcfg_model::{
    Encode, LanguageModel, ModelError, ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest,
    ScriptedModel, TokenId, Usage,
};
use egcfg_serve::{App, Limits, Parts};
use egcfg_task::{Observation, Test, TestResult, Verdict};
use egcfg_testing::{ScriptedExecutor, result};
use futures::future::BoxFuture;
use tokio::sync::oneshot;

// Ids: a byte stands for itself, 0 ends the text, and two more hold half a character each.

/// A model over bytes: after a newline that follows `### Code` it writes the program, and otherwise a hash of the
/// context.
pub(crate) fn bytes_model(program: &'static str) -> ScriptedModel {
    let mut vocab: Vec<Vec<u8>> = (0..=255_u8).map(|byte| vec![byte]).collect();
    vocab[0].clear();
    let rule = move |context: &[TokenId]| {
        let bytes: Vec<u8> = context.iter().map(|token| *token as u8).collect();
        let text = String::from_utf8_lossy(&bytes);
        let mut logits = vec![-2.0; 256];
        match text.rsplit_once("### Code\n") {
            Some((_, written)) if program.starts_with(written) => {
                let next = program.as_bytes().get(written.len()).copied().unwrap_or(0);
                logits[next as usize] = 12.0;
            }
            Some(_) => logits[0] = 12.0,
            None => {
                let hash = context
                    .iter()
                    .fold(7_u64, |h, t| (h ^ u64::from(*t)).wrapping_mul(0x0000_0100_0000_01b3));
                for (place, letter) in b"abcdefgh \n".iter().enumerate() {
                    logits[*letter as usize] = 2.0 + ((hash >> (place * 5)) % 32) as f32 / 16.0;
                }
            }
        }
        logits
    };
    ScriptedModel::with_rule(&vocab, Box::new(rule)).with_info(|info| {
        "bytes".clone_into(&mut info.name);
        info.prompt_template = Some("pocket".to_owned());
    })
}

/// A model that takes its time over each call, and knows how many it is at work on.
pub(crate) struct Slow {
    pub(crate) inner: ScriptedModel,
    pub(crate) each: Duration,
    pub(crate) working: Arc<AtomicUsize>,
    pub(crate) calls: Arc<AtomicUsize>,
}

struct Working(Arc<AtomicUsize>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slow {
    async fn wait(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.working.fetch_add(1, Ordering::SeqCst);
        let _working = Working(Arc::clone(&self.working));
        tokio::time::sleep(self.each).await;
    }
}

impl LanguageModel for Slow {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        self.inner.encode(text, how)
    }

    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.inner.token_bytes(token)
    }

    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        Box::pin(async move {
            self.wait().await;
            self.inner.score(request).await
        })
    }

    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        Box::pin(async move {
            self.wait().await;
            self.inner.sample(request).await
        })
    }
}

/// A program passes a test whose expected text it contains: `assert f(1) == 8` expects `8`.
pub(crate) fn containing() -> ScriptedExecutor {
    judging(|program, test| {
        let expected = match test {
            Test::Assert(source) => source.rsplit("== ").next().unwrap(),
            Test::Stdio { stdout, .. } => stdout.as_str(),
        };
        if program.contains(expected.trim()) { Verdict::Passed } else { Verdict::WrongAnswer }
    })
}

/// A sandbox that fails whatever it is given.
pub(crate) fn away() -> ScriptedExecutor {
    judging(|_, _| Verdict::HarnessError)
}

/// Every call returns 7.
fn judging(rule: impl Fn(&str, &Test) -> Verdict + Send + Sync + 'static) -> ScriptedExecutor {
    ScriptedExecutor::new(move |_, test, program| {
        let result = TestResult { got: Some("7".into()), ..result(rule(program, test)) };
        Observation { result, trace: None }
    })
}

/// The program that the model writes.
pub(crate) const PROGRAM: &str = "def f(x):\n    return x + 7\n";

pub(crate) fn parts(model: Arc<dyn LanguageModel>) -> Parts {
    Parts {
        model,
        adapted: Vec::new(),
        executor: Some(Arc::new(containing())),
        scripts: None,
        template: Template::named("pocket").unwrap(),
        settings: Settings {
            config: "ns2t0.9dinfk1_ln+o".parse().unwrap(),
            max_tokens: Some(100),
            ..Settings::default()
        },
        order: Order { gammas: vec![0.0, 1.0], open: Open::Never, ..Order::default() },
        limits: Limits::default(),
        key: None,
        loopback_only: true,
        cors: Vec::new(),
        name: None,
    }
}

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<bool>>,
}

impl Server {
    pub(crate) fn start(parts: Parts) -> Self {
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let ended = async {
                    let _ = ended.await;
                };
                egcfg_serve::serve(listener, App::new(parts), ended).await.unwrap()
            })
        });
        Self { address: told.recv().unwrap(), end: Some(end), thread: Some(thread) }
    }

    /// A server with the usual parts.
    pub(crate) fn usual() -> Self {
        Self::start(parts(Arc::new(bytes_model(PROGRAM))))
    }

    /// Tells the server to end and waits; whether all requests were answered.
    pub(crate) fn stop(mut self) -> bool {
        drop(self.end.take());
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
    }
}
