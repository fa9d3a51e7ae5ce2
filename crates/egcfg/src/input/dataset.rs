//! Data sets as files.

use std::path::Path;

use egcfg_bench::dataset::{Dataset, LoadOptions};

use crate::exit::Failure;
use crate::output::text::note;

/// Loads a data set and says what a person should know about its file.
pub(crate) fn load(name: &str, path: &Path, options: &LoadOptions) -> Result<Dataset, Failure> {
    let set = Dataset::load(name, path, options)?;
    for warning in &set.warnings {
        note(&format!("warning: {warning}"));
    }
    Ok(set)
}
