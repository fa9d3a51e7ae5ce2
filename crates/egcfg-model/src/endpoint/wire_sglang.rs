//! SGLang's own form, `POST /generate`: token ids both ways, log-probabilities of prompts from a given position on, numbers
//! for chosen tokens. Entries are triples of log-probability, token id and text.

use serde_json::{Value, json};

use crate::api::TokenId;
use crate::dist::LogProbs;
use crate::endpoint::ask::{Answer, Ask, Choice, Finish, Wire, array, list, number, token_id};
use crate::endpoint::pieces::Pieces;
use crate::endpoint::wire_openai_reply::list_with;

/// SGLang's `/generate`.
pub(crate) struct Generate;

impl Wire for Generate {
    fn path(&self) -> &'static str {
        "/generate"
    }

    fn body(&self, ask: &Ask, _: &str, _: &Pieces, _: bool) -> Value {
        body(ask)
    }

    fn read(&self, reply: &Value, ask: &Ask, pieces: &Pieces) -> Result<Answer, String> {
        read(reply, ask, pieces)
    }
}

fn body(ask: &Ask) -> Value {
    // The entry at the start position carries no number: the position before it is asked for as well.
    let starts: Vec<i64> = (0..ask.prompts.len())
        .map(|at| {
            ask.prompt_from.get(at).map_or(-1, |from| (i64::try_from(*from).unwrap_or(i64::MAX) - 1).max(0))
        })
        .collect();
    let mut body = json!({
        "input_ids": ask.prompts,
        "sampling_params": {
            "n": ask.n.max(1),
            "max_new_tokens": ask.max_tokens,
            "temperature": ask.temperature,
            "top_p": ask.top_p,
            "stop": ask.stop,
            "no_stop_trim": true,
            "skip_special_tokens": false,
        },
        "return_logprob": true,
        "top_logprobs_num": ask.top,
        "return_text_in_logprobs": false,
    });
    if !ask.prompt_from.is_empty() {
        body["logprob_start_len"] = json!(starts);
    }
    if !ask.tokens.is_empty() {
        body["token_ids_logprob"] = json!(vec![&ask.tokens; ask.prompts.len()]);
    }
    body
}

fn read(reply: &Value, ask: &Ask, _pieces: &Pieces) -> Result<Answer, String> {
    let one = [reply];
    let parts: Vec<&Value> = match reply.as_array() {
        Some(all) => all.iter().collect(),
        None => one.to_vec(),
    };
    let (mut tokens, mut cached, mut choices) = (0, None, Vec::new());
    for (at, part) in parts.into_iter().enumerate() {
        let meta = &part["meta_info"];
        tokens += ["prompt_tokens", "completion_tokens"]
            .iter()
            .map(|name| meta[*name].as_u64().unwrap_or(0) as usize)
            .sum::<usize>();
        if let Some(reused) = meta["cached_tokens"].as_u64() {
            cached = Some(cached.unwrap_or(0) + reused as usize);
        }
        choices.push(choice(meta, ask, at / ask.n.max(1))?);
    }
    Ok(Answer { choices, tokens, cached })
}

fn choice(meta: &Value, ask: &Ask, prompt: usize) -> Result<Choice, String> {
    let finish = match meta["finish_reason"]["type"].as_str() {
        Some("length") => Finish::Length,
        Some("abort") => return Err("a completion was aborted".to_owned()),
        Some(_) => Finish::Stop,
        None => return Err("no meta_info.finish_reason".to_owned()),
    };
    let mut choice = Choice {
        tokens: Vec::new(),
        rows: Vec::new(),
        log_probs: Vec::new(),
        prompt_rows: Vec::new(),
        finish,
    };
    let own = array(meta, "output_token_logprobs")?;
    for entry in own {
        let (token, value) = pair(entry)?;
        choice.tokens.push(token);
        choice.log_probs.push(value);
    }
    if ask.top > 0 {
        let name = if ask.tokens.is_empty() { "output_top_logprobs" } else { "output_token_ids_logprobs" };
        for (at, row) in array(meta, name)?.iter().enumerate() {
            let drawn = choice.tokens.get(at).copied().zip(choice.log_probs.get(at).copied());
            choice.rows.push(entries(row, drawn, ask)?);
        }
    }
    if let Some(from) = ask.prompt_from.get(prompt) {
        let wanted = ask.prompts[prompt].len() - from;
        let (own, lists) = (array(meta, "input_token_logprobs")?, array(meta, "input_top_logprobs")?);
        let short = || {
            format!("prompt log-probabilities for {} positions where {wanted} were asked for", lists.len())
        };
        let (first, first_own) = (
            lists.len().checked_sub(wanted).ok_or_else(short)?,
            own.len().checked_sub(wanted).ok_or_else(short)?,
        );
        for (row, own) in lists[first..].iter().zip(&own[first_own..]) {
            choice.prompt_rows.push(entries(row, Some(pair(own)?), ask)?);
        }
    }
    Ok(choice)
}

/// A position's list of triples.
fn entries(row: &Value, own: Option<(TokenId, f32)>, ask: &Ask) -> Result<LogProbs, String> {
    let row = row.as_array().ok_or("a position without a list of log-probabilities")?;
    let pairs: Result<Vec<(TokenId, f32)>, String> = row.iter().map(pair).collect();
    if ask.tokens.is_empty() { list_with(pairs?, own, ask) } else { list(pairs?, ask) }
}

fn pair(entry: &Value) -> Result<(TokenId, f32), String> {
    Ok((token_id(&entry[1])?, number(&entry[0])?))
}
