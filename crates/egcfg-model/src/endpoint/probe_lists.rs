//! The part of the probe that is about numbers: how long lists are, what one request may ask for, whether log-probabilities are
//! those before the temperature.

use crate::api::TokenId;
use crate::endpoint::ask::Ask;
use crate::endpoint::dialect::Dialect;
use crate::endpoint::probe::Probe;
use crate::error::ModelError;

/// Lists tried, longest first.
const LENGTHS: [usize; 6] = [100, 50, 20, 10, 5, 1];
/// Vocabularies of at most this many entries are asked for whole where lists may have any length.
const WHOLE: usize = 4096;

impl Probe<'_> {
    /// How long lists may be.
    pub(super) async fn lists(&mut self) -> Result<(), ModelError> {
        let whole = self.caps.vocab.filter(|vocab| *vocab <= WHOLE);
        let unlimited = matches!(self.caps.dialect, Dialect::LlamaCpp | Dialect::Egcfg);
        let first = self.transport.options().top.or(whole.filter(|_| unlimited));
        let lengths =
            first.into_iter().chain(LENGTHS.into_iter().filter(|length| first.is_none_or(|f| *length < f)));
        let mut last = String::new();
        for length in lengths {
            let ask = Ask { top: length, ..self.ask() };
            match self.attempt(&ask).await? {
                Ok(answer) => {
                    let row = answer.choices.first().and_then(|choice| choice.rows.first());
                    let came = row.map_or(0, |row| row.entries().count());
                    if came == 0 {
                        "the server sent an empty list of log-probabilities".clone_into(&mut last);
                        continue;
                    }
                    // Some servers cap in silence.
                    self.caps.top = if came + 1 < length { came } else { length };
                    self.caps.reports_cache = answer.cached.is_some();
                    return Ok(());
                }
                Err(said) => last = said,
            }
        }
        Err(self.transport.bad("no log-probabilities, without which nothing can be guided", last))
    }

    /// Several prompts, several completions, scored prompts, chosen tokens.
    pub(super) async fn prompts(&mut self) -> Result<(), ModelError> {
        let two = vec![self.prompt.clone(), self.prompt.clone()];
        self.caps.lists = self.attempt(&Ask { prompts: two, ..self.ask() }).await?.is_ok();
        self.caps.prompts_per_request = if self.caps.lists { 256 } else { 1 };
        let scores = matches!(self.caps.dialect, Dialect::Egcfg | Dialect::Vllm | Dialect::Sglang);
        if scores && self.prompt.len() > 1 {
            let ask = Ask { prompt_from: vec![1], ..self.ask() };
            self.caps.prompt_logprobs = self.attempt(&ask).await?.is_ok();
        }
        match self.caps.dialect {
            Dialect::LlamaCpp => {
                // Equal prompts with one seed draw equal tokens there: continuations of other prompts are requests of their
                // own. Versions that do not know how to draw several of one prompt answer with one.
                self.caps.shared_seed = false;
                self.caps.chosen_tokens = !self.caps.whole();
                if self.caps.most_n > 1 {
                    let ask = Ask { n: 2, temperature: 1.0, ..self.ask() };
                    self.caps.n = self.attempt(&ask).await?.is_ok();
                }
            }
            Dialect::Egcfg => self.caps.n = true,
            _ => {
                let ask = Ask { n: 2, temperature: 1.0, ..self.ask() };
                self.caps.n = self.attempt(&ask).await?.is_ok();
            }
        }
        self.caps.stop_texts = !matches!(self.caps.dialect, Dialect::LlamaCpp | Dialect::OpenAi);
        if matches!(self.caps.dialect, Dialect::Vllm | Dialect::Sglang | Dialect::Egcfg) && !self.caps.whole()
        {
            let rare: Vec<TokenId> = self.prompt.iter().rev().take(2).copied().collect();
            let ask = Ask { tokens: rare.clone(), ..self.ask() };
            let answer = self.attempt(&ask).await?;
            let row =
                answer.ok().and_then(|answer| answer.choices.into_iter().next()?.rows.into_iter().next());
            self.caps.chosen_tokens =
                row.is_some_and(|row| rare.iter().all(|token| row.known(*token).is_some()));
        }
        Ok(())
    }

    /// Whether numbers are those before the temperature.
    pub(super) async fn numbers(&mut self) -> Result<(), ModelError> {
        let mut rows = Vec::new();
        for temperature in [1.0, 0.5] {
            let ask = Ask { temperature, ..self.ask() };
            if let Ok(answer) = self.attempt(&ask).await? {
                rows.extend(answer.choices.into_iter().next().and_then(|c| c.rows.into_iter().next()));
            }
        }
        if let [plain, other] = &rows[..] {
            let best = plain.argmax();
            let apart = other.known(best).map(|value| (value - plain.get(best)).abs());
            self.caps.tempered = apart.is_some_and(|apart| apart > 0.02);
        }
        Ok(())
    }
}
