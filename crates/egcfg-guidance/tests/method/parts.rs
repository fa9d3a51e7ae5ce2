//! The scripted parts: a little language of Python lines, a model that writes it, an executor that evaluates it.

use std::sync::Mutex;

use egcfg_guidance::{
    Event, EventSink, ExecutionCache, Executor, ExecutorError, Generation, Session, Settings, Template,
    generate,
};
use egcfg_model::{LanguageModel, ScriptedModel, TokenId};
use egcfg_task::{
    Backend, Event as Ev, Local, Observation, Outcome, Step, TRACE_VERSION, Task, Test, TestResult, Trace,
    Verdict,
};
use futures::future::BoxFuture;

/// Tokens of the language. One holds a newline and the next line's indentation, one completes two lines.
pub(crate) const WORDS: [&str; 14] = [
    "",
    "def f(",
    "x):",
    "\n    ",
    "a",
    " = ",
    "x",
    " + ",
    "1",
    "2",
    "return ",
    "\n",
    "    pass\n\n    ",
    "```",
];

/// Ids into [`WORDS`].
pub(crate) mod id {
    use egcfg_model::TokenId;
    pub(crate) const END: TokenId = 0;
    pub(crate) const DEF: TokenId = 1;
    pub(crate) const ARGS: TokenId = 2;
    pub(crate) const LINE: TokenId = 3;
    pub(crate) const A: TokenId = 4;
    pub(crate) const IS: TokenId = 5;
    pub(crate) const X: TokenId = 6;
    pub(crate) const PLUS: TokenId = 7;
    pub(crate) const ONE: TokenId = 8;
    pub(crate) const TWO: TokenId = 9;
    pub(crate) const RETURN: TokenId = 10;
    pub(crate) const NEWLINE: TokenId = 11;
    pub(crate) const PASSES: TokenId = 12;
}

/// The vocabulary: the language's tokens and every ASCII character, so that any prompt can be encoded.
pub(crate) fn vocab() -> Vec<String> {
    let letters = (9..127_u8).map(|byte| (byte as char).to_string());
    WORDS.iter().map(|word| (*word).to_owned()).chain(letters).collect()
}

/// What may follow the last token.
fn allowed(last: TokenId, before: Option<TokenId>) -> &'static [TokenId] {
    match last {
        id::DEF => &[id::ARGS],
        id::ARGS => &[id::LINE],
        id::LINE | id::PASSES => &[id::A, id::RETURN],
        id::A if matches!(before, Some(id::LINE | id::PASSES)) => &[id::IS],
        id::IS | id::PLUS | id::RETURN => &[id::A, id::X, id::ONE, id::TWO],
        id::A | id::X | id::ONE | id::TWO => &[id::PLUS, id::LINE, id::NEWLINE],
        id::NEWLINE if before.is_some_and(|b| b < WORDS.len() as TokenId) => &[id::END, id::PASSES],
        _ => &[id::DEF],
    }
}

/// A model that writes the language; which of the allowed tokens it prefers is a hash of the whole context.
pub(crate) fn writer(seed: u64) -> ScriptedModel {
    let vocab = vocab();
    let size = vocab.len();
    let rule = move |context: &[TokenId]| {
        let last = context.last().copied().unwrap_or(0);
        let before = context.len().checked_sub(2).map(|i| context[i]);
        let mut logits = vec![-30.0; size];
        let hash = context.iter().fold(seed.wrapping_mul(0x9e37_79b9), |h, t| {
            (h ^ u64::from(*t)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
        });
        for (place, token) in allowed(last, before).iter().enumerate() {
            let mixed = (hash ^ place as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            logits[*token as usize] = ((mixed >> 40) as f32 / (1_u64 << 24) as f32) * 3.0;
        }
        logits
    };
    ScriptedModel::with_rule(&vocab, Box::new(rule))
}

/// Reports, for any program, the verdict of a predicate and a short trace.
pub(crate) struct Judge<F: Fn(&str) -> bool + Send + Sync> {
    pub(crate) passes: F,
    pub(crate) ran: Mutex<Vec<String>>,
}

impl<F: Fn(&str) -> bool + Send + Sync> Judge<F> {
    pub(crate) fn new(passes: F) -> Self {
        Self { passes, ran: Mutex::default() }
    }

    fn result(&self, program: &str) -> TestResult {
        let verdict = if (self.passes)(program) { Verdict::Passed } else { Verdict::WrongAnswer };
        TestResult {
            verdict,
            seconds: 0.001,
            error: None,
            got: Some("7".into()),
            unproven: false,
            flaky: false,
        }
    }
}

impl<F: Fn(&str) -> bool + Send + Sync> Executor for Judge<F> {
    fn observe<'a>(
        &'a self,
        task: &'a Task,
        program: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Observation>, ExecutorError>> {
        self.ran.lock().unwrap().push(program.to_owned());
        let step = |event, locals: &[(&str, &str)], outcome| Step {
            event,
            depth: 2,
            function: "f".into(),
            line: 2,
            source: "    return a".into(),
            locals: locals
                .iter()
                .map(|(name, value)| Local {
                    name: (*name).into(),
                    value: (*value).into(),
                    type_name: "int".into(),
                })
                .collect(),
            outcome,
            instruction: None,
        };
        let lines = program.lines().count().to_string();
        let trace = Trace {
            version: TRACE_VERSION,
            backend: Backend::Settrace,
            python: "3.11".into(),
            invocation: "f(1)".into(),
            steps: vec![
                step(Ev::Call, &[("x", "1")], None),
                step(Ev::Return, &[("x", "1"), ("a", &lines)], Some(Outcome::Returned("7".into()))),
            ],
            cut: None,
        };
        let seen = task
            .shown_tests
            .iter()
            .map(|_| Observation { result: self.result(program), trace: Some(trace.clone()) });
        let seen = seen.collect();
        Box::pin(async move { Ok(seen) })
    }

    fn judge<'a>(
        &'a self,
        _task: &'a Task,
        program: &'a str,
        tests: &'a [Test],
    ) -> BoxFuture<'a, Result<Vec<TestResult>, ExecutorError>> {
        let results = tests.iter().map(|_| self.result(program)).collect();
        Box::pin(async move { Ok(results) })
    }
}

pub(crate) fn task() -> Task {
    Task {
        id: "scripted/1".into(),
        prompt: "add".into(),
        entry_point: "f".into(),
        shown_tests: vec![Test::Assert("assert f(1) == 8".into()), Test::Assert("assert f(2) == 9".into())],
        ..Task::default()
    }
}

pub(crate) fn template() -> Template {
    Template::named("pocket").unwrap()
}

/// Keeps every event.
#[derive(Default)]
pub(crate) struct Log(pub(crate) Mutex<Vec<Event>>);

impl EventSink for Log {
    fn emit(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Log {
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

/// Runs one generation to its end.
pub(crate) fn write(
    model: &dyn LanguageModel,
    executor: &dyn Executor,
    settings: &Settings,
    template: &Template,
) -> (Generation, Vec<Event>) {
    let (task, cache, log) = (task(), ExecutionCache::default(), Log::default());
    let session = Session { model, executor, template, task: &task, cache: &cache, events: &log };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let generation = runtime.block_on(generate(session, settings)).unwrap();
    (generation, log.events())
}

/// Settings under a configuration name.
pub(crate) fn settings(name: &str, gamma: f64) -> Settings {
    Settings { config: name.parse().unwrap(), gamma, max_tokens: Some(60), ..Settings::default() }
}
