//! What the server consists of: the model, the sandbox, the prompt template, the limits and the counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use egcfg_guidance::{Executor, Order, Settings, Template};
use egcfg_model::{LanguageModel, TokenId};
use egcfg_task::derive_seed;
use tokio::sync::watch;

use crate::admission::Admission;
use crate::auth::ApiKey;
use crate::cors::Origin;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::scripts::Scripts;

/// The parts of a server.
pub struct Parts {
    /// The model that answers.
    pub model: Arc<dyn LanguageModel>,
    /// The model with adapters, each under a name of its own by which requests choose it. Their vocabulary is the model's.
    pub adapted: Vec<(String, Arc<dyn LanguageModel>)>,
    /// Runs programs; without one, guided requests are refused.
    pub executor: Option<Arc<dyn Executor>>,
    /// Runs programs by themselves, for `/run_code`; without it, such requests are refused.
    pub scripts: Option<Arc<dyn Scripts>>,
    /// Prompts of guided requests, and of conversations with a model that has no chat template.
    pub template: Template,
    /// What guided requests use where they say nothing: configuration, new tokens, the interpreter's version.
    pub settings: Settings,
    /// How guided requests are solved that name no method: in which order, within which budget.
    pub order: Order,
    /// What one request may ask for.
    pub limits: Limits,
    /// The key that clients have to present, if one is wanted.
    pub key: Option<ApiKey>,
    /// Refuse requests that were sent to another name than this machine's.
    pub loopback_only: bool,
    /// Web pages that may read the answers.
    pub cors: Vec<Origin>,
    /// The model's name towards clients; its own otherwise.
    pub name: Option<String>,
}

/// A server's state, shared by all its requests, and the model that this request has chosen: 0 is the model itself, others
/// follow in the order of the adapted ones. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>, usize);

pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) name: String,
    pub(crate) admission: Arc<Admission>,
    /// Places and slots of programs that run without a model.
    pub(crate) runs: Arc<Admission>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) started: u64,
    /// Bytes of the longest token.
    longest: usize,
    stopping: watch::Sender<bool>,
    requests: AtomicU64,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let name = parts.name.clone().unwrap_or_else(|| parts.model.info().name.clone());
        let limits = &parts.limits;
        let admission = Arc::new(Admission::new(limits.in_flight, limits.queue));
        let runs = Arc::new(Admission::new(limits.runs, limits.run_queue));
        let inner = Inner {
            name,
            admission,
            runs,
            metrics: Arc::new(Metrics::default()),
            started: now(),
            longest: longest(&*parts.model),
            stopping: watch::Sender::new(false),
            requests: AtomicU64::new(0),
            parts,
        };
        Self(Arc::new(inner), 0)
    }

    /// The chosen model.
    pub(crate) fn model(&self) -> &dyn LanguageModel {
        &**self.chosen().1
    }

    /// The chosen model's name towards clients.
    pub(crate) fn name(&self) -> &str {
        self.chosen().0
    }

    fn chosen(&self) -> (&str, &Arc<dyn LanguageModel>) {
        let parts = &self.0.parts;
        match self.1.checked_sub(1).and_then(|at| parts.adapted.get(at)) {
            Some((name, model)) => (name, model),
            None => (&self.0.name, &parts.model),
        }
    }

    /// This server with each of its models chosen.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        let inner = Arc::clone(&self.0);
        (0..=self.0.parts.adapted.len()).map(move |at| Self(Arc::clone(&inner), at))
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.parts.limits
    }

    /// The model for work on another thread.
    pub(crate) fn shared_model(&self) -> Arc<dyn LanguageModel> {
        Arc::clone(self.chosen().1)
    }

    /// Refuses a text that is too long for the context whatever its tokens are: no token holds more than so many bytes.
    pub(crate) fn check_size(&self, field: &str, bytes: usize) -> Result<(), ApiError> {
        let context = self.model().info().context.min(self.limits().prompt_tokens);
        let most = context.saturating_mul(self.0.longest);
        if bytes <= most {
            return Ok(());
        }
        let message =
            format!("{bytes} bytes cannot fit a context of {context} tokens, which hold at most {most}");
        Err(ApiError::field(field, message).code("context_length_exceeded"))
    }

    /// Tells all requests that the server stops.
    pub(crate) fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Ends when the server stops.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.0.stopping.subscribe();
        if stopping.wait_for(|stopping| *stopping).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Carries out a piece of work, but for no longer than a request may take, and not beyond the server's end.
    pub(crate) async fn within_limits<T>(
        &self,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let limit = self.limits().time;
        tokio::select! {
            result = work => result,
            () = tokio::time::sleep(limit) => Err(ApiError::timeout(limit.as_secs_f64())),
            () = self.stopped() => Err(ApiError::stopping()),
        }
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

    /// The server with the model that a request names; none named is the model without adapters.
    pub(crate) fn choose(self, asked: Option<&str>) -> Result<Self, ApiError> {
        let Some(asked) = asked else { return Ok(self) };
        if let Some(found) = self.each().find(|app| app.name() == asked) {
            return Ok(found);
        }
        let names: Vec<String> = self.each().map(|app| format!("'{}'", app.name())).collect();
        let message = format!("there is no model '{asked}' here; this server has {}", names.join(", "));
        let error = ApiError::field("model", message);
        Err(error.status(axum::http::StatusCode::NOT_FOUND).code("model_not_found"))
    }
}

/// Bytes of the vocabulary's longest token.
fn longest(model: &dyn LanguageModel) -> usize {
    let tokens = 0..TokenId::try_from(model.info().vocab).unwrap_or(TokenId::MAX);
    tokens.map(|token| model.token_bytes(token).len()).max().unwrap_or(0).max(1)
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
