//! A model whose answers are written by the test, one byte per token, so that every token can be counted by a second hand; and
//! the real sandbox with time enough for a busy machine.

use std::sync::Mutex;
use std::time::Duration;

use egcfg_bench::method::{
    Lpw, MapCoder, Method, MethodOutcome, MgDebugger, PlanAfterTrial, Rex, SelfDebugging,
};
use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{Event, ExecutionCache, Executor, GuidanceError, Session, Settings, Stats, Template};
use egcfg_model::{
    Encode, LanguageModel, ModelError, ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest,
    StopReason, TokenId, Usage,
};
use egcfg_sandbox::{Limits, Sandbox, SandboxOptions};
use egcfg_task::{PromptType, Task, Test, TestResult};
use futures::future::{BoxFuture, ready};

const END: TokenId = 256;

/// One message as the model saw it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) prompt: String,
    pub(crate) temperature: f64,
    pub(crate) seed: u64,
}

type Rule = Box<dyn Fn(&str) -> String + Send + Sync>;

/// Answers a prompt with what its rule says.
pub(crate) struct Canned {
    info: ModelInfo,
    bytes: Vec<[u8; 1]>,
    rule: Rule,
    asked: Mutex<(Vec<Asked>, usize)>,
}

impl Canned {
    pub(crate) fn new(rule: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let info = ModelInfo {
            name: "canned".into(),
            vocab: 257,
            context: 60_000,
            end_tokens: vec![END],
            ..ModelInfo::default()
        };
        let bytes = (0..=255_u8).map(|byte| [byte]).collect();
        Self { info, bytes, rule: Box::new(rule), asked: Mutex::default() }
    }

    pub(crate) fn with_info(mut self, change: impl FnOnce(&mut ModelInfo)) -> Self {
        change(&mut self.info);
        self
    }

    /// What was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().0.clone()
    }

    /// Tokens handed out.
    pub(crate) fn written(&self) -> usize {
        self.asked.lock().unwrap().1
    }

    fn answer(&self, request: &SampleRequest) -> Result<(Vec<Sample>, Usage), ModelError> {
        let context: Vec<u8> = request.context.iter().map(|token| *token as u8).collect();
        let prompt = String::from_utf8_lossy(&context).into_owned();
        let one = &request.continuations[0];
        if request.context.len() >= self.info.context {
            let (needed, context) = (request.context.len() + 1, self.info.context);
            return Err(ModelError::ContextOverflow { needed, context });
        }
        let mut answer: Vec<TokenId> = (self.rule)(&prompt).bytes().map(TokenId::from).collect();
        answer.push(END);
        let mut text = one.tail.clone().into_bytes();
        let (mut tokens, mut stop) = (Vec::new(), StopReason::Length);
        for token in answer.into_iter().skip(one.prefix.len()).take(one.stop.max_tokens) {
            tokens.push(token);
            if token == END {
                stop = StopReason::EndOfText;
                break;
            }
            text.push(token as u8);
            let so_far = String::from_utf8_lossy(&text);
            if one.stop.texts.iter().any(|end| so_far.contains(end)) {
                stop = StopReason::Text;
                break;
            }
        }
        let mut asked = self.asked.lock().unwrap();
        if one.prefix.is_empty() {
            asked.0.push(Asked { prompt, temperature: request.temperature, seed: one.seed });
        }
        asked.1 += tokens.len();
        let log_probs = vec![0.0; tokens.len()];
        let usage = Usage { computed: request.context.len() + tokens.len(), cached: 0, ..Usage::default() };
        Ok((vec![Sample { tokens, distributions: Vec::new(), log_probs, stop }], usage))
    }
}

impl LanguageModel for Canned {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn encode(&self, text: &str, _how: Encode) -> Result<Vec<TokenId>, ModelError> {
        Ok(text.bytes().map(TokenId::from).collect())
    }

    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], |byte| byte.as_slice())
    }

    fn score(&self, _: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        Box::pin(ready(Err(ModelError::BadRequest("a canned model has no distributions".into()))))
    }

    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        Box::pin(ready(self.answer(&request)))
    }
}

/// The real sandbox, for one test at a time: a busy machine starts one interpreter soon and seven not.
pub(crate) struct Real {
    executor: SandboxExecutor,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

impl std::ops::Deref for Real {
    type Target = SandboxExecutor;

    fn deref(&self) -> &SandboxExecutor {
        &self.executor
    }
}

static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Starts a sandbox.
pub(crate) async fn sandbox() -> Real {
    let turn = TURN.lock().await;
    let long = Duration::from_secs(120);
    let limits = Limits { wall: long, cpu: long, idle: long, ..Limits::default() };
    let options = SandboxOptions { workers: 1, limits, ..SandboxOptions::default() };
    let mut executor = SandboxExecutor::new(Sandbox::start(options).await.unwrap());
    executor.trace.wall = long;
    Real { executor, _turn: turn }
}

/// Doubling, checked by two tests.
pub(crate) fn task() -> Task {
    Task {
        id: "methods/1".into(),
        prompt: "Double x.".into(),
        entry_point: "f".into(),
        shown_tests: vec![Test::Assert("assert f(2) == 4".into()), Test::Assert("assert f(5) == 10".into())],
        ..Task::default()
    }
}

pub(crate) fn settings() -> Settings {
    Settings { max_tokens: Some(400), seed: 7, ..Settings::default() }
}

/// The methods that are loops around a chat.
pub(crate) fn methods() -> [Box<dyn Method>; 6] {
    [
        Box::new(SelfDebugging::default()),
        Box::new(MapCoder::default()),
        Box::new(MgDebugger::default()),
        Box::new(Lpw::default()),
        Box::new(PlanAfterTrial::default()),
        Box::new(Rex::default()),
    ]
}

/// Runs a method; checks what holds for all of them: the counts are the sum of the events, and the tokens are those that the
/// model handed out.
pub(crate) async fn write(
    method: &dyn Method,
    model: &Canned,
    executor: &dyn Executor,
    task: &Task,
    settings: &Settings,
    budget: Option<usize>,
) -> Result<MethodOutcome, GuidanceError> {
    let template = Template::builtin(PromptType::DeepseekInstruct).unwrap();
    let (cache, counted) = (ExecutionCache::default(), Mutex::new(Stats::default()));
    let events = |event: &Event| counted.lock().unwrap().observe(event);
    let before = model.written();
    let session = Session { model, executor, template: &template, task, cache: &cache, events: &events };
    let outcome = method.write(session, settings, budget).await?;
    assert_eq!(outcome.stats.generated_tokens(), model.written() - before, "{}", method.name());
    // Best-of-N, which stands in for the plain answer on a retry, emits no tokens one by one.
    if settings.retry == 0 {
        assert_eq!(outcome.stats, *counted.lock().unwrap(), "{}", method.name());
    }
    Ok(outcome)
}

/// Whether the outcome's program passes every shown test.
pub(crate) fn solved(outcome: &MethodOutcome) -> bool {
    TestResult::all_pass(&outcome.shown)
}
