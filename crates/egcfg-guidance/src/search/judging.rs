//! What becomes of programs that a tree grew by: they are told, the new ones run, the attempts kept, and beginnings closed where the
//! runs say so.

use egcfg_model::StopReason;
use egcfg_task::TestResult;
use futures::future::try_join_all;

use super::closing::Ran;
use super::outcome::Judged;
use super::run::Searcher;
use crate::code::{definition, program_in};
use crate::error::GuidanceError;
use crate::event::{Event, EventSink as _, GrownEvent, Stop};
use crate::executor::ExecutorError;
use crate::session::{Attempt, Generation, Session};
use crate::tree::Grown;

impl Searcher<'_> {
    /// Tells what grew, runs what is new, and keeps the attempts.
    pub(super) async fn judge(
        &mut self,
        policy: &str,
        grown: Grown,
        guided: bool,
    ) -> Result<(), GuidanceError> {
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
            let mut attempt = Attempt { gamma: 0.0, retry: self.settings.retry, generation, results };
            let passed = attempt.passed();
            self.events.emit(&Event::Verdict { passed, results: attempt.results.clone() });
            attempt.generation.stats += self.events.take();
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
