//! Flags that users of the published fork type and that have another name here. They are not shown in help texts.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::super::model::ModelArgs;
use crate::exit::Failure;

/// The fork's own words.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct ForkArgs {
    /// The model that writes
    #[arg(long, value_name = "MODEL", hide = true)]
    source_model: Option<String>,
    /// The model that learns
    #[arg(long, value_name = "MODEL", hide = true)]
    target_model: Option<String>,
    /// Nothing else is trained than adapters
    #[arg(long, hide = true)]
    use_lora: bool,
    #[arg(long, value_name = "N", hide = true)]
    batch_size: Option<String>,
    #[arg(long, value_name = "DIR", hide = true)]
    checkpoint_dir: Option<PathBuf>,
}

impl ForkArgs {
    /// Puts the model where it belongs, and refuses what has another meaning here.
    pub(crate) fn apply(&self, model: &mut ModelArgs) -> Result<(), Failure> {
        let refused = [
            (
                "--batch-size",
                self.batch_size.is_some(),
                "tasks that are sampled at the same time are --jobs, programs per gradient --per-device-batch-size",
            ),
            ("--checkpoint-dir", self.checkpoint_dir.is_some(), "checkpoints stand in --output-dir"),
        ];
        if let Some((flag, _, hint)) = refused.into_iter().find(|(_, given, _)| *given) {
            return Err(Failure::usage(format!("{flag} has another name here")).hint(hint));
        }
        let mut named: Vec<&String> =
            [&model.model, &self.source_model, &self.target_model].into_iter().flatten().collect();
        named.dedup();
        match named.as_slice() {
            [] => {}
            [one] => model.model = Some((*one).clone()),
            several => {
                let all: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
                return Err(Failure::usage(format!("one model writes and learns here, not {}", all.join(" and ")))
                    .hint("btp experiments --step large-to-small has --source-model; or btp sample with one model, and btp train with the other"));
            }
        }
        Ok(())
    }
}
