//! Reading samples: a folder of programs, or a file in one of its forms.

use std::path::Path;

use egcfg_files::Bounds;

use super::samples::{Reader, SampleError, Samples};
use super::{sample_folder, sample_forms};
use crate::dataset::Dataset;

impl Samples {
    /// Reads samples for a data set. With `extract`, the program is taken out of an answer that explains it.
    pub fn read(path: &Path, set: &Dataset, extract: bool) -> Result<Self, SampleError> {
        let bounds = Bounds::from_environment()?;
        let mut reader = Reader::new(set, extract, bounds);
        if path.is_dir() {
            sample_folder::read(&mut reader, path)?;
        } else {
            sample_forms::read(&mut reader, path)?;
        }
        let mut found = reader.found;
        if found.samples.is_empty() {
            if found.foreign.is_empty() && !found.faults.is_empty() {
                let fault = found.faults.swap_remove(0);
                return Err(SampleError::Fault { fault, more: found.faults.len() });
            }
            return Err(SampleError::NoneFits { path: path.to_owned(), set: set.name.clone() });
        }
        Ok(found)
    }
}
