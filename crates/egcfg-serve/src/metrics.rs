//! Counters in Prometheus' text form: requests by path and status, their latency, tokens, executions and verdicts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use egcfg_guidance::Event;
use egcfg_task::Verdict;

use crate::admission::Admission;

/// Upper bounds of the latency histogram in seconds.
const BOUNDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];

/// All counters of a server.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    latency: Mutex<BTreeMap<&'static str, Histogram>>,
    verdicts: Mutex<BTreeMap<&'static str, u64>>,
    prompt_tokens: AtomicU64,
    generated_tokens: AtomicU64,
    cached_tokens: AtomicU64,
    executions: AtomicU64,
    cancelled: AtomicU64,
    solved: AtomicU64,
    unsolved: AtomicU64,
}

#[derive(Debug, Default)]
struct Histogram {
    counts: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, path: &'static str, status: u16, took: Duration) {
        *lock(&self.requests).entry((path, status)).or_default() += 1;
        let mut latency = lock(&self.latency);
        let histogram = latency.entry(path).or_default();
        let seconds = took.as_secs_f64();
        for (count, bound) in histogram.counts.iter_mut().zip(BOUNDS) {
            *count += u64::from(seconds <= bound);
        }
        histogram.count += 1;
        histogram.sum += seconds;
    }

    /// A client went away before its answer.
    pub(crate) fn cancelled(&self) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    /// What a request cost.
    pub(crate) fn tokens(&self, prompt: usize, generated: usize, cached: usize) {
        self.prompt_tokens.fetch_add(prompt as u64, Ordering::Relaxed);
        self.generated_tokens.fetch_add(generated as u64, Ordering::Relaxed);
        self.cached_tokens.fetch_add(cached as u64, Ordering::Relaxed);
    }

    /// A guided request ended.
    pub(crate) fn guided(&self, solved: bool) {
        let counter = if solved { &self.solved } else { &self.unsolved };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A program ran by itself.
    pub(crate) fn ran(&self, verdict: &Verdict) {
        self.executions.fetch_add(1, Ordering::Relaxed);
        *lock(&self.verdicts).entry(label(verdict)).or_default() += 1;
    }

    /// Counts executions and verdicts.
    pub(crate) fn observe(&self, event: &Event) {
        match event {
            Event::Executions { runs, .. } => {
                let fresh = runs.iter().filter(|run| !run.cached);
                let mut verdicts = lock(&self.verdicts);
                for run in fresh {
                    self.executions.fetch_add(1, Ordering::Relaxed);
                    for result in &run.results {
                        *verdicts.entry(label(&result.verdict)).or_default() += 1;
                    }
                }
            }
            Event::Verdict { results, .. } => {
                let mut verdicts = lock(&self.verdicts);
                self.executions.fetch_add(1, Ordering::Relaxed);
                for result in results {
                    *verdicts.entry(label(&result.verdict)).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// All counters as text.
    pub(crate) fn text(&self, admission: &Admission, runs: &Admission) -> String {
        let mut text = String::new();
        head(&mut text, "egcfg_requests_total", "counter", "Requests answered, by path and status.");
        for ((path, status), count) in &*lock(&self.requests) {
            let _ = writeln!(text, "egcfg_requests_total{{path=\"{path}\",status=\"{status}\"}} {count}");
        }
        let name = "egcfg_request_seconds";
        head(&mut text, name, "histogram", "Time to the whole answer, streams to their beginning.");
        for (path, histogram) in &*lock(&self.latency) {
            for (bound, count) in BOUNDS.iter().zip(histogram.counts) {
                let _ = writeln!(text, "{name}_bucket{{path=\"{path}\",le=\"{bound}\"}} {count}");
            }
            let Histogram { count, sum, .. } = histogram;
            let _ = writeln!(text, "{name}_bucket{{path=\"{path}\",le=\"+Inf\"}} {count}");
            let _ = writeln!(text, "{name}_sum{{path=\"{path}\"}} {sum}");
            let _ = writeln!(text, "{name}_count{{path=\"{path}\"}} {count}");
        }
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (name, kind, help, value) in [
            ("egcfg_in_flight", "gauge", "Requests at work.", admission.working() as u64),
            (
                "egcfg_queued",
                "gauge",
                "Requests that wait for their turn.",
                admission.present().saturating_sub(admission.working()) as u64,
            ),
            ("egcfg_runs_in_flight", "gauge", "Requests at work without a model.", runs.working() as u64),
            (
                "egcfg_runs_queued",
                "gauge",
                "Such requests that wait for their turn.",
                runs.present().saturating_sub(runs.working()) as u64,
            ),
            ("egcfg_prompt_tokens_total", "counter", "Prompt tokens.", get(&self.prompt_tokens)),
            ("egcfg_generated_tokens_total", "counter", "Tokens generated.", get(&self.generated_tokens)),
            ("egcfg_cached_tokens_total", "counter", "Tokens reused.", get(&self.cached_tokens)),
            ("egcfg_cancelled_total", "counter", "Clients that went away.", get(&self.cancelled)),
            ("egcfg_executions_total", "counter", "Programs run.", get(&self.executions)),
            ("egcfg_solved_total", "counter", "Guided requests whose program passes.", get(&self.solved)),
            ("egcfg_unsolved_total", "counter", "Guided requests without one.", get(&self.unsolved)),
        ] {
            head(&mut text, name, kind, help);
            let _ = writeln!(text, "{name} {value}");
        }
        head(&mut text, "egcfg_verdicts_total", "counter", "Verdicts of programs on tests, by kind.");
        for (verdict, count) in &*lock(&self.verdicts) {
            let _ = writeln!(text, "egcfg_verdicts_total{{verdict=\"{verdict}\"}} {count}");
        }
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A verdict's kind, without what varies.
fn label(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::WrongAnswer => "wrong_answer",
        Verdict::AssertionFailed => "assertion_failed",
        Verdict::Exception { .. } => "exception",
        Verdict::SyntaxError => "syntax_error",
        Verdict::Timeout { .. } => "timeout",
        Verdict::MemoryExceeded => "memory_exceeded",
        Verdict::OutputExceeded => "output_exceeded",
        Verdict::ProcessLimit => "process_limit",
        Verdict::Killed { .. } => "killed",
        Verdict::ExitedEarly { .. } => "exited_early",
        Verdict::Forged => "forged",
        Verdict::InvalidTest { .. } => "invalid_test",
        Verdict::Unfinished => "unfinished",
        Verdict::SandboxUnavailable => "sandbox_unavailable",
        Verdict::HarnessError => "harness_error",
    }
}
