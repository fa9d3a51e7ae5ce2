//! What is decoded: the special gammas, refresh points, signals, answers that talk first.

use egcfg_guidance::{Event, Settings, Stop, Template};
use egcfg_model::{Encode, LanguageModel};
use egcfg_testing::language::{believer, parrot};

use crate::parts::{judge, settings, template, write, writer};

#[test]
fn gamma_zero_is_the_plain_model_and_runs_nothing() {
    for seed in 0..8 {
        let judge = judge(|_: &str| true);
        let model = writer(seed);
        let (plain, events) = write(&model, &judge, &settings("ns3t0.9d4k1_ln", 0.0), &template());
        assert!(judge.observed().is_empty() && plain.stats.refreshes == 0);
        assert!(!events.iter().any(|e| matches!(e, Event::Refresh { .. })));
        // By hand: the most probable token, again and again.
        let prompt = "### Task\nadd\nassert f(1) == 8\nassert f(2) == 9\n### Code\n";
        let mut context = model.encode(prompt, Encode::Plain).unwrap();
        for token in &plain.tokens {
            let next = futures::executor::block_on(
                model.score(egcfg_model::ScoreRequest { context: context.clone(), drafts: Vec::new() }),
            );
            assert_eq!(next.unwrap().next.argmax(), *token);
            context.push(*token);
        }
    }
}

#[test]
fn guidance_follows_what_the_executions_showed() {
    let judge = judge(|program: &str| program.contains("return 2"));
    let (plain, _) = write(&believer(), &judge, &settings("ns3t0.9d4k1_ln", 0.0), &template());
    assert_eq!(plain.program, "def f(x):\n    return 1\n");
    // Eight draws of a nearly even choice: some candidate returns 2, passes, and is believed.
    let (guided, events) = write(&believer(), &judge, &settings("ns8t1.0dinfk1_ln+oe", 1.0), &template());
    assert_eq!(guided.program, "def f(x):\n    return 2\n");
    let changed: Vec<&str> = events
        .iter()
        .filter_map(|e| match e {
            Event::Token { text, instead_of: Some(_), .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!((changed, guided.stats.changed_tokens), (vec!["2"], 1));
}

#[test]
fn the_compact_block_opens_with_the_outcome_and_puts_the_best_last() {
    let judge = judge(|program: &str| program.contains("return 2"));
    let (_, events) = write(&believer(), &judge, &settings("ns8t1.0dinfk1_ln+oe", 1.0), &template());
    let block = events.iter().find_map(|e| match e {
        Event::Signal { text, .. } => Some(text.clone()),
        _ => None,
    });
    let expected = "### Runs\n# fail fail\ndef f(x):\n    return 1\n# f(1): a=2 gives 7 not 8\n# f(2): gives 7 not 9\n\
                    # pass pass\ndef f(x):\n    return 2\n# f(1): gives 7\n# f(2): gives 7\n";
    assert_eq!(block.unwrap(), expected);
}

#[test]
fn refreshes_come_at_line_boundaries_every_k() {
    for (name, every) in [("ns2t0.9d3k1_ln+e", 1), ("ns2t0.9d3k2_ln+e", 2)] {
        let mut several = 0;
        for seed in 0..10 {
            let judge = judge(|_: &str| false);
            let (_, events) = write(&writer(seed), &judge, &settings(name, 1.0), &template());
            let lines: Vec<usize> = events
                .iter()
                .filter_map(|e| match e {
                    Event::Refresh { line, .. } => Some(*line / every),
                    _ => None,
                })
                .collect();
            assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "{lines:?}");
            assert_eq!(lines.first(), Some(&0));
            several += usize::from(lines.len() > 2);
        }
        assert!(several > 3);
    }
}

#[test]
fn a_candidate_is_run_once() {
    for seed in 0..6 {
        let judge = judge(|_: &str| false);
        let _ = write(&writer(seed), &judge, &settings("ns3t0.5d4k1_ln+m2", 1.0), &template());
        let ran = judge.observed();
        let distinct: std::collections::BTreeSet<&String> = ran.iter().collect();
        assert_eq!(distinct.len(), ran.len(), "{ran:?}");
    }
}

fn chatty() -> Template {
    Template::parse("chatty", "name='c'\nuser=\"{{ task }}{{ signal }}### Code\\n\"\nend=['```']").unwrap()
}

#[test]
fn an_answer_that_talks_first_is_guided_inside_its_fence() {
    let answer = "Sure:\n```\nx = 1\n```\nNow:\n```python\nimport re\ndef g(x):\n    return 1\n\ndef f(x):\n    return 1\n```\nDone";
    let judge = judge(|_: &str| false);
    let settings = Settings { max_tokens: Some(200), ..settings("ns2t0.9d3k1_ln+e", 1.0) };
    let (generation, events) = write(&parrot(answer), &judge, &settings, &chatty());
    assert_eq!(generation.program, "import re\ndef g(x):\n    return 1\n\ndef f(x):\n    return 1\n");
    assert_eq!((generation.stop, generation.began), (Stop::Fence, true));
    assert!(events.iter().any(|e| matches!(e, Event::GuidanceStarted { .. })));
    // What ran is the code inside the fence, helper and import included.
    assert!(judge.observed().iter().all(|p| p.starts_with("import re\ndef g(x):")));
}

#[test]
fn a_function_that_never_starts_is_warned_of() {
    let judge = judge(|_: &str| false);
    let (generation, events) =
        write(&parrot("I cannot"), &judge, &settings("ns2t0.9d3k1_ln", 1.0), &chatty());
    assert!(!generation.began && generation.stop == Stop::EndOfText);
    let warned = events
        .iter()
        .any(|e| matches!(e, Event::Warning { message } if message.contains("guidance never began")));
    assert!(warned, "{events:?}");
}

#[test]
fn a_class_is_an_entry_point_too() {
    let judge = judge(|_: &str| false);
    let settings = Settings { max_tokens: Some(200), ..settings("ns2t0.9d3k1_ln+e", 1.0) };
    let (generation, _) = write(&parrot("```python\nclass f:\n    x = 1\n```"), &judge, &settings, &chatty());
    assert!(generation.began && generation.program == "class f:\n    x = 1\n", "{generation:?}");
}

#[test]
fn a_signal_beyond_its_budget_is_shortened_and_still_fits() {
    let judge = judge(|program: &str| program.len() % 2 == 0);
    for budget in [10, 80, 300] {
        let settings = Settings { signal_tokens: Some(budget), ..settings("ns5t1.2d6k1_ln+om3", 1.0) };
        let (_, events) = write(&writer(5), &judge, &settings, &template());
        for event in events {
            if let Event::Signal { tokens, entries, .. } = event {
                assert!(tokens <= budget && (entries > 0) == (tokens > 0));
            }
        }
    }
}

#[test]
fn a_token_carries_the_heads_of_both_distributions() {
    let judge = judge(|program: &str| program.contains("return 2"));
    let mut seen = 0;
    for gamma in [0.5, 1.0, 3.0] {
        let (_, events) = write(&believer(), &judge, &settings("ns8t1.0dinfk1_ln+oe", gamma), &template());
        for event in &events {
            let Event::Token { text, plain, guided: Some(guided), heads, instead_of, .. } = event else {
                continue;
            };
            let own = heads.iter().find(|head| head.text == *text).unwrap();
            assert!((own.guided.unwrap() - guided).abs() < 1e-3);
            assert_eq!(own.plain.is_some(), plain.is_some());
            // The blend is greedy, so what was chosen leads; what it stands in for is among the heads.
            assert_eq!(heads[0].text, *text);
            assert!(instead_of.as_ref().is_none_or(|other| heads.iter().any(|head| head.text == *other)));
            // Second source: the blend by the textbook on probabilities, over the heads, up to one constant.
            let shares: Vec<f64> = heads
                .iter()
                .filter_map(|head| {
                    let [p, g, blend] =
                        [head.plain?, head.guided?, head.blended?].map(|log| f64::from(log).exp());
                    (p > 1e-7 && g > 1e-7).then(|| p.powf(1.0 - gamma) * g.powf(gamma) / blend)
                })
                .collect();
            for share in &shares {
                assert!((share / shares[0] - 1.0).abs() < 0.01, "{gamma} {heads:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_log_of_the_first_version_is_read() {
    let line =
        r#"{"event":"token","index":3,"id":9,"text":"2","plain":-1.5,"guided":-0.25,"instead_of":"1"}"#;
    let Event::Token { heads, text, .. } = serde_json::from_str(line).unwrap() else { panic!("no token") };
    assert!(heads.is_empty() && text == "2");
    let last = r#"{"event":"token","index":4,"id":0,"text":"","plain":-0.5}"#;
    assert!(matches!(serde_json::from_str(last).unwrap(), Event::Token { guided: None, .. }));
}

#[test]
fn a_sink_that_wants_no_heads_gets_none() {
    struct Quiet(crate::parts::Log);
    impl egcfg_guidance::EventSink for Quiet {
        fn emit(&self, event: &Event) {
            self.0.emit(event);
        }
        fn wants_heads(&self) -> bool {
            false
        }
    }
    let (model, judge, log) = (believer(), judge(|_: &str| true), Quiet(crate::parts::Log::default()));
    let (task, cache, template) =
        (crate::parts::task(), egcfg_guidance::ExecutionCache::default(), template());
    let session = egcfg_guidance::Session {
        model: &model,
        executor: &judge,
        template: &template,
        task: &task,
        cache: &cache,
        events: &log,
    };
    let settings = settings("ns3t1.0dinfk1_ln+oe", 1.0);
    let quiet = futures::executor::block_on(egcfg_guidance::generate(session, &settings)).unwrap();
    let (loud, _) = write(&model, &judge, &settings, &template);
    assert_eq!(quiet.tokens, loud.tokens);
    let events = log.0.events();
    let all_empty = events.iter().all(|e| !matches!(e, Event::Token { heads, .. } if !heads.is_empty()));
    assert!(all_empty && events.iter().any(|e| matches!(e, Event::Token { .. })));
}
