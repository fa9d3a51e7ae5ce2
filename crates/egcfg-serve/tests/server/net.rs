//! Sockets that misbehave: silent ones, slow ones, and requests that are none.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use egcfg_model::{
    Encode, LanguageModel, ModelError, ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest,
    ScriptedModel, TokenId, Usage,
};
use egcfg_serve::{ApiKey, Limits};
use futures::future::BoxFuture;
use serde_json::json;

use crate::client::{Reply, begin, get, post, read};
use crate::parts::{PROGRAM, Server, bytes_model, parts};

fn with(change: impl FnOnce(&mut Limits)) -> Server {
    let mut parts = parts(Arc::new(bytes_model(PROGRAM)));
    change(&mut parts.limits);
    Server::start(parts)
}

/// Sends bytes as they are.
fn raw(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _ = stream.write_all(bytes);
    stream
}

/// Whether the other side has closed; waits for it.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut rest = Vec::new();
    !matches!(stream.read_to_end(&mut rest), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn silent_connections_make_room_for_others() {
    let server = with(|limits| limits.connections = 8);
    let address = server.address;
    let body_begun = "POST /tokenize HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    for beginning in ["", "GET /health HTT", body_begun] {
        let silent: Vec<TcpStream> = (0..40).map(|_| raw(address, beginning.as_bytes())).collect();
        for _ in 0..3 {
            assert_eq!(get(address, "/health").status, 200);
            assert_eq!(post(address, "/tokenize", &json!({ "prompt": "a" })).status, 200);
        }
        assert!(is_closed(&silent[0]), "who has waited longest goes: {beginning:?}");
    }
}

#[test]
fn a_silent_connection_is_closed_in_time_and_a_slow_body_is_told() {
    let server = with(|limits| {
        limits.header_time = Duration::from_millis(50);
        limits.body_time = Duration::from_millis(50);
    });
    for beginning in ["", "GET /health HTTP/1.1\r\nhost: local"] {
        assert!(is_closed(&raw(server.address, beginning.as_bytes())), "{beginning:?}");
    }
    // Also after an answer.
    let mut stream = raw(server.address, b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert!(is_closed(&stream));
    let head = "POST /tokenize HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    let reply = read(raw(server.address, head.as_bytes()));
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (408, json!("body_timeout")));
}

#[test]
fn nobody_holds_a_place_by_sending_slowly() {
    let server = with(|limits| (limits.in_flight, limits.queue) = (1, 0));
    let head = "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 99\r\n\r\n{";
    let _slow: Vec<TcpStream> = (0..5).map(|_| raw(server.address, head.as_bytes())).collect();
    let reply = post(server.address, "/v1/completions", &json!({ "prompt": "a", "max_tokens": 1 }));
    assert_eq!(reply.status, 200);
}

#[test]
fn bodies_on_their_way_share_their_memory() {
    let server = with(|limits| {
        limits.body_bytes = 1 << 20;
        limits.bodies = 2 << 20;
    });
    let head = "POST /tokenize HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 1000000\r\n\r\n";
    let begun = [head.as_bytes(), &vec![b' '; 900_000]].concat();
    let slow: Vec<TcpStream> = (0..4).map(|_| raw(server.address, &begun)).collect();
    let large = json!({ "tokens": vec![97; 200_000] });
    assert_eq!(post(server.address, "/detokenize", &large).status, 200);
    assert!(is_closed(&slow[0]));
}

#[test]
fn a_reader_that_falls_behind_is_dropped() {
    let server = with(|limits| limits.stream_bytes = 2000);
    let body = json!({ "prompt": "a", "stream": true, "max_tokens": 400, "logprobs": 5 });
    // Nothing is read until all was written: whoever counts what was not fetched has to notice.
    let reply = read(begin(server.address, "/v1/completions", &body));
    let events = reply.events();
    let last = events.last().unwrap();
    // A fast reader may have fetched everything in time; then the stream is whole.
    let whole = last["choices"][0]["finish_reason"].is_string();
    assert!(whole || last["error"]["code"] == "slow_reader", "{last}");
}

#[test]
fn a_writer_without_a_reader_is_given_up() {
    let server = with(|limits| {
        limits.write_time = Duration::from_millis(100);
        limits.connections = 1;
    });
    let list = json!({ "tokens": vec![97; 1 << 20], "pieces": true });
    let address = server.address;
    // Far more than the sockets' buffers hold; the answer is never read.
    let stuck = begin(address, "/detokenize", &list);
    // Room for one connection: this is answered only once the other is given up.
    assert_eq!(get(address, "/health").status, 200);
    drop(stuck);
}

#[test]
fn what_is_no_request_gets_an_error_of_the_usual_form() {
    let server = Server::usual();
    let chunked = "POST /tokenize HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                   transfer-encoding: chunked\r\n\r\n";
    let post = "POST /tokenize HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let mut wrong = Vec::new();
    let many = "x: 1\r\n".repeat(200);
    for (request, status) in [
        ("NONSENSE\r\n\r\n".to_owned(), 400),
        ("GET /health HTTP/1.1\r\nhost localhost\r\n\r\n".to_owned(), 400),
        ("GET /health HTTP/9.9\r\nhost: localhost\r\n\r\n".to_owned(), 400),
        ("GET /hea lth HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 400),
        ("GET /health HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n".to_owned(), 400),
        (format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"), 431),
        (format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(70_000)), 414),
        (format!("{post}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"), 400),
        (format!("{post}content-length: -1\r\n\r\n{{}}"), 400),
        (format!("{post}content-length: 99999999999999999999\r\n\r\n{{}}"), 400),
        (format!("{post}content-length: 2\r\ntransfer-encoding: gzip\r\n\r\n{{}}"), 400),
        (format!("{post}content-type: text/plain\r\ncontent-length: 2\r\n\r\n{{}}"), 400),
        (format!("{post}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{{}}"), 415),
        (format!("{chunked}zz\r\n{{}}\r\n0\r\n\r\n"), 400),
        (format!("{chunked}2\r\n{{}}x\r\n0\r\n\r\n"), 400),
        (format!("{chunked}-2\r\n{{}}\r\n0\r\n\r\n"), 400),
        (format!("{chunked}fffffffffffffffff\r\n{{}}\r\n0\r\n\r\n"), 400),
        ("GET /health HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), 400),
        ("GET /health HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n".to_owned(), 400),
        ("GET /health HTTP/1.1\r\nhost: localhost:80:90\r\n\r\n".to_owned(), 400),
        ("GET http://example.org/health HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 403),
        ("CONNECT example.org:443 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 403),
        ("CONNECT localhost:443 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 404),
        ("OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 404),
        ("OPTIONS /health HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 405),
        ("TRACE /health HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 405),
        ("GET /v1/../health HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 404),
        ("GET //health HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 404),
        ("GET /%68ealth HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 404),
        ("GET /v1/models/%ff HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 400),
        ("GET /v1/models/%2e%2e HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 404),
    ] {
        let closing = request.replacen("\r\nhost", "\r\nconnection: close\r\nhost", 1);
        let mut stream = raw(server.address, closing.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let fits = || -> Option<bool> {
            let (head, body) = answer.split_once("\r\n\r\n")?;
            let error: serde_json::Value = serde_json::from_str(body).ok()?;
            let error = error["error"].as_object()?;
            Some(
                head.starts_with(&format!("HTTP/1.1 {status} "))
                    && head.to_lowercase().contains("content-type: application/json")
                    && error["message"].is_string()
                    && error["type"].is_string()
                    && error.contains_key("param")
                    && error.contains_key("code"),
            )
        };
        if fits() != Some(true) {
            let shown: String = request.chars().take(200).collect();
            wrong.push(format!("{shown:?}: expected {status}, got {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn bodies_that_are_no_json_are_told() {
    let server = Server::usual();
    let deep = [b"{\"prompt\":".as_slice(), &vec![b'['; 100_000]].concat();
    for body in [
        b"".as_slice(),
        b"[]",
        b"{\"prompt\": \"a\", \"temperature\": NaN}",
        b"{\"prompt\": \"a\", \"temperature\": 1e999}",
        b"{\"prompt\": \"a\", \"max_tokens\": 99999999999999999999999}",
        b"{\"prompt\": \"a\", \"seed\": 99999999999999999999999}",
        b"{\"prompt\": \"\xff\"}",
        b"\xef\xbb\xbf{\"prompt\": \"a\"}",
        b"{\"prompt\": \"a\"} {}",
        &deep,
    ] {
        let reply = crate::client::post_text(server.address, "/v1/completions", "", body);
        assert_eq!(reply.status, 400, "{:?} {reply:?}", String::from_utf8_lossy(&body[..body.len().min(60)]));
        assert!(reply.json()["error"]["message"].is_string());
    }
    // Half of a surrogate pair, as Python writes of a text that was cut, is read as the replacement character.
    let reply = crate::client::post_text(server.address, "/v1/completions", "", b"{\"prompt\": \"\\ud800\"}");
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn a_connection_lives_on_after_an_error() {
    let server = Server::usual();
    let bad = "{\"prompt\": 3}";
    let request = format!(
        "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{bad}",
        bad.len()
    );
    let last = "HEAD /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut stream = raw(server.address, [request.as_str(), &request, last].concat().as_bytes());
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 400 ").count(), 2, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 1, "{answers}");
    assert!(answers.ends_with("\r\n\r\n"), "a head has no body: {answers}");
}

#[test]
fn pages_may_read_where_they_are_named() {
    let mut open = parts(Arc::new(bytes_model(PROGRAM)));
    open.cors = vec!["http://localhost:3000".parse().unwrap()];
    open.key = ApiKey::new("sesame");
    let server = Server::start(open);
    let ask = |origin: &str, method: &str, more: &str| -> Reply {
        let request = format!(
            "{method} /v1/models HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\n{more}connection: close\r\n\r\n"
        );
        read(raw(server.address, request.as_bytes()))
    };
    let asks = "access-control-request-method: GET\r\naccess-control-request-headers: authorization, x-stainless-os\r\n";
    let reply = ask("http://localhost:3000", "OPTIONS", asks);
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (200, Some("http://localhost:3000"))
    );
    assert!(reply.header("access-control-allow-headers").unwrap().contains("authorization"));
    let reply = ask("http://localhost:3000", "GET", "");
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (401, Some("http://localhost:3000"))
    );
    let reply = ask("http://example.org", "GET", "authorization: Bearer sesame\r\n");
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, None));
}

/// A model whose tokenizer takes its time, on the thread that it is called on.
struct SlowWords(ScriptedModel, std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

impl LanguageModel for SlowWords {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        // Until the test says so, or is over.
        let _ = self.1.lock().unwrap().recv();
        self.0.encode(text, how)
    }

    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.0.token_bytes(token)
    }

    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        self.0.score(request)
    }

    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        self.0.sample(request)
    }
}

#[test]
fn whatever_computes_for_long_keeps_nobody_from_hearing_that_the_server_lives() {
    let (go, wait) = std::sync::mpsc::channel();
    let mut slow = parts(Arc::new(SlowWords(bytes_model(PROGRAM), std::sync::Mutex::new(wait))));
    slow.limits.in_flight = 8;
    let server = Server::start(slow);
    let address = server.address;
    // More than there are threads that carry requests.
    let begun: Vec<TcpStream> = [
        ("/tokenize", json!({ "prompt": "a" })),
        ("/v1/completions", json!({ "prompt": "a", "max_tokens": 1 })),
        ("/v1/completions", json!({ "prompt": ["a", "b"], "max_tokens": 1, "stream": true })),
        (
            "/v1/chat/completions",
            json!({ "messages": [{ "role": "user", "content": "a" }], "max_tokens": 1 }),
        ),
        ("/tokenize", json!({ "messages": [{ "role": "user", "content": "a" }] })),
        ("/v1/completions", json!({ "prompt": "add", "tests": ["assert f(1) == 7"] })),
        ("/v1/completions", json!({ "prompt": "add", "tests": ["assert f(1) == 7"], "stream": true })),
        ("/v1/responses", json!({ "input": "a", "max_output_tokens": 1 })),
    ]
    .iter()
    .map(|(path, body)| begin(address, path, body))
    .collect();
    // All of them are in their tokenizers, and the server answers.
    while !get(address, "/metrics").body.contains("egcfg_in_flight 8\n") {}
    assert_eq!(get(address, "/health").status, 200);
    assert_eq!(get(address, "/v1/models").status, 200);
    drop(go);
    for stream in begun {
        assert_eq!(read(stream).status, 200);
    }
}

#[test]
fn a_server_whose_work_does_not_end_ends() {
    let (go, wait) = std::sync::mpsc::channel();
    let mut slow = parts(Arc::new(SlowWords(bytes_model(PROGRAM), std::sync::Mutex::new(wait))));
    slow.limits.grace = Duration::from_millis(50);
    let server = Server::start(slow);
    let whole = begin(server.address, "/v1/completions", &json!({ "prompt": "a" }));
    while !get(server.address, "/metrics").body.contains("egcfg_in_flight 1\n") {}
    let ended = std::thread::spawn(move || server.stop());
    // Before the process ends, those who wait are told.
    let reply = read(whole);
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (503, json!("stopping")));
    drop(go);
    assert!(!ended.join().unwrap());
}

#[test]
fn a_text_that_cannot_fit_is_refused_before_any_work() {
    let (_go, wait) = std::sync::mpsc::channel();
    // Whoever encodes here waits for ever.
    let model = SlowWords(bytes_model(PROGRAM).with_context(100), std::sync::Mutex::new(wait));
    let server = Server::start(parts(Arc::new(model)));
    let long = "a".repeat(200);
    for (path, body, field) in [
        ("/tokenize", json!({ "prompt": long }), "prompt"),
        ("/v1/completions", json!({ "prompt": long }), "prompt"),
        ("/v1/completions", json!({ "prompt": ["a", long] }), "prompt"),
        ("/v1/completions", json!({ "prompt": long, "tests": ["assert f(1) == 2"] }), "prompt"),
        ("/v1/chat/completions", json!({ "messages": [{ "role": "user", "content": long }] }), "messages"),
        ("/tokenize", json!({ "messages": [{ "role": "user", "content": long }] }), "messages"),
    ] {
        let reply = post(server.address, path, &body);
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"]),
            (400, &json!("context_length_exceeded")),
            "{path} {error}"
        );
        assert_eq!(error["param"], field, "{path}");
    }
}
