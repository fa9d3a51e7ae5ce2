//! What can go wrong with a model, in words that a user can act on.

use thiserror::Error;

/// A model could not be loaded or could not answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file is missing, unreadable, broken, or of a kind that the engine does not know.
    #[error("failed to load model {path}: {reason}")]
    Load {
        /// The file, or the model's name.
        path: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// An adapter is missing, broken, of a kind that is not applied, or of another model.
    #[error("failed to load adapter {path}: {reason}")]
    Adapter {
        /// The file.
        path: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A request is longer than the context.
    #[error("the prompt and its answer need {needed} tokens but the context holds {context}")]
    ContextOverflow {
        /// Tokens that the request needs.
        needed: usize,
        /// Tokens that fit.
        context: usize,
    },
    /// The cache is full even after everything unused was dropped.
    #[error("the key-value cache is full: {reason}")]
    CacheFull {
        /// What filled it, and which option enlarges it.
        reason: String,
    },
    /// A request that no model can answer (an unknown token id, no continuation asked for).
    #[error("bad model request: {0}")]
    BadRequest(String),
    /// The engine failed; once it did, every later request fails the same way.
    #[error("the model engine failed: {0}")]
    Engine(String),
    /// A server could not be reached, or kept failing until the deadline. The unit of work is to be tried again later; it is
    /// not unsolved.
    #[error("{host} did not answer: {reason}")]
    Unavailable {
        /// Host and port.
        host: String,
        /// What happened last, and how often.
        reason: String,
    },
    /// A server answered, but not with what was asked for.
    #[error("bad reply of {host}: {reason}; it said: {excerpt}")]
    BadReply {
        /// Host and port.
        host: String,
        /// What is missing or wrong.
        reason: String,
        /// The beginning of the reply, bounded and on one line.
        excerpt: String,
    },
}

impl ModelError {
    /// Whether the infrastructure failed rather than the request: work that met this is to be done again, and is never counted
    /// as unsolved.
    pub fn is_infrastructure(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::BadReply { .. } | Self::Engine(_) | Self::CacheFull { .. }
        )
    }
}
