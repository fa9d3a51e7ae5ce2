//! A file's content as a stream: unpacked where it is packed, counted against its bounds, and hashed on the way.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::bounds::Bounds;
use crate::error::FileError;
use crate::open::{Origin, open};

/// Content of a file, as it comes. What ends it early is an `io::Error`; [`Stream::failed`] tells what it was.
pub(crate) struct Stream {
    inner: Box<dyn Read + Send>,
    path: PathBuf,
    bounds: Bounds,
    size: u64,
    is_packed: bool,
    left: u64,
    exceeded: bool,
    hash: Sha256,
}

impl Stream {
    pub(crate) fn open(path: &Path, origin: Origin, bounds: Bounds) -> Result<Self, FileError> {
        let (file, metadata) = open(path, origin)?;
        let size = metadata.len();
        let failed = |error: io::Error| FileError::Io { path: path.to_owned(), error };
        let mut file = BufReader::with_capacity(1 << 16, file);
        let start = file.fill_buf().map_err(failed)?;
        let content = |reason: &str| FileError::Content { path: path.to_owned(), reason: reason.to_owned() };
        let (is_packed, inner): (bool, Box<dyn Read + Send>) = if start.starts_with(&[0x1f, 0x8b]) {
            // Some tools write a file as several gzip members.
            (true, Box::new(flate2::bufread::MultiGzDecoder::new(file)))
        } else if is_zstd(start) {
            (true, Box::new(Zstd { source: Some(file), frame: None }))
        } else if let Some(name) = foreign(start) {
            return Err(content(&format!("it is packed by {name}; plain text, gzip and zstd are read")));
        } else {
            (false, Box::new(file))
        };
        let largest = bounds.largest(size, is_packed);
        if !is_packed && size > largest {
            let reason = bounds.exceeded(size, false);
            return Err(FileError::TooLarge { path: path.to_owned(), reason });
        }
        let path = path.to_owned();
        Ok(Self { inner, path, bounds, size, is_packed, left: largest, exceeded: false, hash: Sha256::new() })
    }

    /// The error behind a failed read.
    pub(crate) fn failed(&self, error: io::Error) -> FileError {
        let path = self.path.clone();
        if self.exceeded {
            return FileError::TooLarge { path, reason: self.bounds.exceeded(self.size, self.is_packed) };
        }
        if self.is_packed && error.raw_os_error().is_none() {
            let reason = match error.kind() {
                io::ErrorKind::UnexpectedEof => "the packed data ends too early".to_owned(),
                _ => format!("the packed data is broken: {error}"),
            };
            return FileError::Content { path, reason };
        }
        FileError::Io { path, error }
    }

    /// The sha256 of everything that was read, in hexadecimal.
    pub(crate) fn sha256(self) -> String {
        hexadecimal(&self.hash.finalize())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count as u64 > self.left {
            self.exceeded = true;
            return Err(io::Error::other("too large"));
        }
        self.left -= count as u64;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

/// The sha256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_zstd(start: &[u8]) -> bool {
    start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable(start)
}

fn is_skippable(start: &[u8]) -> bool {
    start.len() >= 4 && start[0] & 0xf0 == 0x50 && start[1..4] == [0x2a, 0x4d, 0x18]
}

/// Packed forms that are not read.
fn foreign(start: &[u8]) -> Option<&'static str> {
    let forms: [(&[u8], &str); 5] = [
        (b"BZh", "bzip2"),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
        (&[b'P', b'K', 3, 4], "zip"),
        (&[b'7', b'z', 0xbc, 0xaf], "7-zip"),
        (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
    ];
    forms.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, name)| *name)
}

type Decoder<R> = ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>;

/// All frames of a zstd file, one after the other.
struct Zstd<R: BufRead> {
    source: Option<R>,
    frame: Option<Decoder<R>>,
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(buffer)?;
                if count > 0 {
                    return Ok(count);
                }
                self.source = self.frame.take().map(Decoder::into_inner);
            }
            let Some(mut source) = self.source.take() else { return Ok(0) };
            let start = source.fill_buf()?;
            if start.is_empty() {
                self.source = Some(source);
                return Ok(0);
            }
            if is_skippable(start) {
                let mut head = [0; 8];
                source.read_exact(&mut head)?;
                let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
                io::copy(&mut source.by_ref().take(length.into()), &mut io::sink())?;
                self.source = Some(source);
                continue;
            }
            self.frame = Some(Decoder::new(source).map_err(|_| io::Error::other("no valid zstd frame"))?);
        }
    }
}
