//! What goes wrong, in OpenAI's JSON form: `{"error": {"message", "type", "param", "code"}}` with the field's name in
//! `param`.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use egcfg_guidance::GuidanceError;
use egcfg_model::ModelError;
use serde_json::{Value, json};
use thiserror::Error;

/// An error that is sent to the client.
#[derive(Debug, Clone, Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
    /// Seconds after which another try makes sense.
    retry_after: Option<u64>,
}

impl ApiError {
    /// An error with a status, OpenAI's type for it and a message.
    pub(crate) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, param: None, message: message.into(), retry_after: None }
    }

    /// A request that is not understood as a whole.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// A field that cannot be used.
    pub(crate) fn field(name: impl Into<String>, message: impl AsRef<str>) -> Self {
        let name = name.into();
        let mut error = Self::bad(format!("{name}: {}", message.as_ref()));
        error.param = Some(name);
        error
    }

    /// Too much work already; come back after some seconds.
    pub(crate) fn overloaded(seconds: u64) -> Self {
        let message = "the server is working on as many requests as it can; try again later";
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message);
        (error.code, error.retry_after) = (Some("overloaded"), Some(seconds));
        error
    }

    /// The request's working time is over.
    pub(crate) fn timeout(seconds: f64) -> Self {
        let message = format!("the request took longer than the {seconds} seconds that one may take");
        let mut error = Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout_error", message);
        error.code = Some("timeout");
        error
    }

    /// The server ends before the request does.
    pub(crate) fn stopping() -> Self {
        let message = "the server is stopping";
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message);
        (error.code, error.retry_after) = (Some("stopping"), Some(5));
        error
    }

    /// Sets OpenAI's code.
    #[must_use]
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets the status.
    #[must_use]
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// OpenAI's code, or the type where there is none.
    pub(crate) fn code_or_kind(&self) -> &'static str {
        self.code.unwrap_or(self.kind)
    }

    /// The body.
    pub(crate) fn json(&self) -> Value {
        json!({ "error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        } })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.json().to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::GATEWAY_TIMEOUT {
            // The official clients would repeat work that is too long anyway.
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> Self {
        let message = error.to_string();
        match error {
            ModelError::BadRequest(_) => Self::bad(message),
            ModelError::ContextOverflow { .. } => Self::bad(message).code("context_length_exceeded"),
            ModelError::CacheFull { .. } => {
                let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message);
                (error.code, error.retry_after) = (Some("cache_full"), Some(1));
                error
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message).code("model_error"),
        }
    }
}

impl From<GuidanceError> for ApiError {
    fn from(error: GuidanceError) -> Self {
        match error {
            GuidanceError::Model(error) => error.into(),
            GuidanceError::Template(error) => Self::bad(error.to_string()).code("template_error"),
            other => Self::sandbox(other.to_string()),
        }
    }
}

impl ApiError {
    /// The sandbox failed: nothing is known about the program.
    pub(crate) fn sandbox(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message).code("sandbox_error")
    }
}
