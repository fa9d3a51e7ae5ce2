//! What a server can do, as found out at the start, and what follows from it for the number of requests.

use crate::api::TokenId;
use crate::endpoint::dialect::Dialect;

/// What a server can do and what is made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Capabilities {
    /// How it is asked.
    pub dialect: Dialect,
    /// The model's name at the server.
    pub model: String,
    /// How the server calls itself, where it does.
    pub server: String,
    /// Length of the lists of log-probabilities asked for.
    pub top: usize,
    /// Prompts are scored: drafts are checked with one prompt each.
    pub prompt_logprobs: bool,
    /// Prompts that travel in one request at most.
    pub prompts_per_request: usize,
    /// Several prompts travel in one request.
    pub lists: bool,
    /// The plain form takes prompts as token ids, of the tokenizer at hand.
    pub ids_in: bool,
    /// Several completions of one prompt travel in one request.
    pub n: bool,
    /// That many of them at most.
    pub most_n: usize,
    /// Numbers of tokens outside the lists can be asked for.
    pub chosen_tokens: bool,
    /// Log-probabilities are those after the temperature: samples are scored again.
    pub tempered: bool,
    /// The server reports how much of a prompt was cached.
    pub reports_cache: bool,
    /// The server turns tokens into text.
    pub detokenize: bool,
    /// Stop texts are the server's to watch as well.
    pub stop_texts: bool,
    /// Size of the vocabulary, where told.
    pub vocab: Option<usize>,
    /// What the server tells about the model that it serves: where its weights lie, its size, its hash.
    pub reported: Vec<(String, String)>,
    /// Things worth knowing before one relies on the results.
    pub notes: Vec<String>,
    /// Tokens of the mark that separates looked-up tokens.
    pub(crate) mark: Vec<TokenId>,
    /// Spellings of special tokens.
    pub(crate) special: Vec<String>,
    /// Different prompts of one request may share its seed.
    pub(crate) shared_seed: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            dialect: Dialect::OpenAi,
            model: String::new(),
            server: String::new(),
            top: 1,
            prompt_logprobs: false,
            prompts_per_request: 1,
            lists: false,
            ids_in: false,
            n: false,
            most_n: usize::MAX,
            chosen_tokens: false,
            tempered: false,
            reports_cache: false,
            detokenize: false,
            stop_texts: false,
            vocab: None,
            reported: Vec::new(),
            notes: Vec::new(),
            mark: Vec::new(),
            special: Vec::new(),
            shared_seed: true,
        }
    }
}

impl Capabilities {
    /// Token ids travel both ways.
    pub fn token_ids(&self) -> bool {
        self.dialect != Dialect::OpenAi || self.ids_in
    }

    /// Lists hold the whole vocabulary.
    pub fn whole(&self) -> bool {
        self.vocab.is_some_and(|vocab| self.top >= vocab)
    }

    /// Requests per guided line when drafting works out, for `candidates` fresh candidates.
    pub fn requests_per_line(&self, candidates: usize) -> usize {
        let draws = match self.dialect {
            Dialect::Egcfg => 1,
            _ if self.n => candidates.div_ceil(self.most_n.max(1)),
            _ => candidates,
        };
        let score = if self.lists { 1 } else { 12 };
        draws + score + usize::from(self.tempered)
    }
}
