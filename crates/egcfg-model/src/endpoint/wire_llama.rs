//! llama.cpp's own form, `POST /completion`: prompts as token ids, lists of any length over the untempered distribution with
//! the bytes of every token, no log-probabilities of prompts.

use serde_json::{Value, json};

use crate::endpoint::ask::{Answer, Ask, Choice, Finish, Wire, array, number, token_id};
use crate::endpoint::pieces::Pieces;
use crate::endpoint::wire_openai_reply::list_with;

/// llama.cpp's `/completion`.
pub(crate) struct Completion;

impl Wire for Completion {
    fn path(&self) -> &'static str {
        "/completion"
    }

    fn body(&self, ask: &Ask, _: &str, _: &Pieces, _: bool) -> Value {
        body(ask)
    }

    fn read(&self, reply: &Value, ask: &Ask, pieces: &Pieces) -> Result<Answer, String> {
        read(reply, ask, pieces)
    }
}

fn body(ask: &Ask) -> Value {
    let mut body = json!({
        "prompt": ask.prompts,
        "n_predict": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        // Tempered first, then cut: a nucleus of the distribution that is drawn from. No other sampler.
        "samplers": ["temperature", "top_p"],
        "min_keep": 1,
        "repeat_penalty": 1.0,
        "stop": ask.stop,
        "n_probs": if ask.tokens.is_empty() { ask.top.max(1) } else { ask.vocab.unwrap_or(1 << 20) },
        "post_sampling_probs": false,
        "return_tokens": true,
        "cache_prompt": true,
        "response_fields": [
            "index", "content", "tokens", "completion_probabilities", "stop_type", "stopping_word", "tokens_evaluated",
            "tokens_predicted", "timings/cache_n", "truncated",
        ],
    });
    if ask.n > 1 {
        // Each of them has a seed of its own, counted up from the request's.
        body["n_cmpl"] = json!(ask.n);
    }
    if let Some(seed) = ask.seed {
        // 32 bits; the largest means "random".
        body["seed"] = json!((seed >> 33) as u32);
    }
    body
}

fn read(reply: &Value, ask: &Ask, pieces: &Pieces) -> Result<Answer, String> {
    let one = [reply];
    let mut parts: Vec<&Value> = match reply.as_array() {
        Some(all) => all.iter().collect(),
        None => one.to_vec(),
    };
    parts.sort_by_key(|part| part["index"].as_u64().unwrap_or(0));
    let (mut tokens, mut cached, mut choices) = (0, None, Vec::new());
    for part in parts {
        tokens += ["tokens_evaluated", "tokens_predicted"]
            .iter()
            .map(|name| part[*name].as_u64().unwrap_or(0) as usize)
            .sum::<usize>();
        // A field that was asked for by its path comes under that path.
        let reused = ["timings/cache_n", "cache_n"].iter().find_map(|name| part[*name].as_u64());
        if let Some(reused) = reused.or_else(|| part["timings"]["cache_n"].as_u64()) {
            cached = Some(cached.unwrap_or(0) + reused as usize);
        }
        if part["truncated"].as_bool() == Some(true) {
            return Err(
                "the server cut the prompt (truncated): its context is shorter than it says".to_owned()
            );
        }
        choices.push(choice(part, ask, pieces)?);
    }
    Ok(Answer { choices, tokens, cached })
}

fn choice(part: &Value, ask: &Ask, pieces: &Pieces) -> Result<Choice, String> {
    let finish = match part["stop_type"].as_str() {
        Some("eos" | "word") => Finish::Stop,
        Some(_) => Finish::Length,
        None => return Err("no stop_type".to_owned()),
    };
    let mut choice = Choice {
        tokens: Vec::new(),
        rows: Vec::new(),
        log_probs: Vec::new(),
        prompt_rows: Vec::new(),
        finish,
    };
    // A text that ends at once may have no position at all.
    let none = Vec::new();
    let positions = match &part["completion_probabilities"] {
        Value::Null if finish == Finish::Stop => &none,
        _ => array(part, "completion_probabilities")?,
    };
    for position in positions {
        let (token, own) = (token_id(&position["id"])?, number(&position["logprob"])?);
        learn(position, pieces)?;
        let mut entries = Vec::new();
        for entry in array(position, "top_logprobs")? {
            learn(entry, pieces)?;
            entries.push((token_id(&entry["id"])?, number(&entry["logprob"])?));
        }
        choice.rows.push(list_with(entries, Some((token, own)), &limits(ask))?);
        choice.tokens.push(token);
        choice.log_probs.push(own);
    }
    Ok(choice)
}

/// What reading a list depends on, without the prompts.
fn limits(ask: &Ask) -> Ask {
    let top = if ask.tokens.is_empty() { ask.top } else { usize::MAX };
    Ask { top, vocab: ask.vocab, ..Ask::default() }
}

/// Entries carry their tokens' bytes.
fn learn(entry: &Value, pieces: &Pieces) -> Result<(), String> {
    let id = token_id(&entry["id"])?;
    if pieces.get(id).is_some() {
        return Ok(());
    }
    let bytes = array(entry, "bytes")?;
    let bytes: Option<Vec<u8>> =
        bytes.iter().map(|b| b.as_u64().and_then(|b| u8::try_from(b).ok())).collect();
    pieces.learn(id, &bytes.ok_or("a byte above 255")?);
    Ok(())
}
