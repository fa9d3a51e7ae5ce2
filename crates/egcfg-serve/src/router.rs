//! Paths, and what every request goes through: the key, the name of the host, a place in the queue, the body's limits, the
//! time limit, the counters.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::admission::Place;
use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::reply::json_response;
use crate::{auth, chat, completion, tokens};

/// The paths, as they are counted.
const PATHS: [&str; 7] = [
    "/health",
    "/metrics",
    "/v1/models",
    "/v1/completions",
    "/v1/chat/completions",
    "/tokenize",
    "/detokenize",
];

/// Everything that the server answers.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(model))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(conversation))
        .route("/tokenize", post(tokenize))
        .route("/detokenize", post(detokenize))
        .fallback(unknown)
        .method_not_allowed_fallback(method)
        .layer(middleware::from_fn_with_state(app.clone(), gate))
        .with_state(app)
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
    let allowed = check(&app, path, request.headers());
    let response = match allowed {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    watch.answered = true;
    app.0.metrics.answered(watch.path, response.status().as_u16(), watch.since.elapsed());
    response
}

fn check(app: &App, path: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    if app.0.parts.loopback_only {
        auth::check_host(headers)?;
    }
    // Whoever watches over the process needs no key.
    if path == "/health" { Ok(()) } else { auth::check_key(app.0.parts.key.as_ref(), headers) }
}

async fn health() -> Result<Response, ApiError> {
    json_response(&json!({ "status": "ok" }))
}

async fn metrics(State(app): State<App>) -> Response {
    let mut response = Response::new(Body::from(app.0.metrics.text(&app.0.admission)));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn about(app: &App) -> Value {
    let info = app.model().info();
    json!({
        "id": app.0.name,
        "object": "model",
        "created": app.0.started,
        "owned_by": "egcfg",
        "max_model_len": info.context,
        "egcfg": {
            "version": env!("CARGO_PKG_VERSION"),
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
    json_response(&json!({ "object": "list", "data": [about(&app)] }))
}

async fn model(State(app): State<App>, Path(name): Path<String>) -> Result<Response, ApiError> {
    app.check_model(Some(&name))?;
    json_response(&about(&app))
}

async fn completions(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (place, fields) = admit(&app, request).await?;
    limited(&app, completion::handle(app.clone(), fields, place)).await
}

async fn conversation(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (place, fields) = admit(&app, request).await?;
    limited(&app, chat::handle(app.clone(), fields, place)).await
}

async fn tokenize(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (_place, fields) = admit(&app, request).await?;
    tokens::tokenize(&app, fields)
}

async fn detokenize(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (_place, fields) = admit(&app, request).await?;
    tokens::detokenize(&app, fields)
}

async fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", "there is nothing at this path")
        .code("not_found")
}

async fn method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", "this path takes another method")
}

async fn limited(
    app: &App,
    work: impl Future<Output = Result<Response, ApiError>>,
) -> Result<Response, ApiError> {
    let limit = app.limits().time;
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(ApiError::timeout(limit.as_secs_f64())))
}

/// A place in the queue, then the body.
async fn admit(app: &App, request: Request) -> Result<(Place, Fields), ApiError> {
    let place = app.0.admission.enter()?;
    let limits = app.limits();
    // A web page can send any other type without asking first.
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim).unwrap_or_default();
    if !kind.eq_ignore_ascii_case("application/json") {
        let message = "the body must be sent as application/json";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request_error", message));
    }
    let too_large = || {
        let message = format!("the body is larger than {} bytes", limits.body_bytes);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
    };
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|n| n > limits.body_bytes) {
        return Err(too_large());
    }
    let body = axum::body::to_bytes(request.into_body(), limits.body_bytes);
    let body = match tokio::time::timeout(limits.body_time, body).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(too_large()),
        Err(_) => {
            let message = "the body did not arrive in time";
            return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", message));
        }
    };
    Ok((place, Fields::parse(&body)?))
}
