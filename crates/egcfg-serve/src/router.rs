//! Paths, and what every request goes through: the host's name, the key, the body's limits, a place in the queue, the time
//! limit, the counters.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::admission::Place;
use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::host::check_host;
use crate::reply::json_response;
use crate::{auth, body, chat, completion, cors, responses, rewards, run_code, tokens};

/// The paths, as they are counted.
const PATHS: [&str; 10] = [
    "/health",
    "/metrics",
    "/v1/models",
    "/v1/completions",
    "/v1/chat/completions",
    "/v1/responses",
    "/run_code",
    "/get_reward",
    "/tokenize",
    "/detokenize",
];

/// Everything that the server answers.
pub fn router(app: App) -> Router {
    let pages = cors::layer(&app.0.parts.cors);
    let router = Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(model))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(conversation))
        .route("/v1/responses", post(responses))
        .route("/run_code", post(run_code))
        .route("/get_reward", post(get_reward))
        .route("/tokenize", post(tokenize))
        .route("/detokenize", post(detokenize))
        .fallback(unknown)
        .method_not_allowed_fallback(method)
        .layer(middleware::from_fn_with_state(app.clone(), gate))
        .with_state(app);
    // Outermost: a page has to be allowed to read the errors too.
    match pages {
        Some(layer) => router.layer(layer),
        None => router,
    }
}

/// Says when a request ended without an answer.
struct Watch<'a> {
    app: &'a App,
    path: &'static str,
    since: Instant,
    answered: bool,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.app.0.metrics.cancelled();
        }
    }
}

async fn gate(State(app): State<App>, request: Request, next: Next) -> Response {
    let asked = request.uri().path();
    let path = PATHS.into_iter().find(|path| *path == asked).unwrap_or("other");
    let mut watch = Watch { app: &app, path, since: Instant::now(), answered: false };
    let response = match check(&app, path, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    watch.answered = true;
    app.0.metrics.answered(watch.path, response.status().as_u16(), watch.since.elapsed());
    response
}

fn check(app: &App, path: &str, request: &Request) -> Result<(), ApiError> {
    let parts = &app.0.parts;
    check_host(request.headers(), request.uri(), request.version(), parts.loopback_only)?;
    // Whoever watches over the process needs no key.
    if path == "/health" { Ok(()) } else { auth::check_key(parts.key.as_ref(), request.headers()) }
}

async fn health() -> Result<Response, ApiError> {
    json_response(&json!({ "status": "ok" }))
}

async fn metrics(State(app): State<App>) -> Response {
    let mut response = Response::new(Body::from(app.0.metrics.text(&app.0.admission, &app.0.runs)));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn about(app: &App) -> Value {
    // The first time, this may read the whole model file.
    let own = app.clone();
    let identity = tokio::task::spawn_blocking(move || own.model().identity()).await;
    let sha256 = identity.ok().and_then(Result::ok).and_then(|identity| identity.sha256);
    let info = app.model().info();
    json!({
        "id": app.0.name,
        "object": "model",
        "created": app.0.started,
        "owned_by": "egcfg",
        "max_model_len": info.context,
        "egcfg": {
            "version": env!("CARGO_PKG_VERSION"),
            "sha256": sha256,
            "vocab": info.vocab,
            "end_tokens": info.end_tokens,
            "bos": info.bos,
            "prompt_template": info.prompt_template,
            "chat_template": info.chat_template,
            "guided": app.0.parts.executor.is_some(),
        },
    })
}

async fn models(State(app): State<App>) -> Result<Response, ApiError> {
    json_response(&json!({ "object": "list", "data": [about(&app).await] }))
}

async fn model(
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::bad("the model's name in the path is no text"))?;
    app.check_model(Some(&name))?;
    json_response(&about(&app).await)
}

async fn completions(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (place, fields) = admit(&app, request).await?;
    app.within_limits(completion::handle(app.clone(), fields, place)).await
}

async fn conversation(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (place, fields) = admit(&app, request).await?;
    app.within_limits(chat::handle(app.clone(), fields, place)).await
}

async fn responses(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (place, fields) = admit(&app, request).await?;
    app.within_limits(responses::handle(app.clone(), fields, place)).await
}

async fn run_code(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let fields = body::read(&app, request).await?;
    let place = app.0.runs.enter()?;
    app.within_limits(run_code::handle(app.clone(), fields, place)).await
}

async fn get_reward(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let fraction = match request.uri().query() {
        None | Some("" | "reward=all") => false,
        Some("reward=fraction") => true,
        Some(_) => return Err(ApiError::field("reward", "expected ?reward=all or ?reward=fraction")),
    };
    let fields = body::read(&app, request).await?;
    let place = app.0.runs.enter()?;
    app.within_limits(rewards::handle(app.clone(), fields, fraction, place)).await
}

async fn tokenize(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (place, fields) = admit(&app, request).await?;
    app.within_limits(tokens::tokenize(app.clone(), fields, place)).await
}

async fn detokenize(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (place, fields) = admit(&app, request).await?;
    app.within_limits(tokens::detokenize(app.clone(), fields, place)).await
}

async fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", "there is nothing at this path")
        .code("not_found")
}

async fn method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", "this path takes another method")
        .code("method_not_allowed")
}

/// The body, then a place in the queue: nobody holds one by sending slowly.
async fn admit(app: &App, request: Request) -> Result<(Place, Fields), ApiError> {
    let fields = body::read(app, request).await?;
    Ok((app.0.admission.enter()?, fields))
}
