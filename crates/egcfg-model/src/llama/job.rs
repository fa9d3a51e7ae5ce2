//! What the engine is asked and how far it has come. A request becomes a job; a job is worked on in lanes. A lane is one
//! list of tokens on its way to a distribution: the context of a score request with its tree of drafts, or one or more
//! continuations that have drawn the same tokens so far. A lane that has to give up its place in the cache loses nothing but
//! time, because its tokens say all that is needed to start it again.

use std::ops::Range;

use tokio::sync::oneshot;

use crate::api::{Sample, SampleRequest, ScoreReply, ScoreRequest, TokenId, Usage};
use crate::dist::LogProbs;
use crate::error::ModelError;
use crate::llama::tree::DraftTree;
use crate::progress::Progress;
use crate::sampler::Sampler;

/// Where an answer goes; closed when the caller has lost interest.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, ModelError>>;

/// What callers send to the engine's thread. Requests are valid: ids known, lengths within the context.
pub(crate) enum Message {
    /// Score requests that are to share batches.
    Score(Vec<(ScoreRequest, Reply<ScoreReply>)>),
    /// One sample request.
    Sample(SampleRequest, Sampler, Reply<(Vec<Sample>, Usage)>),
}

impl Message {
    /// Answers everything in the message with an error.
    pub(crate) fn refuse(self, error: &ModelError) {
        // A caller that has gone away needs no answer.
        match self {
            Self::Score(requests) => {
                for (_, reply) in requests {
                    let _ = reply.send(Err(error.clone()));
                }
            }
            Self::Sample(_, _, reply) => {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}

/// A score request in work.
pub(crate) struct ScoreJob {
    pub(crate) tree: DraftTree,
    /// Distribution after the context, then after each node of the tree.
    pub(crate) rows: Vec<Option<LogProbs>>,
    pub(crate) usage: Usage,
    pub(crate) reply: Reply<ScoreReply>,
}

/// A sample request in work.
pub(crate) struct SampleJob {
    pub(crate) context: usize,
    pub(crate) want_distributions: bool,
    pub(crate) progress: Vec<Progress>,
    pub(crate) sampler: Sampler,
    pub(crate) usage: Usage,
    pub(crate) reply: Reply<(Vec<Sample>, Usage)>,
}

/// A request in work.
pub(crate) enum Job {
    Score(Box<ScoreJob>),
    Sample(Box<SampleJob>),
}

impl Job {
    /// Whether nobody waits for the answer any more.
    pub(crate) fn cancelled(&self) -> bool {
        match self {
            Self::Score(job) => job.reply.is_closed(),
            Self::Sample(job) => job.reply.is_closed(),
        }
    }

    pub(crate) fn usage(&mut self) -> &mut Usage {
        match self {
            Self::Score(job) => &mut job.usage,
            Self::Sample(job) => &mut job.usage,
        }
    }

    pub(crate) fn fail(self, error: ModelError) {
        match self {
            Self::Score(job) => drop(job.reply.send(Err(error))),
            Self::Sample(job) => drop(job.reply.send(Err(error))),
        }
    }

    /// Sends the answer of a job whose work is done.
    pub(crate) fn finish(self) {
        match self {
            Self::Score(job) => drop(job.reply.send(score_reply(&job.tree, job.rows, job.usage))),
            Self::Sample(job) => {
                let samples = job.progress.into_iter().map(Progress::finish).collect();
                drop(job.reply.send(Ok((samples, job.usage))));
            }
        }
    }
}

fn score_reply(
    tree: &DraftTree,
    rows: Vec<Option<LogProbs>>,
    usage: Usage,
) -> Result<ScoreReply, ModelError> {
    let rows: Option<Vec<LogProbs>> = rows.into_iter().collect();
    let Some(rows) = rows else {
        return Err(ModelError::Engine("a distribution was not computed".to_owned()));
    };
    let after =
        tree.paths.iter().map(|path| path.iter().map(|node| rows[1 + node].clone()).collect()).collect();
    Ok(ScoreReply { next: rows[0].clone(), after, usage })
}

/// One list of tokens on its way to a distribution.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Number of its job; older jobs have lower numbers.
    pub(crate) job: u64,
    /// The context, or the context, prefix and sampled tokens.
    pub(crate) tokens: Vec<TokenId>,
    /// Which of the job's continuations draw after these tokens; empty for score jobs.
    pub(crate) continuations: Vec<usize>,
    /// Its place in the cache and what is left to compute; nothing while it waits for a place.
    pub(crate) plan: Option<Plan>,
    /// Waits until another lane has ended.
    pub(crate) parked: bool,
    /// Was looked at in this round and waits for the next.
    pub(crate) waits: bool,
    /// Ended; to be removed.
    pub(crate) ended: bool,
}

impl Lane {
    pub(crate) fn new(job: u64, tokens: Vec<TokenId>, continuations: Vec<usize>) -> Self {
        Self { job, tokens, continuations, plan: None, parked: false, waits: false, ended: false }
    }

    /// Tokens that could be computed now.
    pub(crate) fn pending(&self) -> usize {
        self.plan.as_ref().map_or(0, |plan| plan.work.len() - plan.next)
    }
}

/// Sequences that a lane holds, and its work in order.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Held sequence ids: one, or one per leaf that has something to compute.
    pub(crate) sequences: Vec<usize>,
    pub(crate) work: Vec<Work>,
    /// The first piece of work that is not done.
    pub(crate) next: usize,
}

/// One token to compute.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) token: TokenId,
    pub(crate) position: usize,
    /// Which of the plan's sequences it belongs to.
    pub(crate) sequences: Range<usize>,
    /// Index of the job's row that its distribution is, if it is wanted.
    pub(crate) row: Option<usize>,
}
