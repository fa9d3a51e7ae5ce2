//! `/v1/completions`: the request's fields, the drawing, and the reply whole or as a stream. A request with `tests` is a
//! guided one.

use axum::response::Response;
use egcfg_model::{Encode, LanguageModel, TokenId};
use egcfg_task::derive_seed;
use serde_json::{Value, json};

use crate::admission::Place;
use crate::app::{App, now};
use crate::draw::{Drawing, Lane, Params};
use crate::error::ApiError;
use crate::fields::{Fields, token_ids};
use crate::guided;
use crate::reply::{Choice, Envelope, PromptLogProbs, TextLogProbs, Usage, json_response};
use crate::rows::{Names, Wanted};
use crate::score::{Scored, along};
use crate::stream;

/// New tokens where a request does not say: OpenAI's default.
const MAX_TOKENS: usize = 16;
/// Tokens that a stream draws at a time.
pub(crate) const PORTION: usize = 4;

/// What a request asks for.
struct Asked {
    prompts: Vec<Vec<TokenId>>,
    lanes: Vec<Lane>,
    params: Params,
    echo: bool,
    /// Per prompt the first position to score, where prompts are scored.
    from: Vec<usize>,
    /// Lists along prompts.
    wanted: Wanted,
    prompt_logprobs: bool,
    token_ids: bool,
    ids_as_names: bool,
    stream: bool,
    include_usage: bool,
}

/// Answers a completion request.
pub(crate) async fn handle(app: App, mut fields: Fields, place: Place) -> Result<Response, ApiError> {
    app.check_model(fields.text("model")?.as_deref())?;
    if fields.has("tests") {
        let prompt = match fields.take("prompt") {
            Some(Value::String(text)) => text,
            Some(Value::Array(list)) if list.len() == 1 && list[0].is_string() => {
                list[0].as_str().unwrap_or_default().to_owned()
            }
            Some(_) => return Err(fields.error("prompt", "a guided request takes one prompt as a string")),
            None => return Err(fields.error("prompt", "is missing")),
        };
        return guided::handle(app, fields, place, prompt, guided::Form::Completion).await;
    }
    let asked = read(&app, fields)?;
    let slot = app.0.admission.work(place).await?;
    let id = app.request_id("cmpl");
    if asked.stream {
        let limit = app.limits().time;
        return Ok(stream::respond(limit, move |events| async move {
            let _slot = slot;
            streamed(&app, asked, &id, &events).await
        }));
    }
    let body = whole(&app, asked, &id).await?;
    drop(slot);
    Ok(body)
}

/// Reads the fields that plain completions and conversations share.
pub(crate) fn params(app: &App, fields: &mut Fields) -> Result<Params, ApiError> {
    let temperature = fields.number("temperature", 0.0, 100.0)?.unwrap_or(1.0);
    let top_p = fields.number("top_p", 0.0, 1.0)?.unwrap_or(1.0);
    if top_p == 0.0 {
        return Err(fields.error("top_p", "must be above 0"));
    }
    let stops = stops(app, fields)?;
    let include_stop = fields.flag("include_stop_str_in_output")?;
    fields.take("skip_special_tokens");
    for (field, neutral) in [
        ("suffix", vec![json!("")]),
        ("logit_bias", vec![json!({})]),
        ("presence_penalty", vec![json!(0), json!(0.0)]),
        ("frequency_penalty", vec![json!(0), json!(0.0)]),
        ("repetition_penalty", vec![json!(1), json!(1.0)]),
        ("top_k", vec![json!(-1), json!(0)]),
        ("min_p", vec![json!(0), json!(0.0)]),
        ("use_beam_search", vec![json!(false)]),
        ("best_of", vec![json!(1), fields.peek("n")]),
        ("stop_token_ids", vec![json!([])]),
        ("ignore_eos", vec![json!(false)]),
    ] {
        fields.refuse(field, &neutral)?;
    }
    Ok(Params { temperature, top_p, stops, wanted: None, include_stop })
}

fn stops(app: &App, fields: &mut Fields) -> Result<Vec<String>, ApiError> {
    let mut stops = fields.texts("stop", app.limits().stops)?;
    stops.retain(|stop| !stop.is_empty());
    match stops.iter().find(|stop| stop.len() > 1024) {
        Some(_) => Err(fields.error("stop", "a text is longer than 1024 bytes")),
        None => Ok(stops),
    }
}

fn read(app: &App, mut fields: Fields) -> Result<Asked, ApiError> {
    let (limits, model) = (app.limits(), app.model());
    let info = model.info();
    let parse = fields.flag_or_none("parse_special")?.unwrap_or(true);
    let special = fields.flag_or_none("add_special_tokens")?.unwrap_or(true);
    let prompts = prompts(app, &mut fields, special, parse)?;
    for prompt in &prompts {
        if prompt.is_empty() {
            return Err(fields.error("prompt", "is empty"));
        }
        if prompt.len() > limits.prompt_tokens {
            let message = format!("{} tokens are above the limit of {}", prompt.len(), limits.prompt_tokens);
            return Err(fields.error("prompt", message).code("context_length_exceeded"));
        }
    }
    let mut params = params(app, &mut fields)?;
    let n = fields.count("n", limits.choices)?.unwrap_or(1);
    if n == 0 {
        return Err(fields.error("n", "must be above 0"));
    }
    if n * prompts.len() > limits.choices {
        let message = format!("{} completions are above the limit of {}", n * prompts.len(), limits.choices);
        return Err(fields.error("n", message));
    }
    let max_tokens = fields.count("max_tokens", limits.max_tokens)?.unwrap_or(MAX_TOKENS);
    let seed = fields.seed("seed")?.unwrap_or_else(|| app.fresh_seed());
    let echo = fields.flag("echo")?;
    let logprobs = fields.count("logprobs", limits.logprobs)?;
    let prompt_logprobs = fields.count("prompt_logprobs", limits.logprobs)?;
    let ids = match fields.list("logprob_token_ids", limits.logprobs)? {
        Some(list) => token_ids("logprob_token_ids", &list, info.vocab)?,
        None => Vec::new(),
    };
    let token_ids = fields.flag("return_token_ids")?;
    let ids_as_names = fields.flag("return_tokens_as_token_ids")?;
    let stream = fields.flag("stream")?;
    let include_usage = include_usage(&mut fields)?;
    let mut own = fields.object("egcfg")?;
    let lanes = lanes(app, &prompts, n, max_tokens, seed, own.as_mut())?;
    for (lane, prompt) in lanes.iter().map(|lane| (lane, &prompts[lane.prompt])) {
        if prompt.len() + usize::from(lane.max_tokens > 0) > info.context {
            let message = format!("{} tokens leave no room in a context of {}", prompt.len(), info.context);
            return Err(fields.error("prompt", message).code("context_length_exceeded"));
        }
    }
    params.wanted = logprobs.map(|top| Wanted { top, ids: ids.clone() });
    let along = prompt_logprobs.or(if echo { logprobs } else { None });
    if prompt_logprobs.is_some() && echo && logprobs.is_some_and(|top| Some(top) != prompt_logprobs) {
        return Err(
            fields.error("prompt_logprobs", "differs from logprobs, which echo applies to the prompt")
        );
    }
    if stream && along.is_some() {
        return Err(fields.error("stream", "log-probabilities of a prompt are not streamed"));
    }
    let from = match along {
        Some(_) => from(&prompts, own.as_mut(), echo)?,
        None => Vec::new(),
    };
    let positions: usize = from.iter().zip(&prompts).map(|(from, prompt)| prompt.len() - from).sum();
    let new: usize = lanes.iter().map(|lane| lane.max_tokens).sum();
    let entries = along.unwrap_or(0).min(info.vocab).saturating_mul(positions)
        + logprobs.unwrap_or(0).min(info.vocab).saturating_mul(new);
    if entries > limits.entries {
        let message = format!(
            "lists for {} positions may take {entries} entries, above the limit of {}",
            positions + new,
            limits.entries
        );
        return Err(fields.error("logprobs", message));
    }
    let wanted = Wanted { top: along.unwrap_or(0), ids };
    Ok(Asked {
        prompts,
        lanes,
        params,
        echo,
        from,
        wanted,
        prompt_logprobs: prompt_logprobs.is_some(),
        token_ids,
        ids_as_names,
        stream,
        include_usage,
    })
}

/// `stream_options.include_usage`.
pub(crate) fn include_usage(fields: &mut Fields) -> Result<bool, ApiError> {
    match fields.object("stream_options")? {
        Some(mut options) => options.flag("include_usage"),
        None => Ok(false),
    }
}

/// A string, strings, token ids, or lists of them.
fn prompts(
    app: &App,
    fields: &mut Fields,
    special: bool,
    parse: bool,
) -> Result<Vec<Vec<TokenId>>, ApiError> {
    let model = app.model();
    let (vocab, most) = (model.info().vocab, app.limits().prompts);
    let how = if parse { Encode::Template } else { Encode::Plain };
    let encode = |text: &str| -> Result<Vec<TokenId>, ApiError> {
        let mut tokens: Vec<TokenId> = model.info().bos.filter(|_| special).into_iter().collect();
        let encoded = model.encode(text, how);
        tokens.extend(encoded.map_err(|error| ApiError::field("prompt", error.to_string()))?);
        Ok(tokens)
    };
    let list = match fields.take("prompt") {
        None => return Err(fields.error("prompt", "is missing")),
        Some(Value::String(text)) => return Ok(vec![encode(&text)?]),
        Some(Value::Array(list)) => list,
        Some(_) => {
            return Err(fields.error("prompt", "expected a string, token ids, or a list of either"));
        }
    };
    if list.is_empty() {
        return Err(fields.error("prompt", "is empty"));
    }
    if list.iter().all(Value::is_number) {
        return Ok(vec![token_ids("prompt", &list, vocab)?]);
    }
    if list.len() > most {
        return Err(fields.error("prompt", format!("{} prompts are above the limit of {most}", list.len())));
    }
    list.iter()
        .map(|prompt| match prompt {
            Value::String(text) => encode(text),
            Value::Array(ids) => token_ids("prompt", ids, vocab),
            _ => Err(ApiError::field("prompt", "expected strings or lists of token ids")),
        })
        .collect()
}

/// The completions to draw: `n` of each prompt, or, where the request says how, one draw of each.
fn lanes(
    app: &App,
    prompts: &[Vec<TokenId>],
    n: usize,
    max_tokens: usize,
    seed: u64,
    own: Option<&mut Fields>,
) -> Result<Vec<Lane>, ApiError> {
    let context = app.model().info().context;
    let room = |prompt: &[TokenId]| context.saturating_sub(prompt.len());
    let draws = match own {
        Some(own) => own.list("draws", prompts.len())?.map(|list| (own, list)),
        None => None,
    };
    let Some((own, draws)) = draws else {
        let mut lanes = Vec::with_capacity(prompts.len() * n);
        for (at, prompt) in prompts.iter().enumerate() {
            for _ in 0..n {
                let index = lanes.len();
                let seed = if index == 0 { seed } else { derive_seed(seed, &["choice", &index.to_string()]) };
                lanes.push(Lane::new(at, prompt.clone(), seed, max_tokens.min(room(prompt).max(1))));
            }
        }
        return Ok(lanes);
    };
    if draws.len() != prompts.len() || n != 1 {
        return Err(own.error("draws", "expected one draw for each prompt, and n = 1"));
    }
    let mut lanes = Vec::with_capacity(prompts.len());
    for (at, (prompt, value)) in prompts.iter().zip(draws).enumerate() {
        let mut draw = own.element("draws", at, value)?;
        let standing = draw.count("standing", prompt.len().saturating_sub(1))?.unwrap_or(0);
        let most = draw.count("max_tokens", app.limits().max_tokens)?.unwrap_or(max_tokens).min(max_tokens);
        let (context, standing) = prompt.split_at(prompt.len() - standing);
        let seed = draw.seed("seed")?.unwrap_or(seed);
        let mut lane = Lane::new(at, context.to_vec(), seed, most.min(room(prompt).max(1)));
        lane.standing = standing.to_vec();
        lane.tail = draw.text("tail")?.unwrap_or_default();
        if lane.tail.len() > 4096 {
            return Err(draw.error("tail", "is longer than 4096 bytes"));
        }
        lane.newlines = draw.count("newlines", usize::MAX >> 1)?;
        if lane.newlines == Some(0) {
            lane.end = Some(egcfg_model::StopReason::Newlines);
        }
        lanes.push(lane);
    }
    Ok(lanes)
}

/// Where scoring begins: at the second token, or where the request says.
fn from(prompts: &[Vec<TokenId>], own: Option<&mut Fields>, echo: bool) -> Result<Vec<usize>, ApiError> {
    let all = vec![1; prompts.len()];
    let Some(own) = own else { return Ok(all) };
    let Some(list) = own.list("prompt_logprobs_from", prompts.len())? else { return Ok(all) };
    if echo || list.len() != prompts.len() {
        return Err(own.error("prompt_logprobs_from", "expected one position for each prompt, without echo"));
    }
    list.iter()
        .zip(prompts)
        .map(|(value, prompt)| match value.as_u64() {
            Some(from) if from >= 1 && from <= prompt.len() as u64 => Ok(from as usize),
            _ => Err(own.error("prompt_logprobs_from", "expected positions from 1 to the prompt's length")),
        })
        .collect()
}

/// Draws and scores everything. A single most probable token needs its distribution only, so it comes with the scores.
async fn carry_out<'m>(
    app: &App,
    model: &'m dyn LanguageModel,
    asked: &mut Asked,
) -> Result<(Drawing<'m>, Vec<Scored>, Usage), ApiError> {
    let lanes = std::mem::take(&mut asked.lanes);
    let one = asked.params.temperature == 0.0
        && lanes.len() == asked.prompts.len()
        && lanes.iter().all(|lane| lane.max_tokens == 1 && lane.end.is_none());
    let (mut scored, mut cached) = (Vec::new(), 0);
    if one || !asked.from.is_empty() {
        let ends: Vec<usize> = asked.prompts.iter().map(Vec::len).collect();
        let from = if asked.from.is_empty() { &ends } else { &asked.from };
        (scored, cached) = along(model, &asked.prompts, from, &asked.wanted).await?;
    }
    let mut drawing = Drawing::new(model, asked.params.clone(), lanes);
    if one {
        for (lane, scored) in drawing.lanes.iter_mut().zip(&mut scored) {
            if let Some(row) = scored.last.take() {
                lane.force(model, &asked.params, &row);
            }
        }
    } else {
        for scored in &mut scored {
            scored.last = None;
        }
        drawing.finish().await?;
        if scored.is_empty() {
            cached = drawing.cached;
        }
    }
    let usage = Usage {
        prompt: asked.prompts.iter().map(Vec::len).sum(),
        completion: drawing.lanes.iter().map(|lane| lane.tokens.len()).sum(),
        cached,
    };
    app.0.metrics.tokens(usage.prompt, usage.completion, usage.cached);
    Ok((drawing, scored, usage))
}

async fn whole(app: &App, mut asked: Asked, id: &str) -> Result<Response, ApiError> {
    let model = app.model();
    let (drawing, scored, usage) = carry_out(app, model, &mut asked).await?;
    let names = Names { model, ids: asked.ids_as_names };
    let mut choices = Vec::with_capacity(drawing.lanes.len());
    for (index, lane) in drawing.lanes.iter().enumerate() {
        let prompt = &asked.prompts[lane.prompt];
        let rows = scored.get(lane.prompt).map(|scored| scored.rows.as_slice()).unwrap_or_default();
        let (mut text, mut offset) = (String::new(), 0);
        if asked.echo {
            text = text_of(model, prompt);
        }
        let logprobs = drawing.params.wanted.is_some().then(|| {
            let mut lists = TextLogProbs::empty();
            if asked.echo {
                lists.extend(names, prompt, rows, &mut offset);
            }
            lists.extend(names, &lane.tokens, &lane.rows, &mut offset);
            lists
        });
        text.push_str(&lane.text(&drawing.params));
        choices.push(Choice {
            index,
            text,
            logprobs,
            finish_reason: lane.finish_reason(),
            stop_reason: lane.stop_at(&drawing.params.stops).map(|(_, stop)| stop.to_owned()),
            token_ids: asked.token_ids.then_some(lane.tokens.as_slice()),
            prompt_token_ids: asked.token_ids.then_some(prompt.as_slice()),
            prompt_logprobs: asked.prompt_logprobs.then(|| PromptLogProbs {
                rows,
                from_start: asked.from.get(lane.prompt) == Some(&1),
                names,
            }),
            egcfg: None,
        });
    }
    json_response(&Envelope {
        id,
        object: "text_completion",
        created: now(),
        model: &app.0.name,
        choices,
        usage: Some(usage.json()),
        egcfg: None,
    })
}

async fn streamed(app: &App, asked: Asked, id: &str, events: &stream::Events) -> Result<(), ApiError> {
    let model = app.model();
    let names = Names { model, ids: asked.ids_as_names };
    let created = now();
    let mut drawing = Drawing::new(model, asked.params.clone(), asked.lanes.clone());
    // Text and tokens of each completion that were sent.
    let mut sent = vec![(0, 0); drawing.lanes.len()];
    let mut first = asked.echo;
    let mut offsets: Vec<usize> = vec![0; drawing.lanes.len()];
    loop {
        if !drawing.done() {
            drawing.advance(PORTION).await?;
        }
        let mut choices = Vec::new();
        for (index, lane) in drawing.lanes.iter().enumerate() {
            let (text_sent, tokens_sent) = sent[index];
            let visible = lane.visible(&drawing.params).max(text_sent);
            let ended_now = lane.end.is_some() && tokens_sent != usize::MAX;
            if !ended_now && (tokens_sent == usize::MAX || lane.tokens.len() == tokens_sent) {
                continue;
            }
            let mut text = if first { text_of(model, &asked.prompts[lane.prompt]) } else { String::new() };
            text.push_str(&String::from_utf8_lossy(&lane.bytes[text_sent..visible]));
            let logprobs = drawing.params.wanted.is_some().then(|| {
                let mut lists = TextLogProbs::empty();
                let rows = &lane.rows[tokens_sent.min(lane.rows.len())..];
                lists.extend(names, &lane.tokens[tokens_sent..], rows, &mut offsets[index]);
                lists
            });
            choices.push(Choice {
                index,
                text,
                logprobs,
                finish_reason: lane.finish_reason(),
                stop_reason: None,
                token_ids: asked.token_ids.then_some(&lane.tokens[tokens_sent..]),
                prompt_token_ids: None,
                prompt_logprobs: None,
                egcfg: None,
            });
            sent[index] = (visible, if lane.end.is_some() { usize::MAX } else { lane.tokens.len() });
        }
        first = false;
        if !choices.is_empty() {
            events.send(&chunk(app, id, created, choices, None));
        }
        if drawing.done() {
            break;
        }
    }
    let usage = Usage {
        prompt: asked.prompts.iter().map(Vec::len).sum(),
        completion: drawing.lanes.iter().map(|lane| lane.tokens.len()).sum(),
        cached: drawing.cached,
    };
    app.0.metrics.tokens(usage.prompt, usage.completion, usage.cached);
    if asked.include_usage {
        events.send(&chunk(app, id, created, Vec::new(), Some(usage.json())));
    }
    Ok(())
}

/// A part of a stream.
fn chunk<'a>(
    app: &'a App,
    id: &'a str,
    created: u64,
    choices: Vec<Choice<'a>>,
    usage: Option<Value>,
) -> Envelope<'a, Choice<'a>> {
    let model = &app.0.name;
    Envelope { id, object: "text_completion", created, model, choices, usage, egcfg: None }
}

fn text_of(model: &dyn LanguageModel, tokens: &[TokenId]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| model.token_bytes(*token)).copied().collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
