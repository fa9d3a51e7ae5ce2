//! The completions form, `POST <base>/completions`, in three degrees: plain, where prompts and tokens are text; vLLM's, with
//! token ids and prompt log-probabilities; and this program's own, which adds how each draw is seeded.

use serde_json::{Map, Value, json};

use crate::endpoint::ask::{Answer, Ask, Wire};
use crate::endpoint::dialect::Dialect;
use crate::endpoint::pieces::Pieces;
use crate::endpoint::wire_openai_reply::read;

/// The completions form of OpenAI's API, as these servers extend it.
pub(crate) struct Completions {
    dialect: Dialect,
}

impl Completions {
    pub(crate) const EGCFG: Self = Self { dialect: Dialect::Egcfg };
    pub(crate) const VLLM: Self = Self { dialect: Dialect::Vllm };
    pub(crate) const PLAIN: Self = Self { dialect: Dialect::OpenAi };
}

impl Wire for Completions {
    fn path(&self) -> &'static str {
        "completions"
    }

    fn body(&self, ask: &Ask, model: &str, pieces: &Pieces, ids: bool) -> Value {
        let plain = self.dialect == Dialect::OpenAi;
        let ids = !plain || (ids && ask.prompts.iter().all(|prompt| pieces.of_vocabulary(prompt)));
        body(self.dialect, ask, model, pieces, ids)
    }

    fn read(&self, reply: &Value, ask: &Ask, pieces: &Pieces) -> Result<Answer, String> {
        read(self.dialect, reply, ask, pieces)
    }
}

fn body(dialect: Dialect, ask: &Ask, model: &str, pieces: &Pieces, ids: bool) -> Value {
    let prompts: Vec<Value> =
        ask.prompts.iter().map(|p| if ids { json!(p) } else { json!(pieces.text(p)) }).collect();
    let prompt = if prompts.len() == 1 { prompts.into_iter().next() } else { Some(Value::Array(prompts)) };
    let mut body = json!({
        "model": model,
        "prompt": prompt,
        "max_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
    });
    let mut set = |name: &str, value: Value| {
        body[name] = value;
    };
    if ask.n > 1 {
        set("n", json!(ask.n));
    }
    let extended = dialect != Dialect::OpenAi;
    // Seeds are signed in some servers.
    if let Some(seed) = ask.seed {
        set("seed", json!(if dialect == Dialect::OpenAi { seed >> 32 } else { seed >> 1 }));
    }
    if !ask.stop.is_empty() {
        // The form allows four.
        let most = if extended { ask.stop.len() } else { ask.stop.len().min(4) };
        set("stop", json!(ask.stop[..most]));
    }
    if ask.top > 0 {
        set("logprobs", json!(ask.top));
    }
    if extended {
        set("return_token_ids", json!(true));
        set("return_tokens_as_token_ids", json!(true));
        set("skip_special_tokens", json!(false));
        set("include_stop_str_in_output", json!(true));
        if !ask.prompt_from.is_empty() {
            set("prompt_logprobs", json!(ask.top.max(1)));
        }
        if !ask.tokens.is_empty() {
            set("logprob_token_ids", json!(ask.tokens));
        }
    }
    if dialect == Dialect::Egcfg {
        let mut extra = Map::new();
        if !ask.prompt_from.is_empty() {
            // Positions before it are not sent back.
            extra.insert("prompt_logprobs_from".into(), json!(ask.prompt_from));
        }
        if !ask.draws.is_empty() {
            let draws: Vec<Value> = ask
                .draws
                .iter()
                .map(|draw| {
                    json!({
                        "seed": draw.seed,
                        "standing": draw.standing,
                        "tail": draw.tail,
                        "newlines": draw.newlines,
                        "max_tokens": draw.max_tokens,
                    })
                })
                .collect();
            extra.insert("draws".into(), Value::Array(draws));
        }
        set("egcfg", Value::Object(extra));
    }
    body
}
