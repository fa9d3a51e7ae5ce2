//! [`LlamaModel`]: the handle to a local model. It checks requests, sends them to the engine's thread and waits for the
//! answer; encoding needs no engine and happens on the caller's thread.

use std::fmt;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use egcfg_task::ModelIdentity;
use futures::future::{BoxFuture, try_join_all};
use llama_cpp_2::model::{LlamaLoraAdapter, LlamaModel as Weights};
use tokio::sync::oneshot;

use crate::api::{
    Encode, LanguageModel, ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest, TokenId, Usage,
};
use crate::chat::ChatTemplate;
use crate::check;
use crate::error::ModelError;
use crate::llama::adapter::{self, Adapter};
use crate::llama::encode::Encoder;
use crate::llama::engine::Limits;
use crate::llama::identity::{Lazy, Source};
use crate::llama::info::{self, Vocabulary};
use crate::llama::job::Message;
use crate::llama::load;
use crate::llama::options::{KvType, LlamaOptions};
use crate::llama::thread::{cache_bytes, context_params, default_threads, serve};
use crate::sampler::Sampler;

/// Longest context that is used without being asked for, in tokens.
const DEFAULT_CONTEXT: usize = 8192;
/// Memory for remembered distributions, in bytes.
const ROWS_BYTES: usize = 64 << 20;
/// A GGUF model that runs in this process. Cheap to share behind an [`Arc`]; dropping it ends the engine.
pub struct LlamaModel {
    info: ModelInfo,
    pub(super) weights: Arc<Weights>,
    vocabulary: Arc<Vocabulary>,
    pub(super) encoder: Encoder,
    identity: Lazy,
    /// Nothing once the model is being dropped.
    outbox: Option<Mutex<Sender<Message>>>,
    /// Why the engine has failed, if it has.
    failure: Arc<OnceLock<ModelError>>,
    thread: Option<JoinHandle<()>>,
}

impl LlamaModel {
    /// Loads a model file and starts its engine.
    pub fn load(options: &LlamaOptions) -> Result<Self, ModelError> {
        first(Self::load_sets(options, &[&[]])?)
    }

    /// Loads a model file once and starts one engine per set of adapters, in their order; each has the options' adapters and
    /// its set's. They share the weights; each has a cache and a thread of its own.
    pub fn load_sets(options: &LlamaOptions, sets: &[&[Adapter]]) -> Result<Vec<Self>, ModelError> {
        let name = options.path.display().to_string();
        Self::start(&options.path, &name, options, &Source::file(&options.path), sets)
    }

    /// Loads a model whose file stands in memory; the options' path is ignored. `name` is used in messages, and for a model
    /// that does not name itself.
    pub fn from_bytes(name: &str, bytes: &[u8], options: &LlamaOptions) -> Result<Self, ModelError> {
        first(Self::from_bytes_sets(name, bytes, options, &[&[]])?)
    }

    /// [`LlamaModel::load_sets`] for a file in memory.
    pub fn from_bytes_sets(
        name: &str,
        bytes: &[u8],
        options: &LlamaOptions,
        sets: &[&[Adapter]],
    ) -> Result<Vec<Self>, ModelError> {
        let staged = load::stage(name, bytes)?;
        Self::start(&staged.path(), name, options, &Source::bytes(bytes), sets)
    }

    /// The model that is carried inside the program.
    #[cfg(feature = "pocket")]
    pub fn pocket() -> Result<Self, ModelError> {
        Self::pocket_with(&LlamaOptions::default())
    }

    /// The model that is carried inside the program, with options (the path is ignored).
    #[cfg(feature = "pocket")]
    pub fn pocket_with(options: &LlamaOptions) -> Result<Self, ModelError> {
        Self::from_bytes("pocket", crate::POCKET_GGUF, options)
    }

    fn start(
        path: &Path,
        name: &str,
        options: &LlamaOptions,
        source: &Source,
        sets: &[&[Adapter]],
    ) -> Result<Vec<Self>, ModelError> {
        let gpu = cfg!(any(feature = "cuda", feature = "metal", feature = "vulkan"));
        let gpu_layers = options.gpu_layers.unwrap_or(if gpu { 999 } else { 0 });
        let (mut weights, heads) = load::weights(path, name, gpu_layers)?;
        // All adapters before the first context: a context has room for what its model has by then.
        let mut loaded = Vec::with_capacity(sets.len());
        for set in sets {
            let set = [&options.adapters, *set].concat();
            let adapter = adapter::load_set(&mut weights, &heads, &set)?;
            loaded.push((set, adapter));
        }
        let weights = Arc::new(weights);
        let each = loaded.into_iter().map(|(set, adapter)| {
            let identity = Lazy::of(source.clone(), set.clone());
            Self::engine(&weights, name, options, gpu_layers == 0, adapter, &set, identity)
        });
        each.collect()
    }

    /// An engine over loaded weights, with at most one adapter.
    fn engine(
        weights: &Arc<Weights>,
        name: &str,
        options: &LlamaOptions,
        in_memory: bool,
        adapter: Option<LlamaLoraAdapter>,
        set: &[Adapter],
        identity: Lazy,
    ) -> Result<Self, ModelError> {
        let fail = |reason: String| ModelError::Load { path: name.to_owned(), reason };
        let trained = match weights.n_ctx_train() as usize {
            0 => DEFAULT_CONTEXT,
            trained => trained,
        };
        let context = options.context.unwrap_or(trained.min(DEFAULT_CONTEXT)).max(1);
        let cells = options.cache_tokens.unwrap_or((2 * context).max(4096)).max(context);
        let kv_type = options.kv_type.unwrap_or(KvType::F16);
        if in_memory {
            load::check_memory(cache_bytes(weights, cells, kv_type), "the cached keys and values")
                .map_err(fail)?;
        }
        let chat = info::chat_template(weights);
        let turn_end = chat.as_ref().ok().and_then(|source| ChatTemplate::new(source.as_deref()?).turn_end());
        let vocabulary = Arc::new(Vocabulary::of(weights, turn_end.as_deref()));
        let stem =
            Path::new(name).file_stem().map_or_else(|| name.to_owned(), |s| s.to_string_lossy().into_owned());
        let mut info = info::describe(weights, &vocabulary, &stem, context, chat);
        let threads = options.threads.unwrap_or_else(|| default_threads(weights.n_params()));
        info.details.push(("threads".to_owned(), threads.to_string()));
        for (number, adapter) in set.iter().enumerate() {
            let label = if number == 0 { "adapter".to_owned() } else { format!("adapter {}", number + 1) };
            info.details.push((label, format!("{} at {}", adapter.path.display(), adapter.scale)));
        }
        let limits = Limits {
            context,
            batch: options.batch().min(cells),
            sequences: options.max_sequences(),
            rows: (ROWS_BYTES / (4 * vocabulary.len())).max(64),
            cells,
        };
        let params = context_params(options.flash_attention, kv_type, limits, threads);
        let (outbox, inbox) = channel();
        let (ready, started) = channel();
        let failure = Arc::new(OnceLock::new());
        let thread = std::thread::Builder::new()
            .name("egcfg-engine".to_owned())
            .spawn({
                let (weights, vocabulary, failure) = (weights.clone(), vocabulary.clone(), failure.clone());
                move || serve(&weights, adapter, vocabulary, limits, params, &inbox, &ready, &failure)
            })
            .map_err(|error| fail(format!("the engine's thread did not start: {error}")))?;
        match started.recv() {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Err(fail(reason)),
            Err(_) => return Err(fail("the engine's thread ended while it started".to_owned())),
        }
        let encoder = Encoder::of(weights, &vocabulary);
        Ok(Self {
            info,
            weights: Arc::clone(weights),
            vocabulary,
            encoder,
            identity,
            outbox: Some(Mutex::new(outbox)),
            failure,
            thread: Some(thread),
        })
    }

    fn send(&self, message: Message) -> Result<(), ModelError> {
        let sent = match &self.outbox {
            Some(outbox) => outbox.lock().unwrap_or_else(PoisonError::into_inner).send(message).is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(self.death()) }
    }

    /// Why the engine does not answer.
    fn death(&self) -> ModelError {
        self.failure.get().cloned().unwrap_or_else(|| ModelError::Engine("its thread has ended".to_owned()))
    }
}

impl LanguageModel for LlamaModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn identity(&self) -> Result<ModelIdentity, ModelError> {
        self.identity.get(&self.info.name)
    }

    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        self.encoder.encode(&self.weights, text, how, self.info.context)
    }

    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.vocabulary.token(token).0
    }

    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        Box::pin(async move {
            check::score(&self.info, &request)?;
            let (reply, answer) = oneshot::channel();
            self.send(Message::Score(vec![(request, reply)]))?;
            answer.await.unwrap_or_else(|_| Err(self.death()))
        })
    }

    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        Box::pin(async move {
            check::sample(&self.info, &request)?;
            let sampler = Sampler::new(request.temperature, request.top_p)?;
            let (reply, answer) = oneshot::channel();
            self.send(Message::Sample(request, sampler, reply))?;
            answer.await.unwrap_or_else(|_| Err(self.death()))
        })
    }

    fn score_all(&self, requests: Vec<ScoreRequest>) -> BoxFuture<'_, Result<Vec<ScoreReply>, ModelError>> {
        Box::pin(async move {
            let mut message = Vec::with_capacity(requests.len());
            let mut answers = Vec::with_capacity(requests.len());
            for request in requests {
                check::score(&self.info, &request)?;
                let (reply, answer) = oneshot::channel();
                message.push((request, reply));
                answers.push(async { answer.await.unwrap_or_else(|_| Err(self.death())) });
            }
            self.send(Message::Score(message))?;
            try_join_all(answers).await
        })
    }
}

impl Drop for LlamaModel {
    fn drop(&mut self) {
        self.outbox = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported to those who waited.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for LlamaModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlamaModel").field("info", &self.info).finish_non_exhaustive()
    }
}

/// The only one of a list that was asked to have one.
fn first(models: Vec<LlamaModel>) -> Result<LlamaModel, ModelError> {
    models.into_iter().next().ok_or_else(|| ModelError::Engine("no engine was started".to_owned()))
}
