//! The loop of a search.

use std::collections::HashMap;

use egcfg_model::{ModelError, StopReason, TokenId};
use egcfg_task::{TestResult, derive_seed};
use futures::future::try_join_all;

use super::budget::{Budget, Limits, Purse};
use super::settings::Search;
use crate::code::{definition, program_in};
use crate::error::GuidanceError;
use crate::event::{Counting, EVENT_VERSION, Event, EventSink as _, GrownEvent, Stop};
use crate::executor::ExecutorError;
use crate::generate::{Generation, Session};
use crate::open::{self, Opened};
use crate::prompt::Prompt;
use crate::settings::Settings;
use crate::solve::{Attempt, Solution};
use crate::tree::{Grower, Grown, Policy, Shape, Tree};

/// A program of the tree and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    /// Number of the leaf.
    pub(crate) leaf: usize,
    /// The program.
    pub(crate) program: String,
    /// Its normal form.
    pub(crate) normal: String,
    /// Shown tests that pass.
    pub(crate) passes: usize,
}

/// A program of a searched tree, with all that training on it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Its tokens after the prompt, the end mark or end-of-text token included.
    pub tokens: Vec<TokenId>,
    /// Natural log-probability of each token under the model.
    pub log_probs: Vec<f32>,
    /// The text that was judged.
    pub text: String,
    /// The text in normal form; the text itself where it is no valid program.
    pub normal: String,
    /// The model ended it.
    pub finished: bool,
    /// Shown tests that it passes.
    pub passes: usize,
}

impl Searched {
    /// Tokens of the prompt below which the tree grew.
    pub fn prompt_tokens(&self) -> Vec<TokenId> {
        self.prompt.plain()
    }

    /// The programs, in the order in which they were grown. One that was drawn several times stands there as often.
    pub fn programs(&self) -> Vec<Program> {
        let program = |one: &Judged| {
            let leaf = &self.tree.leaves()[one.leaf];
            Program {
                tokens: leaf.tokens.clone(),
                log_probs: self.tree.log_probs(one.leaf),
                text: one.program.clone(),
                normal: one.normal.clone(),
                finished: leaf.finished(),
                passes: one.passes,
            }
        };
        self.judged.iter().map(program).collect()
    }
}

/// The tokens of a task's plain prompt.
pub fn prompt_tokens(session: Session<'_>) -> Result<Vec<TokenId>, GuidanceError> {
    let rendered = crate::prompt::render(session.model, session.template, session.task)?;
    Ok(Prompt::build(session.model, &rendered, None)?.plain())
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Searched {
    /// Every program that was judged, in order.
    pub solution: Solution,
    /// The tree as it stands.
    pub tree: Tree,
    /// The tree holds nothing more: the search ended before its limits did.
    pub exhausted: bool,
    pub(crate) prompt: Prompt,
    pub(crate) judged: Vec<Judged>,
}

/// Draws whole answers from the plain stream, one after the other, until one passes every shown test or the budget is spent.
/// Temperature and top-p are those of the settings' candidates.
pub async fn best_of(
    session: Session<'_>,
    settings: &Settings,
    budget: Budget,
) -> Result<Solution, GuidanceError> {
    best_of_batched(session, settings, budget, 1).await
}

/// As [`best_of`], `width` draws in one batch: the same programs in less time, but up to `width - 1` of them after the one that
/// passes.
pub async fn best_of_batched(
    session: Session<'_>,
    settings: &Settings,
    budget: Budget,
    width: usize,
) -> Result<Solution, GuidanceError> {
    let limits = match budget {
        Budget::Samples(most) => Limits { programs: Some(most), ..Limits::default() },
        Budget::Tokens(most) => Limits { tokens: Some(most), whole: true, ..Limits::default() },
    };
    let search =
        Search { policy: Policy::Independent, width, greedy_first: false, limits, ..Search::default() };
    let name = format!("best_of_t{}", settings.config.temperature);
    Ok(Searcher::begin(session, settings, &search, &name, "best_of").await?.run().await?.solution)
}

/// Searches the task's tree.
pub async fn search(
    session: Session<'_>,
    settings: &Settings,
    search: &Search,
) -> Result<Searched, GuidanceError> {
    let name = format!("search_{}_t{}", search.policy, settings.config.temperature);
    Searcher::begin(session, settings, search, &name, search.policy.name()).await?.run().await
}

struct Searcher<'a> {
    session: Session<'a>,
    settings: &'a Settings,
    search: &'a Search,
    /// Label of the draws' seeds.
    draws: &'a str,
    events: Counting<'a>,
    prompt: Prompt,
    grower: Grower<'a>,
    tree: Tree,
    purse: Purse,
    solution: Solution,
    judged: Vec<Judged>,
    /// Results by normal form: equal programs run once.
    known: HashMap<String, Vec<TestResult>>,
}

impl<'a> Searcher<'a> {
    async fn begin(
        session: Session<'a>,
        settings: &'a Settings,
        search: &'a Search,
        name: &str,
        draws: &'a str,
    ) -> Result<Self, GuidanceError> {
        let opened: Opened = open::prompt(session, settings.opened).await?;
        let told = opened.events(session.events.wants_prompts());
        let prompt = opened.prompt;
        let (model, context) = (session.model, session.model.info().context);
        if context < prompt.len() + 2 {
            return Err(ModelError::ContextOverflow { needed: prompt.len() + 2, context }.into());
        }
        let longest = settings.max_new_tokens(session.task.form).min(context - prompt.len() - 1);
        // Inside an opened code block its end ends the answer; an answer that talks first is read to its end of text.
        let ends = &session.template.end;
        let texts = if prompt.fence_open || !ends.iter().any(|e| e.contains("```")) {
            ends.clone()
        } else {
            Vec::new()
        };
        let grower =
            Grower { model, context: prompt.plain(), opening: prompt.code_prefix.clone(), texts, longest };
        let shape = Shape { temperature: settings.config.temperature.get(), top_p: settings.top_p };
        let events = Counting::new(session.events);
        events.emit(&Event::Start {
            version: EVENT_VERSION,
            model: model.info().name.clone(),
            config: name.to_owned(),
            gamma: 0.0,
            retry: settings.retry,
            seed: settings.seed,
            prompt_tokens: prompt.len(),
        });
        for event in told {
            events.emit(&event);
        }
        Ok(Self {
            session,
            settings,
            search,
            draws,
            events,
            prompt,
            grower,
            tree: Tree::new(shape),
            purse: Purse::new(search.limits),
            solution: Solution::default(),
            judged: Vec::new(),
            known: HashMap::new(),
        })
    }

    async fn run(mut self) -> Result<Searched, GuidanceError> {
        let search = self.search;
        let mut exhausted = false;
        let greedy = search.greedy_first && matches!(search.policy, Policy::Independent | Policy::Unique);
        let mut solved = false;
        if greedy {
            let rows = search.policy == Policy::Unique;
            let grown = self.grower.greedy(&mut self.tree, rows, self.purse.each(1)).await?;
            solved = self.judge("greedy", grown).await?;
        }
        while !(solved && search.stop_on_pass) {
            let width = self.purse.width(search.width);
            if width == 0 {
                break;
            }
            let seeds = self.seeds(width);
            // The width of a beam is no number of programs that share the rest.
            let beam = matches!(search.policy, Policy::Beam | Policy::NormalisedBeam);
            let most = self.purse.each(if beam { 1 } else { width });
            let grown = self.grower.grow(&mut self.tree, search.policy, &seeds, search.bonus, most).await?;
            if grown.leaves.is_empty() {
                exhausted = true;
                break;
            }
            solved |= self.judge(search.policy.name(), grown).await?;
        }
        let truncated = self.tree.truncated();
        if truncated > 0 {
            let message = format!(
                "the model's lists are shorter than the nucleus at {truncated} of {} tokens: programs may be missing",
                self.tree.nodes()
            );
            self.events.emit(&Event::Warning { message });
        }
        let Self { solution, tree, prompt, judged, .. } = self;
        Ok(Searched { solution, tree, exhausted, prompt, judged })
    }

    /// Seeds of the next draws: they depend on the task, the retry and the draw's number alone.
    fn seeds(&self, width: usize) -> Vec<u64> {
        let retry = self.settings.retry.to_string();
        let first = self.solution.attempts.len();
        (first..first + width)
            .map(|number| {
                let number = number.to_string();
                derive_seed(self.settings.seed, &[self.draws, &self.session.task.id, &retry, &number])
            })
            .collect()
    }

    /// Tells what grew, runs what is new, and keeps the attempts. Whether one passes.
    async fn judge(&mut self, policy: &str, grown: Grown) -> Result<bool, GuidanceError> {
        let texts: Vec<String> = grown.leaves.iter().map(|(leaf, _)| self.text(*leaf)).collect();
        let programs: Vec<GrownEvent> = grown
            .leaves
            .iter()
            .zip(&texts)
            .map(|((number, new_tokens), text)| {
                let leaf = &self.tree.leaves()[*number];
                GrownEvent {
                    id: *number,
                    text: text.clone(),
                    finished: leaf.finished(),
                    new_tokens: *new_tokens,
                    shared_tokens: leaf.tokens.len().saturating_sub(*new_tokens),
                    log_prob: leaf.log_prob,
                }
            })
            .collect();
        self.purse.spend(programs.len(), programs.iter().map(|p| p.new_tokens).sum());
        self.events.emit(&Event::Grown { policy: policy.to_owned(), programs, usage: grown.usage });
        let batch = self.events.take();

        let task = self.session.task;
        let (opened, ends) = (self.prompt.fence_open, &self.session.template.end);
        let programs: Vec<String> =
            texts.iter().map(|text| program_in(text, opened, ends, task.defines())).collect();
        let normals: Vec<String> = programs.iter().map(|program| self.normal(program)).collect();
        let mut fresh: Vec<usize> = Vec::new();
        for at in 0..normals.len() {
            let seen = fresh.iter().any(|other| normals[*other] == normals[at]);
            if !seen && !self.known.contains_key(&normals[at]) {
                fresh.push(at);
            }
        }
        let executor = self.session.executor;
        let runs = fresh.iter().map(|at| executor.judge(task, &programs[*at], &task.shown_tests));
        for (at, results) in fresh.iter().zip(try_join_all(runs).await?) {
            usable(&results)?;
            self.known.insert(normals[*at].clone(), results);
        }

        let mut solved = false;
        for (place, ((number, new_tokens), program)) in grown.leaves.iter().zip(programs).enumerate() {
            let results = self.known.get(&normals[place]).cloned().unwrap_or_default();
            let leaf = &self.tree.leaves()[*number];
            let stop = if leaf.stop == StopReason::Length { Stop::Length } else { leaf.stop.into() };
            let tokens = leaf.tokens.clone();
            let began = task.defines().is_none_or(|name| definition(&texts[place], name).is_some());
            self.events.emit(&Event::Stopped {
                reason: stop,
                tokens: tokens.len(),
                program: program.clone(),
            });
            // What the batch cost beside tokens stands on its first program.
            let mut stats = if place == 0 { batch } else { crate::stats::Stats::default() };
            stats.sampled_tokens = *new_tokens;
            let answer = texts[place].clone();
            let generation = Generation { program: program.clone(), answer, tokens, stop, began, stats };
            let attempt = Attempt { gamma: 0.0, retry: self.settings.retry, generation, results };
            let passed = attempt.passed();
            self.events.emit(&Event::Verdict { passed, results: attempt.results.clone() });
            let share = attempt.passes() as f64 / attempt.results.len().max(1) as f64;
            self.tree.reward(*number, share);
            let normal = normals[place].clone();
            self.judged.push(Judged { leaf: *number, program, normal, passes: attempt.passes() });
            self.solution.attempts.push(attempt);
            solved |= passed;
        }
        Ok(solved)
    }

    /// A leaf's answer as text, the opened code before it included.
    fn text(&self, leaf: usize) -> String {
        let model = self.session.model;
        let ends = &model.info().end_tokens;
        let tokens = self.tree.leaves()[leaf].tokens.iter().filter(|token| !ends.contains(token));
        let bytes: Vec<u8> = tokens.flat_map(|token| model.token_bytes(*token)).copied().collect();
        self.prompt.code_prefix.clone() + &String::from_utf8_lossy(&bytes)
    }

    fn normal(&self, program: &str) -> String {
        egcfg_python::normal_form(program, self.settings.python).unwrap_or_else(|| program.to_owned())
    }
}

/// A sandbox that failed says nothing about a program.
fn usable(results: &[TestResult]) -> Result<(), GuidanceError> {
    match results.iter().find(|result| result.verdict.is_infrastructure()) {
        Some(broken) => {
            Err(ExecutorError(broken.error.clone().unwrap_or_else(|| broken.verdict.to_string())).into())
        }
        None => Ok(()),
    }
}
