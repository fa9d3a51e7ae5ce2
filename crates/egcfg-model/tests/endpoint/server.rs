//! A small HTTP server in the test process: requests as JSON, replies as given, and faults on order. Real sockets, so that
//! the client's own handling of connections is what is tested.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What a server answers.
pub(crate) enum Answer {
    /// Status 200 and JSON.
    Json(Value),
    /// A status, headers and a body.
    Raw(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The headers promise more than comes before the connection ends.
    Broken(Vec<u8>),
    /// The connection ends without a word.
    Dropped,
    /// Nothing comes for this many milliseconds, then the connection ends.
    Silent(u64),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    pub(crate) body: Value,
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// A running server. It lives as long as the process: a test's few threads.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
    pub(crate) most_at_once: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (now, most_at_once) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let handler: Arc<Handler> = Arc::new(handler);
        let (log, most) = (Arc::clone(&requests), Arc::clone(&most_at_once));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, log, now, most) =
                    (Arc::clone(&handler), Arc::clone(&log), Arc::clone(&now), Arc::clone(&most));
                std::thread::spawn(move || {
                    let _ = serve(&stream, &*handler, &log, &now, &most);
                });
            }
        });
        Self { address, requests, most_at_once }
    }

    /// Requests of a path so far.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|r| r.path == path).count()
    }
}

fn serve(
    stream: &TcpStream,
    handler: &Handler,
    log: &Mutex<Vec<Request>>,
    now: &AtomicUsize,
    most: &AtomicUsize,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream.try_clone()?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        let (mut length, mut key) = (0, None);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim();
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').unwrap_or((header, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "authorization" => key = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body =
            if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or(Value::Null) };
        let request = Request { path, key, body };
        log.lock().unwrap().push(request.clone());
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let answer = handler(&request);
        now.fetch_sub(1, Ordering::SeqCst);
        let (status, headers, body) = match answer {
            Answer::Json(value) => (200, Vec::new(), serde_json::to_vec(&value).unwrap()),
            Answer::Raw(status, headers, body) => (status, headers, body),
            Answer::Broken(body) => {
                write!(out, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len() + 100)?;
                out.write_all(&body)?;
                return stream.shutdown(std::net::Shutdown::Both);
            }
            Answer::Dropped => return stream.shutdown(std::net::Shutdown::Both),
            Answer::Silent(milliseconds) => {
                std::thread::sleep(std::time::Duration::from_millis(milliseconds));
                return stream.shutdown(std::net::Shutdown::Both);
            }
        };
        // One write: several small ones would wait for each other's acknowledgement.
        let mut reply = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            reply += &format!("{name}: {value}\r\n");
        }
        let mut reply = (reply + "\r\n").into_bytes();
        reply.extend(body);
        out.write_all(&reply)?;
        out.flush()?;
    }
}
