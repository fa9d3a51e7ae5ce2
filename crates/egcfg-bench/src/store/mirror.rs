//! A local copy of a part of a bucket, for readers that want files: reports, dashboards, scores. Each refresh fetches what is
//! new or has changed, several objects at a time, and removes what is gone, so that looking again costs little.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};

use super::folder::Folder;
use super::object::{Objects, Stamp};
use super::{Durability, StoreError, Target};

/// Objects fetched at the same time.
const AT_ONCE: usize = 16;

/// See the module's paragraph.
#[derive(Debug)]
pub struct Mirror {
    objects: Arc<Objects>,
    folder: Arc<Folder>,
    root: PathBuf,
    known: HashMap<String, Stamp>,
    logs: bool,
}

impl Mirror {
    /// A copy, still empty, of `target` below `folder`; `None` where the target is a folder already. The names above the target
    /// are kept, because the last two of a model's results say which data set and model they are. Event logs, by far the
    /// largest part, are copied with `logs` alone.
    pub fn new(target: &Target, folder: &Path, logs: bool) -> Result<Option<Self>, StoreError> {
        let Target::Bucket { bucket, prefix } = target else { return Ok(None) };
        let objects = Arc::new(Objects::connect(bucket, prefix)?);
        let root = folder.join(bucket).join(prefix);
        let folder = Arc::new(Folder::new(root.clone()));
        Ok(Some(Self { objects, folder, root, known: HashMap::new(), logs }))
    }

    /// The folder that holds the copy.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Brings the copy up to date. Returns how many objects were fetched. After an error, what was fetched stays, and the next
    /// refresh goes on from there.
    pub async fn refresh(&mut self) -> Result<usize, StoreError> {
        let listed: HashMap<String, Stamp> =
            self.objects.list().await?.into_iter().filter(|(key, _)| self.wants(key)).collect();
        let gone: Vec<String> = self.known.keys().filter(|key| !listed.contains_key(*key)).cloned().collect();
        for key in gone {
            self.folder.delete(&key).await?;
            self.known.remove(&key);
        }
        let stale: Vec<(String, Stamp)> =
            listed.into_iter().filter(|(key, stamp)| self.known.get(key) != Some(stamp)).collect();
        let copies = stale.into_iter().map(|(key, stamp)| {
            let (objects, folder) = (Arc::clone(&self.objects), Arc::clone(&self.folder));
            async move {
                let found = objects.get(&key).await?;
                if let Some(bytes) = found {
                    folder.put(&key, bytes, Durability::Buffered).await?;
                }
                Ok::<_, StoreError>((key, stamp))
            }
        });
        let mut copies = futures::stream::iter(copies).buffer_unordered(AT_ONCE);
        let mut fetched = 0;
        while let Some((key, stamp)) = copies.try_next().await? {
            self.known.insert(key, stamp);
            fetched += 1;
        }
        Ok(fetched)
    }

    /// Whether a reader needs it. The names are a server's: none may lead out of the folder.
    fn wants(&self, key: &str) -> bool {
        let harmless =
            |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']);
        key.split('/').all(harmless)
            && (self.logs || !key.contains("/events/"))
            && !key.split('/').any(|part| part == egcfg_results::Layout::CLAIMS)
    }
}
