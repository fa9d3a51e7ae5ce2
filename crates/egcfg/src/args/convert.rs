//! The arguments of `convert`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use egcfg_hub::ElementType;

#[derive(Debug, ClapArgs)]
pub(crate) struct ConvertArgs {
    /// The folder: config.json, tokenizer.json and safetensors; or `pocket`, the embedded model
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The file to write [default: named after folder and type, beside it]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Number format of the matrices
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
