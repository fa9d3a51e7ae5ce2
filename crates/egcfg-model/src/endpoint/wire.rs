//! The way over the wire: each dialect turns an [`Ask`] into a path and a JSON body and the reply's JSON into an
//! [`Answer`], each in a file of its own behind [`Wire`]; every reply has to pass the same checks.

use serde_json::Value;

use crate::endpoint::ask::{Answer, Ask, Wire, is_log_prob};
use crate::endpoint::dialect::Dialect;
use crate::endpoint::pieces::Pieces;
use crate::endpoint::{wire_llama, wire_openai, wire_sglang};

impl Dialect {
    /// The dialect's file.
    fn wire(self) -> &'static dyn Wire {
        match self {
            Self::Egcfg => &wire_openai::Completions::EGCFG,
            Self::Vllm => &wire_openai::Completions::VLLM,
            Self::OpenAi => &wire_openai::Completions::PLAIN,
            Self::Sglang => &wire_sglang::Generate,
            Self::LlamaCpp => &wire_llama::Completion,
        }
    }

    /// Path under the server's root (with a leading slash), or under the API's base (without).
    pub(crate) fn path(self) -> &'static str {
        self.wire().path()
    }

    /// The request. `ids` says whether the plain form may be sent token ids.
    pub(crate) fn body(self, ask: &Ask, model: &str, pieces: &Pieces, ids: bool) -> Value {
        self.wire().body(ask, model, pieces, ids)
    }

    /// The reply, checked.
    pub(crate) fn read(self, reply: &Value, ask: &Ask, pieces: &Pieces) -> Result<Answer, String> {
        let answer = self.wire().read(reply, ask, pieces)?;
        check(&answer, ask)?;
        Ok(answer)
    }
}

/// What every reply must satisfy, whoever sent it.
fn check(answer: &Answer, ask: &Ask) -> Result<(), String> {
    let wanted = ask.prompts.len() * ask.n.max(1);
    if answer.choices.len() != wanted {
        return Err(format!("{wanted} completions were asked for and {} came", answer.choices.len()));
    }
    for (index, choice) in answer.choices.iter().enumerate() {
        if ask.top > 0 && choice.rows.len() != choice.tokens.len() {
            return Err(format!(
                "completion {index} has {} tokens but {} lists of log-probabilities",
                choice.tokens.len(),
                choice.rows.len()
            ));
        }
        if choice.log_probs.len() != choice.tokens.len() {
            return Err(format!("completion {index} lacks log-probabilities of its tokens"));
        }
        let prompt = index / ask.n.max(1);
        if let Some(from) = ask.prompt_from.get(prompt) {
            let expected = ask.prompts[prompt].len() - from;
            if choice.prompt_rows.len() != expected {
                return Err(format!(
                    "prompt {prompt} has {expected} positions to score but {} came back",
                    choice.prompt_rows.len()
                ));
            }
        }
        if let Some(bad) = choice.log_probs.iter().find(|number| !is_log_prob(**number)) {
            return Err(format!("completion {index} holds {bad}, which is no log-probability"));
        }
    }
    Ok(())
}
