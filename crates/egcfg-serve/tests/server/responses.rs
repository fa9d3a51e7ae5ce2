//! `/v1/responses`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::post;
use crate::parts::{PROGRAM, Server, Slow, bytes_model, parts};

/// The events of a stream under their names.
fn events(body: &str) -> Vec<(String, Value)> {
    let one = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let value: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        (name.strip_prefix("event: ").unwrap().to_owned(), value)
    };
    body.split("\n\n").filter(|event| !event.is_empty()).map(one).collect()
}

#[test]
fn a_response_says_what_a_conversation_says() {
    let server = Server::usual();
    let chat = json!({
        "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "add" }],
        "temperature": 0.5, "seed": 7,
    });
    let chat = post(server.address, "/v1/chat/completions", &chat).json();
    for input in [
        json!("add"),
        json!([{ "role": "user", "content": "add" }]),
        json!([{ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "add" }] }]),
    ] {
        let mut body = json!({ "input": input, "instructions": "Be brief.", "temperature": 0.5, "seed": 7 });
        let whole = post(server.address, "/v1/responses", &body).json();
        assert_eq!(
            (&whole["object"], &whole["status"]),
            (&json!("response"), &json!("completed")),
            "{whole}"
        );
        assert_eq!(whole["output"][0]["content"][0]["text"], chat["choices"][0]["message"]["content"]);
        assert_eq!(whole["usage"]["input_tokens"], chat["usage"]["prompt_tokens"]);
        assert_eq!(whole["usage"]["output_tokens"], chat["usage"]["completion_tokens"]);

        body["stream"] = json!(true);
        let events = events(&post(server.address, "/v1/responses", &body).body);
        for (number, (name, event)) in events.iter().enumerate() {
            assert_eq!((&event["type"], &event["sequence_number"]), (&json!(name), &json!(number)));
        }
        let text: String = events
            .iter()
            .filter(|(name, _)| name == "response.output_text.delta")
            .map(|(_, event)| event["delta"].as_str().unwrap())
            .collect();
        assert_eq!(whole["output"][0]["content"][0]["text"], text);
        assert_eq!(events[0].0, "response.created");
        let (name, last) = events.last().unwrap();
        assert_eq!(name, "response.completed");
        assert_eq!(last["response"]["output"][0]["content"], whole["output"][0]["content"]);
        assert_eq!(last["response"]["usage"], whole["usage"]);
    }
}

#[test]
fn a_cut_response_is_incomplete() {
    let server = Server::usual();
    let mut body = json!({ "input": "add", "max_output_tokens": 3, "temperature": 0 });
    let whole = post(server.address, "/v1/responses", &body).json();
    assert_eq!(whole["status"], "incomplete");
    assert_eq!(whole["incomplete_details"]["reason"], "max_output_tokens");
    body["stream"] = json!(true);
    let events = events(&post(server.address, "/v1/responses", &body).body);
    assert_eq!(events.last().unwrap().0, "response.incomplete");
}

#[test]
fn what_needs_more_than_text_is_refused_by_name() {
    let server = Server::usual();
    for (field, value) in [
        ("tools", json!([{ "type": "web_search" }])),
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!("conv_1")),
        ("background", json!(true)),
        ("include", json!(["message.output_text.logprobs"])),
        ("truncation", json!("auto")),
        ("tests", json!(["assert f(1) == 2"])),
        ("text.format", json!(null)),
        ("input[0].type", json!(null)),
        ("input[0].content[0].type", json!(null)),
        ("input", json!([])),
        ("max_output_tokens", json!(0)),
    ] {
        let mut body = json!({ "input": "a" });
        match field {
            "text.format" => body["text"] = json!({ "format": { "type": "json_object" } }),
            "input[0].type" => body["input"] = json!([{ "type": "function_call_output", "output": "" }]),
            "input[0].content[0].type" => {
                body["input"] = json!([{ "role": "user", "content": [{ "type": "input_image" }] }]);
            }
            _ => body[field] = value,
        }
        let reply = post(server.address, "/v1/responses", &body);
        assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!(field)), "{reply:?}");
    }
}

#[test]
fn a_failure_amid_a_stream_is_its_last_event() {
    let model = Slow {
        inner: bytes_model(PROGRAM),
        each: Duration::from_secs(120),
        working: Arc::default(),
        calls: Arc::default(),
    };
    let mut slow = parts(Arc::new(model));
    slow.limits.time = Duration::from_millis(100);
    let server = Server::start(slow);
    let events =
        events(&post(server.address, "/v1/responses", &json!({ "input": "a", "stream": true })).body);
    let (name, last) = events.last().unwrap();
    assert_eq!((name.as_str(), &last["response"]["error"]["code"]), ("response.failed", &json!("timeout")));
    assert_eq!(last["sequence_number"], events.len() - 1);
}
