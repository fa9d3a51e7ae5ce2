//! The loop of a search.

use std::collections::HashMap;

use egcfg_model::ModelError;
use egcfg_task::{Policy, TestResult, derive_seed};

use super::budget::{Budget, Limits, Purse};
use super::choosing::{Passing, answers};
use super::closing::States;
use super::outcome::{Judged, Searched};
use super::settings::Search;
use crate::error::GuidanceError;
use crate::event::{EVENT_VERSION, Event, EventSink as _};
use crate::open::{self, Opened};
use crate::prompt::Prompt;
use crate::session::{Session, Solution};
use crate::settings::Settings;
use crate::stats::Counting;
use crate::tree::{Grower, Shape, Tree};

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
    pub(super) search: &'a Search,
    /// Label of the draws' seeds.
    pub(super) draws: &'a str,
    pub(super) events: Counting<'a>,
    pub(super) prompt: Prompt,
    pub(super) grower: Grower<'a>,
    pub(super) tree: Tree,
    pub(super) purse: Purse,
    pub(super) solution: Solution,
    pub(super) judged: Vec<Judged>,
    /// Results by normal form: equal programs run once.
    pub(super) known: HashMap<String, Vec<TestResult>>,
    pub(super) states: States,
    pub(super) solved: bool,
    pub(super) exhausted: bool,
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
}
