//! What a conversation asks for, whichever endpoint it came through: messages and how to draw the answer. Its fields are
//! read at once; it becomes tokens inside a work slot.

use egcfg_task::derive_seed;
use serde_json::json;

use crate::app::App;
use crate::asked::{habits, params};
use crate::chat_template;
use crate::draw::{Drawing, Lane, Params};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::messages::Message;
use crate::reply::Usage;
use crate::rows::Wanted;

/// A conversation and how to go on with it.
pub(crate) struct Conversation {
    pub(crate) messages: Vec<Message>,
    pub(crate) params: Params,
    /// Completions.
    pub(crate) n: usize,
    /// New tokens; as many as there is room for, where it says nothing.
    pub(crate) most: Option<usize>,
    pub(crate) seed: u64,
}

/// Refuses what would change the answer and is not carried out.
pub(crate) fn refuse(fields: &mut Fields) -> Result<(), ApiError> {
    for (field, neutral) in [
        ("tools", vec![json!([])]),
        ("tool_choice", vec![json!("none"), json!("auto")]),
        ("functions", vec![json!([])]),
        ("function_call", vec![json!("none"), json!("auto")]),
        ("response_format", vec![json!({ "type": "text" })]),
        ("modalities", vec![json!(["text"])]),
        ("audio", vec![]),
        ("prediction", vec![]),
        ("web_search_options", vec![]),
        ("guided_json", vec![]),
        ("guided_regex", vec![]),
        ("guided_choice", vec![]),
        ("guided_grammar", vec![]),
        ("structured_outputs", vec![]),
        ("grammar", vec![json!("")]),
        ("json_schema", vec![]),
    ] {
        fields.refuse(field, &neutral)?;
    }
    fields.take("parallel_tool_calls");
    Ok(())
}

impl Conversation {
    /// Reads what says how to draw.
    pub(crate) fn read(app: &App, fields: &mut Fields, messages: Vec<Message>) -> Result<Self, ApiError> {
        habits(fields);
        let params = params(app, fields)?;
        let seed = fields.seed("seed")?.unwrap_or_else(|| app.fresh_seed());
        Ok(Self { messages, params, n: 1, most: None, seed })
    }

    /// Asks for lists of log-probabilities.
    pub(crate) fn want(&mut self, top: usize) {
        self.params.wanted = Some(Wanted { top, ids: Vec::new() });
    }

    /// Writes the prompt. May take long. Also how many tokens the prompt has.
    pub(crate) fn drawing(self, app: &App) -> Result<(Drawing, usize), ApiError> {
        let limits = app.limits();
        let prompt = chat_template::prompt(app.model(), &app.0.parts.template, &self.messages)?;
        let (length, context) = (prompt.tokens.len(), app.model().info().context);
        if length > limits.prompt_tokens || length + 1 > context {
            let most = context.min(limits.prompt_tokens);
            let message = format!("{length} tokens leave no room in a context of {most}");
            return Err(ApiError::field("messages", message).code("context_length_exceeded"));
        }
        let most = self.most.unwrap_or(limits.max_tokens).min(context - length);
        let mut params = self.params;
        params.stops.extend(prompt.stops);
        if let Some(wanted) = &params.wanted
            && wanted.top.saturating_mul(most * self.n) > limits.entries
        {
            let message = format!("asks for more than {} entries", limits.entries);
            return Err(ApiError::field("top_logprobs", message));
        }
        let lanes = (0..self.n).map(|index| {
            let seed = match index {
                0 => self.seed,
                _ => derive_seed(self.seed, &["choice", &index.to_string()]),
            };
            Lane::new(0, prompt.tokens.clone(), seed, most)
        });
        Ok((Drawing::new(app.shared_model(), params, lanes.collect()), length))
    }
}

/// What it cost.
pub(crate) fn count(app: &App, drawing: &Drawing, prompt: usize) -> Usage {
    let completion = drawing.lanes.iter().map(|lane| lane.tokens.len()).sum();
    let usage = Usage { prompt, completion, cached: drawing.cached };
    app.0.metrics.tokens(usage.prompt, usage.completion, usage.cached);
    usage
}
