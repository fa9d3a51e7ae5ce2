//! What the compared methods share: a [`Dialogue`] asks the model one message at a time, counts every generated token
//! against the budget, has programs judged by the shown tests, and remembers which was best. The messages go through
//! the model's own chat template where it has one.

use std::collections::HashMap;
use std::time::Instant;

use egcfg_guidance::{
    Budget, EVENT_VERSION, Event, ExecutionEvent, ExecutorError, GuidanceError, Session, Settings, Stats,
    Stop, Template, best_of, generate, judge,
};
use egcfg_model::{Continuation, Encode, SampleRequest, StopRule, TokenId};
use egcfg_python::{defines, extract_program};
use egcfg_task::{Observation, PromptType, Task, TestResult, derive_seed};
use minijinja::Value;

use super::MethodOutcome;
use super::parse::visible;
use super::prompts::Prompts;

/// What an answer opens with when a program is asked for, and what ends it.
const FENCE: (&str, &str) = ("```python\n", "```");
/// Lines of a trace that a message may show, tried in this order until the message fits the context.
const TRACE_LINES: [usize; 5] = [60, 30, 15, 6, 0];

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Words; they end with the end of the text.
    Words,
    /// One code block.
    Code,
}

/// A program that the method wrote, judged.
#[derive(Debug, Clone)]
struct Tried {
    program: String,
    results: Vec<TestResult>,
}

impl Tried {
    fn passes(&self) -> usize {
        self.results.iter().filter(|result| result.verdict.passed()).count()
    }

    fn passed(&self) -> bool {
        !self.results.is_empty() && self.passes() == self.results.len()
    }
}

/// One method at work on one task.
pub(super) struct Dialogue<'a> {
    session: Session<'a>,
    settings: &'a Settings,
    method: &'static str,
    prompts: Prompts,
    /// The frame around every message: nothing but the message, in the model's chat template.
    frame: Template,
    budget: Option<usize>,
    stats: Stats,
    tried: Vec<Tried>,
    /// How often each prompt was asked.
    asked: HashMap<Vec<TokenId>, u32>,
    /// How often each kind of message was asked.
    counts: HashMap<&'static str, u32>,
    plain: bool,
}

impl<'a> Dialogue<'a> {
    /// Begins; `method` names the file of its messages too.
    pub(super) fn new(
        method: &'static str,
        session: Session<'a>,
        settings: &'a Settings,
        budget: Option<usize>,
    ) -> Result<Self, GuidanceError> {
        let frame = Template {
            name: method.to_owned(),
            chat: true,
            user: "{{ task }}\n{{ signal }}".to_owned(),
            answer: String::new(),
            end: Vec::new(),
            signal: egcfg_guidance::SignalStyle::default(),
            heading: None,
            examples: Vec::new(),
        };
        Ok(Self {
            session,
            settings,
            method,
            prompts: Prompts::of(method)?,
            frame,
            budget,
            stats: Stats::default(),
            tried: Vec::new(),
            asked: HashMap::new(),
            counts: HashMap::new(),
            plain: false,
        })
    }

    /// The task.
    pub(super) fn task(&self) -> &'a Task {
        self.session.task
    }

    /// What is valid Python.
    pub(super) fn python(&self) -> egcfg_python::PythonVersion {
        self.settings.python
    }

    /// Tokens that may still be generated.
    fn left(&self) -> usize {
        self.budget.map_or(usize::MAX, |budget| budget.saturating_sub(self.stats.generated_tokens()))
    }

    /// Whether some program passes every shown test.
    pub(super) fn solved(&self) -> bool {
        self.tried.iter().any(Tried::passed)
    }

    /// Writes and judges what the model writes without the method: greedily, on a further retry at the temperature. The program;
    /// `None` when no token is left for one.
    pub(super) async fn plain_answer(&mut self) -> Result<Option<String>, GuidanceError> {
        self.plain = true;
        let room = self.left().min(self.settings.max_new_tokens(self.session.task.form));
        if room == 0 {
            return Ok(None);
        }
        let settings = Settings { gamma: 0.0, max_tokens: Some(room), ..self.settings.clone() };
        let attempt = if self.settings.retry == 0 {
            let generation = generate(self.session, &settings).await?;
            Some(judge(self.session, 0.0, 0, generation).await?)
        } else {
            best_of(self.session, &settings, Budget::Samples(1)).await?.attempts.pop()
        };
        let Some(attempt) = attempt else { return Ok(None) };
        self.stats += attempt.generation.stats;
        usable(&attempt.results)?;
        let program = attempt.generation.program;
        self.tried.push(Tried { program: program.clone(), results: attempt.results });
        Ok(Some(program))
    }

    /// Asks for words. `values` are the message's own, given how many lines of a trace it may show. `None` when the budget is
    /// spent or the message does not fit the context however short its traces are.
    pub(super) async fn words(
        &mut self,
        message: &'static str,
        values: &(dyn Fn(usize) -> Value + Sync),
    ) -> Result<Option<String>, GuidanceError> {
        Ok(self.ask(message, Wanted::Words, "", values).await?.map(|text| visible(&text).to_owned()))
    }

    /// Asks for code that defines `name`: `None` as for words, `Some(None)` when the answer has no such code.
    pub(super) async fn code(
        &mut self,
        message: &'static str,
        name: &str,
        values: &(dyn Fn(usize) -> Value + Sync),
    ) -> Result<Option<Option<String>>, GuidanceError> {
        let Some(answer) = self.ask(message, Wanted::Code, name, values).await? else { return Ok(None) };
        Ok(Some(program_in(&answer, name)))
    }

    /// Asks for the whole program.
    pub(super) async fn program(
        &mut self,
        message: &'static str,
        values: &(dyn Fn(usize) -> Value + Sync),
    ) -> Result<Option<Option<String>>, GuidanceError> {
        let task = self.session.task;
        let found = self.code(message, &task.entry_point, values).await?;
        Ok(found.map(|code| code.map(|code| with_prelude(task, code))))
    }

    /// Judges a program by the shown tests; true when it passes all. One that was judged before is not run again.
    pub(super) async fn try_out(&mut self, program: &str) -> Result<bool, GuidanceError> {
        if let Some(known) = self.tried.iter().find(|tried| tried.program == program) {
            return Ok(known.passed());
        }
        let task = self.session.task;
        let results = self.session.executor.judge(task, program, &task.shown_tests).await?;
        usable(&results)?;
        let tried = Tried { program: program.to_owned(), results };
        let passed = tried.passed();
        self.session.events.emit(&Event::Verdict { passed, results: tried.results.clone() });
        self.tried.push(tried);
        Ok(passed)
    }

    /// Runs a program traced on the shown tests of `task`: the session's own, or one made for a part of the program.
    pub(super) async fn observe(
        &mut self,
        task: &Task,
        program: &str,
    ) -> Result<Vec<Observation>, GuidanceError> {
        let started = Instant::now();
        let seen = self.session.executor.observe(task, program).await?;
        let run = ExecutionEvent {
            id: self.stats.executions,
            program: program.to_owned(),
            cached: false,
            from_memory: false,
            results: seen.iter().map(|seen| seen.result.clone()).collect(),
        };
        self.emit(&Event::Executions { runs: vec![run], seconds: started.elapsed().as_secs_f64() });
        Ok(seen)
    }

    /// Whether a program of no account passes one test.
    pub(super) async fn holds(
        &mut self,
        program: &str,
        test: &egcfg_task::Test,
    ) -> Result<bool, GuidanceError> {
        let task = self.session.task;
        let results = self.session.executor.judge(task, program, std::slice::from_ref(test)).await?;
        Ok(!results.is_empty() && results.iter().all(|result| result.verdict.passed()))
    }

    /// The best program by the shown tests; the plain answer where the method found none that defines the entry point.
    pub(super) async fn finish(mut self) -> Result<MethodOutcome, GuidanceError> {
        let name = &self.session.task.entry_point;
        if !self.plain && !self.tried.iter().any(|tried| is_code(&tried.program, name)) {
            self.plain_answer().await?;
        }
        // The first of those that pass the most.
        let best = self.tried.iter().rev().max_by_key(|tried| tried.passes());
        let (program, shown) =
            best.map_or_else(Default::default, |best| (best.program.clone(), best.results.clone()));
        Ok(MethodOutcome {
            program,
            shown,
            stats: self.stats,
            programs: self.tried.len(),
            stop: None,
            began: None,
        })
    }

    async fn ask(
        &mut self,
        message: &'static str,
        wanted: Wanted,
        name: &str,
        values: &(dyn Fn(usize) -> Value + Sync),
    ) -> Result<Option<String>, GuidanceError> {
        let Some((context, max_tokens)) = self.compose(message, wanted, values)? else { return Ok(None) };
        let model = self.session.model;
        let config = &self.settings.config;
        let (temperature, retry) = (config.temperature.to_string(), self.settings.retry);
        let count = self.counts.entry(message).or_default();
        let number = std::mem::replace(count, *count + 1).to_string();
        let before = self.asked.entry(context.clone()).or_default();
        // The first answer to a prompt is the most probable one; asking again would only repeat it.
        let greedy = retry == 0 && *before == 0;
        *before += 1;
        let prompt = if config.prompt == PromptType::LongCode { "long_code" } else { "short" };
        let labels =
            [self.method, &temperature, prompt, &self.session.task.id, &retry.to_string(), message, &number];
        let (opening, texts) = match wanted {
            Wanted::Words => ("", Vec::new()),
            Wanted::Code => (FENCE.0, vec![FENCE.1.to_owned()]),
        };
        self.emit(&Event::Start {
            version: EVENT_VERSION,
            task: self.session.task.id.clone(),
            model: model.info().name.clone(),
            config: format!("{}_t{temperature}/{message}", self.method),
            gamma: 0.0,
            retry,
            seed: self.settings.seed,
            prompt_tokens: context.len(),
        });
        let request = SampleRequest {
            context,
            continuations: vec![Continuation {
                prefix: Vec::new(),
                tail: String::new(),
                seed: derive_seed(self.settings.seed, &labels),
                stop: StopRule { max_tokens, newlines: None, texts },
            }],
            temperature: if greedy { 0.0 } else { config.temperature.get() },
            top_p: if greedy { 1.0 } else { self.settings.top_p },
            want_distributions: false,
        };
        let (samples, usage) = model.sample(request).await?;
        self.emit(&Event::Forward { guided: false, drafts: 0, usage });
        let (mut bytes, mut reason, mut tokens) = (Vec::new(), Stop::Length, 0);
        for sample in samples.into_iter().take(1) {
            for (index, (token, log_prob)) in sample.tokens.iter().zip(&sample.log_probs).enumerate() {
                let own = model.token_bytes(*token);
                self.emit(&Event::Token {
                    index,
                    id: *token,
                    text: String::from_utf8_lossy(own).into_owned(),
                    plain: Some(*log_prob),
                    guided: None,
                    instead_of: None,
                });
                if !model.info().end_tokens.contains(token) {
                    bytes.extend_from_slice(own);
                }
            }
            (reason, tokens) = (sample.stop.into(), sample.tokens.len());
        }
        let answer = format!("{opening}{}", String::from_utf8_lossy(&bytes));
        let program = match wanted {
            Wanted::Words => String::new(),
            Wanted::Code => program_in(&answer, name).unwrap_or_default(),
        };
        self.emit(&Event::Stopped { reason, tokens, program });
        Ok(Some(answer))
    }

    /// The tokens of a prompt that leaves room for an answer, and how long that may be.
    fn compose(
        &self,
        message: &'static str,
        wanted: Wanted,
        values: &(dyn Fn(usize) -> Value + Sync),
    ) -> Result<Option<(Vec<TokenId>, usize)>, GuidanceError> {
        let (model, task) = (self.session.model, self.session.task);
        let most = self.settings.max_new_tokens(task.form);
        let left = self.left();
        let context = model.info().context;
        if left == 0 || most == 0 {
            return Ok(None);
        }
        for lines in TRACE_LINES {
            let prompt = self.settings.config.prompt;
            let text = self.prompts.render(message, task, prompt, &values(lines))?;
            // The frame's template knows tasks, so that the message stands where a task's words do.
            let framed = Task { prompt: text, ..Task::default() };
            let rendered = self.frame.render(&framed, model.info().chat_template.as_deref())?;
            let mut tokens: Vec<TokenId> = model.info().bos.into_iter().collect();
            tokens.extend(model.encode(&rendered.wrap_open, Encode::Template)?);
            tokens.extend(model.encode(&rendered.head, Encode::Plain)?);
            tokens.extend(model.encode(&rendered.wrap_close, Encode::Template)?);
            if wanted == Wanted::Code {
                tokens.extend(model.encode(FENCE.0, Encode::Plain)?);
            }
            let room = context.saturating_sub(tokens.len() + 1);
            // A quarter of the context is room enough where the whole limit is not to be had.
            if room >= most.min(context / 4).max(1) {
                return Ok(Some((tokens, most.min(room).min(left))));
            }
        }
        Ok(None)
    }

    fn emit(&mut self, event: &Event) {
        self.stats.observe(event);
        self.session.events.emit(event);
    }
}

/// A sandbox that failed says nothing about a program.
fn usable(results: &[TestResult]) -> Result<(), GuidanceError> {
    match results.iter().find(|result| !result.verdict.is_scored()) {
        Some(broken) => {
            Err(ExecutorError(broken.error.clone().unwrap_or_else(|| broken.verdict.to_string())).into())
        }
        None => Ok(()),
    }
}

/// Whether a text defines `name`, or is code at all where there is no name.
fn is_code(text: &str, name: &str) -> bool {
    if name.is_empty() { !text.trim().is_empty() } else { defines(text, name) }
}

/// The code in an answer that defines `name`.
fn program_in(answer: &str, name: &str) -> Option<String> {
    let code = extract_program(answer, Some(name).filter(|name| !name.is_empty())).code;
    is_code(&code, name).then_some(code)
}

/// A completion task's header may import and define what the program needs; a program written afresh may have left it out.
fn with_prelude(task: &Task, code: String) -> String {
    let lines: Vec<&str> = task.header.split_inclusive('\n').collect();
    let own = lines.iter().position(|line| defines(line, &task.entry_point)).unwrap_or(0);
    let prelude = lines[..own].concat();
    if prelude.trim().is_empty() || code.contains(prelude.trim()) {
        return code;
    }
    format!("{}\n\n\n{code}", prelude.trim_end())
}
