//! The tree: `unique` enumerates the whole distribution and draws as sampling without replacement does; `priority` pops in
//! the order that sorting all beginnings gives; `beam` is the exhaustive beam; and every token is counted once.

use std::collections::{BTreeMap, HashMap};

use egcfg_guidance::{
    Budget, Event, ExecutionCache, Limits, Policy, Search, Searched, Session, Settings, best_of_batched,
    search,
};
use egcfg_model::{Encode, LanguageModel, ScriptedModel, TokenId};
use egcfg_testing::language::by_answer;

use crate::parts::{Log, judge, settings, task, template, wait, writer};

/// Three tokens and an end, answers of at most four tokens: every distribution can be written down.
fn small(seed: u64) -> ScriptedModel {
    by_answer(move |answer, _| {
        let hash = answer.bytes().fold(seed ^ 0x9e37_79b9, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
        });
        let logit =
            |place: u64| ((hash ^ place).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f32 / (1 << 24) as f32;
        let end = if answer.len() >= 3 { 40.0 } else { 2.0 * logit(0) };
        vec![(0, end), (4, 3.0 * logit(1)), (6, 3.0 * logit(2)), (8, 3.0 * logit(3))]
    })
}

/// All tokens that are not among the four have probability e^-9 or less: the nucleus of 0.99 leaves them out.
fn base(seed: u64) -> Settings {
    Settings { seed, top_p: 0.99, max_tokens: Some(8), ..settings("ns1t1.0d1k1_ln", 0.0) }
}

fn searched(model: &ScriptedModel, settings: &Settings, how: &Search) -> (Searched, Vec<Event>) {
    let (task, template, cache, log) = (task(), template(), ExecutionCache::default(), Log::default());
    let never = judge(|_: &str| false);
    let session =
        Session { model, executor: &never, template: &template, task: &task, cache: &cache, events: &log };
    (wait(search(session, settings, how)).unwrap(), log.events())
}

fn unlimited(policy: Policy, width: usize) -> Search {
    Search { policy, width, greedy_first: false, limits: Limits::default(), ..Search::default() }
}

/// The nucleus at temperature 1, by hand: tokens with their shares, most probable first.
fn nucleus(model: &ScriptedModel, context: &[TokenId], top_p: f64) -> Vec<(TokenId, f64, f64)> {
    let mut all: Vec<(TokenId, f64)> =
        model.distribution(context).entries().map(|(t, l)| (t, f64::from(l))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut sum = 0.0;
    let mut kept = Vec::new();
    for (token, log) in all {
        kept.push((token, log));
        sum += log.exp();
        if sum >= top_p {
            break;
        }
    }
    kept.into_iter().map(|(token, log)| (token, log.exp() / sum, log)).collect()
}

/// Every program of the shaped distribution: its tokens, its probability there, its log-probability under the model.
fn enumerate(model: &ScriptedModel, top_p: f64) -> Vec<(Vec<TokenId>, f64, f64)> {
    let prompt = model.encode(PROMPT, Encode::Plain).unwrap();
    let mut open = vec![(Vec::new(), 1.0, 0.0)];
    let mut done = Vec::new();
    while let Some((tokens, share, log)) = open.pop() {
        let context = [prompt.as_slice(), &tokens].concat();
        for (token, own, own_log) in nucleus(model, &context, top_p) {
            let path = [tokens.as_slice(), &[token]].concat();
            let entry = (path, share * own, log + own_log);
            if token == 0 { done.push(entry) } else { open.push(entry) }
        }
    }
    done
}

const PROMPT: &str = "### Task\nadd\nassert f(1) == 8\nassert f(2) == 9\n### Code\n";

#[test]
fn unique_enumerates_the_distribution_and_its_mass_is_one() {
    for seed in 0..6 {
        let model = small(seed);
        let all = enumerate(&model, 0.99);
        let (found, events) = searched(&model, &base(seed), &unlimited(Policy::Unique, 1));
        assert!(found.exhausted && found.tree.remaining() == 0.0, "nothing is left");
        let leaves = found.tree.leaves();
        assert_eq!(leaves.len(), all.len());
        let known: BTreeMap<&[TokenId], (f64, f64)> =
            all.iter().map(|(tokens, share, log)| (tokens.as_slice(), (*share, *log))).collect();
        let mut mass = 0.0;
        let mut seen = std::collections::BTreeSet::new();
        for leaf in leaves {
            let (share, log) = known[leaf.tokens.as_slice()];
            assert!((leaf.log_prob - log).abs() < 1e-4, "{} {log}", leaf.log_prob);
            assert!(seen.insert(leaf.tokens.clone()), "a program is drawn once");
            mass += share;
        }
        assert!((mass - 1.0).abs() < 1e-9);
        // Programs with their tokens' own log-probabilities, as training takes them.
        for (program, leaf) in found.programs().iter().zip(leaves) {
            assert_eq!((&program.tokens, program.log_probs.len()), (&leaf.tokens, leaf.tokens.len()));
            let sum: f64 = program.log_probs.iter().map(|log| f64::from(*log)).sum();
            assert!((sum - leaf.log_prob).abs() < 1e-4 && program.finished);
        }
        // Beginnings are generated once: distinct ones, counted by a second hand.
        let beginnings: std::collections::BTreeSet<&[TokenId]> =
            all.iter().flat_map(|(tokens, ..)| (1..=tokens.len()).map(move |n| &tokens[..n])).collect();
        assert_eq!(found.tree.nodes(), beginnings.len());
        let told: usize = events
            .iter()
            .filter_map(|event| match event {
                Event::Grown { programs, .. } => Some(programs.iter().map(|p| p.new_tokens).sum::<usize>()),
                _ => None,
            })
            .sum();
        assert_eq!((told, found.tree.generated()), (beginnings.len(), beginnings.len()));
        assert_eq!(found.solution.stats().generated_tokens(), beginnings.len());
    }
}

#[test]
fn unique_draws_as_brute_force_sampling_without_replacement_does() {
    // Ordered pairs of the first two programs over 4,000 seeds against their exact probabilities p(a) p(b) / (1 - p(a)):
    // Pearson's statistic over the pairs that are expected five times or more, and all others together. With m cells it
    // has mean m - 1 and variance 2 (m - 1); beyond six standard deviations of the normal approximation is an error rate
    // below 1e-6 (chi-squared with 30 degrees of freedom or more). The seeds are fixed, so the test is deterministic.
    let model = small(3);
    let all = enumerate(&model, 0.99);
    let runs = 4000;
    let mut counts: HashMap<(Vec<TokenId>, Vec<TokenId>), usize> = HashMap::new();
    for seed in 0..runs {
        let how = Search {
            limits: Limits { programs: Some(2), ..Limits::default() },
            ..unlimited(Policy::Unique, 1)
        };
        let (found, _) = searched(&model, &base(seed), &how);
        let leaves = found.tree.leaves();
        *counts.entry((leaves[0].tokens.clone(), leaves[1].tokens.clone())).or_default() += 1;
    }
    let (mut statistic, mut cells, mut rest) = (0.0, 0_usize, (0.0, 0.0));
    for (a, p, _) in &all {
        for (b, q, _) in all.iter().filter(|(b, ..)| b != a) {
            let expected = runs as f64 * p * q / (1.0 - p);
            let seen = counts.get(&(a.clone(), b.clone())).copied().unwrap_or(0) as f64;
            if expected >= 5.0 {
                statistic += (seen - expected).powi(2) / expected;
                cells += 1;
            } else {
                rest = (rest.0 + expected, rest.1 + seen);
            }
        }
    }
    if rest.0 >= 5.0 {
        statistic += (rest.1 - rest.0).powi(2) / rest.0;
        cells += 1;
    }
    let (mean, deviation) = ((cells - 1) as f64, (2.0 * (cells - 1) as f64).sqrt());
    assert!(cells > 30, "{cells}");
    assert!(statistic < mean + 6.0 * deviation, "{statistic} over {cells} cells");
    // The same seeds give independent draws another statistic: the test can fail.
    assert!(counts.keys().all(|(a, b)| a != b));
}

#[test]
fn a_first_draw_is_the_draw_of_independent_sampling() {
    // Nothing was drawn yet: walking the tree and asking the model come to the same, at the engine's own random numbers.
    for seed in 0..20 {
        let model = writer(seed);
        let one = Limits { programs: Some(1), ..Limits::default() };
        let settings = Settings { top_p: 0.95, max_tokens: Some(60), ..base(seed) };
        let how = Search { limits: one, ..unlimited(Policy::Unique, 1) };
        let (unique, _) = searched(&model, &settings, &how);
        assert_eq!(unique.tree.leaves().len(), 1);
        let tokens = &unique.tree.leaves()[0].tokens;
        assert_eq!(unique.tree.nodes(), tokens.len());
    }
}

#[test]
fn priority_pops_in_the_order_that_sorting_gives() {
    for seed in 0..8 {
        let model = small(seed);
        let prompt = model.encode(PROMPT, Encode::Plain).unwrap();
        let (found, _) = searched(&model, &base(seed), &unlimited(Policy::Priority, 1));
        assert!(found.exhausted);
        // By hand: all unexpanded tokens, sorted; the first is taken and continued greedily.
        let mut open: Vec<(f64, Vec<TokenId>)> = vec![(0.0, Vec::new())];
        let mut order = Vec::new();
        while !open.is_empty() {
            open.sort_by(|a, b| b.0.total_cmp(&a.0));
            let (mut log, mut path) = open.remove(0);
            while path.last() != Some(&0) {
                let context = [prompt.as_slice(), &path].concat();
                let row = nucleus(&model, &context, 0.99);
                for (token, _, own) in &row[1..] {
                    open.push((log + own, [path.as_slice(), &[*token]].concat()));
                }
                log += row[0].2;
                path.push(row[0].0);
            }
            order.push((path, log));
        }
        let leaves = found.tree.leaves();
        assert_eq!(leaves.len(), order.len());
        for (leaf, (path, log)) in leaves.iter().zip(&order) {
            assert_eq!(&leaf.tokens, path, "seed {seed}");
            assert!((leaf.log_prob - log).abs() < 1e-4);
        }
        assert_eq!(found.tree.nodes(), found.tree.generated());
    }
}

#[test]
fn width_changes_the_order_and_not_the_programs() {
    for policy in [Policy::Unique, Policy::Priority] {
        for seed in 0..4 {
            let model = small(seed);
            let narrow = searched(&model, &base(seed), &unlimited(policy, 1)).0;
            let wide = searched(&model, &base(seed), &unlimited(policy, 5)).0;
            let programs = |found: &Searched| {
                found
                    .tree
                    .leaves()
                    .iter()
                    .map(|leaf| leaf.tokens.clone())
                    .collect::<std::collections::BTreeSet<_>>()
            };
            assert!(wide.exhausted && programs(&narrow) == programs(&wide), "{policy} seed {seed}");
            assert_eq!(wide.tree.nodes(), narrow.tree.nodes());
        }
    }
}

#[test]
fn beam_is_the_exhaustive_beam() {
    for (seed, width) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 7)] {
        let model = small(seed);
        let prompt = model.encode(PROMPT, Encode::Plain).unwrap();
        let (found, _) = searched(&model, &base(seed), &unlimited(Policy::Beam, width));
        let mut alive: Vec<(f64, Vec<TokenId>)> = vec![(0.0, Vec::new())];
        let mut done: Vec<(f64, Vec<TokenId>)> = Vec::new();
        while !alive.is_empty() {
            let mut next = Vec::new();
            for (log, path) in &alive {
                let context = [prompt.as_slice(), path].concat();
                for (token, _, own) in nucleus(&model, &context, 0.99) {
                    next.push((log + own, [path.as_slice(), &[token]].concat()));
                }
            }
            next.sort_by(|a, b| b.0.total_cmp(&a.0));
            next.truncate(width);
            let (ended, open): (Vec<_>, Vec<_>) =
                next.into_iter().partition(|(_, path)| path.last() == Some(&0));
            done.extend(ended);
            alive = open;
        }
        // To the very end, without any early exit: the early exit must not change the result.
        done.sort_by(|a, b| b.0.total_cmp(&a.0));
        done.truncate(width);
        let leaves = found.tree.leaves();
        assert_eq!(
            leaves.iter().map(|leaf| &leaf.tokens).collect::<Vec<_>>(),
            done.iter().map(|(_, path)| path).collect::<Vec<_>>(),
            "seed {seed} width {width}"
        );
        assert_eq!(found.solution.stats().generated_tokens(), found.tree.nodes());
    }
}

#[test]
fn a_search_keeps_its_limits() {
    for policy in [Policy::Independent, Policy::Unique, Policy::Priority, Policy::Beam] {
        for (width, most) in [(1, 40), (3, 50), (4, 7), (2, 1)] {
            let model = writer(2);
            let settings = Settings { max_tokens: Some(60), ..base(2) };
            let limits = Limits { tokens: Some(most), ..Limits::default() };
            let how = Search { policy, width, limits, ..Search::default() };
            let (found, _) = searched(&model, &settings, &how);
            let spent = found.solution.stats().generated_tokens();
            assert!(spent <= most.max(width), "{policy} {width} {most}: {spent}");
            assert!(!found.solution.attempts.is_empty());
        }
        let limits = Limits { programs: Some(3), ..Limits::default() };
        let how = Search { policy, width: 2, limits, ..Search::default() };
        let (found, _) = searched(&writer(2), &base(2), &how);
        assert!(found.solution.attempts.len() <= 3, "{policy}");
    }
}

#[test]
fn independent_draws_do_not_depend_on_the_width() {
    let (task, template, cache, model) = (task(), template(), ExecutionCache::default(), writer(1));
    let (never, log) = (judge(|_: &str| false), Log::default());
    let session = Session {
        model: &model,
        executor: &never,
        template: &template,
        task: &task,
        cache: &cache,
        events: &log,
    };
    let base = settings("ns1t1.0d1k1_ln", 0.0);
    let tokens = |width: usize| -> Vec<Vec<TokenId>> {
        let drawn = wait(best_of_batched(session, &base, Budget::Samples(9), width)).unwrap();
        drawn.attempts.into_iter().map(|attempt| attempt.generation.tokens).collect()
    };
    let one = tokens(1);
    assert_eq!((one.len(), &tokens(4), &tokens(9)), (9, &one, &one));
}

#[test]
fn a_passing_program_ends_the_search_and_equal_ones_run_once() {
    let (task, template, cache) = (task(), template(), ExecutionCache::default());
    let (mut solved, mut ran) = (0, 0);
    for seed in 0..10 {
        let model = writer(seed);
        let some = judge(|program: &str| program.trim_end().ends_with("return 2"));
        let session = Session {
            model: &model,
            executor: &some,
            template: &template,
            task: &task,
            cache: &cache,
            events: &egcfg_guidance::NoEvents,
        };
        let limits = Limits { tokens: Some(600), ..Limits::default() };
        let how = Search { limits, ..Search::default() };
        let found = wait(search(session, &settings("ns1t1.0d1k1_ln", 0.0), &how)).unwrap();
        let attempts = &found.solution.attempts;
        assert!(attempts[..attempts.len() - 1].iter().all(|attempt| !attempt.passed()));
        solved += usize::from(found.solution.solved());
        let judged = some.judged();
        ran += judged.len();
        let distinct: std::collections::BTreeSet<&String> = judged.iter().collect();
        assert_eq!(distinct.len(), judged.len());
    }
    assert!(solved > 3 && ran > 10, "{solved} {ran}");
}
