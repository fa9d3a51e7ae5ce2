//! Downloads from a hub in the test process, over real sockets: it speaks the hub's API (list, resolve with redirects, ranges,
//! checksums) and breaks off, throttles and lies where a test tells it to. A fake: the public hub is never asked.

#![allow(clippy::unwrap_used, clippy::format_collect, reason = "test helpers")]
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use egcfg_hub::{Cache, DownloadError, Found, HubName, Remote};
use sha2::{Digest as _, Sha256};

const COMMIT: &str = "89abcdef0123456789abcdef0123456789abcdef";
const SIZE: usize = 300_000;

/// What the fake does wrong; counted down where it is a number.
#[derive(Debug, Default)]
struct Faults {
    /// Bodies that end in the middle.
    cuts: usize,
    /// Replies of status 503.
    unavailable: usize,
    /// Replies of status 429 that name a time.
    throttled: usize,
    /// Bodies with a wrong byte.
    wrong: usize,
    /// Ranges are ignored: every body is whole.
    no_ranges: bool,
    /// A status for everything, with an error code.
    refuse: Option<(u16, &'static str)>,
}

/// Paths that were asked for, each with its `Range`.
type Log = Arc<Mutex<Vec<(String, Option<String>)>>>;

struct Hub {
    address: String,
    faults: Arc<Mutex<Faults>>,
    /// Method, path, range and key of each request.
    log: Log,
}

fn content() -> Vec<u8> {
    (0..SIZE).map(|i| (i * 31 % 251) as u8).collect()
}

fn hub(faults: Faults) -> Hub {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (faults, log) = (Arc::new(Mutex::new(faults)), Arc::new(Mutex::new(Vec::new())));
    let (own, own_log) = (Arc::clone(&faults), Arc::clone(&log));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (faults, log) = (Arc::clone(&own), Arc::clone(&own_log));
            std::thread::spawn(move || {
                let _ = serve(&stream, &faults, &log);
            });
        }
    });
    Hub { address, faults, log }
}

fn serve(
    stream: &TcpStream,
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
    let body = content();
    if path == "/api/models/some/coder/revision/main" {
        let files = ["README.md", "coder.Q8_0.gguf", "coder.Q4_0.gguf"];
        let siblings: Vec<_> = files.iter().map(|file| serde_json::json!({ "rfilename": file })).collect();
        let text = serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string();
        return reply("200 OK", "", text.as_bytes(), text.len());
    }
    if path == format!("/some/coder/resolve/{COMMIT}/coder.Q8_0.gguf") {
        let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let headers = format!(
            "location: /storage/file?signature=x\r\nx-repo-commit: {COMMIT}\r\nx-linked-etag: \"{hash}\"\r\nx-linked-size: {SIZE}\r\n"
        );
        return reply("302 Found", &headers, b"", 0);
    }
    if path.starts_with("/storage/file") {
        let from: usize = match range.filter(|_| !faults.no_ranges) {
            Some(range) => range.trim_end_matches('-').parse().unwrap(),
            None => 0,
        };
        let mut body = body[from..].to_vec();
        if take(&mut faults.wrong) {
            let middle = body.len() / 2;
            body[middle] ^= 1;
        }
        let sent = if take(&mut faults.cuts) { body.len() / 2 } else { body.len() };
        let range = format!("content-range: bytes {from}-{}/{SIZE}\r\n", SIZE - 1);
        let (status, headers) = if from > 0 { ("206 Partial", range.as_str()) } else { ("200 OK", "") };
        return reply(status, headers, &body, sent);
    }
    reply("404 X", "x-error-code: EntryNotFound\r\n", b"", 0)
}

fn fetch(hub: &Hub, root: &Path, name: &str) -> Result<(), DownloadError> {
    let remote = Remote::new(&hub.address, Some("hf_secret")).pause(Duration::from_millis(5));
    let name = HubName::parse(name).unwrap();
    remote.fetch(&Cache::new(root), &name, &mut |_| ControlFlow::Continue(()))
}

fn requests(hub: &Hub, part: &str) -> Vec<String> {
    let log = hub.log.lock().unwrap();
    log.iter().map(|(line, _)| line.clone()).filter(|line| line.contains(part)).collect()
}

/// The file is in the cache, whole, under its hash, and nothing half is left.
fn assert_whole(root: &Path) {
    let found = Cache::new(root).find(&HubName::parse("some/coder").unwrap()).unwrap();
    let Found::Gguf(path) = found else { panic!("{found:?}") };
    assert!(path.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read(&path).unwrap(), content());
    let blobs = fs::read_dir(root.join("models--some--coder/blobs")).unwrap();
    assert!(blobs.flatten().all(|entry| entry.path().extension().is_none_or(|end| end != "incomplete")));
}

#[test]
fn the_chosen_file_comes_and_is_found() {
    let (hub, root) = (hub(Faults::default()), tempfile::tempdir().unwrap());
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_whole(root.path());
    assert!(hub.log.lock().unwrap().iter().all(|(_, key)| key.as_deref() == Some("Bearer hf_secret")));
    assert!(requests(&hub, "Q4_0").is_empty());
    // A second time, nothing is transferred.
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_eq!(requests(&hub, "GET /storage").len(), 1);
}

#[test]
fn what_breaks_off_is_gone_on_with() {
    let (hub, root) =
        (hub(Faults { cuts: 3, unavailable: 2, ..Faults::default() }), tempfile::tempdir().unwrap());
    fetch(&hub, root.path(), "some/coder:Q8_0").unwrap();
    assert_whole(root.path());
    let starts: Vec<_> = requests(&hub, "GET /storage");
    assert_eq!(starts.len(), 4);
    assert!(starts[0].ends_with(" -"));
    // Every later attempt asks for a later beginning, and none for the whole.
    let from =
        |line: &String| line.rsplit(' ').next().unwrap().trim_end_matches('-').parse::<usize>().unwrap();
    let from: Vec<usize> = starts[1..].iter().map(from).collect();
    assert!(from[0] > 0 && from.is_sorted_by(|a, b| a < b), "{from:?}");
}

#[test]
fn an_interrupted_download_is_gone_on_with_by_the_next() {
    let (hub, root) = (hub(Faults::default()), tempfile::tempdir().unwrap());
    let remote = Remote::new(&hub.address, None);
    let name = HubName::parse("some/coder").unwrap();
    let ended = remote.fetch(&Cache::new(root.path()), &name, &mut |_| ControlFlow::Break(()));
    assert!(matches!(ended, Err(DownloadError::Interrupted)), "{ended:?}");
    assert!(Cache::new(root.path()).find(&name).is_err());
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_whole(root.path());
    assert_eq!(requests(&hub, "GET /storage").len(), 2);
    assert!(!requests(&hub, "GET /storage")[1].ends_with(" -"));
}

#[test]
fn a_server_without_ranges_and_a_wrong_part_still_end_well() {
    let (hub, root) =
        (hub(Faults { cuts: 1, no_ranges: true, ..Faults::default() }), tempfile::tempdir().unwrap());
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_whole(root.path());
    let root = tempfile::tempdir().unwrap();
    *hub.faults.lock().unwrap() = Faults { wrong: 1, throttled: 1, ..Faults::default() };
    fetch(&hub, root.path(), "some/coder").unwrap();
    assert_whole(root.path());
    let root = tempfile::tempdir().unwrap();
    *hub.faults.lock().unwrap() = Faults { wrong: 9, ..Faults::default() };
    let error = fetch(&hub, root.path(), "some/coder").unwrap_err();
    assert!(matches!(&error, DownloadError::Checksum { file } if file == "coder.Q8_0.gguf"), "{error}");
    assert!(Cache::new(root.path()).find(&HubName::parse("some/coder").unwrap()).is_err());
}

#[test]
fn refusals_are_told_apart_and_not_repeated() {
    let root = tempfile::tempdir().unwrap();
    let ask = |refuse| {
        let hub = hub(Faults { refuse, ..Faults::default() });
        let error = fetch(&hub, root.path(), "some/coder").unwrap_err();
        (error, requests(&hub, "").len())
    };
    let (error, asked) = ask(Some((403, "GatedRepo")));
    assert!(matches!(error, DownloadError::Denied { status: 403, gated: true, .. }), "{error}");
    assert_eq!(asked, 1);
    let (error, asked) = ask(Some((401, "RepoNotFound")));
    assert!(matches!(error, DownloadError::Denied { status: 401, gated: false, .. }), "{error}");
    assert_eq!(asked, 1);
    let (error, asked) = ask(Some((404, "RevisionNotFound")));
    assert!(matches!(error, DownloadError::Absent(_)), "{error}");
    assert_eq!(asked, 1);
    let (error, asked) = ask(Some((500, "")));
    assert!(matches!(error, DownloadError::Network { .. }), "{error}");
    assert_eq!(asked, 5);
    assert!(
        !format!("{error} {error:?} {:?}", Remote::new("http://x", Some("hf_secret"))).contains("secret")
    );
}
