//! Plain completions, conversations and tokens, against what the model itself says.

#![allow(clippy::float_cmp, reason = "the same numbers are expected, not near ones")]

use std::sync::Arc;

use egcfg_model::{Continuation, LanguageModel as _, SampleRequest, ScoreRequest, StopRule, TokenId};
use futures::executor::block_on;
use serde_json::{Value, json};

use crate::client::{get, post};
use crate::parts::{PROGRAM, Server, bytes_model, parts};

fn complete(server: &Server, body: &Value) -> Value {
    let reply = post(server.address, "/v1/completions", body);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// What the model draws in this process.
fn drawn(prompt: &str, seed: u64, max_tokens: usize, temperature: f64) -> Vec<TokenId> {
    let model = bytes_model(PROGRAM);
    let request = SampleRequest {
        context: prompt.bytes().map(TokenId::from).collect(),
        continuations: vec![Continuation {
            seed,
            stop: StopRule { max_tokens, ..StopRule::default() },
            ..Continuation::default()
        }],
        temperature,
        top_p: 1.0,
        want_distributions: false,
    };
    block_on(model.sample(request)).unwrap().0.remove(0).tokens
}

#[test]
fn a_completion_is_what_the_model_draws() {
    let server = Server::usual();
    for seed in [0, 1, 77] {
        let body = json!({ "prompt": "once", "seed": seed, "max_tokens": 20, "return_token_ids": true });
        let reply = complete(&server, &body);
        let expected = drawn("once", seed, 20, 1.0);
        assert_eq!(reply["choices"][0]["token_ids"], json!(expected));
        let bytes: Vec<u8> = expected.iter().map(|token| *token as u8).collect();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(reply["choices"][0]["text"], json!(text));
        assert_eq!(reply["choices"][0]["finish_reason"], "length");
        assert_eq!(reply["usage"]["prompt_tokens"], 4);
        assert_eq!(reply["usage"]["completion_tokens"], 20);
        assert_eq!((&reply["object"], &reply["model"]), (&json!("text_completion"), &json!("bytes")));
    }
}

#[test]
fn prompts_come_as_text_or_tokens_alone_or_in_lists() {
    let server = Server::usual();
    let one = |prompt: Value| {
        let body = json!({ "prompt": prompt, "temperature": 0, "max_tokens": 5 });
        complete(&server, &body)["choices"].as_array().unwrap().clone()
    };
    let (first, second) = (one(json!("ab"))[0]["text"].clone(), one(json!("cd"))[0]["text"].clone());
    for both in [json!(["ab", "cd"]), json!([[97, 98], [99, 100]]), json!(["ab", [99, 100]])] {
        let choices = one(both);
        assert_eq!(choices.len(), 2);
        assert_eq!((&choices[0]["text"], &choices[1]["text"]), (&first, &second));
        assert_eq!((&choices[0]["index"], &choices[1]["index"]), (&json!(0), &json!(1)));
    }
    assert_eq!(one(json!([97, 98]))[0]["text"], first);
}

#[test]
fn several_completions_differ_and_repeat_under_a_seed() {
    let server = Server::usual();
    let body = json!({ "prompt": "x", "n": 4, "seed": 5, "max_tokens": 12 });
    let texts = |reply: &Value| -> Vec<String> {
        reply["choices"].as_array().unwrap().iter().map(|c| c["text"].as_str().unwrap().to_owned()).collect()
    };
    let (one, two) = (texts(&complete(&server, &body)), texts(&complete(&server, &body)));
    assert_eq!((one.len(), &one), (4, &two));
    let distinct: std::collections::HashSet<&String> = one.iter().collect();
    assert_eq!(distinct.len(), 4, "{one:?}");
}

#[test]
fn a_stop_text_ends_the_text_before_it() {
    let server = Server::usual();
    let whole = complete(&server, &json!({ "prompt": "### Code\n", "temperature": 0, "max_tokens": 60 }));
    assert_eq!(whole["choices"][0]["text"], PROGRAM);
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    for (stop, kept, expected) in [
        (json!("return"), false, "def f(x):\n    "),
        (json!(["zzz", "(x)"]), false, "def f"),
        (json!("return"), true, "def f(x):\n    return"),
    ] {
        let body = json!({
            "prompt": "### Code\n", "temperature": 0, "max_tokens": 60, "stop": stop,
            "include_stop_str_in_output": kept,
        });
        let choice = complete(&server, &body)["choices"][0].clone();
        assert_eq!((&choice["text"], &choice["finish_reason"]), (&json!(expected), &json!("stop")));
    }
}

#[test]
fn lists_are_the_distributions_of_the_model() {
    let server = Server::usual();
    let body = json!({
        "prompt": [104, 105], "seed": 3, "max_tokens": 6, "logprobs": 256, "return_tokens_as_token_ids": true,
        "return_token_ids": true, "temperature": 0.7,
    });
    let choice = complete(&server, &body)["choices"][0].clone();
    let model = bytes_model(PROGRAM);
    let mut context: Vec<TokenId> = vec![104, 105];
    for (at, token) in choice["token_ids"].as_array().unwrap().iter().enumerate() {
        let row = model.distribution(&context);
        let top = choice["logprobs"]["top_logprobs"][at].as_object().unwrap();
        assert_eq!(top.len(), 256);
        for (name, value) in top {
            let id: TokenId = name.strip_prefix("token_id:").unwrap().parse().unwrap();
            assert_eq!(value.as_f64().unwrap() as f32, row.get(id), "exactly what the model says");
        }
        let token = token.as_u64().unwrap() as TokenId;
        assert_eq!(choice["logprobs"]["token_logprobs"][at].as_f64().unwrap() as f32, row.get(token));
        assert_eq!(choice["logprobs"]["tokens"][at], format!("token_id:{token}"));
        context.push(token);
    }
}

#[test]
fn an_echo_scores_the_prompt() {
    let server = Server::usual();
    let body = json!({ "prompt": "abc", "max_tokens": 0, "echo": true, "logprobs": 2 });
    let choice = complete(&server, &body)["choices"][0].clone();
    assert_eq!((&choice["text"], &choice["finish_reason"]), (&json!("abc"), &json!("length")));
    assert_eq!(choice["logprobs"]["tokens"], json!(["a", "b", "c"]));
    assert_eq!(choice["logprobs"]["text_offset"], json!([0, 1, 2]));
    assert_eq!(choice["logprobs"]["token_logprobs"][0], Value::Null);
    let model = bytes_model(PROGRAM);
    for (at, (context, token)) in [(vec![97], 98), (vec![97, 98], 99)].into_iter().enumerate() {
        let expected = model.distribution(&context).get(token);
        assert_eq!(choice["logprobs"]["token_logprobs"][at + 1].as_f64().unwrap() as f32, expected);
    }
}

#[test]
fn an_echo_with_scores_streams() {
    let server = Server::usual();
    for (max_tokens, more) in [(0, json!({})), (1, json!({})), (9, json!({ "prompt_logprobs": 2 }))] {
        let mut body = json!({
            "prompt": ["abc", "zebra"], "max_tokens": max_tokens, "echo": true, "logprobs": 2, "seed": 3,
            "return_token_ids": true,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let whole = complete(&server, &body);
        body["stream"] = json!(true);
        let events = post(server.address, "/v1/completions", &body).events();
        for index in 0..2 {
            let choices = events.iter().flat_map(|event| event["choices"].as_array().unwrap());
            let parts: Vec<&Value> = choices.filter(|choice| choice["index"] == index).collect();
            let expected = &whole["choices"][index];
            let text: String = parts.iter().map(|part| part["text"].as_str().unwrap()).collect();
            assert_eq!(expected["text"], text);
            for list in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
                let all: Vec<&Value> =
                    parts.iter().flat_map(|part| part["logprobs"][list].as_array().unwrap()).collect();
                assert_eq!(expected["logprobs"][list], json!(all), "{list}");
            }
            assert_eq!(parts[0]["prompt_token_ids"], expected["prompt_token_ids"]);
            assert_eq!(parts[0]["prompt_logprobs"], expected["prompt_logprobs"]);
            assert_eq!(parts.last().unwrap()["finish_reason"], expected["finish_reason"]);
        }
    }
}

#[test]
fn prompts_are_scored_as_drafts_in_one_call() {
    let model = Arc::new(bytes_model(PROGRAM));
    let server = Server::start(parts(model.clone()));
    model.reset();
    let body = json!({
        "prompt": [[97, 98, 99, 100], [97, 98, 101]], "max_tokens": 1, "temperature": 0, "logprobs": 256,
        "prompt_logprobs": 256, "return_tokens_as_token_ids": true, "return_token_ids": true,
        "egcfg": { "prompt_logprobs_from": [2, 2] },
    });
    let reply = complete(&server, &body);
    assert_eq!(model.calls(), 1, "drafts of one context, scored together");
    let fresh = bytes_model(PROGRAM);
    let drafts = vec![vec![99, 100], vec![101]];
    let expected =
        block_on(fresh.score(ScoreRequest { context: vec![97, 98], drafts: drafts.clone() })).unwrap();
    for (prompt, draft) in drafts.iter().enumerate() {
        let choice = &reply["choices"][prompt];
        let rows = choice["prompt_logprobs"].as_array().unwrap();
        assert_eq!(rows.len(), draft.len());
        for (at, row) in rows.iter().enumerate() {
            let before = if at == 0 { &expected.next } else { &expected.after[prompt][at - 1] };
            for (id, entry) in row.as_object().unwrap() {
                assert_eq!(entry["logprob"].as_f64().unwrap() as f32, before.get(id.parse().unwrap()));
            }
        }
        let last = expected.after[prompt].last().unwrap();
        assert_eq!(choice["token_ids"], json!([last.argmax()]));
    }
}

#[test]
fn draws_continue_what_stands() {
    let server = Server::usual();
    let whole = drawn("go", 9, 12, 1.0);
    let prompt: Vec<TokenId> =
        [b'g', b'o'].into_iter().map(TokenId::from).chain(whole[..5].to_vec()).collect();
    let body = json!({
        "prompt": prompt, "max_tokens": 7, "temperature": 1, "return_token_ids": true,
        "egcfg": { "draws": [{ "seed": 9, "standing": 5, "tail": "", "newlines": null, "max_tokens": 7 }] },
    });
    assert_eq!(complete(&server, &body)["choices"][0]["token_ids"], json!(whole[5..]));
}

#[test]
fn conversations_take_the_prompt_template_or_the_models_own() {
    let server = Server::usual();
    let body =
        json!({ "messages": [{ "role": "user", "content": "add" }], "temperature": 0, "max_tokens": 60 });
    let reply = post(server.address, "/v1/chat/completions", &body).json();
    assert_eq!(reply["object"], "chat.completion");
    assert_eq!(reply["choices"][0]["message"]["role"], "assistant");
    assert!(PROGRAM.starts_with(reply["choices"][0]["message"]["content"].as_str().unwrap()), "{reply}");

    let chat = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}### Code\n\n";
    // Jinja leaves out a template's last newline.
    let model = bytes_model(PROGRAM)
        .with_special("<|user|>", 1)
        .with_info(|info| info.chat_template = Some(chat.to_owned()));
    let server = Server::start(parts(Arc::new(model)));
    let messages = json!([{ "role": "user", "content": "a<|user|>b" }]);
    let reply = post(server.address, "/tokenize", &json!({ "messages": messages })).json();
    let mut expected: Vec<TokenId> = vec![1];
    expected.extend("a<|user|>b### Code\n".bytes().map(TokenId::from));
    assert_eq!(reply["tokens"], json!(expected), "a message cannot write special tokens");
}

#[test]
fn tokens_and_text() {
    let server = Server::usual();
    let reply = post(server.address, "/tokenize", &json!({ "prompt": "h\u{e9}" })).json();
    assert_eq!(reply["tokens"], json!([104, 195, 169]));
    assert_eq!((&reply["count"], &reply["max_model_len"]), (&json!(3), &json!(4096)));
    let reply = post(server.address, "/detokenize", &json!({ "tokens": [104, 195, 169] })).json();
    assert_eq!(reply["prompt"], "h\u{e9}");
    let body = json!({ "tokens": [195, 104, 0], "pieces": true });
    let reply = post(server.address, "/detokenize", &body).json();
    assert_eq!(reply["pieces"], json!([[195], [104], []]));
}

#[test]
fn an_adapted_model_is_chosen_by_its_name_per_request() {
    let tuned = "def f(x):\n    return x - 1\n";
    let mut parts = parts(Arc::new(bytes_model(PROGRAM)));
    parts.adapted = vec![("tuned".to_owned(), Arc::new(bytes_model(tuned)))];
    let server = Server::start(parts);
    let ask = |model: Option<&str>| {
        let mut body = json!({ "prompt": "### Code\n", "temperature": 0, "max_tokens": 60 });
        if let Some(model) = model {
            body["model"] = json!(model);
        }
        let reply = complete(&server, &body);
        (reply["model"].clone(), reply["choices"][0]["text"].clone())
    };
    // In turn: neither keeps what the other has computed.
    for _ in 0..2 {
        assert_eq!(ask(None), (json!("bytes"), json!(PROGRAM)));
        assert_eq!(ask(Some("tuned")), (json!("tuned"), json!(tuned)));
    }
    assert_eq!(ask(Some("bytes")).1, json!(PROGRAM));
    let guided = json!({ "prompt": "subtract", "model": "tuned", "tests": ["assert f(1) == 1"] });
    let reply = post(server.address, "/v1/completions", &guided).json();
    assert_eq!((&reply["model"], &reply["choices"][0]["text"]), (&json!("tuned"), &json!(tuned)), "{reply}");
    let refused = post(server.address, "/v1/completions", &json!({ "prompt": "a", "model": "other" }));
    assert_eq!(refused.status, 404);
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("'bytes', 'tuned'"), "{message}");
    let models = get(server.address, "/v1/models").json();
    let told = |at: usize| (models["data"][at]["id"].clone(), models["data"][at]["parent"].clone());
    assert_eq!((told(0), told(1)), ((json!("bytes"), Value::Null), (json!("tuned"), json!("bytes"))));
    assert_eq!(get(server.address, "/v1/models/tuned").json()["id"], "tuned");
}

#[test]
fn models_health_and_metrics() {
    let server = Server::usual();
    assert_eq!(get(server.address, "/health").json(), json!({ "status": "ok" }));
    let models = get(server.address, "/v1/models").json();
    assert_eq!(
        (&models["data"][0]["id"], &models["data"][0]["owned_by"]),
        (&json!("bytes"), &json!("egcfg"))
    );
    assert_eq!(models["data"][0]["egcfg"]["end_tokens"], json!([0]));
    assert_eq!(get(server.address, "/v1/models/bytes").json()["id"], "bytes");
    assert_eq!(get(server.address, "/v1/models/other").status, 404);
    complete(&server, &json!({ "prompt": "abc", "max_tokens": 5 }));
    let metrics = get(server.address, "/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain"));
    for line in [
        "egcfg_requests_total{path=\"/v1/completions\",status=\"200\"} 1",
        "egcfg_prompt_tokens_total 3",
        "egcfg_generated_tokens_total 5",
        "egcfg_in_flight 0",
        "egcfg_request_seconds_count{path=\"/v1/completions\"} 1",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line}\n{}", metrics.body);
    }
}
