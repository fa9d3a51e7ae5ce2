//! Faults between client and server: what passes is waited out, what does not is told, and neither is silent. A proxy in front
//! of a sound server breaks chosen requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use egcfg_model::{
    Dialect, EndpointModel, EndpointOptions, LanguageModel, ModelError, ScoreReply, ScoreRequest, Secret,
};
use futures::executor::block_on;
use serde_json::{Value, json};

use crate::dialects::model;
use crate::fakes::Fake;
use crate::server::{Answer, Request, Server};

/// A sound server behind a proxy that may replace an answer. Counting starts after the probe: `arm` sets it off.
fn broken(
    fault: impl Fn(usize, &Request, Answer) -> Answer + Send + Sync + 'static,
) -> (Server, Arc<AtomicUsize>) {
    let fake = Fake::new(Dialect::Vllm, model(1), 20);
    let armed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&armed);
    let server = Server::start(move |request| {
        let sound = fake.answer(request);
        if count.load(Ordering::SeqCst) == 0 || request.path != "/v1/completions" {
            return sound;
        }
        fault(count.fetch_add(1, Ordering::SeqCst) - 1, request, sound)
    });
    (server, armed)
}

fn impatient(server: &Server) -> EndpointOptions {
    let mut options = EndpointOptions::parse(&server.address).unwrap();
    options.pause = Duration::from_millis(5);
    options.timeout = Duration::from_millis(1500);
    options.deadline = Duration::from_secs(20);
    options.retries = 4;
    options
}

fn score(endpoint: &EndpointModel) -> Result<ScoreReply, ModelError> {
    block_on(endpoint.score(ScoreRequest { context: vec![5, 6], drafts: vec![vec![7]] }))
}

#[test]
fn what_passes_is_waited_out_and_the_answer_is_the_same() {
    let faults: Vec<(&str, fn() -> Answer)> = vec![
        ("429", || Answer::Raw(429, vec![], b"slow down".to_vec())),
        ("429 with Retry-After", || Answer::Raw(429, vec![("retry-after", "1".into())], b"{}".to_vec())),
        ("500", || Answer::Raw(500, vec![], b"Internal Server Error".to_vec())),
        ("502 page", || Answer::Raw(502, vec![], b"<html>bad gateway</html>".to_vec())),
        ("503", || Answer::Raw(503, vec![], vec![])),
        ("dropped", || Answer::Dropped),
        ("timeout", || Answer::Silent(4000)),
        ("broken off", || Answer::Broken(b"{\"choices\": [".to_vec())),
        ("cut JSON", || Answer::Raw(200, vec![], b"{\"choices\": [{\"index\": 0, \"te".to_vec())),
    ];
    for (name, fault) in faults {
        let (server, armed) = broken(move |number, _, sound| if number < 2 { fault() } else { sound });
        let endpoint = EndpointModel::connect(impatient(&server)).unwrap();
        let expected = score(&endpoint).unwrap();
        armed.store(1, Ordering::SeqCst);
        let started = Instant::now();
        let got = score(&endpoint).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((got.next, got.after), (expected.next, expected.after), "{name}");
        assert_eq!(armed.load(Ordering::SeqCst), 4, "{name}: two failures, one success");
        if name.contains("Retry-After") {
            assert!(started.elapsed() >= Duration::from_secs(2), "the server's wish counts");
        }
        assert_eq!(endpoint.attempts().1, 2);
    }
}

#[test]
fn what_stays_broken_is_an_infrastructure_error_that_quotes_the_server() {
    let (server, armed) = broken(|_, _, _| Answer::Raw(503, vec![], b"no workers are\nalive".to_vec()));
    let mut options = impatient(&server);
    options.deadline = Duration::from_secs(3);
    let endpoint = EndpointModel::connect(options).unwrap();
    armed.store(1, Ordering::SeqCst);
    let error = score(&endpoint).unwrap_err();
    assert!(matches!(error, ModelError::Unavailable { .. }) && error.is_infrastructure());
    let text = error.to_string();
    assert!(
        text.contains("503") && text.contains("no workers are alive") && text.contains("5 attempts"),
        "{text}"
    );
    // The circuit opens: the next requests do not wait for their retries.
    let _ = score(&endpoint);
    let before = armed.load(Ordering::SeqCst);
    let error = score(&endpoint).unwrap_err().to_string();
    assert!(error.contains("left alone"), "{error}");
    assert_eq!(armed.load(Ordering::SeqCst), before, "nothing was sent");
}

#[test]
fn a_wait_beyond_the_deadline_ends_at_once() {
    let (server, armed) =
        broken(|_, _, _| Answer::Raw(429, vec![("retry-after", "3600".into())], b"quota".to_vec()));
    let endpoint = EndpointModel::connect(impatient(&server)).unwrap();
    armed.store(1, Ordering::SeqCst);
    let started = Instant::now();
    let text = score(&endpoint).unwrap_err().to_string();
    assert!(text.contains("3600 s") && text.contains("deadline"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn bad_replies_are_told_and_not_repeated() {
    fn edited(change: fn(&mut Value)) -> impl Fn(usize, &Request, Answer) -> Answer {
        move |_, _, sound| {
            let Answer::Json(mut value) = sound else { panic!() };
            change(&mut value);
            Answer::Json(value)
        }
    }
    type Fault = Box<dyn Fn(usize, &Request, Answer) -> Answer + Send + Sync>;
    let cases: Vec<(&str, &str, Fault)> = vec![
        ("no logprobs", "logprobs is null", Box::new(edited(|v| v["choices"][0]["logprobs"] = Value::Null))),
        (
            "no prompt logprobs",
            "no prompt_logprobs",
            Box::new(edited(|v| v["choices"][0]["prompt_logprobs"] = Value::Null)),
        ),
        (
            "short prompt logprobs",
            "positions where 1 were asked for",
            Box::new(edited(|v| v["choices"][0]["prompt_logprobs"] = json!([]))),
        ),
        (
            "too few choices",
            "1 completions were asked for and 0 came",
            Box::new(edited(|v| v["choices"] = json!([]))),
        ),
        (
            "lists of another length",
            "lists of log-probabilities",
            Box::new(edited(|v| v["choices"][0]["logprobs"]["top_logprobs"] = json!([]))),
        ),
        (
            "a probability above 1",
            "no log-probability",
            Box::new(edited(|v| {
                v["choices"][0]["logprobs"]["top_logprobs"][0] = json!({ "token_id:5": 3.5 });
            })),
        ),
        (
            "text for ids",
            "although token ids were asked for",
            Box::new(edited(|v| v["choices"][0]["logprobs"]["tokens"][0] = json!(" def"))),
        ),
        (
            "no number",
            "is no number",
            Box::new(edited(|v| v["choices"][0]["logprobs"]["token_logprobs"][0] = json!("NaN"))),
        ),
        (
            "NaN",
            "no JSON",
            Box::new(|_, _, _| Answer::Raw(200, vec![], b"{\"choices\": [{\"logprobs\": NaN}]}".to_vec())),
        ),
        (
            "a page",
            "a web page instead of JSON",
            Box::new(|_, _, _| Answer::Raw(200, vec![], b"<!doctype html><title>Log in</title>".to_vec())),
        ),
        (
            "a key refused",
            "the key was not accepted",
            Box::new(|_, _, _| Answer::Raw(401, vec![], b"{\"error\":\"bad key\"}".to_vec())),
        ),
        (
            "a request refused",
            "status 400",
            Box::new(|_, _, _| Answer::Raw(400, vec![], b"{\"error\":\"too long\"}".to_vec())),
        ),
    ];
    for (name, expected, fault) in cases {
        let (server, armed) = broken(fault);
        let endpoint = EndpointModel::connect(impatient(&server)).unwrap();
        armed.store(1, Ordering::SeqCst);
        let error = score(&endpoint).unwrap_err();
        assert!(matches!(error, ModelError::BadReply { .. }) && error.is_infrastructure(), "{name}: {error}");
        let text = error.to_string();
        assert!(text.contains(expected), "{name}: {text}");
        assert!(text.contains("it said: ") && text.len() < 700, "{name}: {text}");
        assert_eq!(armed.load(Ordering::SeqCst), 2, "{name}: one request");
    }
}

#[test]
fn overload_lowers_the_number_of_requests_in_flight() {
    let fake = Fake::new(Dialect::Vllm, model(1), 5);
    let (busy, armed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let on = Arc::clone(&armed);
    let server = Server::start(move |request| {
        if on.load(Ordering::SeqCst) == 0 || request.path != "/v1/completions" {
            return fake.answer(request);
        }
        // A server with room for three.
        let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
        std::thread::sleep(Duration::from_millis(30));
        let answer = if now > 3 { Answer::Raw(429, vec![], b"busy".to_vec()) } else { fake.answer(request) };
        busy.fetch_sub(1, Ordering::SeqCst);
        answer
    });
    let mut options = impatient(&server);
    options.concurrency = 16;
    options.retries = 60;
    let endpoint = EndpointModel::connect(options).unwrap();
    armed.store(1, Ordering::SeqCst);
    let requests =
        (0..24_u32).map(|i| endpoint.score(ScoreRequest { context: vec![5, 6 + i], drafts: vec![] }));
    let replies = block_on(futures::future::join_all(requests));
    assert!(replies.iter().all(Result::is_ok), "{:?}", replies.iter().find(|r| r.is_err()));
    assert!(server.most_at_once.load(Ordering::SeqCst) <= 16);
    assert!(endpoint.concurrency() <= 8, "the limit came down to {}", endpoint.concurrency());
}

#[test]
fn the_key_is_sent_to_the_server_and_shown_nowhere() {
    let server = Fake::new(Dialect::Vllm, model(1), 5).start();
    let mut options = impatient(&server);
    options.key = Secret::new("sk-very-secret");
    let endpoint = EndpointModel::connect(options).unwrap();
    score(&endpoint).unwrap();
    let requests = server.requests.lock().unwrap();
    assert!(requests.iter().all(|r| r.key.as_deref() == Some("Bearer sk-very-secret")));
    assert!(!format!("{endpoint:?} {:?}", endpoint.info()).contains("sk-very-secret"));
}

#[test]
fn nobody_there_is_said_with_the_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut options = EndpointOptions::parse(&format!("http://{free}/v1")).unwrap();
    (options.retries, options.pause) = (1, Duration::from_millis(1));
    let text = EndpointModel::connect(options).unwrap_err().to_string();
    // On a busy machine the second attempt may come too late to be waited for.
    let said = text.contains("2 attempts") || text.contains("no connection to");
    assert!(text.contains(&free.to_string()) && said, "{text}");
}
