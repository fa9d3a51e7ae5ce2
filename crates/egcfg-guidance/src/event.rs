//! The linear event stream of a task: whatever shows progress, keeps a log or counts tokens is derived from it.

use egcfg_model::{StopReason, TokenId, Usage};
use egcfg_task::TestResult;
use serde::{Deserialize, Serialize};

/// Version of the serialised events; raised on purpose when a field changes its meaning or one is added. Version 2 adds
/// the heads of both distributions to a token; logs of version 1 read as tokens without them. Version 3 adds `grown`, the
/// programs of a tree, and `prompt`, a prompt's token ids.
pub const EVENT_VERSION: u32 = 3;

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The model ended its text.
    EndOfText,
    /// The code fence was closed (or another end mark of the template was written).
    Fence,
    /// The limit on new tokens was reached.
    Length,
    /// Plain and guided candidates agreed on one finished program over several refreshes.
    Agreement,
    /// A finished candidate passed every shown test.
    CandidatePassed,
}

/// One candidate of a refresh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateEvent {
    /// Number of the candidate within the task.
    pub id: usize,
    /// Its continuation from the refresh point on, as text.
    pub text: String,
    /// It reached the end of the program.
    pub finished: bool,
    /// Tokens sampled for it now.
    pub new_tokens: usize,
    /// Tokens that stood already (it was reused).
    pub reused_tokens: usize,
    /// Whether it has an executable form that no earlier candidate of this refresh has.
    pub distinct: bool,
}

/// One program by which a tree grew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrownEvent {
    /// Number of the program within the tree.
    pub id: usize,
    /// Its text from the first token on.
    pub text: String,
    /// The model ended it; else it was cut at a limit.
    pub finished: bool,
    /// Tokens generated for it now.
    pub new_tokens: usize,
    /// Tokens that it shares with older programs.
    pub shared_tokens: usize,
    /// Natural log-probability of its tokens under the model.
    pub log_prob: f64,
}

/// One execution of a refresh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionEvent {
    /// The candidate.
    pub id: usize,
    /// The program that ran.
    pub program: String,
    /// It ran for this task before; its result was looked up.
    pub cached: bool,
    /// Shown from memory rather than as one of this refresh's candidates.
    pub from_memory: bool,
    /// One result per shown test.
    pub results: Vec<TestResult>,
}

/// One token of the heads of the two next-token distributions: natural-log probabilities, rounded to four decimals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// Its text (lossy where a token is not whole UTF-8).
    pub text: String,
    /// Under the plain stream, where it is known and not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<f32>,
    /// Under the guided stream, where there is one and it is not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guided: Option<f32>,
    /// Under the blend that chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blended: Option<f32>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A generation begins.
    Start {
        /// [`EVENT_VERSION`].
        version: u32,
        model: String,
        /// Canonical configuration name.
        config: String,
        /// Guidance strength.
        gamma: f64,
        /// Repetition, from 0.
        retry: u32,
        /// Base seed.
        seed: u64,
        /// Tokens of the plain prompt.
        prompt_tokens: usize,
    },
    /// The code reached the entry point's definition; guidance runs from here.
    GuidanceStarted {
        /// Answer tokens so far.
        position: usize,
    },
    /// A refresh begins.
    Refresh {
        /// Number of the refresh, from 0.
        index: usize,
        /// Answer tokens so far.
        position: usize,
        /// Completed lines so far.
        line: usize,
    },
    /// Candidates were drawn (or kept).
    Candidates {
        /// The stream they were drawn from is the guided one (early stop's second opinion).
        guided: bool,
        candidates: Vec<CandidateEvent>,
        /// What drawing them cost.
        usage: Usage,
    },
    /// A tree of programs grew.
    Grown {
        /// By which policy; `greedy` for the model's own first answer.
        policy: String,
        /// The programs, in the order in which they are judged.
        programs: Vec<GrownEvent>,
        /// What growing cost.
        usage: Usage,
    },
    /// The token ids of a prompt, for sinks that want them.
    Prompt {
        /// The guided one, with a signal block.
        guided: bool,
        /// All its tokens.
        ids: Vec<TokenId>,
    },
    /// Candidates were run.
    Executions {
        /// One entry per distinct candidate shown.
        runs: Vec<ExecutionEvent>,
        /// Wall seconds.
        seconds: f64,
    },
    /// The signal block was written.
    Signal {
        /// Entries in it.
        entries: usize,
        tokens: usize,
        /// Lines of traces left out to keep the budget.
        omitted_lines: usize,
        text: String,
    },
    /// One engine call that carries this task's guided tokens, or (gamma = 0 or no signal) its plain ones.
    Forward {
        /// Guided tokens were among them.
        guided: bool,
        /// Drafts verified.
        drafts: usize,
        /// Tokens computed and reused.
        usage: Usage,
    },
    /// A token was accepted.
    Token {
        /// Its index in the answer.
        index: usize,
        id: TokenId,
        /// Its text (lossy where a token is not whole UTF-8).
        text: String,
        /// Log-probability under the plain stream, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        plain: Option<f32>,
        /// Log-probability under the guided stream.
        #[serde(skip_serializing_if = "Option::is_none")]
        guided: Option<f32>,
        /// What the plain stream alone would have written, where that differs.
        #[serde(skip_serializing_if = "Option::is_none")]
        instead_of: Option<String>,
        /// The most probable tokens of both streams, most probable under the blend first; empty where only one token was
        /// looked at, where no sink wants them, and in logs of version 1.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        heads: Vec<Alternative>,
    },
    /// A token was chosen although truncated lists left open whether another one would have won.
    SupportTruncated {
        /// Its index in the answer.
        index: usize,
        /// Tokens that one stream's list holds and the other's does not, and that could have won.
        unsure: usize,
        /// A token in neither list could have won.
        beyond: bool,
    },
    /// A model was asked what it knows about certain tokens, because lists alone did not decide.
    Asked {
        tokens: usize,
        /// What that cost.
        usage: Usage,
    },
    /// A line of code is complete.
    Line {
        /// Its number, from 1.
        number: usize,
        text: String,
    },
    /// The generation ended.
    Stopped {
        reason: Stop,
        /// Tokens accepted.
        tokens: usize,
        program: String,
    },
    /// The program was judged.
    Verdict {
        /// Every test passed.
        passed: bool,
        /// One result per test.
        results: Vec<TestResult>,
    },
    /// Something that the user should know.
    Warning { message: String },
}

/// Receives the events of a task, in order.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: &Event);

    /// Whether tokens shall carry the heads of their distributions: one more pass over the vocabulary per token.
    fn wants_heads(&self) -> bool {
        true
    }

    /// Whether the token ids of prompts shall be told: they are long.
    fn wants_prompts(&self) -> bool {
        false
    }
}

/// A sink that drops everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn emit(&self, _event: &Event) {}

    fn wants_heads(&self) -> bool {
        false
    }
}

impl<F: Fn(&Event) + Send + Sync> EventSink for F {
    fn emit(&self, event: &Event) {
        self(event);
    }
}

impl From<StopReason> for Stop {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::EndOfText => Self::EndOfText,
            StopReason::Text => Self::Fence,
            StopReason::Newlines | StopReason::Length => Self::Length,
        }
    }
}
