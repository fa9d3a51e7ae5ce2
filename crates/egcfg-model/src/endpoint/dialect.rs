//! The kinds of servers, by name.

/// How a server wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `egcfg serve`: the completions form with token ids, and draws that are seeded token by token.
    Egcfg,
    /// vLLM's completions: token ids both ways, prompt log-probabilities.
    Vllm,
    /// SGLang's `/generate`: token ids both ways, prompt log-probabilities from a given position on.
    Sglang,
    /// llama.cpp's `/completion`: token ids both ways, lists of any length.
    LlamaCpp,
    /// The plain completions form: text both ways.
    OpenAi,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Egcfg, Self::Vllm, Self::Sglang, Self::LlamaCpp, Self::OpenAi];

    /// Its name in addresses and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Egcfg => "egcfg",
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::LlamaCpp => "llama.cpp",
            Self::OpenAi => "openai",
        }
    }

    /// The dialect of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }
}
