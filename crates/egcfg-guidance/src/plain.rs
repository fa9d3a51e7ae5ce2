//! Plain decoding: the answer up to the entry point's definition, and all of it at gamma = 0. Greedy, in few requests.

use egcfg_model::{Continuation, SampleRequest, StopReason, StopRule};

use crate::code::last_bytes;
use crate::error::GuidanceError;
use crate::event::{Event, Stop};
use crate::generate::{Decision, Run};

impl Run<'_> {
    /// Writes greedily until the answer defines the entry point. `Some` when it ended before it did.
    pub(crate) async fn write_to_definition(&mut self) -> Result<Option<Stop>, GuidanceError> {
        let marks = match self.session.task.defines() {
            Some(name) => vec![format!("def {name}"), format!("class {name}")],
            None => vec!["```".to_owned()],
        };
        let mut texts = marks.clone();
        // In an answer that began inside a code block, the end of the block ends the answer.
        if self.prompt.fence_open {
            texts.extend(self.session.template.end.iter().cloned());
        }
        while !self.enter_code() {
            if self.left() == 0 {
                return Ok(Some(Stop::Length));
            }
            // Right after "def name" the parenthesis is still to come, after a fence the language and the line's end: one token
            // at a time until it is clear.
            let line = self.answer.text().rsplit('\n').next().unwrap_or_default();
            let near = marks.iter().any(|mark| line.ends_with(mark.as_str()))
                || (self.session.task.defines().is_none() && line.contains("```"));
            if let Some(stop) = self.write(if near { 1 } else { usize::MAX }, &texts).await? {
                return Ok(Some(stop));
            }
        }
        Ok(None)
    }

    /// Writes greedily to the end.
    pub(crate) async fn write_plainly(&mut self) -> Result<Stop, GuidanceError> {
        let texts = self.session.template.end.clone();
        loop {
            if let Some(stop) = self.write(usize::MAX, &texts).await? {
                return Ok(stop);
            }
        }
    }

    /// One greedy request; `Some` when the answer is over.
    async fn write(&mut self, limit: usize, texts: &[String]) -> Result<Option<Stop>, GuidanceError> {
        let longest = texts.iter().map(String::len).max().unwrap_or(1);
        let max_tokens = limit.min(self.max_new - self.answer.tokens.len()).min(self.left());
        let request = SampleRequest {
            context: self.streams.plain.clone(),
            continuations: vec![Continuation {
                prefix: self.answer.tokens.clone(),
                tail: last_bytes(self.answer.text(), longest.saturating_sub(1)).to_owned(),
                seed: 0,
                stop: StopRule { max_tokens, newlines: None, texts: texts.to_vec() },
            }],
            temperature: 0.0,
            top_p: 1.0,
            want_distributions: false,
        };
        let (samples, usage) = self.session.model.sample(request).await?;
        self.emit(&Event::Forward { guided: false, drafts: 0, usage });
        let mut stop = None;
        for sample in samples {
            for (token, log_prob) in sample.tokens.iter().zip(&sample.log_probs) {
                stop = self.accept(Decision {
                    token: *token,
                    plain: Some(*log_prob),
                    guided: None,
                    instead_of: None,
                    heads: Vec::new(),
                });
                if stop.is_some() {
                    return Ok(stop);
                }
            }
            // Nothing came although more was allowed: the context is full.
            if sample.stop == StopReason::Length && sample.tokens.len() < max_tokens {
                stop = Some(Stop::Length);
            }
        }
        Ok(stop)
    }
}
