//! Protocol fakes: each speaks one server's form over a scripted model, so that what comes back are true distributions.
//! They are written from the servers' documentation and sources, not from what our client expects.

use std::sync::Arc;

use egcfg_model::{
    Continuation, Dialect, Encode, LanguageModel, LogProbs, Sample, SampleRequest, ScriptedModel, StopRule,
    TokenId,
};
use futures::executor::block_on;
use serde_json::{Map, Value, json};

use crate::server::{Answer, Request, Server};

/// How a fake behaves.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) dialect: Dialect,
    pub(crate) model: Arc<ScriptedModel>,
    /// Longest list of log-probabilities.
    pub(crate) most: usize,
    /// Numbers are those after the temperature.
    pub(crate) tempered: bool,
    /// Slots of llama.cpp's server: completions of one prompt at most.
    pub(crate) slots: usize,
    /// The plain form refuses prompts of token ids.
    pub(crate) text_only: bool,
}

impl Fake {
    pub(crate) fn new(dialect: Dialect, model: Arc<ScriptedModel>, most: usize) -> Self {
        Self { dialect, model, most, tempered: false, slots: 2, text_only: false }
    }

    pub(crate) fn start(self) -> Server {
        Server::start(move |request| self.answer(request))
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        let body = &request.body;
        match request.path.as_str() {
            "/v1/models" => Answer::Json(self.models()),
            "/version" => Answer::Json(json!({ "version": "0.11.0" })),
            "/props" if self.dialect == Dialect::LlamaCpp => Answer::Json(json!({
                "default_generation_settings": { "n_ctx": 4096 }, "build_info": "b6000", "eos_token": "</s>",
                "total_slots": self.slots,
            })),
            "/get_server_info" => Answer::Json(json!({ "version": "0.5.1", "context_length": 4096 })),
            "/tokenize" if self.dialect != Dialect::OpenAi => self.tokenize(body),
            "/detokenize" if self.dialect != Dialect::OpenAi => self.detokenize(body),
            "/v1/completions" if self.dialect != Dialect::Sglang => self.completions(body),
            "/generate" if self.dialect == Dialect::Sglang => self.generate(body),
            "/completion" if self.dialect == Dialect::LlamaCpp => self.completion(body),
            _ => Answer::Raw(404, Vec::new(), b"{\"detail\":\"Not Found\"}".to_vec()),
        }
    }

    fn models(&self) -> Value {
        let mut entry = json!({ "id": "fake/model", "object": "model" });
        match self.dialect {
            Dialect::Vllm => {
                entry["owned_by"] = json!("vllm");
                entry["max_model_len"] = json!(4096);
            }
            Dialect::Sglang => entry["owned_by"] = json!("sglang"),
            Dialect::LlamaCpp => {
                entry["owned_by"] = json!("llamacpp");
                entry["meta"] = json!({ "n_vocab": self.model.info().vocab });
            }
            Dialect::Egcfg => {
                entry["owned_by"] = json!("egcfg");
                entry["max_model_len"] = json!(4096);
                entry["egcfg"] =
                    json!({ "vocab": self.model.info().vocab, "end_tokens": self.model.info().end_tokens });
            }
            Dialect::OpenAi => entry["owned_by"] = json!("someone"),
        }
        json!({ "object": "list", "data": [entry] })
    }

    fn tokenize(&self, body: &Value) -> Answer {
        let text = body["content"].as_str().or(body["prompt"].as_str()).unwrap();
        // The scripted model's end has no spelling of its own.
        if text == "<|endoftext|>" && body["parse_special"].as_bool() != Some(false) {
            let ends = &self.model.info().end_tokens;
            return Answer::Json(json!({ "tokens": ends, "count": ends.len(), "max_model_len": 4096 }));
        }
        // A scripted vocabulary may lack characters; a real one lacks none, so these are left out.
        let text: String =
            text.chars().filter(|c| self.model.encode(&c.to_string(), Encode::Plain).is_ok()).collect();
        // Real tokenizers recognise special tokens unless told not to, and know every text.
        let how = if body["parse_special"].as_bool() == Some(false) && self.dialect == Dialect::LlamaCpp {
            Encode::Plain
        } else {
            Encode::Template
        };
        let tokens = self.model.encode(&text, how).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        Answer::Json(json!({ "tokens": tokens, "count": tokens.len(), "max_model_len": 4096 }))
    }

    fn detokenize(&self, body: &Value) -> Answer {
        let tokens = ids(&body["tokens"]);
        if body["pieces"] == true && self.dialect == Dialect::Egcfg {
            let pieces: Vec<&[u8]> = tokens.iter().map(|t| self.model.token_bytes(*t)).collect();
            return Answer::Json(json!({ "pieces": pieces }));
        }
        let name = if self.dialect == Dialect::Sglang { "text" } else { "prompt" };
        Answer::Json(json!({ name: self.model.text(&tokens) }))
    }

    /// Draws as a server of its own does: by its own seed, stopping at end tokens and stop texts.
    fn draw(&self, prompt: &[TokenId], body: &Value, seed: u64, max_tokens: usize) -> Sample {
        let stop = match &body["stop"] {
            Value::Array(all) => all.iter().map(|s| s.as_str().unwrap().to_owned()).collect(),
            _ => Vec::new(),
        };
        let draw = Continuation {
            seed,
            stop: StopRule { max_tokens, newlines: None, texts: stop },
            ..Continuation::default()
        };
        self.sample(prompt, vec![draw], body).pop().unwrap()
    }

    fn sample(&self, prompt: &[TokenId], draws: Vec<Continuation>, body: &Value) -> Vec<Sample> {
        let request = SampleRequest {
            context: prompt.to_vec(),
            continuations: draws,
            temperature: body["temperature"].as_f64().unwrap_or(1.0),
            top_p: body["top_p"].as_f64().unwrap_or(1.0),
            want_distributions: true,
        };
        block_on(self.model.sample(request)).unwrap().0
    }

    /// A distribution as this server reports it.
    fn reported(&self, row: &LogProbs, body: &Value) -> LogProbs {
        let temperature = body["temperature"].as_f64().unwrap_or(1.0);
        if !self.tempered || temperature == 0.0 {
            return row.clone();
        }
        let logits: Vec<f32> = row.values().iter().map(|x| x / temperature as f32).collect();
        LogProbs::from_logits(&logits)
    }

    fn name(&self, token: TokenId) -> String {
        match self.dialect {
            Dialect::OpenAi if self.model.info().end_tokens.contains(&token) => "</s>".to_owned(),
            Dialect::OpenAi => self.model.text(&[token]),
            _ => format!("token_id:{token}"),
        }
    }

    fn completions(&self, body: &Value) -> Answer {
        let top = body["logprobs"].as_u64().unwrap_or(0) as usize;
        if top > self.most {
            return refuse(&format!(
                "Requested sample logprobs of {top}, which is greater than max allowed: {}",
                self.most
            ));
        }
        if self.text_only && !texts(&body["prompt"]) {
            return refuse("prompt must be a string or a list of strings");
        }
        let prompts: Vec<Vec<TokenId>> = match &body["prompt"] {
            Value::Array(all) if all.first().is_some_and(Value::is_u64) => vec![ids(&body["prompt"])],
            Value::Array(all) => all.iter().map(|p| self.prompt(p)).collect(),
            text => vec![self.prompt(text)],
        };
        let n = body["n"].as_u64().unwrap_or(1) as usize;
        let max_tokens = body["max_tokens"].as_u64().unwrap_or(16) as usize;
        let (mut choices, mut written) = (Vec::new(), 0);
        for (at, prompt) in prompts.iter().enumerate() {
            let draws = &body["egcfg"]["draws"];
            let samples: Vec<Sample> = if draws.is_array() {
                let draw = &draws[at];
                let standing = draw["standing"].as_u64().unwrap() as usize;
                let (context, prefix) = prompt.split_at(prompt.len() - standing);
                let continuation = Continuation {
                    prefix: prefix.to_vec(),
                    tail: draw["tail"].as_str().unwrap().to_owned(),
                    seed: draw["seed"].as_u64().unwrap(),
                    stop: StopRule {
                        max_tokens: draw["max_tokens"].as_u64().unwrap() as usize,
                        newlines: draw["newlines"].as_u64().map(|n| n as usize),
                        texts: body["stop"]
                            .as_array()
                            .into_iter()
                            .flatten()
                            .map(|s| s.as_str().unwrap().to_owned())
                            .collect(),
                    },
                };
                self.sample(context, vec![continuation], body)
            } else {
                let seed = body["seed"].as_u64().unwrap_or(7);
                (0..n as u64).map(|i| self.draw(prompt, body, seed.wrapping_add(i), max_tokens)).collect()
            };
            for sample in samples {
                written += sample.tokens.len();
                choices.push(self.choice(choices.len(), prompt, &sample, body, top));
            }
        }
        let read: usize = prompts.iter().map(Vec::len).sum();
        Answer::Json(json!({
            "id": "cmpl-1", "object": "text_completion", "model": "fake/model", "choices": choices,
            "usage": { "prompt_tokens": read, "total_tokens": read + written, "completion_tokens": written },
        }))
    }

    /// A prompt of the completions form: token ids, or text that is encoded here.
    fn prompt(&self, prompt: &Value) -> Vec<TokenId> {
        match prompt {
            Value::String(text) => self.model.encode(text, Encode::Template).unwrap(),
            list => ids(list),
        }
    }

    fn choice(&self, index: usize, prompt: &[TokenId], sample: &Sample, body: &Value, top: usize) -> Value {
        let list = |row: &LogProbs, own: TokenId| -> Map<String, Value> {
            let row = self.reported(row, body);
            let chosen = body["logprob_token_ids"].as_array();
            let mut shown: Vec<TokenId> = match chosen {
                Some(chosen) => chosen.iter().map(|id| id.as_u64().unwrap() as TokenId).collect(),
                None => row.top(top).into_iter().map(|(id, _)| id).collect(),
            };
            if !shown.contains(&own) {
                shown.insert(0, own);
            }
            shown.into_iter().map(|id| (self.name(id), json!(row.get(id).max(-9999.0)))).collect()
        };
        let ended = sample.stop == egcfg_model::StopReason::EndOfText;
        // Plain servers do not name the end of the text.
        let shown = sample.tokens.len() - usize::from(ended && self.dialect == Dialect::OpenAi);
        let tokens = &sample.tokens[..shown];
        let rows = tokens.iter().zip(&sample.distributions);
        let mut choice = json!({
            "index": index,
            "text": self.model.text(tokens),
            "finish_reason": if sample.stop == egcfg_model::StopReason::Length { "length" } else { "stop" },
            "logprobs": {
                "tokens": tokens.iter().map(|t| self.name(*t)).collect::<Vec<_>>(),
                "token_logprobs": rows.clone().map(|(t, row)| self.reported(row, body).get(*t)).collect::<Vec<_>>(),
                "top_logprobs": rows.map(|(t, row)| list(row, *t)).collect::<Vec<_>>(),
                "text_offset": tokens.iter().map(|_| 0).collect::<Vec<_>>(),
            },
        });
        if body["return_token_ids"] == true {
            choice["token_ids"] = json!(sample.tokens);
        }
        if let Some(top) = body["prompt_logprobs"].as_u64() {
            let mut positions = vec![Value::Null];
            for at in 1..prompt.len() {
                // Whole lists for a long prompt are megabytes; positions far before the drafts are abbreviated.
                if at + 100 < prompt.len() {
                    let own = json!({ "logprob": -1.0, "rank": 1, "decoded_token": "" });
                    positions.push(json!({ prompt[at].to_string(): own }));
                    continue;
                }
                let row = self.model.distribution(&prompt[..at]);
                let mut entries = Map::new();
                for (rank, (id, value)) in row.top(top as usize).into_iter().enumerate() {
                    entries.insert(id.to_string(), json!({ "logprob": value, "rank": rank + 1, "decoded_token": self.model.text(&[id]) }));
                }
                let own = prompt[at];
                entries
                    .entry(own.to_string())
                    .or_insert_with(|| json!({ "logprob": row.get(own), "rank": 99, "decoded_token": "" }));
                positions.push(Value::Object(entries));
            }
            choice["prompt_logprobs"] = Value::Array(positions);
        }
        choice
    }

    fn generate(&self, body: &Value) -> Answer {
        let top = body["top_logprobs_num"].as_u64().unwrap() as usize;
        if top > self.most {
            return refuse("top_logprobs_num is too large");
        }
        let parameters = &body["sampling_params"];
        let n = parameters["n"].as_u64().unwrap_or(1);
        let max_tokens = parameters["max_new_tokens"].as_u64().unwrap() as usize;
        let triples = |row: &LogProbs, ids: &[TokenId]| -> Value {
            json!(ids.iter().map(|id| json!([row.get(*id), id, null])).collect::<Vec<_>>())
        };
        let best = |row: &LogProbs| -> Value {
            let ids: Vec<TokenId> = row.top(top).into_iter().map(|(id, _)| id).collect();
            triples(row, &ids)
        };
        let mut replies = Vec::new();
        for (at, prompt) in body["input_ids"].as_array().unwrap().iter().enumerate() {
            let prompt = ids(prompt);
            for i in 0..n {
                let sample = self.draw(&prompt, parameters, 1000 + i + 10 * prompt.len() as u64, max_tokens);
                let start = body["logprob_start_len"][at].as_i64().filter(|start| *start >= 0);
                let start = start.map_or(prompt.len(), |start| start as usize);
                // The first position has no distribution before it.
                let rows: Vec<Option<LogProbs>> = (start..prompt.len())
                    .map(|p| (p > start).then(|| self.model.distribution(&prompt[..p])))
                    .collect();
                let chosen = ids(&body["token_ids_logprob"][at]);
                let reported: Vec<LogProbs> =
                    sample.distributions.iter().map(|row| self.reported(row, parameters)).collect();
                let finish = match sample.stop {
                    egcfg_model::StopReason::Length => json!({ "type": "length", "length": max_tokens }),
                    _ => json!({ "type": "stop", "matched": 0 }),
                };
                replies.push(json!({
                    "text": self.model.text(&sample.tokens),
                    "output_ids": sample.tokens,
                    "meta_info": {
                        "id": "x", "finish_reason": finish, "prompt_tokens": prompt.len(), "completion_tokens": sample.tokens.len(),
                        "cached_tokens": 1,
                        "input_token_logprobs": rows.iter().enumerate().map(|(p, row)| {
                            let token = prompt[start + p];
                            json!([row.as_ref().map(|row| row.get(token)), token, null])
                        }).collect::<Vec<_>>(),
                        "input_top_logprobs": rows.iter().map(|row| row.as_ref().map(best)).collect::<Vec<_>>(),
                        "output_token_logprobs": sample.tokens.iter().zip(&reported).map(|(t, row)| json!([row.get(*t), t, null])).collect::<Vec<_>>(),
                        "output_top_logprobs": reported.iter().map(best).collect::<Vec<_>>(),
                        "output_token_ids_logprobs": reported.iter().map(|row| triples(row, &chosen)).collect::<Vec<_>>(),
                    },
                }));
            }
        }
        Answer::Json(if replies.len() == 1 { replies.remove(0) } else { Value::Array(replies) })
    }

    fn completion(&self, body: &Value) -> Answer {
        let top = body["n_probs"].as_u64().unwrap() as usize;
        let entry = |row: &LogProbs, id: TokenId| json!({ "id": id, "token": self.model.text(&[id]), "bytes": self.model.token_bytes(id), "logprob": row.get(id) });
        let n = body["n_cmpl"].as_u64().unwrap_or(1);
        if n > self.slots as u64 {
            return refuse(&format!("Field 'n_cmpl' must be between 1 and {}", self.slots));
        }
        let mut replies = Vec::new();
        let prompts = body["prompt"].as_array().unwrap();
        for (prompt, number) in prompts.iter().flat_map(|prompt| (0..n).map(move |number| (prompt, number))) {
            let (prompt, index) = (ids(prompt), replies.len());
            let max_tokens = body["n_predict"].as_u64().unwrap() as usize;
            let seed = body["seed"].as_u64().unwrap_or(3) + number;
            let sample = self.draw(&prompt, body, seed, max_tokens);
            let positions: Vec<Value> = sample
                .tokens
                .iter()
                .zip(&sample.distributions)
                .map(|(token, row)| {
                    let mut position = entry(row, *token);
                    position["top_logprobs"] =
                        row.top(top).into_iter().map(|(id, _)| entry(row, id)).collect();
                    position
                })
                .collect();
            let stop = match sample.stop {
                egcfg_model::StopReason::Length => "limit",
                egcfg_model::StopReason::EndOfText => "eos",
                _ => "word",
            };
            replies.push(json!({
                "index": index, "content": self.model.text(&sample.tokens), "tokens": sample.tokens, "stop_type": stop,
                "completion_probabilities": positions, "tokens_evaluated": prompt.len(), "tokens_predicted": sample.tokens.len(),
                "timings/cache_n": 1, "truncated": false,
            }));
        }
        Answer::Json(if replies.len() == 1 { replies.remove(0) } else { Value::Array(replies) })
    }
}

/// A text or a list of texts.
fn texts(prompt: &Value) -> bool {
    prompt.is_string() || prompt.as_array().is_some_and(|all| all.iter().all(Value::is_string))
}

fn refuse(message: &str) -> Answer {
    let body = json!({ "object": "error", "message": message, "type": "BadRequestError", "code": 400 });
    Answer::Raw(400, Vec::new(), serde_json::to_vec(&body).unwrap())
}

fn ids(value: &Value) -> Vec<TokenId> {
    value.as_array().into_iter().flatten().filter_map(|id| Some(id.as_u64()? as TokenId)).collect()
}
