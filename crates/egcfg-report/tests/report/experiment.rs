//! A whole small experiment in the published layout: the method runs on a scripted model that believes what its signal shows, and an
//! executor that computes what programs of a four-line language return. Results, event logs and all else are real.

use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use egcfg_guidance::{
    Budget, Event, EventSink, ExecutionCache, Session, Settings, Template, best_of, generate,
};
use egcfg_model::{ScriptedModel, TokenId};
use egcfg_results::{Circumstances, TaskCard, Work, event_log};
use egcfg_task::{
    Backend, Event as Happened, Local, Observation, Outcome, Step, TRACE_VERSION, Task, Test, TestResult,
    Trace, Verdict,
};
use egcfg_testing::{ScriptedExecutor, result};

pub(crate) const CONFIGURATIONS: [&str; 2] = ["ns3t0.7d2k1_ln+oe", "ns3t1.2dinfk1_lci_ln+oe"];
pub(crate) const GAMMAS: [f64; 4] = [0.0, 0.5, 1.0, 3.0];

/// The language, slot by slot.
const SLOTS: [&[&str]; 11] = [
    &["def f("],
    &["x):"],
    &["\n    "],
    &["a = x"],
    &[" + ", " - ", " * "],
    &["1", "2", "3"],
    &["\n    "],
    &["b = a"],
    &[" + ", " * "],
    &["2", "4"],
    &["\n    return b", "\n    return a"],
];

fn vocabulary() -> Vec<String> {
    let mut words = vec![String::new(), "\n".to_owned()];
    for word in SLOTS.iter().flat_map(|slot| slot.iter()) {
        if !words.contains(&(*word).to_owned()) {
            words.push((*word).to_owned());
        }
    }
    words.extend((9..127_u8).map(|byte| (byte as char).to_string()).filter(|c| c != "\n"));
    words
}

/// Likes some words by a hash of the task; where the signal shows a passing program that begins with what is written, likes its
/// next word most.
pub(crate) fn model() -> ScriptedModel {
    let words = vocabulary();
    let vocab = words.clone();
    let rule = move |context: &[TokenId]| {
        let text: String = context.iter().map(|token| words[*token as usize].as_str()).collect();
        let (prompt, said) = text.rsplit_once("### Code\n").unwrap_or(("", ""));
        let task = prompt.split("### Runs").next().unwrap_or("");
        let mut logits = vec![-9.0; words.len()];
        let (mut rest, mut slot) = (said, 0);
        while let Some(word) =
            SLOTS.get(slot).and_then(|slot| slot.iter().find(|word| rest.starts_with(**word)))
        {
            rest = &rest[word.len()..];
            slot += 1;
        }
        let Some(slot_words) = SLOTS.get(slot).filter(|_| rest.is_empty()) else {
            logits[usize::from(!said.ends_with('\n'))] = 6.0;
            return logits;
        };
        let believed =
            prompt.rsplit_once("# pass pass\n").and_then(|(_, program)| program.strip_prefix(said));
        for (place, word) in slot_words.iter().enumerate() {
            let id = words.iter().position(|other| other == word).unwrap();
            let hash = task
                .bytes()
                .fold(17_u64 + 31 * slot as u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
            let liking = (hash.wrapping_add(place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f32
                / 16_777_216.0;
            logits[id] =
                1.5 * liking + if believed.is_some_and(|next| next.starts_with(word)) { 2.5 } else { 0.0 };
        }
        logits
    };
    ScriptedModel::with_rule(&vocab, Box::new(rule))
}

/// What a program of the language returns for an argument.
fn run(program: &str, x: i64) -> Option<i64> {
    let mut values = std::collections::HashMap::from([("x", x)]);
    for line in program.lines().skip(1) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("return ") {
            return values.get(name).copied();
        }
        let (name, formula) = line.split_once(" = ")?;
        let mut parts = formula.split(' ');
        let left = *values.get(parts.next()?)?;
        let (operator, right) = (parts.next()?, parts.next()?.parse::<i64>().ok()?);
        values.insert(
            name,
            match operator {
                "+" => left + right,
                "-" => left - right,
                _ => left * right,
            },
        );
    }
    None
}

/// Computes what a program of the language returns for a test's argument, and the trace of the call.
fn calculator() -> ScriptedExecutor {
    ScriptedExecutor::new(|_, test, program| {
        let parts: Vec<i64> = test
            .key()
            .split(|c: char| !c.is_ascii_digit() && c != '-')
            .filter_map(|part| part.parse().ok())
            .collect();
        let (x, expected) = (parts[0], parts[1]);
        let got = run(program, x);
        let verdict = if got == Some(expected) { Verdict::Passed } else { Verdict::WrongAnswer };
        let error = (!verdict.passed()).then(|| format!("expected {expected}"));
        let got = got.map_or_else(|| "None".to_owned(), |value| value.to_string());
        let step = |event, outcome| Step {
            event,
            depth: 2,
            function: "f".into(),
            line: 1,
            source: "def f(x):".into(),
            locals: vec![Local { name: "x".into(), value: x.to_string(), type_name: "int".into() }],
            outcome,
            instruction: None,
        };
        let trace = Trace {
            version: TRACE_VERSION,
            backend: Backend::Settrace,
            python: "3.11".into(),
            invocation: format!("f({x})"),
            steps: vec![
                step(Happened::Call, None),
                step(Happened::Return, Some(Outcome::Returned(got.clone()))),
            ],
            cut: None,
        };
        let result = TestResult { error, got: Some(got), ..result(verdict) };
        Observation { result, trace: Some(trace) }
    })
}

/// Appends lines as the program's own log does, the task's id in each.
struct Log {
    task: String,
    lines: Mutex<Vec<u8>>,
}

impl EventSink for Log {
    fn emit(&self, event: &Event) {
        let line = event_log::line(&self.task, event).unwrap();
        self.lines.lock().unwrap().extend(line.as_bytes());
    }
}

fn tasks(count: usize) -> Vec<Task> {
    // Two ids with wrong tests in MBPP are among them.
    let ids = (0..count).map(|i| {
        if i == 3 {
            180
        } else if i == 7 {
            276
        } else {
            11 + i
        }
    });
    let task = |id: usize| {
        let program = format!(
            "def f(x):\n    a = x {} {}\n    b = a + 2\n    return b\n",
            ["+", "-", "*"][id % 3],
            1 + id % 2
        );
        let test = |x: i64| Test::Assert(format!("assert f({x}) == {}", run(&program, x).unwrap()));
        Task {
            id: id.to_string(),
            prompt: format!("Work out number {id}"),
            entry_point: "f".into(),
            shown_tests: vec![test(3), test(10)],
            ..Task::default()
        }
    };
    ids.map(task).collect()
}

/// Runs the experiment: two configurations, four gammas, best-of-N at equal tokens.
pub(crate) fn write(results: &Path, count: usize) {
    let root = results.join("mbpp").join("scripted_adder");
    std::fs::create_dir_all(&root).unwrap();
    let names = CONFIGURATIONS.map(|name| format!("\"{name}\"")).join(", ");
    let text = format!(
        "version = 1\ndataset = \"mbpp\"\ntasks = {count}\nmodel = \"scripted/adder\"\nmethods = [\"eg_cfg\", \"best_of\"]\n\
         configurations = [{names}]\ngammas = [0.0, 0.5, 1.0, 3.0]\nretries = 0\nuntil_solved = false\nbest_of = \"equal\"\n"
    );
    std::fs::write(root.join("experiment.toml"), text).unwrap();
    std::fs::write(root.join("tasks.jsonl"), TaskCard::lines(&tasks(count))).unwrap();
    let (model, calculator, template) = (model(), calculator(), Template::named("pocket").unwrap());
    for task in tasks(count) {
        let cache = ExecutionCache::default();
        let mut tokens = 0;
        for name in CONFIGURATIONS {
            for gamma in GAMMAS {
                let settings = Settings {
                    config: name.parse().unwrap(),
                    gamma,
                    max_tokens: Some(60),
                    ..Settings::default()
                };
                let log = Log { task: task.id.clone(), lines: Mutex::default() };
                let session = Session {
                    model: &model,
                    executor: &calculator,
                    template: &template,
                    task: &task,
                    cache: &cache,
                    events: &log,
                };
                let started = SystemTime::now();
                let attempt = futures::executor::block_on(async {
                    let generation = generate(session, &settings).await.unwrap();
                    egcfg_guidance::judge(session, gamma, 0, generation).await.unwrap()
                });
                tokens += attempt.generation.stats.generated_tokens();
                let work = Work {
                    task: &task.id,
                    method: "eg_cfg",
                    config: name.to_owned(),
                    template: String::new(),
                    gamma,
                    retry: 0,
                    started,
                    code: &attempt.generation.program,
                    tests: &task.shown_tests,
                    graded: &attempt.results,
                    grader: "sandbox",
                    shown_passed: Some(attempt.passed()),
                    stop: Some(attempt.generation.stop),
                    began: Some(attempt.generation.began),
                    cost: attempt.generation.stats,
                    budget: None,
                    answers: Vec::new(),
                };
                // One log in gzip, as another store may keep it.
                publish(&root, work, &log, gamma == 3.0);
            }
        }
        for (name, folder) in CONFIGURATIONS.into_iter().zip(["best_of_t0.7", "best_of_t1.2_lci"]) {
            let settings = Settings {
                config: name.parse().unwrap(),
                gamma: 0.0,
                max_tokens: Some(60),
                ..Settings::default()
            };
            let log = Log { task: task.id.clone(), lines: Mutex::default() };
            let session = Session {
                model: &model,
                executor: &calculator,
                template: &template,
                task: &task,
                cache: &cache,
                events: &log,
            };
            let started = SystemTime::now();
            let drawn =
                futures::executor::block_on(best_of(session, &settings, Budget::Tokens(tokens))).unwrap();
            let best = drawn.best().unwrap();
            let work = Work {
                task: &task.id,
                method: "best_of",
                config: folder.to_owned(),
                template: String::new(),
                gamma: 0.0,
                retry: 0,
                started,
                code: &best.generation.program,
                tests: &task.shown_tests,
                graded: &best.results,
                grader: "sandbox",
                shown_passed: Some(best.passed()),
                stop: None,
                began: None,
                cost: drawn.stats(),
                budget: Some(tokens),
                answers: Vec::new(),
            };
            publish(&root, work, &log, false);
        }
    }
}

fn publish(root: &Path, work: Work<'_>, log: &Log, gzip: bool) {
    let folder = root.join(&work.config);
    let stem = format!("task_id={}_gamma={:?}", work.task, work.gamma);
    let about = Circumstances {
        dataset: Some("mbpp".into()),
        model: "scripted/adder".into(),
        ..Circumstances::default()
    };
    let file = about.result(work);
    std::fs::create_dir_all(folder.join("events")).unwrap();
    std::fs::write(folder.join(format!("{stem}.json")), serde_json::to_vec(&file).unwrap()).unwrap();
    let lines = log.lines.lock().unwrap();
    if gzip {
        let file = std::fs::File::create(folder.join("events").join(format!("{stem}.jsonl.gz"))).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        encoder.write_all(&lines).unwrap();
        encoder.finish().unwrap();
    } else {
        std::fs::write(folder.join("events").join(format!("{stem}.jsonl")), &*lines).unwrap();
    }
}
