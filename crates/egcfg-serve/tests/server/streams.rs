//! Streams: their parts add up to the whole, and they end when their reader does.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{begin, get, post};
use crate::parts::{PROGRAM, Server, Slow, bytes_model, parts};

#[test]
fn the_parts_add_up_to_the_whole() {
    let server = Server::usual();
    for stop in [json!(null), json!(["b", "ca", "h\n"])] {
        let mut body = json!({
            "prompt": ["one", "two"], "n": 2, "seed": 4, "max_tokens": 30, "stop": stop, "logprobs": 2,
            "return_token_ids": true,
        });
        let whole = post(server.address, "/v1/completions", &body).json();
        body["stream"] = json!(true);
        body["stream_options"] = json!({ "include_usage": true });
        let reply = post(server.address, "/v1/completions", &body);
        assert_eq!(reply.header("content-type"), Some("text/event-stream"));
        let events = reply.events();
        let mut texts = vec![String::new(); 4];
        let mut tokens: Vec<Vec<Value>> = vec![Vec::new(); 4];
        let mut ends = vec![Value::Null; 4];
        for choice in events.iter().flat_map(|event| event["choices"].as_array().unwrap()) {
            let index = choice["index"].as_u64().unwrap() as usize;
            texts[index] += choice["text"].as_str().unwrap();
            tokens[index].extend(choice["token_ids"].as_array().unwrap().clone());
            assert_eq!(ends[index], Value::Null, "nothing comes after the end");
            ends[index] = choice["finish_reason"].clone();
        }
        for index in 0..4 {
            let choice = &whole["choices"][index];
            assert_eq!(choice["text"], texts[index]);
            assert_eq!(choice["token_ids"], json!(tokens[index]));
            assert_eq!(choice["finish_reason"], ends[index]);
        }
        let usage = &events.last().unwrap()["usage"];
        assert_eq!(usage["completion_tokens"], whole["usage"]["completion_tokens"]);
    }
}

#[test]
fn a_conversation_streams() {
    let server = Server::usual();
    let body = json!({
        "messages": [{ "role": "user", "content": "add" }], "temperature": 0, "stream": true, "max_tokens": 60,
    });
    let events = post(server.address, "/v1/chat/completions", &body).events();
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(!text.is_empty() && PROGRAM.starts_with(&text), "{text:?}");
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "stop");
}

struct Traced {
    server: Server,
    working: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

fn slow(each: Duration, change: impl FnOnce(&mut egcfg_serve::Limits)) -> Traced {
    let (working, calls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let model =
        Slow { inner: bytes_model(PROGRAM), each, working: Arc::clone(&working), calls: Arc::clone(&calls) };
    let mut parts = parts(Arc::new(model));
    change(&mut parts.limits);
    Traced { server: Server::start(parts), working, calls }
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn work_ends_when_the_client_goes() {
    // Far longer than the test: only cancelling ends it.
    let traced = slow(Duration::from_secs(120), |_| {});
    for (path, body) in [
        ("/v1/completions", json!({ "prompt": "a" })),
        ("/v1/completions", json!({ "prompt": "a", "stream": true })),
        ("/v1/completions", json!({ "prompt": "a", "tests": ["assert f(1) == 8"] })),
        ("/v1/chat/completions", json!({ "messages": [{ "role": "user", "content": "a" }], "stream": true })),
    ] {
        let stream = begin(traced.server.address, path, &body);
        until("at work", || traced.working.load(Ordering::SeqCst) == 1);
        drop(stream);
        until("given up", || traced.working.load(Ordering::SeqCst) == 0);
    }
    until("slots are free", || get(traced.server.address, "/metrics").body.contains("egcfg_in_flight 0\n"));
}

#[test]
fn a_stream_that_nobody_reads_to_its_end_draws_no_further() {
    let traced = slow(Duration::from_millis(20), |_| {});
    let body = json!({ "prompt": "a", "stream": true, "max_tokens": 4000 });
    let mut stream = begin(traced.server.address, "/v1/completions", &body);
    let mut begun = [0; 300];
    stream.read_exact(&mut begun).unwrap();
    drop(stream);
    until("given up", || get(traced.server.address, "/metrics").body.contains("egcfg_in_flight 0\n"));
    assert!(traced.calls.load(Ordering::SeqCst) < 500, "a thousand calls would draw all");
}

#[test]
fn overload_is_refused_at_once() {
    let traced = slow(Duration::from_secs(120), |limits| {
        limits.in_flight = 2;
        limits.queue = 1;
    });
    let address = traced.server.address;
    let body = json!({ "prompt": "a" });
    let kept: Vec<_> = (0..3).map(|_| begin(address, "/v1/completions", &body)).collect();
    let metrics = || get(address, "/metrics").body;
    until("full", || metrics().contains("egcfg_in_flight 2\n") && metrics().contains("egcfg_queued 1\n"));
    let begun = Instant::now();
    let reply = post(address, "/v1/completions", &body);
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (429, json!("overloaded")));
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(get(address, "/health").status, 200, "a full server is alive");
    drop(kept);
    until("free again", || metrics().contains("egcfg_in_flight 0\n"));
}

#[test]
fn a_request_has_its_time() {
    let traced = slow(Duration::from_secs(120), |limits| limits.time = Duration::from_millis(100));
    let reply = post(traced.server.address, "/v1/completions", &json!({ "prompt": "a" }));
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (504, json!("timeout")));
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    let reply = post(traced.server.address, "/v1/completions", &json!({ "prompt": "a", "stream": true }));
    let events = reply.events();
    assert_eq!(events.last().unwrap()["error"]["code"], "timeout");
    until("given up", || traced.working.load(Ordering::SeqCst) == 0);
}

#[test]
fn an_end_waits_for_what_was_begun_and_no_longer_than_its_grace() {
    let traced = slow(Duration::from_millis(300), |_| {});
    let stream = begin(traced.server.address, "/v1/completions", &json!({ "prompt": "a", "max_tokens": 3 }));
    until("at work", || traced.working.load(Ordering::SeqCst) == 1);
    assert!(traced.server.stop(), "all were answered");
    assert_eq!(crate::client::read(stream).status, 200);

    let traced = slow(Duration::from_secs(120), |limits| limits.grace = Duration::from_millis(100));
    let _stream = begin(traced.server.address, "/v1/completions", &json!({ "prompt": "a" }));
    until("at work", || traced.working.load(Ordering::SeqCst) == 1);
    let begun = Instant::now();
    assert!(!traced.server.stop());
    assert!(begun.elapsed() < Duration::from_secs(30));
}
