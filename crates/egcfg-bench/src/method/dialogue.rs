//! What the compared methods share: a [`Dialogue`] asks the model one message at a time and counts every generated token
//! against the budget. The messages go through the model's own chat template where it has one.

use std::collections::HashMap;

use egcfg_guidance::{EVENT_VERSION, Event, GuidanceError, Session, Settings, Stats, Stop, Template};
use egcfg_model::{ChatTemplate, Continuation, Encode, SampleRequest, StopRule, TokenId};
use egcfg_task::{PromptType, Task, derive_seed};
use minijinja::Value;

use super::code::{program_in, with_prelude};
use super::parse::visible;
use super::prompts::Prompts;
use super::tried::Tried;

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

/// What came of asking for code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// Nothing was asked: the budget is spent, or the message does not fit the context.
    Spent,
    /// The answer has no such code.
    Nothing,
    /// The code.
    Program(String),
}

/// One method at work on one task.
pub(super) struct Dialogue<'a> {
    pub(super) session: Session<'a>,
    pub(super) settings: &'a Settings,
    method: &'static str,
    prompts: Prompts,
    /// The frame around every message: nothing but the message, in the model's chat template.
    frame: Template,
    budget: Option<usize>,
    pub(super) stats: Stats,
    /// Programs so far.
    pub(super) tried: Vec<Tried>,
    /// How often each prompt was asked.
    asked: HashMap<Vec<TokenId>, u32>,
    /// How often each kind of message was asked.
    counts: HashMap<&'static str, u32>,
    /// The plain answer was asked for.
    pub(super) plain: bool,
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
            signal_tokens: None,
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

    pub(super) fn task(&self) -> &'a Task {
        self.session.task
    }

    /// What is valid Python.
    pub(super) fn python(&self) -> egcfg_python::PythonVersion {
        self.settings.python
    }

    /// Tokens that may still be generated.
    pub(super) fn left(&self) -> usize {
        self.budget.map_or(usize::MAX, |budget| budget.saturating_sub(self.stats.generated_tokens()))
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

    /// Asks for code that defines `name`.
    pub(super) async fn code(
        &mut self,
        message: &'static str,
        name: &str,
        values: &(dyn Fn(usize) -> Value + Sync),
    ) -> Result<Written, GuidanceError> {
        let Some(answer) = self.ask(message, Wanted::Code, name, values).await? else {
            return Ok(Written::Spent);
        };
        Ok(program_in(&answer, name).map_or(Written::Nothing, Written::Program))
    }

    /// Asks for the whole program.
    pub(super) async fn program(
        &mut self,
        message: &'static str,
        values: &(dyn Fn(usize) -> Value + Sync),
    ) -> Result<Written, GuidanceError> {
        let task = self.session.task;
        Ok(match self.code(message, task.defines().unwrap_or_default(), values).await? {
            Written::Program(code) => Written::Program(with_prelude(task, code)),
            other => other,
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
        // Part of the draws' seed: what stands for the usual prompt is kept from the first results on.
        let prompt = match config.prompt {
            PromptType::DeepseekInstruct => "short",
            other => other.name(),
        };
        let labels =
            [self.method, &temperature, prompt, &self.session.task.id, &retry.to_string(), message, &number];
        let (opening, texts) = match wanted {
            Wanted::Words => ("", Vec::new()),
            Wanted::Code => (FENCE.0, vec![FENCE.1.to_owned()]),
        };
        self.emit(&Event::Start {
            version: EVENT_VERSION,
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
                    heads: Vec::new(),
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
            let rendered = self.frame.render(&framed, ChatTemplate::of(model))?;
            let mut tokens = rendered.wrap_open.prompt(model, &[])?;
            tokens.extend(model.encode(&rendered.head, Encode::Plain)?);
            tokens.extend(rendered.wrap_close.tokens(model, &[])?);
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

    pub(super) fn emit(&mut self, event: &Event) {
        self.stats.observe(event);
        self.session.events.emit(event);
    }
}
