//! One file's bytes: its name and length first, then what is missing of it, over as many attempts as bring something new.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use egcfg_gguf::content;
use egcfg_http::Passing;
use reqwest::header::{CONTENT_RANGE, ETAG, RANGE};
use reqwest::{Method, StatusCode};

use super::error::{DownloadError, io};
use super::fault::Fault;
use super::remote::Work;
use crate::{Progress, Watch};

impl Work<'_> {
    /// Name and length of a file's contents.
    pub(super) async fn head(&self, url: &str) -> Result<(String, Option<u64>), Fault> {
        let reply = self.heads.request(Method::HEAD, url).send().await?;
        let reply = if reply.status().is_redirection() { reply } else { self.checked(reply)? };
        let text = |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = text("x-linked-etag").or_else(|| text(ETAG.as_str())).unwrap_or_default();
        let etag = etag.trim_start_matches("W/").trim_matches('"').to_owned();
        if etag.len() < 8 || !etag.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(Fault::Passing(Passing::new("the reply has no usable ETag")));
        }
        let size = text("x-linked-size")
            .or_else(|| if reply.status().is_redirection() { None } else { text("content-length") });
        Ok((etag, size.and_then(|size| size.parse().ok())))
    }

    /// Downloads to the end, over as many attempts as bring something new.
    pub(super) async fn blob(
        &self,
        url: &str,
        file: &str,
        blob: &Path,
        size: Option<u64>,
        watch: Watch<'_>,
    ) -> Result<(), DownloadError> {
        let part = blob.with_extension("incomplete");
        let (mut attempts, mut wrong) = (self.attempts(), 0);
        loop {
            let before = fs::metadata(&part).map_or(0, |meta| meta.len());
            let outcome = if size.is_some_and(|size| size == before) {
                Ok(())
            } else {
                self.stream(url, file, &part, before, size, watch).await
            };
            let after = fs::metadata(&part).map_or(0, |meta| meta.len());
            if let Err(fault) = outcome {
                if after > before {
                    attempts.progressed();
                }
                self.wait(fault, &mut attempts, file).await?;
                continue;
            }
            let expected = blob.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let right = size.is_none_or(|size| size == after)
                && (expected.len() != 64
                    || content::of_file(&part, None, &mut |_, _| true).map_err(io(&part))? == expected);
            if right {
                File::open(&part).and_then(|part| part.sync_all()).map_err(io(&part))?;
                return fs::rename(&part, blob).map_err(io(blob));
            }
            // Nothing of it can be trusted.
            fs::remove_file(&part).map_err(io(&part))?;
            wrong += 1;
            if wrong == 2 {
                return Err(DownloadError::Checksum { file: file.to_owned() });
            }
        }
    }

    /// One attempt: what is missing, appended.
    async fn stream(
        &self,
        url: &str,
        file: &str,
        part: &Path,
        from: u64,
        size: Option<u64>,
        watch: Watch<'_>,
    ) -> Result<(), Fault> {
        let mut request = self.bodies.get(url);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let reply = request.send().await?;
        if reply.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            fs::remove_file(part).map_err(io(part))?;
            return Err(Fault::Passing(Passing::new("the part at hand is longer than the file")));
        }
        let mut reply = self.checked(reply)?;
        let start = format!("bytes {from}-");
        let goes_on = reply.status() == StatusCode::PARTIAL_CONTENT
            && reply
                .headers()
                .get(CONTENT_RANGE)
                .is_some_and(|range| range.as_bytes().starts_with(start.as_bytes()));
        // A reply that begins at the beginning replaces what is there.
        let mut out = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(!goes_on)
            .append(goes_on)
            .open(part)
            .map_err(io(part))?;
        let mut done = if goes_on { from } else { 0 };
        while let Some(bytes) = reply.chunk().await? {
            out.write_all(&bytes).map_err(io(part))?;
            done += bytes.len() as u64;
            let progress = Progress { what: file.to_owned(), done, total: size.unwrap_or(0) };
            if watch(progress).is_break() {
                return Err(DownloadError::Interrupted.into());
            }
        }
        match size {
            Some(size) if done < size => Err(Fault::Passing(Passing::new("the connection ended early"))),
            _ => Ok(()),
        }
    }
}
