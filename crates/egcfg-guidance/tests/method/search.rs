//! What a search does besides growing: choosing among programs that pass, closing what runs say need not be grown, going on under
//! guidance, and keeping to a budget of all generations together. The language is one of whole lines, small enough to try every
//! program of it and compute by hand what each does.

use std::collections::{BTreeMap, BTreeSet};

use egcfg_guidance::{
    Choosing, Event, EventSink, ExecutionCache, Guided, Limits, Open, Order, Policy, Search, Searched,
    Session, Settings, search, search_guided, solve_in_order,
};
use egcfg_model::{Encode, LanguageModel, ScriptedModel, TokenId};
use egcfg_task::{
    Backend, Event as Happened, Local, Observation, Outcome, Step, TRACE_VERSION, Task, Test, TestResult,
    Trace, Verdict,
};
use egcfg_testing::result;

use crate::parts::{Log, ScriptedExecutor, judge, settings, task, template, wait, writer};

const HEAD: &str = "def f(x):\n";
const FIRST: [&str; 4] = ["    a = x\n", "    a = x + 0\n", "    a = x + 1\n", "    a = x.y\n"];
const SECOND: [&str; 4] = ["    b = a\n", "    b = a * 1\n", "    b = a * 2\n", "    b = a.y\n"];
const LAST: [&str; 2] = ["    return a\n", "    return b\n"];

fn words() -> Vec<String> {
    let lines = std::iter::once(HEAD).chain(FIRST).chain(SECOND).chain(LAST).map(str::to_owned);
    let letters = (9..127_u8).map(|byte| (byte as char).to_string());
    std::iter::once(String::new()).chain(lines).chain(letters).collect()
}

/// Writes a head, a first, a second and a last line; how much it likes each is a hash of the answer so far.
fn lines(seed: u64) -> ScriptedModel {
    let words = words();
    let vocab = words.clone();
    let rule = move |context: &[TokenId]| {
        let text: String = context.iter().map(|token| words[*token as usize].as_str()).collect();
        let answer = text.rsplit("### Code\n").next().unwrap_or("");
        let slot: &[&str] = match answer.lines().count() {
            0 => &[HEAD],
            1 => &FIRST,
            2 => &SECOND,
            3 => &LAST,
            _ => &[""],
        };
        let mut logits = vec![-40.0; words.len()];
        for line in slot {
            let hash = answer.bytes().chain(line.bytes()).fold(seed ^ 0x51, |h: u64, b| {
                (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(19)
            });
            let id = words.iter().position(|word| word == line).unwrap();
            logits[id] = 3.0 * ((hash >> 40) as f32 / (1 << 24) as f32);
        }
        logits
    };
    ScriptedModel::with_rule(&vocab, Box::new(rule))
}

/// What a program does on `x`, line by line: the variables before each line and how it ends.
fn run(program: &str, x: i64) -> (Vec<BTreeMap<&str, i64>>, Result<i64, usize>) {
    let mut values = BTreeMap::from([("x", x)]);
    let mut before = Vec::new();
    for (number, line) in program.lines().enumerate().skip(1) {
        before.push(values.clone());
        let line = line.trim();
        if let Some(name) = line.strip_prefix("return ") {
            return (before, Ok(values[name]));
        }
        let (name, formula) = line.split_once(" = ").unwrap();
        let name = if name == "a" { "a" } else { "b" };
        let value = match formula {
            "x" | "x + 0" => x,
            "x + 1" => x + 1,
            "a" | "a * 1" => values["a"],
            "a * 2" => 2 * values["a"],
            _ => return (before, Err(number + 1)),
        };
        values.insert(name, value);
    }
    (before, Err(0))
}

/// The trace that the sandbox would give.
fn observe(program: &str, test: &Test) -> Observation {
    let numbers: Vec<i64> =
        test.key().split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    let x = numbers.first().copied().unwrap_or(0);
    let (before, end) = run(program, x);
    let step = |event, line: usize, values: &BTreeMap<&str, i64>, outcome| Step {
        event,
        depth: 2,
        function: "f".into(),
        line: line as u32,
        source: String::new(),
        locals: values
            .iter()
            .map(|(name, value)| Local {
                name: (*name).into(),
                value: value.to_string(),
                type_name: "int".into(),
            })
            .collect(),
        outcome,
        instruction: None,
    };
    let mut steps = vec![step(Happened::Call, 1, &BTreeMap::from([("x", x)]), None)];
    steps.extend(before.iter().enumerate().map(|(at, values)| step(Happened::Line, at + 2, values, None)));
    let (last, line) = (before.last().cloned().unwrap_or_default(), before.len() + 1);
    let verdict = match end {
        Ok(value) => {
            steps.push(step(Happened::Return, line, &last, Some(Outcome::Returned(value.to_string()))));
            if Some(&value) == numbers.get(1) { Verdict::Passed } else { Verdict::WrongAnswer }
        }
        Err(line) => {
            let raised = Outcome::Raised { exception: "AttributeError".into(), message: "no y".into() };
            steps.push(step(Happened::Exception, line, &last, Some(raised)));
            Verdict::Exception { exception: "AttributeError".into() }
        }
    };
    let trace = Trace {
        version: TRACE_VERSION,
        backend: Backend::Settrace,
        python: "3.12".into(),
        invocation: format!("f({x})"),
        steps,
        cut: None,
    };
    let got = end.ok().map(|value| value.to_string());
    Observation { result: TestResult { got, ..result(verdict) }, trace: Some(trace) }
}

fn interpreter() -> ScriptedExecutor {
    ScriptedExecutor::new(|_, test, program| observe(program, test))
}

fn searched(model: &ScriptedModel, task: &Task, how: &Search) -> (Searched, ScriptedExecutor) {
    let (template, cache, executor) = (template(), ExecutionCache::default(), interpreter());
    let events = egcfg_guidance::NoEvents;
    let session =
        Session { model, executor: &executor, template: &template, task, cache: &cache, events: &events };
    let settings = Settings { top_p: 0.999, ..settings("ns1t1.0d1k1_ln", 0.0) };
    (wait(search(session, &settings, how)).unwrap(), executor)
}

/// A task of this language: f(1) and f(2).
fn asks(one: i64, two: i64) -> Task {
    let tests = [format!("assert f(1) == {one}"), format!("assert f(2) == {two}")];
    Task { shown_tests: tests.into_iter().map(Test::Assert).collect(), ..task() }
}

fn everything(policy: Policy) -> Search {
    Search {
        policy,
        greedy_first: false,
        stop_on_pass: false,
        limits: Limits::default(),
        ..Search::default()
    }
}

fn programs(found: &Searched) -> BTreeSet<String> {
    found.solution.attempts.iter().map(|attempt| attempt.generation.program.clone()).collect()
}

/// What a program gives on both tests; `None` where it raises.
fn outputs(program: &str) -> [Option<i64>; 2] {
    [1, 2].map(|x| run(program, x).1.ok())
}

#[test]
fn a_dead_beginning_is_written_to_its_end_once() {
    let mut saved = 0;
    for policy in [Policy::Priority, Policy::Unique] {
        for seed in 0..6 {
            let (model, task) = (lines(seed), asks(8, 9));
            let (all, _) = searched(&model, &task, &everything(policy));
            assert_eq!(all.solution.attempts.len(), 4 * 4 * 2, "every program of the language");
            let (some, _) = searched(&model, &task, &Search { dead_ends: true, ..everything(policy) });
            assert!(some.exhausted);
            // By hand: of the programs that share a dead beginning one is written.
            let dead = |program: &String| {
                let lines: Vec<&str> = program.split_inclusive('\n').collect();
                match run(program, 1).1 {
                    Err(line) => lines[..line].concat(),
                    Ok(_) => program.clone(),
                }
            };
            let expected: BTreeSet<String> = programs(&all).iter().map(dead).collect();
            let met: Vec<String> = programs(&some).iter().map(dead).collect();
            assert_eq!(met.len(), expected.len(), "{policy} {seed}: none twice");
            assert_eq!(
                met.into_iter().collect::<BTreeSet<String>>(),
                expected,
                "{policy} {seed}: none missing"
            );
            assert!(some.tree.generated() < all.tree.generated() && some.tree.closed() > 0);
            saved += all.tree.generated() - some.tree.generated();
        }
    }
    assert!(saved > 100, "{saved}");
}

#[test]
fn of_equal_states_one_goes_on_and_no_output_is_lost() {
    for policy in [Policy::Priority, Policy::Unique] {
        for seed in 0..6 {
            let (model, task) = (lines(seed), asks(8, 9));
            let (all, _) = searched(&model, &task, &everything(policy));
            let (some, _) = searched(&model, &task, &Search { equal_states: true, ..everything(policy) });
            let given =
                |found: &Searched| programs(found).iter().map(|p| outputs(p)).collect::<BTreeSet<_>>();
            assert_eq!(given(&all), given(&some), "{policy} {seed}");
            assert!(some.tree.generated() < all.tree.generated(), "{policy} {seed}");
        }
    }
}

#[test]
fn choosing_goes_on_and_says_what_was_the_answer_when() {
    for seed in 0..8 {
        let (model, task) = (lines(seed), asks(1, 2));
        let how = |choosing| Search { choosing, stop_on_pass: true, ..everything(Policy::Priority) };
        let (first, _) = searched(&model, &task, &how(Choosing::First));
        assert!(first.solution.attempts.last().unwrap().passed(), "the first one ends the search");
        let (likely, _) = searched(&model, &task, &how(Choosing::Likely));
        let (short, _) = searched(&model, &task, &how(Choosing::Short));
        assert_eq!(likely.solution.attempts.len(), 32, "the others do not");
        // By hand, over all that pass.
        let passing: Vec<(usize, f64, &str)> = likely
            .solution
            .attempts
            .iter()
            .enumerate()
            .filter(|(_, attempt)| attempt.passed())
            .map(|(at, attempt)| (at, likely.tree.leaves()[at].log_prob, attempt.generation.program.as_str()))
            .collect();
        assert!(passing.len() > 4);
        let best = passing.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a }).unwrap();
        assert_eq!(likely.solution.best().unwrap().generation.program, best.2);
        let shortest = passing.iter().map(|own| own.2.len()).min().unwrap();
        assert_eq!(short.solution.best().unwrap().generation.program.len(), shortest);
        // At each turn the answer is the best of those known by then, and its tokens are those spent by then.
        let spent = |at: usize| -> usize {
            likely.solution.attempts[..=at].iter().map(|a| a.generation.stats.generated_tokens()).sum()
        };
        let mut expected: Vec<(usize, usize)> = Vec::new();
        for known in 1..=passing.len() {
            let best = passing[..known].iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a }).unwrap();
            if expected.last().is_none_or(|last| last.1 != best.0) {
                expected.push((spent(passing[known - 1].0), best.0));
            }
        }
        let told: Vec<(usize, usize)> =
            likely.solution.answers.iter().map(|answer| (answer.tokens, answer.attempt)).collect();
        assert_eq!(told, expected, "seed {seed}");
    }
}

#[test]
fn a_vote_runs_programs_on_calls_that_no_test_holds() {
    // f(1) == 1 and f(2) == 2 hold for `x`; the executor lies on changed calls: programs that hold ` + 0` give something else there.
    let task = asks(1, 2);
    let known: Vec<String> = task.shown_tests.iter().map(|test| test.key().to_owned()).collect();
    let executor = ScriptedExecutor::new(move |_, test, program| {
        if known.iter().any(|own| own == test.key()) {
            return observe(program, test);
        }
        let got = if program.contains(" + 0") { "minority" } else { "majority" };
        let result = TestResult { got: Some(got.into()), ..result(Verdict::WrongAnswer) };
        Observation { result, trace: None }
    });
    let mut differ = 0;
    for seed in 0..12 {
        let (model, template, cache, log) =
            (lines(seed), template(), ExecutionCache::default(), Log::default());
        let session = Session {
            model: &model,
            executor: &executor,
            template: &template,
            task: &task,
            cache: &cache,
            events: &log,
        };
        let settings = Settings { top_p: 0.999, ..settings("ns1t1.0d1k1_ln", 0.0) };
        let how = Search { choosing: Choosing::Vote, ..everything(Policy::Priority) };
        let found = wait(search(session, &settings, &how)).unwrap();
        let mut mass = [0.0, 0.0];
        for (attempt, leaf) in found.solution.attempts.iter().zip(found.tree.leaves()) {
            if attempt.passed() {
                mass[usize::from(attempt.generation.program.contains(" + 0"))] += leaf.log_prob.exp();
            }
        }
        let chosen = found.solution.best().unwrap().generation.program.contains(" + 0");
        assert_eq!(chosen, mass[1] > mass[0], "seed {seed}: {mass:?}");
        differ += usize::from(chosen);
        let ran = log
            .events()
            .iter()
            .any(|event| matches!(event, Event::Executions { runs, .. } if runs.len() > 1));
        assert!(ran, "what choosing runs is told");
    }
    assert!(differ > 0 && differ < 12, "both sides win: {differ}");
}

/// Keeps prompts too.
#[derive(Default)]
struct Prompts(Log);

impl EventSink for Prompts {
    fn emit(&self, event: &Event) {
        self.0.emit(event);
    }

    fn wants_prompts(&self) -> bool {
        true
    }
}

#[test]
fn guided_search_grows_below_the_runs_of_the_best_programs() {
    // Not 0.5: the writer's likings differ by few amounts, and a mean of two streams would often be a tie.
    for (seed, gamma) in [(1, 1.0), (2, 1.0), (3, 0.7), (4, 2.0)] {
        let (model, template, cache) = (writer(seed), template(), ExecutionCache::default());
        let (events, never, task) = (Prompts::default(), judge(|_: &str| false), task());
        let session = Session {
            model: &model,
            executor: &never,
            template: &template,
            task: &task,
            cache: &cache,
            events: &events,
        };
        let settings = settings("ns1t1.0dinfk1_ln+om2", 0.0);
        let how = Search { limits: Limits { tokens: Some(400), ..Limits::default() }, ..Search::default() };
        let found = wait(search_guided(session, &settings, &how, &Guided { share: 0.5, gamma })).unwrap();
        let spent = found.solution.stats().generated_tokens();
        assert!(spent <= 400 && spent > 300, "{spent}");
        let events = events.0.events();
        let guided = events.iter().find_map(|event| match event {
            Event::Prompt { guided: true, ids } => Some(ids.clone()),
            _ => None,
        });
        let guided = guided.expect("a guided prompt");
        let text = model.text(&guided);
        assert!(text.contains("# fail fail\n") && text.contains("def f(x):"), "{text}");
        // The plain tree is the one that the same search without guidance grows with half of the tokens.
        let half = Search { limits: Limits { tokens: Some(200), ..Limits::default() }, ..how };
        let plain = wait(search(session, &settings, &half)).unwrap();
        assert_eq!(plain.tree.leaves(), found.tree.leaves());
        // What comes next is the most probable program of the blend, token by token.
        let next = &found.solution.attempts[plain.solution.attempts.len()].generation.tokens;
        let prompt = model
            .encode("### Task\nadd\nassert f(1) == 8\nassert f(2) == 9\n### Code\n", Encode::Plain)
            .unwrap();
        for at in 0..next.len() {
            let p = model.distribution(&[prompt.as_slice(), &next[..at]].concat());
            let g = model.distribution(&[guided.as_slice(), &next[..at]].concat());
            let choice = egcfg_guidance::choose(Some(&p), Some(&g), gamma).unwrap().0;
            assert_eq!(next[at], choice, "seed {seed} gamma {gamma} token {at}");
        }
    }
}

#[test]
fn all_generations_of_an_order_keep_one_budget() {
    let mut reached = 0;
    for seed in 0..6 {
        for budget in [1, 7, 40, 90, 200, 333] {
            for name in ["ns3t0.9d3k1_ln+om2", "ns3t0.9dinfk1_ln+om2pre", "ns3t0.9dinfk1_ln+om2re-priority"] {
                let (model, template, cache) = (writer(seed), template(), ExecutionCache::default());
                let (never, task) = (judge(|_: &str| false), task());
                let session = Session {
                    model: &model,
                    executor: &never,
                    template: &template,
                    task: &task,
                    cache: &cache,
                    events: &egcfg_guidance::NoEvents,
                };
                let limits = Limits { tokens: Some((budget / 2).max(1)), ..Limits::default() };
                let order = Order {
                    search: Some(Search { limits, ..Search::default() }),
                    gammas: vec![1.0, 0.5],
                    retries: 9,
                    open: Open::Never,
                };
                let settings = Settings { budget: Some(budget), ..settings(name, 0.0) };
                let solution = wait(solve_in_order(session, &settings, &order)).unwrap();
                let spent = solution.stats().generated_tokens();
                assert!(spent <= budget, "{name} {budget}: {spent}");
                reached += usize::from(spent == budget);
            }
        }
    }
    assert!(reached > 40, "a budget is used: {reached}");
}

#[test]
fn candidates_of_a_tree_are_drawn_once_and_shared_beginnings_are_paid_once() {
    for name in ["ns4t1.0dinfk1_ln+om2-priority", "ns4t1.0dinfk1_ln+om2e-unique"] {
        for seed in 0..6 {
            for gamma in [0.5, 1.0, 3.0] {
                let settings = Settings { seed, ..settings(name, gamma) };
                let (generation, events) = crate::parts::write(
                    &writer(seed),
                    &judge(|p: &str| p.len() % 5 == 0),
                    &settings,
                    &template(),
                );
                let (mut drawn, mut paid, mut whole, mut kept) = (BTreeSet::new(), 0, 0, 0);
                for event in &events {
                    if let Event::Candidates { guided: false, candidates, .. } = event {
                        for one in candidates {
                            if one.new_tokens == 0 {
                                assert!(drawn.contains(&one.id), "{name}: what is kept was drawn before");
                                kept += 1;
                                continue;
                            }
                            assert!(drawn.insert(one.id), "{name}: a candidate is drawn once");
                            paid += one.new_tokens;
                            whole += one.new_tokens + one.reused_tokens;
                        }
                        let texts: BTreeSet<&String> = candidates.iter().map(|one| &one.text).collect();
                        assert_eq!(texts.len(), candidates.len(), "{name}: no program twice");
                    }
                }
                assert!(paid < whole && kept > 0, "{name} {seed}: {paid} of {whole}, {kept} kept");
                assert!(generation.stats.sampled_tokens >= paid);
            }
        }
    }
}
