//! What comes back through each dialect is what the model behind the server would have said in this process.

use std::sync::Arc;

use egcfg_model::{
    Continuation, Dialect, Encode, EndpointModel, EndpointOptions, LanguageModel, LogProbs, SampleRequest,
    ScoreRequest, ScriptedModel, StopReason, StopRule, TokenId, TokensRequest,
};
use futures::executor::block_on;

use crate::fakes::Fake;
use crate::server::Server;

/// Every printable character is a token, so that every text can be encoded, and some longer pieces.
pub(crate) fn model(seed: u64) -> Arc<ScriptedModel> {
    let mut vocab: Vec<String> =
        vec![String::new(), "ab".into(), "\n    ".into(), "a\nb".into(), "```".into()];
    vocab.extend((' '..='~').map(String::from));
    vocab.extend(["\n", "\u{21b9}", "\u{e9}", "\u{ff5c}", "\u{2581}"].map(String::from));
    Arc::new(ScriptedModel::hashed(&vocab, seed).with_special("</s>", 0))
}

pub(crate) fn connect(server: &Server, query: &str) -> EndpointModel {
    EndpointModel::connect(EndpointOptions::parse(&format!("{}{query}", server.address)).unwrap()).unwrap()
}

fn close(got: &LogProbs, expected: &LogProbs, whole: bool) {
    assert_eq!(got.argmax(), expected.argmax());
    let mut listed = 0;
    for (id, value) in got.entries() {
        assert!((value - expected.get(id)).abs() < 1e-4, "token {id}: {value} {}", expected.get(id));
        listed += 1;
    }
    assert!(listed > 0);
    for id in 0..expected.values().len() as TokenId {
        assert!(expected.get(id) <= got.get(id) + 1e-4, "token {id} is above its bound");
    }
    assert!(!whole || listed == expected.values().len());
}

const EXACT: [Dialect; 4] = [Dialect::Egcfg, Dialect::Vllm, Dialect::Sglang, Dialect::LlamaCpp];

#[test]
fn a_server_is_recognised_and_what_it_can_do_is_found_out() {
    for (dialect, most, top) in [
        (Dialect::Vllm, 20, 20),
        (Dialect::Sglang, 50, 50),
        (Dialect::Egcfg, 1000, 105),
        (Dialect::LlamaCpp, 1000, 105),
        (Dialect::OpenAi, 5, 5),
    ] {
        let server = Fake::new(dialect, model(1), most).start();
        let endpoint = connect(&server, "");
        let caps = endpoint.capabilities();
        assert_eq!((caps.dialect, caps.top, caps.lists), (dialect, top, true), "{caps:?}");
        assert_eq!(caps.token_ids(), dialect != Dialect::OpenAi);
        assert_eq!(caps.prompt_logprobs, matches!(dialect, Dialect::Vllm | Dialect::Sglang | Dialect::Egcfg));
        assert!(caps.n);
        assert_eq!(caps.reports_cache, matches!(dialect, Dialect::Sglang | Dialect::LlamaCpp));
        assert!(!caps.tempered);
        assert_eq!(endpoint.info().name, "fake/model");
        assert_eq!(endpoint.info().end_tokens.len(), 1);
        assert_eq!(endpoint.token_bytes(endpoint.info().end_tokens[0]), b"");
    }
}

#[test]
fn drafts_are_scored_in_one_request_with_the_models_own_numbers() {
    for dialect in EXACT {
        let scripted = model(2);
        let server = Fake::new(dialect, Arc::clone(&scripted), 30).start();
        let endpoint = connect(&server, if dialect == Dialect::LlamaCpp { "?top=30" } else { "" });
        let context = endpoint.encode("def f(x):", Encode::Plain).unwrap();
        assert_eq!(context, scripted.encode("def f(x):", Encode::Plain).unwrap());
        let drafts: Vec<Vec<TokenId>> = vec![vec![5, 6, 7], vec![5, 6], vec![5, 8, 0], vec![]];
        let request = ScoreRequest { context: context.clone(), drafts: drafts.clone() };
        let second = ScoreRequest { context: vec![9, 9], drafts: vec![] };
        let before = server.count(path(dialect));
        let replies = block_on(endpoint.score_all(vec![request, second])).unwrap();
        assert_eq!(server.count(path(dialect)) - before, 1, "{dialect:?}");
        assert_eq!(replies[0].usage.requests + replies[1].usage.requests, 1);
        close(&replies[0].next, &scripted.distribution(&context), false);
        close(&replies[1].next, &scripted.distribution(&[9, 9]), false);
        for (draft, after) in drafts.iter().zip(&replies[0].after) {
            assert_eq!(after.len(), draft.len());
            for at in 0..draft.len() {
                close(&after[at], &scripted.distribution(&[&context[..], &draft[..=at]].concat()), false);
            }
        }
    }
}

fn path(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sglang => "/generate",
        Dialect::LlamaCpp => "/completion",
        _ => "/v1/completions",
    }
}

#[test]
fn samples_end_by_the_shared_rules_and_bring_the_plain_distributions() {
    for (dialect, tempered) in [
        (Dialect::Egcfg, false),
        (Dialect::Vllm, false),
        (Dialect::Vllm, true),
        (Dialect::Sglang, false),
        (Dialect::Sglang, true),
        (Dialect::LlamaCpp, false),
    ] {
        let scripted = model(3);
        let mut fake = Fake::new(dialect, Arc::clone(&scripted), 200);
        fake.tempered = tempered;
        let server = fake.start();
        let endpoint = connect(&server, "");
        assert_eq!(endpoint.capabilities().tempered, tempered, "{dialect:?}");
        let rule = StopRule { max_tokens: 60, newlines: Some(2), texts: vec!["```".into()] };
        let draw = |prefix: &[TokenId], seed| Continuation {
            prefix: prefix.to_vec(),
            seed,
            stop: rule.clone(),
            ..Continuation::default()
        };
        let request = SampleRequest {
            context: vec![40, 41, 42],
            continuations: vec![draw(&[7], 1), draw(&[7], 2), draw(&[8, 9], 3)],
            temperature: 0.8,
            top_p: 0.95,
            want_distributions: true,
        };
        let (samples, usage) = block_on(endpoint.sample(request.clone())).unwrap();
        assert!(usage.requests >= 1);
        assert_ne!(samples[0].tokens, samples[1].tokens, "{dialect:?}: equal prompts draw apart");
        for (sample, asked) in samples.iter().zip(&request.continuations) {
            let text: Vec<u8> =
                sample.tokens.iter().flat_map(|t| endpoint.token_bytes(*t)).copied().collect();
            assert_eq!(text, scripted.text(&sample.tokens).as_bytes(), "the bytes of tokens are known");
            let newlines = |tokens: &[TokenId]| scripted.text(tokens).matches('\n').count();
            match sample.stop {
                StopReason::Newlines => {
                    assert!(newlines(&sample.tokens) >= 2);
                    assert!(newlines(&sample.tokens[..sample.tokens.len() - 1]) < 2);
                }
                StopReason::Text => assert!(scripted.text(&sample.tokens).contains("```")),
                StopReason::EndOfText => assert_eq!(sample.tokens.last(), Some(&0)),
                StopReason::Length => assert_eq!(sample.tokens.len(), 60),
            }
            assert_eq!(sample.distributions.len(), sample.tokens.len());
            let mut context = [&request.context[..], &asked.prefix].concat();
            for ((token, row), log_prob) in
                sample.tokens.iter().zip(&sample.distributions).zip(&sample.log_probs)
            {
                let expected = scripted.distribution(&context);
                close(row, &expected, false);
                assert!((log_prob - expected.get(*token)).abs() < 1e-4);
                context.push(*token);
            }
        }
        let again = block_on(endpoint.sample(request.clone())).unwrap().0;
        // SGLang takes no seed.
        let tokens = |all: &[egcfg_model::Sample]| -> Vec<Vec<TokenId>> {
            all.iter().map(|s| s.tokens.clone()).collect()
        };
        assert!(
            dialect == Dialect::Sglang || tokens(&again) == tokens(&samples),
            "{dialect:?}: the same seeds draw the same tokens"
        );
        if dialect == Dialect::Egcfg {
            assert_eq!(usage.requests, 1);
            let here = block_on(scripted.sample(request)).unwrap().0;
            for (a, b) in samples.iter().zip(&here) {
                assert_eq!((&a.tokens, a.stop), (&b.tokens, b.stop), "draws are this program's own");
            }
        }
    }
}

#[test]
fn candidates_share_requests_as_far_as_llama_cpps_slots_go() {
    let draw = |seed| Continuation {
        seed,
        stop: StopRule { max_tokens: 6, newlines: None, texts: Vec::new() },
        ..Continuation::default()
    };
    let request = SampleRequest {
        context: vec![40, 41, 42],
        continuations: (0..5).map(draw).collect(),
        temperature: 1.0,
        top_p: 1.0,
        want_distributions: true,
    };
    // Five candidates over four, two and one slot; one is also what versions do that cannot draw several.
    for (slots, requests) in [(4, 2), (2, 3), (1, 5)] {
        let mut fake = Fake::new(Dialect::LlamaCpp, model(7), 200);
        fake.slots = slots;
        let server = fake.start();
        let endpoint = connect(&server, "");
        assert_eq!(endpoint.capabilities().n, slots > 1);
        assert_eq!(endpoint.capabilities().requests_per_line(5), requests + 1);
        let (samples, usage) = block_on(endpoint.sample(request.clone())).unwrap();
        assert_eq!(usage.requests, requests, "{slots} slots");
        let mut drawn: Vec<_> = samples.into_iter().map(|sample| sample.tokens).collect();
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn.len(), 5, "{slots} slots: all draw apart");
    }
}

#[test]
fn greedy_writing_is_the_models_own() {
    for dialect in [Dialect::Egcfg, Dialect::Vllm, Dialect::Sglang, Dialect::LlamaCpp, Dialect::OpenAi] {
        let scripted = model(4);
        let server = Fake::new(dialect, Arc::clone(&scripted), 20).start();
        let endpoint = connect(&server, "");
        let request = |context: Vec<TokenId>| SampleRequest {
            context,
            continuations: vec![Continuation {
                stop: StopRule { max_tokens: 40, ..StopRule::default() },
                ..Continuation::default()
            }],
            temperature: 0.0,
            top_p: 1.0,
            want_distributions: false,
        };
        let here =
            block_on(scripted.sample(request(scripted.encode("def f", Encode::Plain).unwrap()))).unwrap().0;
        let there =
            block_on(endpoint.sample(request(endpoint.encode("def f", Encode::Plain).unwrap()))).unwrap().0;
        let bytes = |tokens: &[TokenId]| -> Vec<u8> {
            tokens.iter().flat_map(|t| endpoint.token_bytes(*t)).copied().collect()
        };
        assert_eq!(
            String::from_utf8(bytes(&there[0].tokens)).unwrap(),
            scripted.text(&here[0].tokens),
            "{dialect:?}"
        );
        assert_eq!(there[0].stop, here[0].stop);
    }
}

#[test]
fn tokens_outside_a_list_are_asked_for_where_the_dialect_can() {
    for dialect in EXACT {
        let scripted = model(5);
        let server = Fake::new(dialect, Arc::clone(&scripted), 5).start();
        let endpoint = connect(&server, "?top=5");
        assert!(endpoint.capabilities().chosen_tokens, "{dialect:?}");
        let row = scripted.distribution(&[50, 51]);
        let rare: Vec<TokenId> = row.top(105)[80..83].iter().map(|(id, _)| *id).collect();
        let asked = TokensRequest { context: vec![50, 51], tokens: rare.clone() };
        let (known, usage) = block_on(endpoint.known_log_probs(vec![asked])).unwrap().unwrap();
        assert_eq!(usage.requests, 1);
        for token in rare {
            assert!((known[0].known(token).unwrap() - row.get(token)).abs() < 1e-4);
        }
    }
}

#[test]
fn what_the_server_cannot_answer_is_refused_here() {
    let server = Fake::new(Dialect::Vllm, model(6), 5).start();
    let endpoint = connect(&server, "?context=10");
    let error =
        block_on(endpoint.score(ScoreRequest { context: vec![5; 8], drafts: vec![vec![5; 3]] })).unwrap_err();
    assert!(error.to_string().contains("need 11 tokens but the context holds 10"), "{error}");
    assert!(!error.is_infrastructure());
    assert!(block_on(endpoint.score(ScoreRequest::default())).unwrap_err().to_string().contains("empty"));
}
