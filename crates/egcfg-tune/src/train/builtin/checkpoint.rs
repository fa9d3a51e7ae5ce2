//! The state of a run between two steps, in one file that is replaced whole: a kill loses the step that was under way.

use std::path::Path;

use candle_core::{Device, Tensor};

use super::super::adapter::{Pairs, Sizes, save_tensors};
use super::super::settings::TrainSettings;
use super::optimizer::AdamW;
use crate::error::TuneError;
use crate::files::read_tensors;

/// Name of the file in a job's folder.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";

/// Adapter, moments, and how far the run is.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) adapter: Pairs,
    pub(crate) optimizer: AdamW,
    /// Steps done.
    pub(crate) step: usize,
    /// Tokens put through the model so far.
    pub(crate) tokens: usize,
}

impl State {
    /// Writes the state.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), TuneError> {
        let mut tensors = self.adapter.named("adapter.");
        tensors.extend(self.optimizer.named());
        let counts = [self.step, self.tokens, self.optimizer.steps].map(|count| count as u32);
        tensors.insert("counts".to_owned(), Tensor::new(&counts, &Device::Cpu)?);
        save_tensors(&folder.join(CHECKPOINT), &tensors)
    }

    /// The state of an earlier process, where there is one.
    pub(crate) fn load(
        folder: &Path,
        settings: &TrainSettings,
        layers: usize,
        sizes: &Sizes,
        device: &Device,
    ) -> Result<Option<Self>, TuneError> {
        let path = folder.join(CHECKPOINT);
        if !path.exists() {
            return Ok(None);
        }
        let bad = |reason: String| TuneError::Base { path: path.clone(), reason };
        let tensors = read_tensors(&path, device)?;
        let counts =
            tensors.get("counts").ok_or_else(|| bad("it has no counts".to_owned()))?.to_vec1::<u32>()?;
        let &[step, tokens, steps] = counts.as_slice() else {
            return Err(bad("its counts are not three".to_owned()));
        };
        let read = |prefix| Pairs::from_named(&tensors, prefix, settings, layers, sizes, &path);
        let optimizer = if steps == 0 {
            AdamW::default()
        } else {
            AdamW { first: read("first.")?, second: read("second.")?, steps: steps as usize }
        };
        Ok(Some(Self { adapter: read("adapter.")?, optimizer, step: step as usize, tokens: tokens as usize }))
    }
}
