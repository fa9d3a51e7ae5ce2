//! What a guided request asks for, read from its fields and held against the limits.

use egcfg_guidance::{Order, Settings};
use egcfg_task::Task;
use serde_json::json;

use crate::app::App;
use crate::asked::{habits, include_usage};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::guided::config::config;
use crate::guided::order::order;
use crate::guided::task::task;

/// Which of the two endpoints was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/v1/completions`.
    Completion,
    /// `/v1/chat/completions`.
    Chat,
}

/// A guided request.
pub(crate) struct Asked {
    pub(crate) form: Form,
    pub(crate) task: Task,
    pub(crate) settings: Settings,
    /// The method's name, and what it comes to.
    pub(crate) method: &'static str,
    pub(crate) order: Order,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    /// Fields that mean nothing here.
    pub(crate) ignored: Vec<String>,
}

/// Reads and checks a whole request about what the prompt says.
pub(crate) fn read(app: &App, mut fields: Fields, prompt: String, form: Form) -> Result<Asked, ApiError> {
    let (limits, parts) = (app.limits(), &app.0.parts);
    if prompt.trim().is_empty() {
        let field = if form == Form::Chat { "messages" } else { "prompt" };
        return Err(fields.error(field, "says nothing"));
    }
    for field in ["stop", "logprobs", "echo", "prompt_logprobs", "top_logprobs", "logit_bias", "tools"] {
        let neutral = [json!(false), json!([]), json!({}), json!("")];
        fields.refuse(field, &neutral).map_err(|_| fields.error(field, "cannot stand beside tests"))?;
    }
    fields
        .refuse("n", &[json!(1)])
        .map_err(|_| fields.error("n", "a guided request gives one completion"))?;
    let mut task = task(limits, &mut fields, prompt)?;
    task.id = fields.text("task_id")?.unwrap_or_else(|| "request".to_owned());
    let mut settings = parts.settings.clone();
    let (order, method) = order(limits, &mut fields, &parts.order)?;
    settings.config = config(limits, &mut fields, settings.config)?;
    let most = limits.max_tokens.min(app.model().info().context);
    let asked_tokens = fields.count("max_completion_tokens", most)?.or(fields.count("max_tokens", most)?);
    settings.max_tokens = match asked_tokens {
        Some(0) => return Err(fields.error("max_tokens", "must be above 0")),
        Some(tokens) => Some(tokens),
        None => settings.max_tokens,
    };
    settings.seed = fields.seed("seed")?.unwrap_or(settings.seed);
    if let Some(top_p) = fields.number("top_p", f64::MIN_POSITIVE, 1.0)? {
        settings.top_p = top_p;
    }
    let stream = fields.flag("stream")?;
    let include_usage = include_usage(&mut fields)?;
    habits(&mut fields);
    let ignored = fields.rest();
    Ok(Asked { form, task, settings, method, order, stream, include_usage, ignored })
}
