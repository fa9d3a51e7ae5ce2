//! The arguments of `convert`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use egcfg_hub::ElementType;

#[derive(Debug, ClapArgs)]
pub(crate) struct ConvertArgs {
    /// A checkpoint (config.json, tokenizer.json, safetensors), `pocket`, or an adapter: a PEFT folder or a GGUF file
    ///
    /// A checkpoint and `pocket`, the embedded model, become a GGUF model; a PEFT folder becomes a GGUF adapter, and a GGUF
    /// adapter becomes a PEFT folder.
    #[arg(value_name = "FROM")]
    pub(crate) folder: PathBuf,
    /// What to write [default: named after what it comes from, beside it]
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// The model that an adapter was made for: `pocket`, a GGUF file or a checkpoint folder
    ///
    /// The order of an adapter's rows depends on it. Without it: what the adapter itself tells.
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: Option<String>,
    /// Number format of the matrices; adapters stay in single precision
    #[arg(long = "type", value_enum, default_value = "f16")]
    pub(crate) kind: TypeArg,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TypeArg {
    F32,
    F16,
    Bf16,
    #[value(name = "q8_0")]
    Q8_0,
}

impl TypeArg {
    /// The name in file names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
        }
    }
}

impl From<TypeArg> for ElementType {
    fn from(kind: TypeArg) -> Self {
        match kind {
            TypeArg::F32 => Self::F32,
            TypeArg::F16 => Self::F16,
            TypeArg::Bf16 => Self::Bf16,
            TypeArg::Q8_0 => Self::Q8_0,
        }
    }
}
