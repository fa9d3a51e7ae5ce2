//! The flags of the model, shared by every command that takes one.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::lora::LoraArg;
use super::values::count;

/// Where the model comes from and how it is run.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Model")]
pub(crate) struct ModelArgs {
    /// Model: `pocket` (the embedded one), a GGUF file, a folder, user/repo of the hub, or a server's URL
    ///
    /// `pocket` is the embedded model. Else: a GGUF file; a folder of safetensors; user/repo or user/repo:QUANTISATION of
    /// the hub; or a server: http://host:port/v1#name, or `#name` for the server of OPENAI_BASE_URL.
    #[arg(short, long, env = "EGCFG_MODEL", value_name = "MODEL", alias = "hf-repo")]
    pub(crate) model: Option<String>,
    /// An adapter over the model: a PEFT folder or a GGUF adapter, PATH or PATH:SCALE; may be repeated
    ///
    /// The base may be quantised. Several adapters act together, each with its scale. `serve` takes NAME=PATH too, and
    /// lists what has a name as a model of its own.
    #[arg(long, value_name = "PATH", aliases = ["lora-scaled", "lora-modules"])]
    pub(crate) lora: Vec<LoraArg>,
    /// A file with the server's key, readable by its owner alone [default: OPENAI_API_KEY]
    #[arg(long, env = "EGCFG_KEY_FILE", value_name = "FILE", hide_short_help = true)]
    pub(crate) key_file: Option<PathBuf>,
    /// The model's tokenizer.json, for a server through which only text passes [default: the server's own]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) tokenizer: Option<PathBuf>,
    /// Download nothing: a model of the hub must be in its cache already
    #[arg(long, hide_short_help = true)]
    pub(crate) offline: bool,
    /// Context length in tokens [default: what the model was trained for, at most 8192]
    #[arg(long, value_name = "TOKENS", value_parser = count::<usize>, aliases = ["ctx-size", "max-model-len"])]
    pub(crate) context: Option<usize>,
    /// Tokens whose state is cached, over all tasks together [default: by the context and the tasks at work]
    #[arg(long, value_name = "TOKENS", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) cache: Option<usize>,
    /// Threads of the model [default: by its size and this machine]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) threads: Option<usize>,
    /// Layers on the accelerator, where one was compiled in [default: all]
    #[arg(long, value_name = "N", hide_short_help = true, alias = "n-gpu-layers")]
    pub(crate) gpu_layers: Option<u32>,
    /// Single-precision cache and one thread: exact to the last bit, slower
    #[arg(long, hide_short_help = true)]
    pub(crate) exact: bool,
}

impl ModelArgs {
    /// The model's name as given, else the embedded model's.
    pub(crate) fn name(&self) -> &str {
        self.model.as_deref().unwrap_or(crate::settings::defaults::MODEL)
    }
}
