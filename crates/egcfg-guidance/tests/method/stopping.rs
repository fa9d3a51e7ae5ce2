//! When a generation ends: agreement of both streams, a candidate that passes, the ladder of gammas, best-of-N.

use egcfg_guidance::{Budget, Event, ExecutionCache, NoEvents, Session, Settings, Stop, best_of, solve};
use egcfg_model::{ScriptedModel, TokenId};

use egcfg_testing::language::id;

use crate::parts::{judge, settings, task, template, vocab, wait as run, write, writer};

/// Writes `def f(x):`, five times `a = 1`, `return a`: without any doubt.
fn certain() -> ScriptedModel {
    let mut answer = vec![id::DEF, id::ARGS];
    for _ in 0..8 {
        answer.extend([id::LINE, id::A, id::IS, id::ONE]);
    }
    answer.extend([id::LINE, id::RETURN, id::A, id::NEWLINE, id::END]);
    let vocab = vocab();
    let size = vocab.len();
    let rule = move |context: &[TokenId]| {
        let start = context.iter().rposition(|t| *t == id::DEF);
        let mut logits = vec![-9.0; size];
        let written = start.map_or(0, |s| context.len() - s);
        logits[answer[written.min(answer.len() - 1)] as usize] = 9.0;
        logits
    };
    ScriptedModel::with_rule(&vocab, Box::new(rule))
}

#[test]
fn agreement_of_both_streams_ends_a_generation_early() {
    let judge = judge(|_: &str| false);
    let (early, _) = write(&certain(), &judge, &settings("ns3t0.2dinfk1_ln", 1.0), &template());
    assert_eq!(early.stop, Stop::Agreement);
    assert_eq!(early.stats.refreshes, 4);
    let (whole, _) = write(&certain(), &judge, &settings("ns3t0.2dinfk1_ln+e", 1.0), &template());
    assert_eq!(whole.stop, Stop::EndOfText);
    assert_eq!(early.program, whole.program);
    assert!(whole.stats.refreshes > 8 && early.tokens.len() < whole.tokens.len());
}

#[test]
fn reuse_draws_nothing_while_candidates_agree() {
    let judge = judge(|_: &str| false);
    let (fresh, _) = write(&certain(), &judge, &settings("ns3t0.2dinfk1_ln+e", 1.0), &template());
    let (reused, _) = write(&certain(), &judge, &settings("ns3t0.2dinfk1_ln+re", 1.0), &template());
    assert_eq!(fresh.tokens, reused.tokens);
    // Three candidates are drawn once; fresh draws repeat them at every one of the refreshes.
    assert!(
        reused.stats.sampled_tokens * 4 < fresh.stats.sampled_tokens,
        "{:?} {:?}",
        reused.stats,
        fresh.stats
    );
}

#[test]
fn a_reused_candidate_that_only_ends_counts_its_end_token() {
    let judge = judge(|_: &str| false);
    let (reused, events) = write(&certain(), &judge, &settings("ns3t0.2d2k1_ln+re", 1.0), &template());
    let start = events.iter().find_map(|event| match event {
        Event::GuidanceStarted { position } => Some(*position),
        _ => None,
    });
    // `certain` writes 39 tokens, the end included; each of three candidates draws every token after the start once.
    assert_eq!(reused.stats.sampled_tokens, 3 * (39 - start.unwrap()));
    // The end is counted when it is drawn, not at the refresh after it.
    let drawn = events.iter().filter_map(|event| match event {
        Event::Candidates { candidates, .. } => Some(candidates[0].new_tokens),
        _ => None,
    });
    assert_eq!(drawn.collect::<Vec<_>>().split_last_chunk::<2>().unwrap().1, &[1, 0]);
}

#[test]
fn a_passing_finished_candidate_is_an_answer_only_when_asked() {
    let judge = judge(|program: &str| program.trim_end().ends_with("return 2"));
    let mut stopped = 0;
    for seed in 0..20 {
        let (with, _) = write(&writer(seed), &judge, &settings("ns6t1.5dinfk1_ln+p", 1.0), &template());
        if with.stop == Stop::CandidatePassed {
            stopped += 1;
            assert!(with.program.trim_end().ends_with("return 2"), "{}", with.program);
        }
        let (without, _) = write(&writer(seed), &judge, &settings("ns6t1.5dinfk1_ln", 1.0), &template());
        assert_ne!(without.stop, Stop::CandidatePassed);
    }
    assert!(stopped > 2, "{stopped}");
}

#[test]
fn the_ladder_goes_on_until_a_program_passes() {
    let (task, template, cache, model) = (task(), template(), ExecutionCache::default(), certain());
    let never = judge(|_: &str| false);
    let base = settings("ns2t0.2d4k1_ln+e", 1.0);
    let session = Session {
        model: &model,
        executor: &never,
        template: &template,
        task: &task,
        cache: &cache,
        events: &NoEvents,
    };
    let solution = run(solve(session, &base, &[0.0, 0.5, 1.0], 1)).unwrap();
    let order: Vec<(f64, u32)> = solution.attempts.iter().map(|a| (a.gamma, a.retry)).collect();
    assert_eq!(order, [(0.0, 0), (0.5, 0), (1.0, 0), (0.5, 1), (1.0, 1)]);
    assert!(!solution.solved() && solution.best().is_some_and(|best| best.gamma == 0.0));
    let always = judge(|_: &str| true);
    let solution = run(solve(Session { executor: &always, ..session }, &base, &[0.0, 0.5], 3)).unwrap();
    assert_eq!(solution.attempts.len(), 1);
    assert!(solution.solved());
}

#[test]
fn best_of_draws_until_the_budget_is_spent() {
    let (task, template, cache, model) = (task(), template(), ExecutionCache::default(), writer(1));
    let never = judge(|_: &str| false);
    let session = Session {
        model: &model,
        executor: &never,
        template: &template,
        task: &task,
        cache: &cache,
        events: &NoEvents,
    };
    let base = settings("ns1t1.0d1k1_ln", 0.0);
    assert_eq!(run(best_of(session, &base, Budget::Samples(7))).unwrap().attempts.len(), 7);
    let spent = run(best_of(session, &base, Budget::Tokens(100))).unwrap();
    let tokens: Vec<usize> = spent.attempts.iter().map(|a| a.generation.tokens.len()).collect();
    let total: usize = tokens.iter().sum();
    assert!(total >= 100 && total - tokens[tokens.len() - 1] < 100, "{tokens:?}");
    // Other draws for another seed, the same for the same.
    let again = run(best_of(session, &base, Budget::Tokens(100))).unwrap();
    assert_eq!(again, spent);
    let other = run(best_of(session, &Settings { seed: 5, ..base }, Budget::Tokens(100))).unwrap();
    assert_ne!(other.attempts[0].generation.tokens, spent.attempts[0].generation.tokens);
}
