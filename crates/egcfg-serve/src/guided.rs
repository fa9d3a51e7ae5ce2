//! Requests with `tests`: decoded under execution guidance. The reply's text is the program, and `egcfg` says which tests it
//! passes. As a stream, what happens comes as events without text, since a later attempt may replace an earlier one; the
//! program comes with the verdict in the last part, so that the texts of a stream always add up to the program.

use std::sync::Arc;

use axum::response::Response;
use egcfg_grade::{Outcome, trouble};
use egcfg_guidance::{Event, EventSink, ExecutionCache, Session, Settings, Solution, Stop, solve};
use egcfg_task::{Compare, Config, Form as TaskForm, Horizon, Task, Temperature, Test};
use serde_json::{Value, json};

use crate::admission::Place;
use crate::app::{App, now};
use crate::asked::include_usage;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::metrics::Metrics;
use crate::reply::{Envelope, Usage, json_response};
use crate::stream::{self, Events};

/// Which of the two endpoints was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/v1/completions`.
    Completion,
    /// `/v1/chat/completions`.
    Chat,
}

/// A guided request.
struct Asked {
    form: Form,
    task: Task,
    settings: Settings,
    gammas: Vec<f64>,
    retries: u32,
    stream: bool,
    include_usage: bool,
    /// Fields that mean nothing here.
    ignored: Vec<String>,
}

/// Answers a guided request about what the prompt says.
pub(crate) async fn handle(
    app: App,
    fields: Fields,
    place: Place,
    prompt: String,
    form: Form,
) -> Result<Response, ApiError> {
    if app.0.parts.executor.is_none() {
        return Err(fields.error("tests", "this server has no sandbox to run them in"));
    }
    let asked = read(&app, fields, prompt, form)?;
    let slot = app.0.admission.work(place).await?;
    let id = app.request_id(if form == Form::Chat { "chatcmpl" } else { "cmpl" });
    if asked.stream {
        let limit = app.limits().time;
        return Ok(stream::respond(limit, move |events| async move {
            let _slot = slot;
            streamed(&app, &asked, id, events).await
        }));
    }
    let sink = Sink { metrics: Arc::clone(&app.0.metrics), stream: None };
    let solution = carry_out(&app, &asked, &sink).await?;
    drop(slot);
    let usage = count(&app, &solution);
    let (choice, _) = choice(&asked, &solution, false)?;
    json_response(&Envelope {
        id: &id,
        object: object(form, false),
        created: now(),
        model: &app.0.name,
        choices: vec![choice],
        usage: Some(usage.json()),
        egcfg: None,
    })
}

fn object(form: Form, chunk: bool) -> &'static str {
    match (form, chunk) {
        (Form::Completion, _) => "text_completion",
        (Form::Chat, false) => "chat.completion",
        (Form::Chat, true) => "chat.completion.chunk",
    }
}

/// Counts and, for a stream, sends what happens.
struct Sink {
    metrics: Arc<Metrics>,
    stream: Option<Chunks>,
}

/// A stream's parts, each in the form's envelope.
struct Chunks {
    events: Events,
    form: Form,
    id: String,
    model: String,
    created: u64,
}

impl Chunks {
    fn send(&self, choice: Option<Value>, usage: Option<Value>, egcfg: Option<Value>) {
        self.events.send(&Envelope {
            id: &self.id,
            object: object(self.form, true),
            created: self.created,
            model: &self.model,
            choices: choice.into_iter().collect(),
            usage,
            egcfg,
        });
    }

    /// A choice that adds nothing.
    fn nothing(&self) -> Value {
        match self.form {
            Form::Completion => json!({ "index": 0, "text": "", "logprobs": null, "finish_reason": null }),
            Form::Chat => json!({ "index": 0, "delta": {}, "finish_reason": null }),
        }
    }
}

impl EventSink for Sink {
    fn emit(&self, event: &Event) {
        self.metrics.observe(event);
        let Some(chunks) = &self.stream else { return };
        // Programs, traces and candidates are long, and the client has no use for them while it waits.
        let told = matches!(
            event,
            Event::Start { .. }
                | Event::GuidanceStarted { .. }
                | Event::Refresh { .. }
                | Event::Token { .. }
                | Event::Line { .. }
                | Event::Stopped { .. }
                | Event::Verdict { .. }
                | Event::Warning { .. }
        );
        if told && let Ok(value) = serde_json::to_value(event) {
            chunks.send(Some(chunks.nothing()), None, Some(value));
        }
    }
}

async fn carry_out(app: &App, asked: &Asked, sink: &Sink) -> Result<Solution, ApiError> {
    let Some(executor) = &app.0.parts.executor else {
        return Err(ApiError::sandbox("this server has no sandbox"));
    };
    let cache = ExecutionCache::default();
    let session = Session {
        model: app.model(),
        executor: &**executor,
        template: &app.0.parts.template,
        task: &asked.task,
        cache: &cache,
        events: sink,
    };
    let solution = solve(session, &asked.settings, &asked.gammas, asked.retries).await?;
    app.0.metrics.guided(solution.solved());
    Ok(solution)
}

async fn streamed(app: &App, asked: &Asked, id: String, events: Events) -> Result<(), ApiError> {
    let chunks = Chunks { events, form: asked.form, id, model: app.0.name.clone(), created: now() };
    if asked.form == Form::Chat {
        let opening =
            json!({ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null });
        chunks.send(Some(opening), None, None);
    }
    let sink = Sink { metrics: Arc::clone(&app.0.metrics), stream: Some(chunks) };
    let solution = carry_out(app, asked, &sink).await?;
    let usage = count(app, &solution);
    let (choice, own) = choice(asked, &solution, true)?;
    if let Some(chunks) = &sink.stream {
        chunks.send(Some(choice), None, Some(own));
        if asked.include_usage {
            chunks.send(None, Some(usage.json()), None);
        }
    }
    Ok(())
}

/// What all attempts cost: every token drawn counts.
fn count(app: &App, solution: &Solution) -> Usage {
    let stats = solution.stats();
    let usage = Usage {
        prompt: stats.prompt_tokens,
        completion: stats.generated_tokens(),
        cached: stats.cached_tokens,
    };
    app.0.metrics.tokens(usage.prompt, usage.completion, usage.cached);
    usage
}

/// The choice, and what is special about it.
fn choice(asked: &Asked, solution: &Solution, chunk: bool) -> Result<(Value, Value), ApiError> {
    let best = solution.best().ok_or_else(|| ApiError::sandbox("no attempt was made"))?;
    if Outcome::of(&best.results, asked.task.shown_tests.len()) == Outcome::Error {
        let why = trouble(&best.results).unwrap_or_default();
        return Err(ApiError::sandbox(format!("the program was not judged: {why}")));
    }
    let tests: Vec<Value> = asked
        .task
        .shown_tests
        .iter()
        .zip(&best.results)
        .map(|(test, result)| {
            json!({
                "test": test,
                "passed": result.verdict.passed(),
                "verdict": result.verdict,
                "said": result.verdict.to_string(),
                "error": result.error,
                "got": result.got,
                "seconds": result.seconds,
                "unproven": result.unproven,
            })
        })
        .collect();
    let attempts: Vec<Value> = solution
        .attempts
        .iter()
        .map(|attempt| {
            json!({
                "gamma": attempt.gamma, "retry": attempt.retry,
                "passes": attempt.passes(), "stop": attempt.generation.stop,
            })
        })
        .collect();
    let own = json!({
        "passed": best.passed(),
        "passes": best.passes(),
        "tests": tests,
        "gamma": best.gamma,
        "retry": best.retry,
        "config": asked.settings.config.to_string(),
        "seed": asked.settings.seed,
        "entry_point": asked.task.entry_point,
        "guidance_began": best.generation.began,
        "stop": best.generation.stop,
        "attempts": attempts,
        "stats": solution.stats(),
        "ignored": asked.ignored,
    });
    let text = &best.generation.program;
    let finish = if best.generation.stop == Stop::Length { "length" } else { "stop" };
    let mut choice = match (asked.form, chunk) {
        (Form::Completion, _) => json!({ "index": 0, "text": text, "logprobs": null }),
        (Form::Chat, true) => json!({ "index": 0, "delta": { "content": text } }),
        (Form::Chat, false) => {
            json!({ "index": 0, "message": { "role": "assistant", "content": text }, "logprobs": null })
        }
    };
    choice["finish_reason"] = json!(finish);
    choice["egcfg"] = own.clone();
    Ok((choice, own))
}

fn read(app: &App, mut fields: Fields, prompt: String, form: Form) -> Result<Asked, ApiError> {
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
    let gammas = gammas(limits.gammas, &mut fields)?.unwrap_or_else(|| parts.gammas.clone());
    let retries = fields.count("retries", limits.retries)?.unwrap_or(0) as u32;
    let stream = fields.flag("stream")?;
    let include_usage = include_usage(&mut fields)?;
    fields.take("user");
    let ignored = fields.rest();
    Ok(Asked { form, task, settings, gammas, retries, stream, include_usage, ignored })
}

fn task(limits: &crate::Limits, fields: &mut Fields, prompt: String) -> Result<Task, ApiError> {
    let list = fields.list("tests", limits.tests)?.unwrap_or_default();
    if list.is_empty() {
        return Err(fields.error("tests", "is empty"));
    }
    let mut tests = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let test = match value {
            Value::String(source) => {
                let at = |message: &str| ApiError::field(format!("tests[{index}]"), message);
                if source.len() > limits.test_bytes {
                    return Err(at(&format!("is longer than {} bytes", limits.test_bytes)));
                }
                egcfg_python::check(&source, egcfg_python::PythonVersion::default())
                    .map_err(|fault| at(&format!("not valid Python: {}", fault.message)))?;
                Test::Assert(source)
            }
            other => {
                let mut io = fields.element("tests", index, other)?;
                let stdin = io.text("stdin")?.unwrap_or_default();
                let stdout = io.text("stdout")?.ok_or_else(|| io.error("stdout", "is missing"))?;
                if stdin.len() + stdout.len() > limits.test_bytes {
                    return Err(io.error("stdin", format!("is longer than {} bytes", limits.test_bytes)));
                }
                let rule = Compare::from_fields(
                    io.text("compare")?.as_deref(),
                    io.number("tolerance", 0.0, f64::MAX)?,
                    io.flag_or_none("ignore_case")?,
                );
                let compare = rule.map_err(|(field, reason)| io.error(field, reason))?;
                Test::Stdio { stdin, stdout, compare }
            }
        };
        tests.push(test);
    }
    let asserts: Vec<&str> =
        tests.iter().filter_map(|t| if let Test::Assert(s) = t { Some(s.as_str()) } else { None }).collect();
    let form = match asserts.len() {
        0 => TaskForm::Stdio,
        all if all == tests.len() => TaskForm::Asserts,
        _ => return Err(fields.error("tests", "statements and stdin/stdout pairs cannot stand together")),
    };
    let entry_point = match fields.text("entry_point")? {
        Some(name) if is_identifier(&name) => name,
        Some(name) => return Err(fields.error("entry_point", format!("'{name}' is not a name"))),
        None if form == TaskForm::Stdio => "solve".to_owned(),
        None => egcfg_python::entry_point(&asserts).ok_or_else(|| {
            fields.error("entry_point", "is needed: the tests call no function that could be meant")
        })?,
    };
    let mut python = |name: &str| -> Result<String, ApiError> {
        let text = fields.text(name)?.unwrap_or_default();
        if text.len() > limits.test_bytes {
            return Err(fields.error(name, format!("is longer than {} bytes", limits.test_bytes)));
        }
        Ok(text)
    };
    let (setup_code, header) = (python("setup_code")?, python("header")?);
    Ok(Task { prompt, entry_point, form, shown_tests: tests, setup_code, header, ..Task::default() })
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_')
}

/// The configuration: single knobs override the name, which overrides the server's.
fn config(limits: &crate::Limits, fields: &mut Fields, default: Config) -> Result<Config, ApiError> {
    let mut config = match fields.text("config")? {
        Some(name) => {
            name.parse().map_err(|error: egcfg_task::NameError| fields.error("config", error.to_string()))?
        }
        None => default,
    };
    if let Some(candidates) = fields.count("candidates", limits.candidates)? {
        config.candidates = candidates as u32;
    }
    if let Some(every) = fields.count("every", 1000)? {
        config.every = every as u32;
    }
    if fields.peek("horizon") == json!("inf") {
        fields.take("horizon");
        config.horizon = Horizon::Infinite;
    } else if let Some(lines) = fields.count("horizon", 1000)? {
        config.horizon = Horizon::Lines(lines as u32);
    }
    // Clients send 0 by habit; what is accepted is the most probable token in any case.
    if let Some(temperature) = fields.number("temperature", 0.0, 100.0)?
        && let Some(temperature) = Temperature::new(temperature)
    {
        config.temperature = temperature;
    }
    for (field, value) in [
        ("candidates", config.candidates),
        ("every", config.every),
        ("horizon", if let Horizon::Lines(lines) = config.horizon { lines } else { 1 }),
    ] {
        if value == 0 {
            return Err(fields.error(field, "must be above 0"));
        }
    }
    if config.candidates as usize > limits.candidates {
        let message =
            format!("{} candidates are above the limit of {}", config.candidates, limits.candidates);
        return Err(fields.error("config", message));
    }
    if config.switches.memory as usize > limits.candidates {
        return Err(fields.error("config", format!("a memory above {} is refused", limits.candidates)));
    }
    Ok(config)
}

/// One strength, or a ladder of them.
fn gammas(most: usize, fields: &mut Fields) -> Result<Option<Vec<f64>>, ApiError> {
    let list = match fields.take("gamma") {
        None => return Ok(None),
        Some(Value::Array(list)) if list.len() > most => {
            return Err(
                fields.error("gamma", format!("{} strengths are above the limit of {most}", list.len()))
            );
        }
        Some(Value::Array(list)) if list.is_empty() => return Err(fields.error("gamma", "is empty")),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    };
    let numbers: Option<Vec<f64>> =
        list.iter().map(|value| value.as_f64().filter(|gamma| (0.0..=100.0).contains(gamma))).collect();
    match numbers {
        Some(numbers) => Ok(Some(numbers)),
        None => Err(fields.error("gamma", "expected a number from 0 to 100, or a list of them")),
    }
}
