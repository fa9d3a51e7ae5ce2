//! Reads replies in the completions form: tokens as the dialect names them, lists in the two shapes that servers send.

use serde_json::{Map, Value, json};

use crate::api::TokenId;
use crate::dist::LogProbs;
use crate::endpoint::ask::{Answer, Ask, Choice, Finish, array, is_log_prob, list, number, token_id};
use crate::endpoint::dialect::Dialect;
use crate::endpoint::ends::ENDS;
use crate::endpoint::pieces::Pieces;

/// What a reply of this dialect says.
pub(crate) fn read(dialect: Dialect, reply: &Value, ask: &Ask, pieces: &Pieces) -> Result<Answer, String> {
    let mut choices: Vec<(u64, &Value)> = array(reply, "choices")?
        .iter()
        .enumerate()
        .map(|(at, choice)| (choice["index"].as_u64().unwrap_or(at as u64), choice))
        .collect();
    choices.sort_by_key(|(index, _)| *index);
    let names = Names { dialect, pieces };
    let choices: Result<Vec<Choice>, String> = choices
        .iter()
        .enumerate()
        .map(|(at, (_, choice))| names.choice(choice, ask, at / ask.n.max(1)))
        .collect();
    let usage = &reply["usage"];
    Ok(Answer {
        choices: choices?,
        tokens: usage["total_tokens"].as_u64().unwrap_or(0) as usize,
        cached: usage["prompt_tokens_details"]["cached_tokens"].as_u64().map(|n| n as usize),
    })
}

/// Reads tokens as the dialect names them.
struct Names<'a> {
    dialect: Dialect,
    pieces: &'a Pieces,
}

impl Names<'_> {
    /// `token_id:17`, or text.
    fn token(&self, name: &str) -> Result<TokenId, String> {
        if self.dialect == Dialect::OpenAi {
            // The end of a text has no bytes, under whatever name it is listed.
            let known = self.pieces.of_vocabulary(&[]);
            let bytes = if !known && ENDS.contains(&name) { Vec::new() } else { text_bytes(name) };
            return Ok(self.pieces.number(&bytes));
        }
        let id = name.strip_prefix("token_id:").and_then(|id| id.parse::<u64>().ok());
        let id = id.ok_or_else(|| {
            format!(
                "token {name:?} came as text although token ids were asked for (return_tokens_as_token_ids)"
            )
        })?;
        token_id(&json!(id))
    }

    fn choice(&self, choice: &Value, ask: &Ask, prompt: usize) -> Result<Choice, String> {
        let finish = match choice["finish_reason"].as_str() {
            Some("length") => Finish::Length,
            Some("error" | "content_filter") => return Err("a completion ended with an error".to_owned()),
            _ => Finish::Stop,
        };
        let chat =
            choice["logprobs"]["content"].as_array().map(|content| completions_form(content)).transpose()?;
        let log_probs = chat.as_ref().unwrap_or(&choice["logprobs"]);
        let (mut tokens, mut numbers, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        if ask.top > 0 || ask.max_tokens > 0 {
            if !log_probs.is_object() {
                return Err(if log_probs.is_null() {
                    "logprobs is null though they were asked for: this server (or what stands before it) does not send \
                     log-probabilities, without which nothing can be guided"
                } else {
                    "no logprobs, though they were asked for"
                }
                .to_owned());
            }
            for name in array(log_probs, "tokens")? {
                tokens.push(self.token(name.as_str().unwrap_or_default())?);
            }
            for value in array(log_probs, "token_logprobs")? {
                numbers.push(number(value)?);
            }
            if ask.top > 0 {
                for (at, row) in array(log_probs, "top_logprobs")?.iter().enumerate() {
                    let own = tokens.get(at).copied().zip(numbers.get(at).copied());
                    rows.push(self.row(row, own, ask)?);
                }
            }
        }
        if self.dialect != Dialect::OpenAi
            && let Some(ids) = choice["token_ids"].as_array()
        {
            let ids: Result<Vec<TokenId>, String> = ids.iter().map(token_id).collect();
            if ids? != tokens {
                return Err("token_ids and logprobs.tokens are not the same tokens".to_owned());
            }
        }
        let prompt_rows = match ask.prompt_from.get(prompt) {
            Some(from) => Self::prompt_rows(choice, ask, prompt, *from)?,
            None => Vec::new(),
        };
        Ok(Choice { tokens, rows, log_probs: numbers, prompt_rows, finish })
    }

    /// A position's list, an object of names and numbers.
    fn row(&self, row: &Value, own: Option<(TokenId, f32)>, ask: &Ask) -> Result<LogProbs, String> {
        let row = row.as_object().ok_or("a position without top_logprobs")?;
        let mut entries = Vec::with_capacity(row.len() + 1);
        for (name, value) in row {
            entries.push((self.token(name)?, number(value)?));
        }
        // The token that was drawn may stand outside the list, and then must not lower its bound.
        list_with(entries, own, ask)
    }

    /// vLLM's `prompt_logprobs`: per position `null` or an object by token id. A server may leave out what was not asked for,
    /// so positions are counted from the end.
    fn prompt_rows(choice: &Value, ask: &Ask, prompt: usize, from: usize) -> Result<Vec<LogProbs>, String> {
        let all = array(choice, "prompt_logprobs")?;
        let wanted = ask.prompts[prompt].len() - from;
        let start = all.len().checked_sub(wanted).ok_or_else(|| {
            format!("prompt_logprobs has {} positions where {wanted} were asked for", all.len())
        })?;
        let mut rows = Vec::with_capacity(wanted);
        for (at, position) in all[start..].iter().enumerate() {
            let position = position.as_object().ok_or("a position without prompt_logprobs")?;
            let mut entries = Vec::with_capacity(position.len());
            let (mut own, token) = (None, ask.prompts[prompt][from + at]);
            for (id, value) in position {
                let id = token_id(&json!(id.parse::<u64>().map_err(|_| format!("{id:?} is no token id"))?))?;
                let value = number(&value["logprob"])?;
                if id == token {
                    own = Some((id, value));
                }
                entries.push((id, value));
            }
            if own.is_none() {
                return Err(format!(
                    "prompt_logprobs position {} lacks the prompt's own token {token}",
                    from + at
                ));
            }
            rows.push(list_with(entries, own, ask)?);
        }
        Ok(rows)
    }
}

/// A list of the `top` best and perhaps one more: a token that was drawn (or stands in the prompt) comes along whatever its
/// rank, and says nothing about those that were left out.
pub(crate) fn list_with(
    mut entries: Vec<(TokenId, f32)>,
    own: Option<(TokenId, f32)>,
    ask: &Ask,
) -> Result<LogProbs, String> {
    if let Some((token, value)) = own {
        let below = entries.iter().filter(|(id, other)| *id != token && *other <= value).count();
        if entries.iter().any(|(id, _)| *id == token) {
            if below == 0 && entries.len() > ask.top && entries.len() > 1 {
                entries.retain(|(id, _)| *id != token);
            }
        } else if entries.is_empty() {
            entries.push((token, value));
        }
        if !ask.tokens.is_empty() {
            // Chosen tokens are no list of the best: the bound comes from elsewhere.
            return list(entries, ask);
        }
        let row = list(entries, ask)?;
        if !is_log_prob(value) {
            return Err(format!("token {token} has {value}, which is no log-probability"));
        }
        return Ok(row.with_known([(token, value.min(0.0))]));
    }
    list(entries, ask)
}

/// The chat form of log-probabilities (`logprobs.content`), which some servers send for completions too, in the form that
/// is asked for. Tokens keep their bytes.
fn completions_form(content: &[Value]) -> Result<Value, String> {
    let name = |entry: &Value| -> Result<String, String> {
        if let Some(bytes) = entry["bytes"].as_array() {
            let bytes: Option<Vec<u8>> =
                bytes.iter().map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            let bytes = bytes.ok_or("logprobs.content: a byte above 255")?;
            return Ok(String::from_utf8(bytes).unwrap_or_else(|broken| {
                broken
                    .as_bytes()
                    .iter()
                    .fold("bytes:".to_owned(), |all, byte| all + &format!("\\x{byte:02x}"))
            }));
        }
        entry["token"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| "logprobs.content: an entry without a token".to_owned())
    };
    let (mut tokens, mut numbers, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for position in content {
        tokens.push(name(position)?);
        numbers.push(position["logprob"].clone());
        let mut row = Map::new();
        for entry in array(position, "top_logprobs")? {
            row.insert(name(entry)?, entry["logprob"].clone());
        }
        rows.push(Value::Object(row));
    }
    Ok(json!({ "tokens": tokens, "token_logprobs": numbers, "top_logprobs": rows }))
}

/// The bytes of a token that came as text. The form writes what is no whole UTF-8 as `bytes:\xe2\x80`.
fn text_bytes(name: &str) -> Vec<u8> {
    let Some(hex) = name.strip_prefix("bytes:") else { return name.as_bytes().to_vec() };
    let bytes: Option<Vec<u8>> = hex
        .split("\\x")
        .skip(1)
        .map(|pair| if pair.len() == 2 { u8::from_str_radix(pair, 16).ok() } else { None })
        .collect();
    match bytes {
        Some(bytes) if hex.starts_with("\\x") => bytes,
        _ => name.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_probabilities_in_the_chat_form_are_read_too() {
        let reply = json!({ "choices": [{ "index": 0, "text": "a\u{e9}", "finish_reason": "length", "logprobs": { "content": [
            { "token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [
                { "token": "a", "logprob": -0.5, "bytes": [97] }, { "token": "?", "logprob": -1.5, "bytes": [226, 128] }] },
            { "token": "\u{e9}", "logprob": -0.25, "bytes": null, "top_logprobs": [
                { "token": "\u{e9}", "logprob": -0.25, "bytes": [195, 169] }] },
        ] } }] });
        let pieces = Pieces::default();
        let ask = Ask { prompts: vec![vec![]], top: 2, max_tokens: 2, ..Ask::default() };
        let answer = read(Dialect::OpenAi, &reply, &ask, &pieces).unwrap();
        let choice = &answer.choices[0];
        assert_eq!(pieces.text(&choice.tokens), "a\u{e9}");
        assert_eq!(choice.log_probs, [-0.5, -0.25]);
        assert_eq!(choice.rows[0].known(pieces.number(&[226, 128])), Some(-1.5));
        let null =
            json!({ "choices": [{ "index": 0, "text": "a", "finish_reason": "length", "logprobs": null }] });
        assert!(read(Dialect::OpenAi, &null, &ask, &pieces).unwrap_err().contains("null"));
    }

    #[test]
    fn broken_characters_come_as_bytes() {
        assert_eq!(text_bytes("bytes:\\xe2\\x80"), [0xe2, 0x80]);
        assert_eq!(text_bytes("bytes:"), b"bytes:");
        assert_eq!(text_bytes(" def"), b" def");
    }

    #[test]
    fn a_drawn_token_outside_the_list_does_not_lower_the_bound() {
        let ask = Ask { top: 2, ..Ask::default() };
        let row = list_with(vec![(1, -0.5), (2, -1.5), (9, -7.0)], Some((9, -7.0)), &ask).unwrap();
        let left = (1.0 - (-0.5_f64).exp() - (-1.5_f64).exp()).ln() as f32;
        assert_eq!(row.known(9), Some(-7.0));
        assert!(row.rest() > left && row.rest() < left + 1e-4, "{} {left}", row.rest());
    }
}
