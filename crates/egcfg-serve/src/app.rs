//! What the server consists of: the model, the sandbox, the prompt template, the limits and the counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use egcfg_guidance::{Executor, Settings, Template};
use egcfg_model::LanguageModel;
use egcfg_task::derive_seed;

use crate::admission::Admission;
use crate::auth::ApiKey;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::metrics::Metrics;

/// The parts of a server.
pub struct Parts {
    /// Writes.
    pub model: Arc<dyn LanguageModel>,
    /// Runs programs; without one, guided requests are refused.
    pub executor: Option<Arc<dyn Executor>>,
    /// Prompts of guided requests, and of conversations with a model that has no chat template.
    pub template: Template,
    /// What guided requests use where they say nothing: configuration, new tokens, the interpreter's version.
    pub settings: Settings,
    /// Guidance strengths of guided requests that name none.
    pub gammas: Vec<f64>,
    /// What one request may ask for.
    pub limits: Limits,
    /// The key that clients have to present, if one is wanted.
    pub key: Option<ApiKey>,
    /// Refuse requests that were sent to another name than this machine's.
    pub loopback_only: bool,
    /// The model's name towards clients; its own otherwise.
    pub name: Option<String>,
}

/// A server's state, shared by all its requests. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) name: String,
    pub(crate) admission: Arc<Admission>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) started: u64,
    requests: AtomicU64,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let name = parts.name.clone().unwrap_or_else(|| parts.model.info().name.clone());
        let admission = Arc::new(Admission::new(&parts.limits));
        Self(Arc::new(Inner {
            name,
            admission,
            metrics: Arc::new(Metrics::default()),
            started: now(),
            requests: AtomicU64::new(0),
            parts,
        }))
    }

    pub(crate) fn model(&self) -> &dyn LanguageModel {
        &*self.0.parts.model
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.parts.limits
    }

    /// A request's number as text, different for each and for each start of the server.
    pub(crate) fn request_id(&self, prefix: &str) -> String {
        let number = self.0.requests.fetch_add(1, Ordering::Relaxed);
        format!("{prefix}-{:016x}", derive_seed(self.0.started, &["request", &number.to_string()]))
    }

    /// The seed of a request that brings none.
    pub(crate) fn fresh_seed(&self) -> u64 {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
        let number = self.0.requests.fetch_add(1, Ordering::Relaxed);
        derive_seed(u64::from(nanos), &["seed", &number.to_string()])
    }

    /// Refuses a request for another model; none named is this one.
    pub(crate) fn check_model(&self, asked: Option<&str>) -> Result<(), ApiError> {
        match asked {
            Some(asked) if asked != self.0.name => {
                let message = format!("there is no model '{asked}' here; this server has '{}'", self.0.name);
                let error = ApiError::field("model", message);
                Err(error.status(axum::http::StatusCode::NOT_FOUND).code("model_not_found"))
            }
            _ => Ok(()),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
