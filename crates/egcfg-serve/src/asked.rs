//! What a request of `/v1/completions` asks for: read from its fields and held against the limits before any work is done,
//! and completed inside a work slot, where its prompts become tokens.

use egcfg_model::{HeldText, TokenId};
use egcfg_task::derive_seed;
use serde_json::json;

use crate::app::App;
use crate::draw::{Lane, Params};
use crate::error::ApiError;
use crate::fields::{Fields, token_ids};
use crate::prompts::Prompts;
use crate::rows::Wanted;

/// New tokens where a request does not say: OpenAI's default.
const MAX_TOKENS: usize = 16;

/// What a request asks for.
pub(crate) struct Asked {
    pub(crate) prompts: Vec<Vec<TokenId>>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) params: Params,
    pub(crate) echo: bool,
    /// Per prompt the first position to score, where prompts are scored.
    pub(crate) from: Vec<usize>,
    /// Lists along prompts.
    pub(crate) wanted: Wanted,
    pub(crate) prompt_logprobs: bool,
    pub(crate) token_ids: bool,
    pub(crate) ids_as_names: bool,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
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
    habits(fields);
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

/// Takes fields that clients send by habit and that ask nothing of this server.
pub(crate) fn habits(fields: &mut Fields) {
    for field in [
        "user",
        "metadata",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
        "skip_special_tokens",
        "spaces_between_special_tokens",
    ] {
        fields.take(field);
    }
}

fn stops(app: &App, fields: &mut Fields) -> Result<Vec<String>, ApiError> {
    let mut stops = fields.texts("stop", app.limits().stops)?;
    stops.retain(|stop| !stop.is_empty());
    match stops.iter().find(|stop| stop.len() > 1024) {
        Some(_) => Err(fields.error("stop", "a text is longer than 1024 bytes")),
        None => Ok(stops),
    }
}

/// A request whose fields are read; what depends on the prompts' tokens is still open.
pub(crate) struct Draft {
    prompts: Prompts,
    n: usize,
    max_tokens: usize,
    seed: u64,
    logprobs: Option<usize>,
    prompt_logprobs: Option<usize>,
    ids: Vec<TokenId>,
    own: Option<Fields>,
    /// Everything else: without prompts and lanes.
    asked: Asked,
    /// Fields that mean nothing here.
    pub(crate) ignored: Vec<String>,
}

/// Reads the fields of a request, and refuses what can be refused before any work.
pub(crate) fn read(app: &App, mut fields: Fields) -> Result<Draft, ApiError> {
    let limits = app.limits();
    let prompts = Prompts::read(app, &mut fields)?;
    let params = params(app, &mut fields)?;
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
        Some(list) => token_ids("logprob_token_ids", &list, app.model().info().vocab)?,
        None => Vec::new(),
    };
    if prompt_logprobs.is_some() && echo && logprobs.is_some_and(|top| Some(top) != prompt_logprobs) {
        return Err(
            fields.error("prompt_logprobs", "differs from logprobs, which echo applies to the prompt")
        );
    }
    let asked = Asked {
        prompts: Vec::new(),
        lanes: Vec::new(),
        params,
        echo,
        from: Vec::new(),
        wanted: Wanted::default(),
        prompt_logprobs: prompt_logprobs.is_some(),
        token_ids: fields.flag("return_token_ids")?,
        ids_as_names: fields.flag("return_tokens_as_token_ids")?,
        stream: fields.flag("stream")?,
        include_usage: include_usage(&mut fields)?,
    };
    let own = fields.object("egcfg")?;
    let ignored = fields.rest();
    Ok(Draft { prompts, n, max_tokens, seed, logprobs, prompt_logprobs, ids, own, asked, ignored })
}

impl Draft {
    /// Makes tokens of the prompts, and decides the rest. May take long.
    pub(crate) fn finish(self, app: &App) -> Result<Asked, ApiError> {
        let Self { n, max_tokens, seed, logprobs, prompt_logprobs, ids, mut own, mut asked, .. } = self;
        let (limits, info) = (app.limits(), app.model().info());
        let prompts = self.prompts.encode(app)?;
        let lanes = lanes(app, &prompts, n, max_tokens, seed, own.as_mut())?;
        for (lane, prompt) in lanes.iter().map(|lane| (lane, &prompts[lane.prompt])) {
            if prompt.len() + usize::from(lane.max_tokens > 0) > info.context {
                let message =
                    format!("{} tokens leave no room in a context of {}", prompt.len(), info.context);
                return Err(ApiError::field("prompt", message).code("context_length_exceeded"));
            }
        }
        asked.params.wanted = logprobs.map(|top| Wanted { top, ids: ids.clone() });
        let along = prompt_logprobs.or(if asked.echo { logprobs } else { None });
        if along.is_some() {
            asked.from = from(&prompts, own.as_mut(), asked.echo)?;
        }
        let positions: usize =
            asked.from.iter().zip(&prompts).map(|(from, prompt)| prompt.len() - from).sum();
        let new: usize = lanes.iter().map(|lane| lane.max_tokens).sum();
        let entries = along.unwrap_or(0).min(info.vocab).saturating_mul(positions)
            + logprobs.unwrap_or(0).min(info.vocab).saturating_mul(new);
        if entries > limits.entries {
            let message = format!(
                "lists for {} positions may take {entries} entries, above the limit of {}",
                positions + new,
                limits.entries
            );
            return Err(ApiError::field("logprobs", message));
        }
        asked.wanted = Wanted { top: along.unwrap_or(0), ids };
        (asked.prompts, asked.lanes) = (prompts, lanes);
        Ok(asked)
    }
}

/// `stream_options.include_usage`.
pub(crate) fn include_usage(fields: &mut Fields) -> Result<bool, ApiError> {
    match fields.object("stream_options")? {
        Some(mut options) => options.flag("include_usage"),
        None => Ok(false),
    }
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
        let tail = draw.text("tail")?.unwrap_or_default();
        if tail.len() > 4096 {
            return Err(draw.error("tail", "is longer than 4096 bytes"));
        }
        lane.text = HeldText::behind(&tail);
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
