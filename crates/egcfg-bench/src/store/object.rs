//! A store in an S3-compatible bucket. Creation is a conditional put (`If-None-Match: *`), which Amazon S3, MinIO, Ceph,
//! R2 and others carry out atomically; a server that does not know it is found out when the store is opened for writing.
//! Endpoint, region and keys come from the usual `AWS_*` environment variables.

use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use super::StoreError;

/// What tells one version of an object from the next: its time, its size and its tag.
pub(crate) type Stamp = (i64, u64, Option<String>);

/// A prefix of a bucket.
#[derive(Debug)]
pub(crate) struct Objects {
    client: Arc<dyn ObjectStore>,
    bucket: String,
    prefix: String,
}

impl Objects {
    pub(crate) fn connect(bucket: &str, prefix: &str) -> Result<Self, StoreError> {
        let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        if endpoint.as_deref().is_some_and(|url| url.starts_with("http://")) {
            // Whoever names an unencrypted endpoint means it.
            builder = builder.with_allow_http(true);
        }
        let client = builder.build().map_err(|error| StoreError {
            action: "open",
            place: format!("s3://{bucket}"),
            reason: error.to_string(),
        })?;
        Ok(Self { client: Arc::new(client), bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    pub(crate) fn child(&self, key: &str) -> Self {
        Self { client: Arc::clone(&self.client), bucket: self.bucket.clone(), prefix: self.key(key) }
    }

    pub(crate) fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }

    fn key(&self, key: &str) -> String {
        [self.prefix.as_str(), key]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join("/")
    }

    fn path(&self, key: &str) -> Path {
        Path::from(self.key(key))
    }

    fn failed(&self, action: &'static str, key: &str, error: &Error) -> StoreError {
        let place = format!("s3://{}/{}", self.bucket, self.key(key));
        StoreError { action, place, reason: plain(error) }
    }

    pub(crate) async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<bool, StoreError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.client.put_opts(&self.path(key), PutPayload::from(bytes), options).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.failed("create", key, &error)),
        }
    }

    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = self.client.put(&self.path(key), PutPayload::from(bytes)).await;
        put.map(|_| ()).map_err(|error| self.failed("write", key, &error))
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let read = async { self.client.get(&self.path(key)).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", key, &error)),
        }
    }

    pub(crate) async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        match self.client.head(&self.path(key)).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed("look for", key, &error)),
        }
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self.client.delete(&self.path(key)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("delete", key, &error)),
        }
    }

    /// Objects have no names to change: a copy, then a deletion. A crash between the two leaves both.
    pub(crate) async fn rename(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        match self.client.copy(&self.path(from), &self.path(to)).await {
            Ok(()) => self.delete(from).await.map(|()| true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed("rename", from, &error)),
        }
    }

    /// All objects below the prefix, by their keys in it.
    pub(crate) async fn list(&self) -> Result<Vec<(String, Stamp)>, StoreError> {
        let prefix = self.path("");
        let listed: Result<Vec<_>, _> = self.client.list(Some(&prefix)).try_collect().await;
        let listed = listed.map_err(|error| self.failed("list", "", &error))?;
        let inside = listed.into_iter().filter_map(|object| {
            let parts: Vec<_> = object.location.prefix_match(&prefix)?.collect();
            let key = parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/");
            Some((key, (object.last_modified.timestamp_millis(), object.size, object.e_tag)))
        });
        Ok(inside.collect())
    }

    /// Names of the objects, and of the folders, directly below a key.
    pub(crate) async fn entries(&self, key: &str) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let listed = self.client.list_with_delimiter(Some(&self.path(key))).await;
        let listed = listed.map_err(|error| self.failed("list", key, &error))?;
        let name = |path: &Path| path.filename().map(str::to_owned);
        let files = listed.objects.iter().filter_map(|object| name(&object.location)).collect();
        Ok((files, listed.common_prefixes.iter().filter_map(name).collect()))
    }
}

/// The innermost cause in one line; the library's own sentences repeat the address.
fn plain(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
