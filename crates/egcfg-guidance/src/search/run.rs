//! The loop of a search.

use std::collections::HashMap;

use egcfg_model::{ModelError, StopReason, TokenId};
use egcfg_task::{Policy, TestResult, derive_seed};
use futures::future::try_join_all;

use super::budget::{Budget, Limits, Purse};
use super::choosing::{Passing, answers};
use super::closing::{Ran, States};
use super::settings::Search;
use crate::code::{definition, program_in};
use crate::error::GuidanceError;
use crate::event::{EVENT_VERSION, Event, EventSink as _, GrownEvent, Stop};
use crate::executor::ExecutorError;
use crate::open::{self, Opened};
use crate::prompt::Prompt;
use crate::session::{Attempt, Generation, Session, Solution};
use crate::settings::Settings;
use crate::stats::Counting;
use crate::tree::{Grower, Grown, Shape, Tree};

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
    /// Its tokens, the one that ended it included.
    pub(crate) tokens: Vec<TokenId>,
    /// Natural log-probability of the tokens, in the tree that it grew in.
    pub(crate) log_prob: f64,
    /// The model ended it.
    pub(crate) finished: bool,
    /// It grew below a prompt with runs in it, in another tree than the one that is kept.
    pub(crate) guided: bool,
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

    /// The plain tree's programs, in the order in which they were grown. One that was drawn several times stands there as often.
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
        self.judged.iter().filter(|one| !one.guided).map(program).collect()
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

pub(super) struct Searcher<'a> {
    pub(super) session: Session<'a>,
    pub(super) settings: &'a Settings,
    search: &'a Search,
    /// Label of the draws' seeds.
    draws: &'a str,
    pub(super) events: Counting<'a>,
    pub(super) prompt: Prompt,
    pub(super) grower: Grower<'a>,
    pub(super) tree: Tree,
    purse: Purse,
    solution: Solution,
    pub(super) judged: Vec<Judged>,
    /// Results by normal form: equal programs run once.
    known: HashMap<String, Vec<TestResult>>,
    states: States,
    solved: bool,
    exhausted: bool,
}

impl<'a> Searcher<'a> {
    pub(super) async fn begin(
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
            states: States::default(),
            solved: false,
            exhausted: false,
        })
    }

    async fn run(mut self) -> Result<Searched, GuidanceError> {
        self.explore().await?;
        self.finish().await
    }

    /// Goes on under other limits.
    pub(super) fn limit(&mut self, limits: Limits) {
        self.purse.limit(limits);
    }

    /// A program passes, and that is enough; or nothing is left to spend.
    pub(super) fn over(&self) -> bool {
        self.solved && self.search.ends_on_pass() || self.purse.width(1) == 0
    }

    /// States of another tree say nothing about this one's nodes.
    pub(super) fn forget_states(&mut self) {
        self.states = States::default();
    }

    /// Grows the tree until its limits, or a program that passes.
    pub(super) async fn explore(&mut self) -> Result<(), GuidanceError> {
        let search = self.search;
        let greedy = search.greedy_first && matches!(search.policy, Policy::Independent | Policy::Unique);
        if greedy && self.judged.is_empty() {
            let rows = search.policy == Policy::Unique;
            let grown = self.grower.greedy(&mut self.tree, rows, self.purse.each(1)).await?;
            self.judge("greedy", grown, false).await?;
        }
        let grower = self.grower.clone();
        while !self.over() {
            if !self.step(&grower, false).await? {
                self.exhausted = true;
                break;
            }
        }
        Ok(())
    }

    /// Grows by one batch and judges it; false where the tree holds nothing more.
    pub(super) async fn step(&mut self, grower: &Grower<'_>, guided: bool) -> Result<bool, GuidanceError> {
        let search = self.search;
        let width = self.purse.width(search.width);
        let seeds = self.seeds(width);
        // The width of a beam is no number of programs that share the rest.
        let beam = matches!(search.policy, Policy::Beam | Policy::NormalisedBeam);
        let most = self.purse.each(if beam { 1 } else { width });
        let grown = grower.grow(&mut self.tree, search.policy, &seeds, search.bonus, most).await?;
        if grown.leaves.is_empty() {
            return Ok(false);
        }
        self.judge(search.policy.name(), grown, guided).await?;
        Ok(true)
    }

    pub(super) async fn finish(mut self) -> Result<Searched, GuidanceError> {
        self.choose().await?;
        let truncated = self.tree.truncated();
        if truncated > 0 {
            let message = format!(
                "the model's lists are shorter than the nucleus at {truncated} of {} tokens: programs may be missing",
                self.tree.nodes()
            );
            self.events.emit(&Event::Warning { message });
        }
        let Self { solution, tree, prompt, judged, exhausted, .. } = self;
        Ok(Searched { solution, tree, exhausted, prompt, judged })
    }

    /// Says which program was the answer from when on. What choosing cost stands on the last attempt.
    async fn choose(&mut self) -> Result<(), GuidanceError> {
        let mut spent = 0;
        let mut passing: Vec<Passing> = Vec::new();
        for (at, (attempt, judged)) in self.solution.attempts.iter().zip(&self.judged).enumerate() {
            spent += attempt.generation.stats.generated_tokens();
            if attempt.passed() {
                let log_prob = judged.log_prob;
                let (program, normal) = (judged.program.clone(), judged.normal.clone());
                passing.push(Passing { attempt: at, tokens: spent, log_prob, program, normal });
            }
        }
        self.solution.answers = answers(self.session, &self.events, self.search.choosing, &passing).await?;
        let cost = self.events.take();
        if let Some(last) = self.solution.attempts.last_mut() {
            last.generation.stats += cost;
        }
        Ok(())
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

    /// Tells what grew, runs what is new, and keeps the attempts.
    async fn judge(&mut self, policy: &str, grown: Grown, guided: bool) -> Result<(), GuidanceError> {
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
        let runs = fresh.iter().map(|at| self.run_one(&programs[*at]));
        for (at, results) in fresh.iter().zip(try_join_all(runs).await?) {
            usable(&results)?;
            self.known.insert(normals[*at].clone(), results);
        }

        for (place, ((number, new_tokens), program)) in grown.leaves.iter().zip(programs).enumerate() {
            let results = self.known.get(&normals[place]).cloned().unwrap_or_default();
            let leaf = &self.tree.leaves()[*number];
            let stop = if leaf.stop == StopReason::Length { Stop::Length } else { leaf.stop.into() };
            let (tokens, log_prob, finished) = (leaf.tokens.clone(), leaf.log_prob, leaf.finished());
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
            self.judged.push(Judged {
                leaf: *number,
                program,
                normal,
                passes: attempt.passes(),
                tokens: attempt.generation.tokens.clone(),
                log_prob,
                finished,
                guided,
            });
            self.solution.attempts.push(attempt);
            self.solved |= passed;
        }
        for ((number, _), (text, judged)) in
            grown.leaves.iter().zip(texts.iter().zip(self.new_programs(grown.leaves.len())))
        {
            self.close_by(*number, text, &judged);
        }
        Ok(())
    }

    /// The programs judged last.
    fn new_programs(&self, count: usize) -> Vec<String> {
        self.judged[self.judged.len() - count..].iter().map(|one| one.program.clone()).collect()
    }

    /// Runs a program on the shown tests, traced where its run is to say something about its beginnings.
    async fn run_one(&self, program: &str) -> Result<Vec<TestResult>, GuidanceError> {
        let Session { executor, task, cache, .. } = self.session;
        if !self.search.dead_ends && !self.search.equal_states {
            return Ok(executor.judge(task, program, &task.shown_tests).await?);
        }
        let seen = match cache.get(program) {
            Some(known) => known,
            None => cache.insert(program.to_owned(), executor.observe(task, program).await?),
        };
        Ok(seen.iter().map(|own| own.result.clone()).collect())
    }

    /// Closes what a leaf's run says need not be grown.
    fn close_by(&mut self, leaf: usize, text: &str, program: &str) {
        let (dead_ends, equal_states) = (self.search.dead_ends, self.search.equal_states);
        let Some(seen) = self.session.cache.get(program).filter(|_| dead_ends || equal_states) else {
            return;
        };
        let ran = Ran {
            task: self.session.task,
            model: self.session.model,
            python: self.settings.python,
            opening: self.prompt.code_prefix.len(),
            text,
            program,
            observations: &seen,
            leaf: self.tree.leaves()[leaf].node,
        };
        if let Some(node) = ran.dead_end(&self.tree).filter(|_| dead_ends) {
            self.tree.close(node);
        }
        if equal_states {
            for (state, node) in ran.states(&self.tree) {
                self.states.meet(&mut self.tree, state, node);
            }
        }
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
