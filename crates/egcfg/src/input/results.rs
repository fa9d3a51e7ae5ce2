//! Results to read, in a folder or in a bucket. Those of a bucket are copied into a folder that goes away with the command.

use std::path::{Path, PathBuf};
use std::time::Duration;

use egcfg_bench::store::{Mirror, Target};
use tempfile::TempDir;

use crate::exit::Failure;
use crate::output::text::note;

/// Where results can be read.
pub(crate) struct Results {
    path: PathBuf,
    copy: Option<(Mirror, TempDir)>,
}

impl Results {
    /// Opens a results store for reading; a bucket's event logs only come with `logs`.
    pub(crate) async fn open(target: &Target, logs: bool) -> Result<Self, Failure> {
        if let Target::Folder(path) = target {
            return Ok(Self { path: path.clone(), copy: None });
        }
        let failed =
            |error| Failure::input(format!("failed to make a folder for a copy of {target}: {error}"));
        let folder = tempfile::Builder::new().prefix("egcfg-results-").tempdir().map_err(failed)?;
        let Some(mut mirror) = Mirror::new(target, folder.path(), logs)? else {
            return Err(Failure::usage(format!("{target} cannot be read")));
        };
        let count = mirror.refresh().await?;
        if count == 0 {
            return Err(Failure::input(format!("{target} is empty"))
                .hint("give the address that results were written to, or one of its data sets or models"));
        }
        note(&format!("read {count} objects of {target}"));
        Ok(Self { path: mirror.root().to_path_buf(), copy: Some((mirror, folder)) })
    }

    /// The folder to read.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a copy up to date until what is returned is dropped.
    pub(crate) fn follow(self, interval: Duration) -> Following {
        let Some((mut mirror, folder)) = self.copy else {
            return Following { _folder: None, refreshing: None };
        };
        let refreshing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                // A server that does not answer now may answer at the next look.
                let _ = mirror.refresh().await;
            }
        });
        Following { _folder: Some(folder), refreshing: Some(refreshing) }
    }
}

/// A copy that is kept up to date.
pub(crate) struct Following {
    _folder: Option<TempDir>,
    refreshing: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(task) = self.refreshing.take() {
            task.abort();
        }
    }
}
