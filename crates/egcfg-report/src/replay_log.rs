//! Reads an event log into a [`Replay`]. Logs of every version are read; a log that a kill cut short gives what it holds.

use std::path::Path;

use egcfg_guidance::{Event, ExecutionEvent};
use egcfg_results::event_log;
use egcfg_results::read::stop_words;
use egcfg_task::TestResult;

use crate::replay::{Candidate, Replay, Run, Signal, Step, Token, Verdict};

impl Replay {
    /// Reads a log, gzip or not. A log that is not there or holds nothing readable gives no replay.
    pub fn read(path: &Path) -> Option<Self> {
        let replay = Self::parse(&event_log::read(path)?);
        (!replay.steps.is_empty()).then_some(replay)
    }

    /// Builds a replay from a log's lines.
    pub fn parse(log: &str) -> Self {
        let mut reader = Reader::default();
        for line in log.lines().filter(|line| !line.trim().is_empty()) {
            match event_log::parse(line) {
                Some(event) => reader.take(event),
                None => reader.replay.skipped += 1,
            }
        }
        reader.finish()
    }
}

#[derive(Default)]
struct Reader {
    replay: Replay,
    step: Step,
    lines: usize,
    started: bool,
}

impl Reader {
    fn take(&mut self, event: Event) {
        match event {
            Event::Start { version, prompt_tokens, .. } => {
                if self.started {
                    self.close();
                    self.step.restart = true;
                    self.lines = 0;
                }
                self.started = true;
                self.replay.version = version;
                self.replay.prompt = prompt_tokens;
            }
            Event::Refresh { index, .. } => {
                if self.step.refresh.is_some() || !self.step.tokens.is_empty() {
                    self.close();
                }
                self.step.refresh = Some(index);
            }
            Event::Candidates { guided, candidates, .. } => {
                let list = candidates.into_iter().map(|c| Candidate {
                    id: c.id,
                    text: c.text,
                    finished: c.finished,
                    new: c.new_tokens,
                    kept: c.reused_tokens,
                    distinct: c.distinct,
                });
                (if guided { &mut self.step.second } else { &mut self.step.candidates }).extend(list);
            }
            Event::Executions { runs, .. } => self.step.runs.extend(runs.into_iter().map(run)),
            Event::Signal { entries, tokens, omitted_lines, text } => {
                self.step.signal = Some(Signal { entries, tokens, omitted: omitted_lines, text });
            }
            Event::Forward { .. } => self.step.forwards += 1,
            Event::Token { text, plain, guided, instead_of, heads, .. } => {
                let newlines = text.matches('\n').count();
                let h = heads.into_iter().map(|head| (head.text, head.plain, head.guided, head.blended));
                let round = |value: Option<f32>| value.map(|value| (value * 1e4).round() / 1e4);
                let (p, g) = (round(plain), round(guided));
                self.step.tokens.push(Token { t: text, p, g, i: instead_of, h: h.collect() });
                if newlines > 0 {
                    self.close();
                    self.lines += newlines;
                }
            }
            Event::Stopped { reason, program, .. } => {
                self.close();
                self.step.stop = Some(stop_words(reason));
                self.step.program = Some(program);
                self.close();
            }
            Event::Verdict { results, .. } => {
                let verdicts = results.iter().map(verdict).collect();
                match self.replay.steps.last_mut() {
                    Some(last) if last.stop.is_some() => last.verdicts = verdicts,
                    _ => self.step.verdicts = verdicts,
                }
            }
            Event::Warning { message } => self.replay.warnings.push(message),
            Event::SupportTruncated { .. } => self.step.truncated += 1,
            Event::GuidanceStarted { .. }
            | Event::Line { .. }
            | Event::Asked { .. }
            | Event::Grown { .. }
            | Event::Prompt { .. } => {}
        }
    }

    /// Ends the step, if anything happened in it.
    fn close(&mut self) {
        let empty = Step { restart: self.step.restart, ..Step::default() };
        if self.step != empty {
            let mut step = std::mem::take(&mut self.step);
            step.line = self.lines + 1;
            self.replay.steps.push(step);
        }
    }

    fn finish(mut self) -> Replay {
        self.close();
        self.replay.cut = self.replay.steps.iter().all(|step| step.stop.is_none());
        self.replay
    }
}

fn run(event: ExecutionEvent) -> Run {
    let verdicts = event.results.iter().map(verdict).collect();
    Run { id: event.id, program: event.program, cached: event.cached, verdicts }
}

fn verdict(result: &TestResult) -> Verdict {
    Verdict {
        v: result.verdict.to_string(),
        ok: result.verdict.passed(),
        e: result.error.clone(),
        got: result.got.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    const LOG: &str = r#"{"task":"t","event":"start","version":1,"task":"t","model":"m","config":"c","gamma":1.0,"retry":0,"seed":0,"prompt_tokens":9}
{"task":"t","event":"token","index":0,"id":1,"text":"def f(x):\n    ","plain":-0.1}
{"task":"t","event":"refresh","index":0,"position":1,"line":1}
{"task":"t","event":"candidates","guided":false,"candidates":[{"id":0,"text":"return 1","finished":true,"new_tokens":2,"reused_tokens":0,"distinct":true}],"usage":{"computed":1,"cached":2}}
{"task":"t","event":"executions","runs":[{"id":0,"program":"def f(x):\n    return 1\n","cached":false,"from_memory":false,"results":[{"verdict":{"kind":"wrong_answer"},"seconds":0.1,"got":"1"}]}],"seconds":0.2}
{"task":"t","event":"signal","entries":1,"tokens":5,"omitted_lines":0,"text":"block"}
{"task":"t","event":"token","index":1,"id":2,"text":"return","plain":-0.5,"guided":-0.25}
{"task":"t","event":"token","index":2,"id":3,"text":" 2","plain":-2.5,"guided":-0.25,"instead_of":" 1","heads":[{"text":" 2","plain":-2.5,"guided":-0.25,"blended":-0.25}]}
{"task":"t","event":"stopped","reason":"fence","tokens":3,"program":"def f(x):\n    return 2\n"}
{"task":"t","event":"verdict","passed":true,"results":[{"verdict":{"kind":"passed"},"seconds":0.1}]}"#;

    #[test]
    fn a_log_becomes_steps() {
        let replay = Replay::parse(LOG);
        assert_eq!((replay.version, replay.prompt, replay.skipped, replay.cut), (1, 9, 0, false));
        let kinds: Vec<(usize, Option<usize>, usize)> =
            replay.steps.iter().map(|step| (step.line, step.refresh, step.tokens.len())).collect();
        assert_eq!(kinds, [(1, None, 1), (2, Some(0), 2), (2, None, 0)]);
        let (line, end) = (&replay.steps[1], &replay.steps[2]);
        assert_eq!(line.tokens[1].i.as_deref(), Some(" 1"));
        assert_eq!(line.runs[0].verdicts[0].v, "wrong answer");
        assert_eq!((end.stop.as_deref(), end.verdicts[0].ok), (Some("end of the code block"), true));
    }

    #[test]
    fn a_cut_log_gives_what_it_holds() {
        let cut = &LOG[..LOG.find("instead_of").unwrap()];
        let replay = Replay::parse(cut);
        assert_eq!((replay.steps.len(), replay.skipped, replay.cut), (2, 1, true));
    }

    proptest! {
        #[test]
        fn any_order_of_lines_is_read_without_a_panic(order in proptest::collection::vec(0usize..10, 0..40)) {
            let lines: Vec<&str> = LOG.lines().collect();
            let log: Vec<&str> = order.iter().map(|index| lines[*index]).collect();
            let replay = Replay::parse(&log.join("\n"));
            let tokens: usize = replay.steps.iter().map(|step| step.tokens.len()).sum();
            prop_assert_eq!(tokens, order.iter().filter(|i| [1, 6, 7].contains(*i)).count());
        }
    }
}
