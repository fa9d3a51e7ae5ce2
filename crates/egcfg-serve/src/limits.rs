//! Every limit on a request, in one place. A request beyond one of them is refused with the field's name before any
//! work is done for it.

use std::time::Duration;

/// What one request may ask for, and how many requests are worked on.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Time in which a request's body has to arrive.
    pub body_time: Duration,
    /// Bytes of all bodies that are on their way at the same time.
    pub bodies: usize,
    /// Time in which a request's head has to arrive, counted from the connection's beginning or its last answer: a connection
    /// that is silent for longer is closed.
    pub header_time: Duration,
    /// Time for which an answer may wait for its reader without getting on.
    pub write_time: Duration,
    /// Bytes of one stream that its reader has not fetched yet; one that falls further behind is ended.
    pub stream_bytes: usize,
    /// Prompts in one request.
    pub prompts: usize,
    /// Tokens of one prompt; the context is a limit as well.
    pub prompt_tokens: usize,
    /// New tokens of one completion; the context is a limit as well.
    pub max_tokens: usize,
    /// Completions of one request, over all its prompts.
    pub choices: usize,
    /// Entries of one position's list of log-probabilities.
    pub logprobs: usize,
    /// Entries of all lists of one reply together.
    pub entries: usize,
    /// Stop texts.
    pub stops: usize,
    /// Messages of a conversation.
    pub messages: usize,
    /// Tests of a guided request.
    pub tests: usize,
    /// Bytes of one test.
    pub test_bytes: usize,
    /// Candidates per refresh.
    pub candidates: usize,
    /// Guidance strengths of one request.
    pub gammas: usize,
    /// Tokens that a search may spend.
    pub budget: usize,
    /// Repetitions of the ladder of strengths.
    pub retries: usize,
    /// Working time of one request.
    pub time: Duration,
    /// Requests that are worked on at the same time.
    pub in_flight: usize,
    /// Requests that wait for their turn; further ones are answered with 429.
    pub queue: usize,
    /// Requests of `/run_code` and `/get_reward` that are worked on at the same time; they need no model.
    pub runs: usize,
    /// Such requests that wait: trainers send many at once, and take a refusal for a failure.
    pub run_queue: usize,
    /// Queries of one request of `/get_reward`.
    pub batch: usize,
    /// Open connections; for a further one, that which has waited longest for a request of its client is closed.
    pub connections: usize,
    /// Time that work in flight is given to end when the server is told to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            body_time: Duration::from_secs(30),
            bodies: 256 << 20,
            header_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            stream_bytes: 64 << 20,
            prompts: 256,
            prompt_tokens: 1 << 20,
            max_tokens: 1 << 20,
            choices: 256,
            logprobs: 1 << 20,
            entries: 16 << 20,
            stops: 16,
            messages: 1024,
            tests: 100,
            test_bytes: 64 << 10,
            candidates: 32,
            gammas: 16,
            budget: 100_000,
            retries: 10,
            time: Duration::from_secs(600),
            in_flight: 8,
            queue: 64,
            runs: 8,
            run_queue: 1024,
            batch: 4096,
            connections: 512,
            grace: Duration::from_secs(10),
        }
    }
}
