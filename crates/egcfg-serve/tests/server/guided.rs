//! Requests that carry tests.

use std::sync::Arc;

use egcfg_guidance::{ExecutionCache, NoEvents, Order, Search, Session, Settings, Template, search, solve};
use egcfg_task::{Task, Test};
use futures::executor::block_on;
use serde_json::{Value, json};

use crate::client::{get, post};
use crate::parts::{PROGRAM, Server, away, bytes_model, containing, parts};

fn asked() -> Value {
    json!({ "prompt": "add", "tests": ["assert f(1) == 7", "assert f(2) == x"], "seed": 3 })
}

#[test]
fn the_reply_is_what_the_method_gives_in_process() {
    let server = Server::usual();
    let mut body = asked();
    body["gamma"] = json!([0.5, 2]);
    body["config"] = json!("ns3t0.8d2k1_ln+o");
    let reply = post(server.address, "/v1/completions", &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = reply.json();

    let model = bytes_model(PROGRAM);
    let task = Task {
        id: "request".into(),
        prompt: "add".into(),
        entry_point: "f".into(),
        shown_tests: vec![Test::Assert("assert f(1) == 7".into()), Test::Assert("assert f(2) == x".into())],
        ..Task::default()
    };
    let (cache, template) = (ExecutionCache::default(), Template::named("pocket").unwrap());
    let judge = containing();
    let session = Session {
        model: &model,
        executor: &judge,
        template: &template,
        task: &task,
        cache: &cache,
        events: &NoEvents,
    };
    let settings = Settings {
        config: "ns3t0.8d2k1_ln+o".parse().unwrap(),
        max_tokens: Some(100),
        seed: 3,
        ..Settings::default()
    };
    let solution = block_on(solve(session, &settings, &[0.5, 2.0], 0)).unwrap();
    let best = solution.best().unwrap();
    let choice = &reply["choices"][0];
    assert_eq!(choice["text"], best.generation.program);
    assert_eq!(choice["egcfg"]["passed"], best.passed());
    let mut stats = choice["egcfg"]["stats"].clone();
    let mut expected = serde_json::to_value(solution.stats()).unwrap();
    for timed in [&mut stats, &mut expected] {
        timed["execution_seconds"] = Value::Null;
    }
    assert_eq!(stats, expected);
    assert_eq!(reply["usage"]["completion_tokens"], solution.stats().generated_tokens());
}

#[test]
fn a_request_names_its_method_or_gets_the_servers_order() {
    let mut own = parts(Arc::new(bytes_model(PROGRAM)));
    own.order = Order { search: Some(Search::default()), ..own.order };
    let server = Server::start(own);
    let solved = |body: &Value| post(server.address, "/v1/completions", body).json()["choices"][0].clone();
    let choice = solved(&asked());
    assert_eq!((&choice["egcfg"]["method"], &choice["text"]), (&json!("auto"), &json!(PROGRAM)));
    // The greedy program of the tree passes: nothing is guided.
    let model = bytes_model(PROGRAM);
    let task = Task {
        id: "request".into(),
        prompt: "add".into(),
        entry_point: "f".into(),
        shown_tests: ["assert f(1) == 7", "assert f(2) == x"].map(|test| Test::Assert(test.into())).to_vec(),
        ..Task::default()
    };
    let session = Session {
        model: &model,
        executor: &containing(),
        template: &Template::named("pocket").unwrap(),
        task: &task,
        cache: &ExecutionCache::default(),
        events: &NoEvents,
    };
    let settings = Settings { seed: 3, ..parts(Arc::new(bytes_model(PROGRAM))).settings };
    let found = block_on(search(session, &settings, &Search::default())).unwrap().solution;
    let spent = json!(found.stats().generated_tokens());
    assert_eq!(choice["egcfg"]["stats"]["sampled_tokens"], json!(found.stats().sampled_tokens));
    assert_eq!(choice["egcfg"]["attempts"].as_array().unwrap().len(), found.attempts.len());
    assert!(spent.as_u64().unwrap() > 0);

    let named = |fields: Value| {
        let mut body = asked();
        for (field, value) in fields.as_object().unwrap() {
            body[field] = value.clone();
        }
        body
    };
    for (fields, method) in [
        (json!({ "gamma": 1 }), "eg_cfg"),
        (json!({ "config": "ns2t0.9dinfk1_ln" }), "eg_cfg"),
        (json!({ "method": "auto", "gamma": [1] }), "auto"),
        (json!({ "method": "search", "budget": 40 }), "search"),
        (json!({ "method": "best_of", "budget": 200 }), "best_of"),
        (json!({ "method": "eg_cfg" }), "eg_cfg"),
    ] {
        let choice = solved(&named(fields));
        assert_eq!(choice["egcfg"]["method"], method, "{choice}");
    }
    // No program of this model is right: the search spends its budget and no more.
    let mut body = named(json!({ "method": "search", "budget": 60 }));
    body["tests"] = json!(["assert f(1) == 99"]);
    let stats = solved(&body)["egcfg"]["stats"].clone();
    assert!(stats["sampled_tokens"].as_u64().unwrap() <= 60, "{stats}");
    for (fields, param) in [
        (json!({ "method": "magic" }), "method"),
        (json!({ "method": "search", "budget": 0 }), "budget"),
        (json!({ "method": "eg_cfg", "budget": 9 }), "budget"),
        (json!({ "method": "best_of", "gamma": 1 }), "gamma"),
    ] {
        let reply = post(server.address, "/v1/completions", &named(fields));
        assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!(param)));
    }
}

#[test]
fn the_reply_says_which_tests_pass() {
    let server = Server::usual();
    let choice = post(server.address, "/v1/completions", &asked()).json()["choices"][0].clone();
    assert_eq!(choice["text"], PROGRAM);
    assert_eq!(choice["egcfg"]["passed"], true);

    let body = json!({ "prompt": "add", "tests": ["assert f(1) == 7", "assert f(2) == 99"] });
    let choice = post(server.address, "/v1/completions", &body).json()["choices"][0].clone();
    assert_eq!((&choice["egcfg"]["passed"], &choice["egcfg"]["passes"]), (&json!(false), &json!(1)));
    let tests = choice["egcfg"]["tests"].as_array().unwrap();
    assert_eq!((&tests[0]["passed"], &tests[1]["passed"]), (&json!(true), &json!(false)));
    assert_eq!(tests[1]["verdict"]["kind"], "wrong_answer");
    assert_eq!(choice["finish_reason"], "content_filter", "a standard field tells it too");
    let body = json!({
        "messages": [{ "role": "user", "content": "add" }], "tests": ["assert f(1) == 7", "assert f(2) == 99"],
    });
    let told = post(server.address, "/v1/chat/completions", &body).json()["choices"][0].clone();
    assert_eq!((&told["finish_reason"], &told["message"]["content"]), (&json!("stop"), &json!(PROGRAM)));
    let refusal = "the program fails 1 of 2 tests: assert f(2) == 99: wrong answer";
    assert_eq!(told["message"]["refusal"], refusal);
    assert_eq!(choice["egcfg"]["attempts"].as_array().unwrap().len(), 2, "the whole ladder was tried");
    let metrics = get(server.address, "/metrics").body;
    assert!(
        metrics.contains("egcfg_solved_total 1\n") && metrics.contains("egcfg_unsolved_total 2\n"),
        "{metrics}"
    );
    assert!(metrics.contains("egcfg_verdicts_total{verdict=\"wrong_answer\"}"), "{metrics}");
}

/// A completion that fails and was cut off says that it fails: `length` would read as an answer that only lacks its end.
#[test]
fn a_completion_that_fails_at_its_length_is_told_as_failed() {
    let server = Server::usual();
    let body = json!({ "prompt": "add", "tests": ["assert f(1) == 7"], "gamma": 1, "max_tokens": 12 });
    let choice = post(server.address, "/v1/completions", &body).json()["choices"][0].clone();
    assert_eq!((&choice["egcfg"]["passed"], &choice["egcfg"]["stop"]), (&json!(false), &json!("length")));
    assert_eq!(choice["finish_reason"], "content_filter", "{choice}");
    let body = json!({
        "messages": [{ "role": "user", "content": "add" }], "tests": ["assert f(1) == 7"], "gamma": 1, "max_tokens": 12,
    });
    let told = post(server.address, "/v1/chat/completions", &body).json()["choices"][0].clone();
    assert_eq!(told["finish_reason"], "length", "{told}");
    assert!(told["message"]["refusal"].is_string(), "{told}");
}

#[test]
fn conversations_and_standard_input_are_guided_too() {
    let server = Server::usual();
    let body = json!({
        "messages": [{ "role": "system", "content": "Write Python." }, { "role": "user", "content": "add" }],
        "tests": ["assert f(1) == 7"], "gamma": 1,
    });
    let reply = post(server.address, "/v1/chat/completions", &body).json();
    assert_eq!(reply["choices"][0]["message"]["content"], PROGRAM);
    assert_eq!(reply["choices"][0]["message"]["refusal"], Value::Null);
    assert_eq!(reply["choices"][0]["egcfg"]["gamma"], 1.0);
    let body = json!({ "prompt": "add", "tests": [{ "stdin": "1\n", "stdout": "7" }], "entry_point": "f" });
    let reply = post(server.address, "/v1/completions", &body).json();
    assert_eq!(reply["choices"][0]["egcfg"]["passed"], true, "{reply}");
}

#[test]
fn a_guided_stream_adds_up_to_the_program() {
    let server = Server::usual();
    for (path, prompt) in [
        ("/v1/completions", json!({ "prompt": "add" })),
        ("/v1/chat/completions", json!({ "messages": [{ "role": "user", "content": "add" }] })),
    ] {
        let mut body = prompt;
        body["tests"] = json!(["assert f(1) == 99"]);
        body["stream"] = json!(true);
        let events = post(server.address, path, &body).events();
        let text: String = events
            .iter()
            .flat_map(|event| event["choices"].as_array().unwrap())
            .filter_map(|choice| choice["text"].as_str().or(choice["delta"]["content"].as_str()))
            .collect();
        assert_eq!(text, PROGRAM, "although two attempts wrote it");
        let kinds: Vec<&str> = events.iter().filter_map(|event| event["egcfg"]["event"].as_str()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "start").count(), 2);
        let tokens = kinds.iter().filter(|kind| **kind == "token").count();
        assert_eq!(tokens, 2 * (PROGRAM.len() + 1), "tokens come as they are accepted");
        let last = events.last().unwrap();
        assert_eq!(last["egcfg"]["passed"], false);
        let choice = &last["choices"][0];
        if path.contains("chat") {
            assert_eq!(choice["finish_reason"], "stop");
            let refusal = choice["delta"]["refusal"].as_str().unwrap();
            assert!(refusal.contains("assert f(1) == 99: wrong answer"), "{refusal}");
        } else {
            assert_eq!(choice["finish_reason"], "content_filter");
        }
    }
}

#[test]
fn a_sandbox_that_fails_is_no_wrong_answer() {
    let mut broken = parts(Arc::new(bytes_model(PROGRAM)));
    broken.executor = Some(Arc::new(away()));
    let server = Server::start(broken);
    let reply = post(server.address, "/v1/completions", &asked());
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (503, json!("sandbox_error")));
    let mut none = parts(Arc::new(bytes_model(PROGRAM)));
    none.executor = None;
    let server = Server::start(none);
    let reply = post(server.address, "/v1/completions", &asked());
    assert_eq!((reply.status, reply.json()["error"]["param"].clone()), (400, json!("tests")));
}

#[test]
fn fields_that_mean_nothing_are_told() {
    let server = Server::usual();
    let mut body = asked();
    body["gama"] = json!(3);
    let reply = post(server.address, "/v1/completions", &body);
    assert_eq!(reply.header("x-egcfg-ignored"), Some("gama"));
    let reply = reply.json();
    assert_eq!(reply["choices"][0]["egcfg"]["ignored"], json!(["gama"]));
    assert_eq!(reply["warnings"], json!(["gama: means nothing here and was ignored"]));
    for (path, mut body) in [
        ("/v1/completions", json!({ "prompt": "a", "max_tokens": 1 })),
        (
            "/v1/chat/completions",
            json!({ "messages": [{ "role": "user", "content": "a" }], "max_tokens": 1 }),
        ),
        ("/tokenize", json!({ "prompt": "a" })),
        ("/detokenize", json!({ "tokens": [97] })),
    ] {
        // What clients send by habit is no mistake; what nobody knows is told, and cannot break out of the header.
        body["user"] = json!("u");
        let reply = post(server.address, path, &body);
        assert_eq!((reply.status, reply.header("x-egcfg-ignored")), (200, None), "{path} {reply:?}");
        body["max_tokes\r\nx-evil: 1"] = json!(5);
        body["stream"] = json!(path.starts_with("/v1"));
        let reply = post(server.address, path, &body);
        assert_eq!((reply.status, reply.header("x-evil")), (200, None), "{path} {reply:?}");
        assert!(
            reply.header("x-egcfg-ignored").unwrap().contains("max_tokes\\r\\nx-evil: 1"),
            "{path} {reply:?}"
        );
    }
}
