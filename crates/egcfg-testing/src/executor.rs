//! An executor that runs nothing: a rule says what comes of a program on a test.

use std::sync::{Mutex, MutexGuard, PoisonError};

use egcfg_guidance::{Executor, ExecutorError};
use egcfg_task::{
    Backend, Event, Local, Observation, Outcome, Step, TRACE_VERSION, Task, Test, TestResult, Trace, Verdict,
};
use futures::future::{BoxFuture, ready};

type Rule = Box<dyn Fn(&Task, &Test, &str) -> Observation + Send + Sync>;

/// Answers from a rule over task, test and program, and keeps the programs that it was given.
pub struct ScriptedExecutor {
    rule: Rule,
    observed: Mutex<Vec<String>>,
    judged: Mutex<Vec<String>>,
}

impl ScriptedExecutor {
    /// An executor whose whole observation is computed by a rule.
    pub fn new(rule: impl Fn(&Task, &Test, &str) -> Observation + Send + Sync + 'static) -> Self {
        Self { rule: Box::new(rule), observed: Mutex::default(), judged: Mutex::default() }
    }

    /// One whose programs pass all tests or fail all; every run returns 7 and leaves a [`short_trace`].
    pub fn passing(passes: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::new(move |_, _, program| {
            let verdict = if passes(program) { Verdict::Passed } else { Verdict::WrongAnswer };
            let result = TestResult { got: Some("7".into()), ..result(verdict) };
            Observation { result, trace: Some(short_trace(program)) }
        })
    }

    /// One whose verdicts depend on the program and the test's text; nothing is traced.
    pub fn verdicts(rule: impl Fn(&str, &Test) -> Verdict + Send + Sync + 'static) -> Self {
        Self::new(move |_, test, program| Observation { result: result(rule(program, test)), trace: None })
    }

    /// The programs that were observed, in order.
    pub fn observed(&self) -> Vec<String> {
        lock(&self.observed).clone()
    }

    /// The programs that were judged, in order.
    pub fn judged(&self) -> Vec<String> {
        lock(&self.judged).clone()
    }
}

impl Executor for ScriptedExecutor {
    fn observe<'a>(
        &'a self,
        task: &'a Task,
        program: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Observation>, ExecutorError>> {
        lock(&self.observed).push(program.to_owned());
        let seen = task.shown_tests.iter().map(|test| (self.rule)(task, test, program)).collect();
        Box::pin(ready(Ok(seen)))
    }

    fn judge<'a>(
        &'a self,
        task: &'a Task,
        program: &'a str,
        tests: &'a [Test],
    ) -> BoxFuture<'a, Result<Vec<TestResult>, ExecutorError>> {
        lock(&self.judged).push(program.to_owned());
        let results = tests.iter().map(|test| (self.rule)(task, test, program).result).collect();
        Box::pin(ready(Ok(results)))
    }
}

fn lock(programs: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    programs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A result with this verdict and nothing else to say.
pub fn result(verdict: Verdict) -> TestResult {
    TestResult { verdict, seconds: 0.001, error: None, got: None, unproven: false, flaky: false }
}

/// A call and a return of `f(1)` whose variable `a` counts the program's lines, so that traces of programs of different
/// length differ.
pub fn short_trace(program: &str) -> Trace {
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
    Trace {
        version: TRACE_VERSION,
        backend: Backend::Settrace,
        python: "3.11".into(),
        invocation: "f(1)".into(),
        steps: vec![
            step(Event::Call, &[("x", "1")], None),
            step(Event::Return, &[("x", "1"), ("a", &lines)], Some(Outcome::Returned("7".into()))),
        ],
        cut: None,
    }
}
