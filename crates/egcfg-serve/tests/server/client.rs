//! A client on a plain socket, so that what travels is seen as it is.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The events of a stream; the last one must be the mark of its end.
    pub(crate) fn events(&self) -> Vec<Value> {
        let mut lines: Vec<&str> = self.body.split("\n\n").filter(|event| !event.is_empty()).collect();
        assert_eq!(lines.pop(), Some("data: [DONE]"), "{}", self.body);
        lines.iter().map(|line| serde_json::from_str(line.strip_prefix("data: ").unwrap()).unwrap()).collect()
    }
}

/// Sends a request and leaves the connection open.
pub(crate) fn open(address: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    let mut whole = head.into_bytes();
    whole.extend_from_slice(body);
    // A server that refuses at once may have closed already.
    let _ = stream.write_all(&whole);
    stream
}

/// Reads the answer to the end.
pub(crate) fn read(stream: TcpStream) -> Reply {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status =
        line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim().split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => break,
        }
    }
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let mut body = Vec::new();
    if chunked {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).unwrap();
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else {
        reader.read_to_end(&mut body).unwrap();
    }
    Reply { status, headers, body: String::from_utf8(body).unwrap() }
}

const JSON: &str = "content-type: application/json\r\n";

pub(crate) fn get(address: SocketAddr, path: &str) -> Reply {
    read(open(address, "GET", path, "", b""))
}

pub(crate) fn post(address: SocketAddr, path: &str, body: &Value) -> Reply {
    read(open(address, "POST", path, JSON, body.to_string().as_bytes()))
}

pub(crate) fn post_text(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Reply {
    read(open(address, "POST", path, &format!("{JSON}{headers}"), body))
}

/// A request that is left in the air.
pub(crate) fn begin(address: SocketAddr, path: &str, body: &Value) -> TcpStream {
    open(address, "POST", path, JSON, body.to_string().as_bytes())
}
