//! What a server has to survive: wrong fields, limits, keys, hosts, bodies.

use std::sync::{Arc, LazyLock};

use egcfg_serve::{ApiKey, Limits};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{get, open, post, post_text, read};
use crate::parts::{PROGRAM, Server, bytes_model, parts};

#[test]
fn mistakes_are_named_with_their_field() {
    let server = Server::usual();
    let user = json!([{ "role": "user", "content": "a" }]);
    for (path, body, field) in [
        ("completions", json!({}), "prompt"),
        ("completions", json!({ "prompt": 3 }), "prompt"),
        ("completions", json!({ "prompt": [] }), "prompt"),
        ("completions", json!({ "prompt": "" }), "prompt"),
        ("completions", json!({ "prompt": [1, "a"] }), "prompt"),
        ("completions", json!({ "prompt": [999] }), "prompt"),
        ("completions", json!({ "prompt": [-1] }), "prompt"),
        ("completions", json!({ "prompt": "a", "max_tokens": -1 }), "max_tokens"),
        ("completions", json!({ "prompt": "a", "temperature": "hot" }), "temperature"),
        ("completions", json!({ "prompt": "a", "temperature": -0.1 }), "temperature"),
        ("completions", json!({ "prompt": "a", "top_p": 0 }), "top_p"),
        ("completions", json!({ "prompt": "a", "top_p": 1.5 }), "top_p"),
        ("completions", json!({ "prompt": "a", "n": 0 }), "n"),
        ("completions", json!({ "prompt": "a", "n": 1000 }), "n"),
        ("completions", json!({ "prompt": "a", "stop": [1] }), "stop"),
        ("completions", json!({ "prompt": "a", "stop": vec!["a"; 17] }), "stop"),
        ("completions", json!({ "prompt": "a", "seed": 1.5 }), "seed"),
        ("completions", json!({ "prompt": "a", "stream": 1 }), "stream"),
        ("completions", json!({ "prompt": "a", "logit_bias": { "1": 5 } }), "logit_bias"),
        ("completions", json!({ "prompt": "a", "best_of": 3 }), "best_of"),
        ("completions", json!({ "prompt": "a", "suffix": "b" }), "suffix"),
        ("completions", json!({ "prompt": "a", "egcfg": 3 }), "egcfg"),
        ("completions", json!({ "prompt": "a", "egcfg": { "draws": [] } }), "egcfg.draws"),
        (
            "completions",
            json!({ "prompt": "ab", "egcfg": { "draws": [{ "standing": 2 }] } }),
            "egcfg.draws[0].standing",
        ),
        (
            "completions",
            json!({ "prompt": "ab", "prompt_logprobs": 1, "egcfg": { "prompt_logprobs_from": [0] } }),
            "egcfg.prompt_logprobs_from",
        ),
        ("completions", json!({ "prompt": "a", "tests": [] }), "tests"),
        ("completions", json!({ "prompt": "a", "tests": ["assert f("] }), "tests[0]"),
        ("completions", json!({ "prompt": "a", "tests": ["assert f(1) == 2", 3] }), "tests[1]"),
        ("completions", json!({ "prompt": "a", "tests": [{ "stdin": "1" }] }), "tests[0].stdout"),
        ("completions", json!({ "prompt": "a", "tests": ["assert 1 == 2"] }), "entry_point"),
        (
            "completions",
            json!({ "prompt": "a", "tests": ["assert f(1) == 2"], "entry_point": "a b" }),
            "entry_point",
        ),
        ("completions", json!({ "prompt": "a", "tests": ["assert f(1) == 2"], "gamma": "x" }), "gamma"),
        ("completions", json!({ "prompt": "a", "tests": ["assert f(1) == 2"], "gamma": [1, -1] }), "gamma"),
        (
            "completions",
            json!({ "prompt": "a", "tests": ["assert f(1) == 2"], "candidates": 0 }),
            "candidates",
        ),
        (
            "completions",
            json!({ "prompt": "a", "tests": ["assert f(1) == 2"], "candidates": 33 }),
            "candidates",
        ),
        ("completions", json!({ "prompt": "a", "tests": ["assert f(1) == 2"], "config": "fast" }), "config"),
        (
            "completions",
            json!({ "prompt": "a", "tests": ["assert f(1) == 2"], "config": "ns99t1d2_ln" }),
            "config",
        ),
        ("completions", json!({ "prompt": "a", "tests": ["assert f(1) == 2"], "n": 2 }), "n"),
        ("completions", json!({ "prompt": "a", "tests": ["assert f(1) == 2"], "stop": "x" }), "stop"),
        ("completions", json!({ "prompt": ["a", "b"], "tests": ["assert f(1) == 2"] }), "prompt"),
        ("chat/completions", json!({}), "messages"),
        ("chat/completions", json!({ "messages": [] }), "messages"),
        ("chat/completions", json!({ "messages": [3] }), "messages[0]"),
        ("chat/completions", json!({ "messages": [{ "role": "tool", "content": "" }] }), "messages[0].role"),
        ("chat/completions", json!({ "messages": [{ "role": "user" }] }), "messages[0].content"),
        ("chat/completions", json!({ "messages": user, "tools": [{}] }), "tools"),
        ("chat/completions", json!({ "messages": user, "top_logprobs": 3 }), "top_logprobs"),
    ] {
        let reply = post(server.address, &format!("/v1/{path}"), &body);
        assert_eq!(reply.status, 400, "{body} {reply:?}");
        let error = &reply.json()["error"];
        assert_eq!(error["param"], field, "{body} {error}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    let reply = post(server.address, "/v1/completions", &json!({ "prompt": "a", "model": "gpt" }));
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (404, json!("model_not_found")));
}

#[test]
fn every_limit_holds() {
    let mut small = parts(Arc::new(bytes_model(PROGRAM)));
    small.limits = Limits {
        body_bytes: 2000,
        prompts: 2,
        prompt_tokens: 50,
        max_tokens: 20,
        choices: 3,
        logprobs: 5,
        entries: 40,
        stops: 1,
        messages: 2,
        tests: 2,
        test_bytes: 30,
        candidates: 4,
        gammas: 2,
        retries: 1,
        ..Limits::default()
    };
    let server = Server::start(small);
    let test = "assert f(1) == 7";
    for (body, field, code) in [
        (json!({ "prompt": ["a", "b", "c"] }), "prompt", None),
        (json!({ "prompt": "a".repeat(51) }), "prompt", Some("context_length_exceeded")),
        (json!({ "prompt": "a", "max_tokens": 21 }), "max_tokens", None),
        (json!({ "prompt": ["a", "b"], "n": 2 }), "n", None),
        (json!({ "prompt": "a", "logprobs": 6 }), "logprobs", None),
        (json!({ "prompt": "a", "logprobs": 5, "max_tokens": 9 }), "logprobs", None),
        (json!({ "prompt": "a", "stop": ["a", "b"] }), "stop", None),
        (json!({ "prompt": "a", "tests": [test, test, test] }), "tests", None),
        (json!({ "prompt": "a", "tests": [format!("{test}{}", " ".repeat(30))] }), "tests[0]", None),
        (json!({ "prompt": "a", "tests": [test], "candidates": 5 }), "candidates", None),
        (json!({ "prompt": "a", "tests": [test], "gamma": [1, 2, 3] }), "gamma", None),
        (json!({ "prompt": "a", "tests": [test], "retries": 2 }), "retries", None),
        (json!({ "prompt": "a", "tests": [test], "setup_code": "#".repeat(31) }), "setup_code", None),
    ] {
        let reply = post(server.address, "/v1/completions", &body);
        assert_eq!(reply.status, 400, "{body} {reply:?}");
        let error = reply.json()["error"].clone();
        assert_eq!(error["param"], field, "{body} {error}");
        assert_eq!(error["code"], json!(code), "{body}");
    }
    let user = json!({ "role": "user", "content": "a" });
    let reply = post(server.address, "/v1/chat/completions", &json!({ "messages": [user, user, user] }));
    assert_eq!(reply.json()["error"]["param"], "messages");
    let reply = post(server.address, "/v1/completions", &json!({ "prompt": "a".repeat(2001) }));
    assert_eq!(reply.status, 413);
    // A body without a length is counted as it comes.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 3000, "a".repeat(3000));
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n{chunk}"
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    assert_eq!(read(stream).status, 413);
}

#[test]
fn the_context_is_a_limit() {
    let model = bytes_model(PROGRAM).with_context(10);
    let server = Server::start(parts(Arc::new(model)));
    let reply = post(server.address, "/v1/completions", &json!({ "prompt": "a".repeat(10) }));
    assert_eq!(reply.json()["error"]["code"], "context_length_exceeded");
    let reply = post(server.address, "/v1/completions", &json!({ "prompt": "aaaaaaaa", "max_tokens": 50 }));
    let reply = reply.json();
    // Tokens, not bytes of text: half a character among the two that are drawn is written as three bytes.
    assert_eq!(reply["usage"]["completion_tokens"], 2, "{reply}");
    assert_eq!(reply["choices"][0]["finish_reason"], "length", "{reply}");
}

#[test]
fn a_key_is_needed_where_one_is_set() {
    let mut keyed = parts(Arc::new(bytes_model(PROGRAM)));
    keyed.key = ApiKey::new("sesame");
    keyed.loopback_only = false;
    let server = Server::start(keyed);
    let body = json!({ "prompt": "a" }).to_string();
    for (header, status) in
        [("", 401), ("authorization: Bearer wrong\r\n", 401), ("authorization: Bearer sesame\r\n", 200)]
    {
        let reply = post_text(server.address, "/v1/completions", header, body.as_bytes());
        assert_eq!(reply.status, status, "{header}");
        assert!(!reply.body.contains("sesame"));
    }
    for path in ["/v1/models", "/metrics"] {
        assert_eq!(get(server.address, path).status, 401, "{path}");
    }
    assert_eq!(get(server.address, "/health").status, 200);
}

#[test]
fn web_pages_are_kept_out() {
    let server = Server::usual();
    // What a page may send without asking first is not understood.
    let body = json!({ "prompt": "a" }).to_string();
    let reply = read(open(
        server.address,
        "POST",
        "/v1/completions",
        "content-type: text/plain\r\n",
        body.as_bytes(),
    ));
    assert_eq!(reply.status, 415);
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    let head = "GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    assert_eq!(read(stream).status, 403);
    let reply =
        read(open(server.address, "OPTIONS", "/v1/completions", "origin: http://evil.example\r\n", b""));
    assert_eq!(reply.status, 405);
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[test]
fn unknown_paths_and_methods_have_errors_too() {
    let server = Server::usual();
    let reply = get(server.address, "/v1/nothing");
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (404, json!("not_found")));
    let reply = get(server.address, "/v1/completions");
    assert_eq!(reply.status, 405);
    assert!(reply.json()["error"]["message"].is_string());
}

/// One server for all cases.
static SHARED: LazyLock<Server> = LazyLock::new(Server::usual);

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-5..300_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~\u{e9}\u{1f600}]{0,12}".prop_map(Value::from),
        Just(json!("assert f(1) == 7")),
        Just(json!({ "role": "user", "content": "a" })),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((field(), inner), 0..3).prop_map(|all| all.into_iter().collect()),
        ]
    })
}

fn field() -> impl Strategy<Value = String> {
    let names = [
        "prompt",
        "messages",
        "model",
        "max_tokens",
        "temperature",
        "top_p",
        "n",
        "stop",
        "seed",
        "logprobs",
        "echo",
        "prompt_logprobs",
        "stream",
        "stream_options",
        "tests",
        "gamma",
        "candidates",
        "horizon",
        "config",
        "entry_point",
        "egcfg",
        "draws",
        "standing",
        "tail",
        "newlines",
        "prompt_logprobs_from",
        "tokens",
        "stdin",
        "stdout",
        "role",
        "content",
        "include_usage",
        "return_token_ids",
        "top_logprobs",
        "logprob_token_ids",
        "retries",
        "header",
        "setup_code",
        "best_of",
    ];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 300, asked => asked }, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_is_never_the_servers_fault(
        path in prop::sample::select(vec!["/v1/completions", "/v1/chat/completions", "/tokenize", "/detokenize"]),
        with_prompt: bool,
        fields in prop::collection::vec((field(), value()), 0..5),
        cut in prop::option::weighted(0.2, 0_usize..40),
        noise in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut body = serde_json::Map::new();
        if with_prompt {
            body.insert("prompt".into(), json!("ab"));
            body.insert("messages".into(), json!([{ "role": "user", "content": "ab" }]));
            body.insert("tokens".into(), json!([97]));
        }
        body.extend(fields);
        let mut bytes = Value::Object(body).to_string().into_bytes();
        if let Some(cut) = cut {
            bytes.truncate(cut);
            bytes.extend(noise);
        }
        let reply = post_text(SHARED.address, path, "", &bytes);
        prop_assert!(reply.status < 500, "{} {:?}", String::from_utf8_lossy(&bytes), reply);
        if reply.status != 200 {
            prop_assert!(reply.json()["error"]["message"].is_string());
        }
    }
}
