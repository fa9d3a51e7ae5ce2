//! A hub in the test process, over real sockets: it speaks the hub's API (list, resolve with redirects, ranges, checksums) and
//! breaks off, throttles and lies where a test tells it to. A fake: the public hub is never asked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// The repository's only commit.
pub(crate) const COMMIT: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// What the fake does wrong; counted down where it is a number.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Bodies that end in the middle.
    pub(crate) cuts: usize,
    /// Replies of status 503.
    pub(crate) unavailable: usize,
    /// Replies of status 429 that name a time.
    pub(crate) throttled: usize,
    /// Bodies with a wrong byte.
    pub(crate) wrong: usize,
    /// Ranges are ignored: every body is whole.
    pub(crate) no_ranges: bool,
    /// A status for everything, with an error code.
    pub(crate) refuse: Option<(u16, &'static str)>,
    /// The first body comes in this many parts, with a pause of 50 ms before each.
    pub(crate) parts: usize,
}

/// Each request's method, path and range, and its key.
type Log = Arc<Mutex<Vec<(String, Option<String>)>>>;

pub(crate) struct Hub {
    pub(crate) address: String,
    pub(crate) faults: Arc<Mutex<Faults>>,
    /// Method, path, range and key of each request.
    pub(crate) log: Log,
}

/// A hub with one repository, `some/coder`, whose chosen file holds these bytes.
pub(crate) fn hub(content: Vec<u8>, faults: Faults) -> Hub {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (faults, log) = (Arc::new(Mutex::new(faults)), Arc::new(Mutex::new(Vec::new())));
    let (own, own_log, content) = (Arc::clone(&faults), Arc::clone(&log), Arc::new(content));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (faults, log, content) = (Arc::clone(&own), Arc::clone(&own_log), Arc::clone(&content));
            std::thread::spawn(move || {
                let _ = serve(&stream, &content, &faults, &log);
            });
        }
    });
    Hub { address, faults, log }
}

fn serve(
    stream: &TcpStream,
    content: &[u8],
    faults: &Mutex<Faults>,
    log: &Mutex<Vec<(String, Option<String>)>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream.try_clone()?;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (mut range, mut key) = (None, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => range = value.trim().strip_prefix("bytes=").map(str::to_owned),
            "authorization" => key = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let words: Vec<&str> = line.split(' ').collect();
    let (method, path) = (words[0], words[1]);
    log.lock().unwrap().push((format!("{method} {path} {}", range.as_deref().unwrap_or("-")), key));
    let mut faults = faults.lock().unwrap();
    let mut reply = |status: &str, headers: &str, body: &[u8], sent: usize| -> std::io::Result<()> {
        let head = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        let mut bytes = head.into_bytes();
        if method != "HEAD" {
            bytes.extend(&body[..sent]);
        }
        out.write_all(&bytes)?;
        out.flush()?;
        stream.shutdown(Shutdown::Write)
    };
    let take = |count: &mut usize| count.checked_sub(1).is_some_and(|left| (*count = left, true).1);
    if let Some((status, code)) = faults.refuse {
        return reply(&format!("{status} X"), &format!("x-error-code: {code}\r\n"), b"", 0);
    }
    if take(&mut faults.unavailable) {
        return reply("503 X", "", b"", 0);
    }
    if take(&mut faults.throttled) {
        return reply("429 X", "retry-after: 1\r\n", b"", 0);
    }
    let size = content.len();
    if path == "/api/models/some/coder/revision/main" {
        let files = ["README.md", "coder.Q8_0.gguf", "coder.Q4_0.gguf"];
        let siblings: Vec<_> = files.iter().map(|file| serde_json::json!({ "rfilename": file })).collect();
        let text = serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string();
        return reply("200 OK", "", text.as_bytes(), text.len());
    }
    if path == format!("/some/coder/resolve/{COMMIT}/coder.Q8_0.gguf") {
        let hash: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        let headers = format!(
            "location: /storage/file?signature=x\r\nx-repo-commit: {COMMIT}\r\nx-linked-etag: \"{hash}\"\r\nx-linked-size: {size}\r\n"
        );
        return reply("302 Found", &headers, b"", 0);
    }
    if path.starts_with("/storage/file") {
        let from: usize = match range.filter(|_| !faults.no_ranges) {
            Some(range) => range.trim_end_matches('-').parse().unwrap(),
            None => 0,
        };
        let mut body = content[from..].to_vec();
        if take(&mut faults.wrong) {
            let middle = body.len() / 2;
            body[middle] ^= 1;
        }
        let sent = if take(&mut faults.cuts) { body.len() / 2 } else { body.len() };
        let range = format!("content-range: bytes {from}-{}/{size}\r\n", size - 1);
        let (status, headers) = if from > 0 { ("206 Partial", range.as_str()) } else { ("200 OK", "") };
        let parts = std::mem::take(&mut faults.parts);
        if parts > 0 {
            drop(faults);
            let head = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
                body.len()
            );
            let mut out = stream.try_clone()?;
            out.write_all(head.as_bytes())?;
            for part in body.chunks(body.len().div_ceil(parts)) {
                std::thread::sleep(Duration::from_millis(50));
                out.write_all(part)?;
            }
            return stream.shutdown(Shutdown::Write);
        }
        return reply(status, headers, &body, sent);
    }
    reply("404 X", "x-error-code: EntryNotFound\r\n", b"", 0)
}

/// Requests so far that hold a text.
pub(crate) fn requests(hub: &Hub, part: &str) -> Vec<String> {
    let log = hub.log.lock().unwrap();
    log.iter().map(|(line, _)| line.clone()).filter(|line| line.contains(part)).collect()
}
