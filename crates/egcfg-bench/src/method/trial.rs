//! The programs of a [`Dialogue`]: the plain answer, judging by the shown tests, traced runs, and which program is best.

use std::time::Instant;

use egcfg_guidance::{
    Budget, Event, ExecutionEvent, ExecutorError, GuidanceError, Settings, best_of, generate, judge,
};
use egcfg_task::{Observation, Task, Test, TestResult};

use super::MethodOutcome;
use super::code::is_code;
use super::dialogue::Dialogue;
use super::tried::Tried;

impl Dialogue<'_> {
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
        self.emit(&Event::Verdict { passed, results: tried.results.clone() });
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
    pub(super) async fn holds(&mut self, program: &str, test: &Test) -> Result<bool, GuidanceError> {
        let task = self.session.task;
        let results = self.session.executor.judge(task, program, std::slice::from_ref(test)).await?;
        Ok(TestResult::all_pass(&results))
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
        Ok(MethodOutcome { program, shown, stats: self.stats, ..MethodOutcome::default() })
    }
}

/// A sandbox that failed says nothing about a program.
fn usable(results: &[TestResult]) -> Result<(), GuidanceError> {
    match egcfg_grade::trouble(results) {
        Some(message) => Err(ExecutorError(message).into()),
        None => Ok(()),
    }
}
