//! [`EndpointModel`]: a model behind a server as a [`LanguageModel`]. Requests run on a thread of their own, so that encoding,
//! which the trait has as a plain function, can wait for a server from any caller.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use egcfg_task::ModelIdentity;
use futures::future::BoxFuture;
use tokio::runtime::Runtime;

use crate::api::{
    Encode, KnownReply, LanguageModel, ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest, TokenId,
    TokensRequest, Usage,
};
use crate::endpoint::address::EndpointOptions;
use crate::endpoint::ask::Answer;
use crate::endpoint::capabilities::Capabilities;
use crate::endpoint::dialect::Dialect;
use crate::endpoint::lookup::{TEXT_PIECE, look_up, text_pieces, tokenize, unspecial};
use crate::endpoint::pieces::Pieces;
use crate::endpoint::probe::Probe;
use crate::endpoint::tokenizer::Tokenizer;
use crate::endpoint::transport::Transport;
use crate::error::ModelError;

/// Bytes of the longest token that a vocabulary may hold: runs of spaces and of signs are the longest in use, and shorter.
const LONGEST_TOKEN: usize = 512;
/// Token lookups in one request at most.
const LOOKUPS: usize = 512;

/// A model behind a server.
#[derive(Debug)]
pub struct EndpointModel {
    inner: Arc<Inner>,
    runtime: Option<Runtime>,
}

/// What requests share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) transport: Transport,
    pub(crate) caps: Capabilities,
    pub(crate) info: ModelInfo,
    pub(crate) pieces: Pieces,
    /// The model's own, where the server has none to offer.
    tokenizer: Option<Tokenizer>,
    encodings: Mutex<HashMap<(String, bool), Vec<TokenId>>>,
    /// Lookups that encoding took, not told to anyone yet.
    lookups: AtomicU64,
}

impl EndpointModel {
    /// Finds out what the server can do. Blocks until that is known.
    pub fn connect(options: EndpointOptions) -> Result<Self, ModelError> {
        let path = options.base.clone();
        let tokenizer = options.tokenizer.as_deref().map(Tokenizer::read).transpose()?;
        let transport = Transport::new(options)?;
        // From here on a failure must not drop the runtime: the caller may stand in another one.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("egcfg-endpoint")
            .enable_all()
            .build()
            .map_err(|error| ModelError::Load { path, reason: error.to_string() })?;
        let probed = wait(&runtime, async move {
            let pieces = Pieces::default();
            let (caps, info) = Probe::new(&transport, &pieces, tokenizer.as_ref()).run().await?;
            Ok((transport, pieces, tokenizer, caps, info))
        });
        let (transport, pieces, tokenizer, caps, info) = match probed {
            Ok(parts) => parts,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let inner = Inner {
            transport,
            caps,
            info,
            pieces,
            tokenizer,
            encodings: Mutex::default(),
            lookups: AtomicU64::new(0),
        };
        Ok(Self { inner: Arc::new(inner), runtime: Some(runtime) })
    }

    /// What the server can do and what is made of it.
    pub fn capabilities(&self) -> &Capabilities {
        &self.inner.caps
    }

    /// HTTP attempts so far, and how many of them repeated a failed one.
    pub fn attempts(&self) -> (u64, u64) {
        self.inner.transport.attempts()
    }

    /// Requests that may be in flight at the moment.
    pub fn concurrency(&self) -> usize {
        self.inner.transport.allowed()
    }

    /// Runs something on the endpoint's thread; dropping the future ends it.
    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ModelError>> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, ModelError>> {
        let Some(runtime) = &self.runtime else {
            return Box::pin(std::future::ready(Err(ModelError::Engine(
                "the endpoint was closed".to_owned(),
            ))));
        };
        let mut task = Task(runtime.spawn(work));
        Box::pin(async move {
            (&mut task.0)
                .await
                .unwrap_or_else(|error| Err(ModelError::Engine(format!("a request died: {error}"))))
        })
    }
}

/// A task that ends with its handle.
struct Task<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs something to its end on a runtime, from any thread, asynchronous or not.
fn wait<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = Result<T, ModelError>> + Send + 'static,
) -> Result<T, ModelError> {
    let (sender, receiver) = mpsc::channel();
    runtime.spawn(async move {
        let _ = sender.send(work.await);
    });
    receiver.recv().unwrap_or_else(|_| Err(ModelError::Engine("a request died".to_owned())))
}

impl Drop for EndpointModel {
    fn drop(&mut self) {
        // A runtime must not be waited for where waiting is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Inner {
    /// The bytes of a token; empty where they are not known.
    pub(crate) fn bytes(&self, token: TokenId) -> &[u8] {
        if self.info.end_tokens.contains(&token) { &[] } else { self.pieces.get(token).unwrap_or(&[]) }
    }

    /// Looks up the bytes of tokens that an answer names for the first time; how many requests that took.
    pub(crate) async fn learn_pieces(&self, answer: &Answer) -> Result<usize, ModelError> {
        let mut lookups = self.lookups.swap(0, std::sync::atomic::Ordering::Relaxed) as usize;
        if !self.caps.detokenize {
            return Ok(lookups);
        }
        let mut unknown: Vec<TokenId> = Vec::new();
        for choice in &answer.choices {
            let listed =
                choice.rows.iter().chain(&choice.prompt_rows).flat_map(|r| r.entries().map(|(id, _)| id));
            unknown.extend(
                choice.tokens.iter().copied().chain(listed).filter(|t| self.pieces.get(*t).is_none()),
            );
        }
        unknown.sort_unstable();
        unknown.dedup();
        for part in unknown.chunks(LOOKUPS) {
            lookups += look_up(&self.transport, &self.caps, &self.pieces, part).await?;
        }
        Ok(lookups)
    }

    /// Encodes through the server, once per text.
    async fn encode_remotely(&self, text: String, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        let key = (text, how == Encode::Template);
        if let Some(known) = self.encodings.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let mut tokens = Vec::new();
        for part in unspecial(&key.0, how, &self.caps) {
            self.lookups.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokens.extend(tokenize(&self.transport, &self.caps, part, how, false).await?);
        }
        self.encodings.lock().unwrap_or_else(PoisonError::into_inner).insert(key, tokens.clone());
        Ok(tokens)
    }
}

/// Refuses what no server can answer.
fn check(info: &ModelInfo, context: &[TokenId], longest: usize) -> Result<(), ModelError> {
    if context.is_empty() {
        let reason = "the context is empty: a prompt needs at least one token";
        return Err(ModelError::BadRequest(reason.to_owned()));
    }
    let needed = context.len() + longest;
    if needed > info.context {
        return Err(ModelError::ContextOverflow { needed, context: info.context });
    }
    Ok(())
}

impl LanguageModel for EndpointModel {
    fn info(&self) -> &ModelInfo {
        &self.inner.info
    }

    fn identity(&self) -> Result<ModelIdentity, ModelError> {
        let Inner { transport, caps, .. } = &*self.inner;
        Ok(ModelIdentity::server(&transport.options().base, &caps.model, caps.reported.clone()))
    }

    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if self.inner.caps.dialect == Dialect::OpenAi {
            if let Some(tokenizer) = &self.inner.tokenizer {
                return tokenizer.encode(text, how, self.inner.info.context);
            }
            let pieces = text.len() / (TEXT_PIECE + 4);
            if pieces > self.inner.info.context {
                return Err(ModelError::ContextOverflow { needed: pieces, context: self.inner.info.context });
            }
            return Ok(text_pieces(text).map(|piece| self.inner.pieces.number(piece.as_bytes())).collect());
        }
        // The server's tokens are not known beforehand, but none is as long as this.
        let least = text.len() / LONGEST_TOKEN;
        if least > self.inner.info.context {
            return Err(ModelError::ContextOverflow { needed: least, context: self.inner.info.context });
        }
        let Some(runtime) = &self.runtime else {
            return Err(ModelError::Engine("the endpoint was closed".to_owned()));
        };
        let (inner, text) = (Arc::clone(&self.inner), text.to_owned());
        wait(runtime, async move { inner.encode_remotely(text, how).await })
    }

    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.inner.bytes(token)
    }

    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        let replies = self.score_all(vec![request]);
        Box::pin(async move {
            replies.await?.pop().ok_or_else(|| ModelError::Engine("a request without a reply".to_owned()))
        })
    }

    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        let longest = request.continuations.iter().map(|c| c.prefix.len() + 1).max().unwrap_or(0);
        if let Err(error) = check(&self.inner.info, &request.context, longest)
            .and_then(|()| crate::sampler::Sampler::new(request.temperature, request.top_p).map(drop))
        {
            return Box::pin(std::future::ready(Err(error)));
        }
        let inner = Arc::clone(&self.inner);
        self.spawn(async move { inner.sample_now(&request).await })
    }

    fn score_all(&self, requests: Vec<ScoreRequest>) -> BoxFuture<'_, Result<Vec<ScoreReply>, ModelError>> {
        for request in &requests {
            let longest = request.drafts.iter().map(Vec::len).max().unwrap_or(0);
            if let Err(error) = check(&self.inner.info, &request.context, longest) {
                return Box::pin(std::future::ready(Err(error)));
            }
        }
        let inner = Arc::clone(&self.inner);
        self.spawn(async move { inner.score_now(&requests).await })
    }

    fn known_log_probs(&self, requests: Vec<TokensRequest>) -> BoxFuture<'_, Result<KnownReply, ModelError>> {
        let inner = Arc::clone(&self.inner);
        self.spawn(async move { inner.known_now(&requests).await })
    }
}
