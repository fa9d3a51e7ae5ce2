//! `egcfg compare`: plain greedy decoding, EG-CFG at one configuration, and best-of-N with the same number of generated
//! tokens, task by task, on the same model and the same sandbox. Solved means that every graded test passes; methods
//! choose by the shown tests alone.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use egcfg_grade::{Extent, Grade, SandboxExecutor, grade, trouble};
use egcfg_guidance::{
    Attempt, Budget, ExecutionCache, NoEvents, Session, Settings, Stats, Template, best_of, generate, judge,
};
use egcfg_model::LanguageModel;
use egcfg_results::stats::{Interval, Score, lead, rsr};
use egcfg_task::{Config, Task};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};

use crate::args::compare::CompareArgs;
use crate::exit::{Failure, SOLVED};
use crate::input::{doubts, task_file};
use crate::output::meter::{Meter, Steps};
use crate::output::requests::requests;
use crate::output::text::{data, show};
use crate::parts::{for_tasks, load_model, start_runner};
use crate::settings::method;

/// What a method reached on a task.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// Passes the shown tests.
    pub(crate) shown: bool,
    /// Passes the graded tests.
    pub(crate) graded: bool,
    /// Whole samples judged.
    pub(crate) samples: usize,
    pub(crate) seconds: f64,
    pub(crate) cost: Stats,
}

/// One task's row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) task: String,
    /// What the row was made with; a row of other settings is not taken for this run's.
    key: String,
    pub(crate) plain: Reached,
    pub(crate) guided: Reached,
    pub(crate) best_of: Reached,
}

pub(crate) async fn run(args: CompareArgs) -> Result<ExitCode, Failure> {
    let (config, gamma) = (method::config(&args.method)?, method::gamma(&args.method)?);
    let mut tasks = task_file::read(&args.tasks)?;
    doubts::refuse(&tasks, args.sandbox.allow_doubtful_tests)?;
    tasks.truncate(args.limit.unwrap_or(usize::MAX));
    let best_of_temperature = args.best_of_temperature.unwrap_or(config.temperature);
    let jobs = args.jobs.clamp(1, tasks.len().max(1));
    let runner = start_runner(&for_tasks(&args.sandbox, &tasks, false)).await?;
    let model = load_model(&args.model, jobs)?;
    let template = method::template(&args.method, &config, model.info())?;
    let settings = Settings { gamma, ..method::settings(&args.method, config, runner.python()) };
    let setting =
        Setting { model: &*model, runner: &runner, template: &template, settings, best_of_temperature };
    let key = setting.key();
    let done = args.out.as_deref().map(|path| read_rows(path, &key)).transpose()?.unwrap_or_default();
    let mut out = args.out.as_deref().map(open_rows).transpose()?;

    let mut rows = Vec::new();
    let meter = Meter::new("tasks", Steps::Things, tasks.len() as u64);
    let work = tasks.iter().map(|task| {
        let (setting, known) = (&setting, done.get(&task.id).cloned());
        async move {
            match known {
                Some(row) => Ok((row, false)),
                None => setting.row(task).await.map(|row| (row, true)),
            }
        }
    });
    let mut results = futures::stream::iter(work).buffered(jobs);
    while let Some(result) = results.next().await {
        let (row, fresh) = result?;
        if let (true, Some(file)) = (fresh, &mut out) {
            let line = serde_json::to_string(&row).unwrap_or_default() + "\n";
            file.write_all(line.as_bytes())
                .map_err(|error| Failure::input(format!("failed to write a row: {error}")))?;
        }
        rows.push(row);
        let count = |solved: fn(&Row) -> bool| rows.iter().filter(|r| solved(r)).count();
        let (plain, guided, best) =
            (count(|r| r.plain.graded), count(|r| r.guided.graded), count(|r| r.best_of.graded));
        meter.say(&format!("plain {plain}, guided {guided}, best-of-N {best}"));
        meter.at(rows.len() as u64, tasks.len() as u64);
    }
    meter.end();
    if args.json {
        data(&(summary(&rows, &config, gamma).to_string() + "\n"))?;
    } else {
        show(&table(&rows, &config, gamma))?;
    }
    Ok(ExitCode::from(SOLVED))
}

/// What all tasks share.
pub(crate) struct Setting<'a> {
    pub(crate) model: &'a dyn LanguageModel,
    pub(crate) runner: &'a SandboxExecutor,
    pub(crate) template: &'a Template,
    pub(crate) settings: Settings,
    pub(crate) best_of_temperature: egcfg_task::Temperature,
}

impl Setting<'_> {
    /// Everything that a row depends on besides its task.
    fn key(&self) -> String {
        let Settings { config, gamma, seed, max_tokens, signal_style, signal_tokens, top_p, .. } =
            &self.settings;
        let details: Vec<String> =
            self.model.info().details.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let text = format!(
            "{} {details:?} {config} gamma={gamma} seed={seed} {max_tokens:?} {signal_style:?} {signal_tokens:?} {top_p} bo_t={} {}",
            self.model.info().name,
            self.best_of_temperature,
            self.template.name
        );
        format!("{:016x}", egcfg_task::derive_seed(0, &[&text]))
    }

    /// All three methods on one task.
    pub(crate) async fn row(&self, task: &Task) -> Result<Row, Failure> {
        let cache = ExecutionCache::default();
        let session = Session {
            model: self.model,
            executor: self.runner,
            template: self.template,
            task,
            cache: &cache,
            events: &NoEvents,
        };
        let plain = self.one(session, &Settings { gamma: 0.0, ..self.settings.clone() }).await?;
        let guided = self.one(session, &self.settings).await?;
        let started = std::time::Instant::now();
        let settings = Settings {
            config: Config { temperature: self.best_of_temperature, ..self.settings.config },
            ..self.settings.clone()
        };
        let drawn = best_of(session, &settings, Budget::Tokens(guided.cost.generated_tokens())).await?;
        let best = drawn.best().ok_or_else(|| Failure::usage("no sample was drawn"))?;
        let mut reached = self.reached(task, best, started).await?;
        reached.samples = drawn.attempts.len();
        reached.cost = drawn.stats();
        Ok(Row { task: task.id.clone(), key: self.key(), plain, guided, best_of: reached })
    }

    async fn one(&self, session: Session<'_>, settings: &Settings) -> Result<Reached, Failure> {
        let started = std::time::Instant::now();
        let generation = generate(session, settings).await?;
        let attempt = judge(session, settings.gamma, 0, generation).await?;
        self.reached(session.task, &attempt, started).await
    }

    /// Judges by the graded tests.
    async fn reached(
        &self,
        task: &Task,
        attempt: &Attempt,
        started: std::time::Instant,
    ) -> Result<Reached, Failure> {
        let seconds = started.elapsed().as_secs_f64();
        if let Some(message) = trouble(&attempt.results) {
            return Err(Failure::sandbox(format!("task {}: {message}", task.id)));
        }
        let graded = if task.graded_tests.is_empty() {
            attempt.passed()
        } else {
            let tests = &task.graded_tests;
            let results =
                grade(self.runner, task, &attempt.generation.program, tests, Extent::UntilSettled).await?;
            if let Some(message) = trouble(&results) {
                return Err(Failure::sandbox(format!("task {}: {message}", task.id)));
            }
            Grade::of(tests, &results, None).passed()
        };
        Ok(Reached { shown: attempt.passed(), graded, samples: 1, seconds, cost: attempt.generation.stats })
    }
}

/// Rows of an earlier run with the same settings; a line that a kill cut short is left out.
fn read_rows(path: &Path, key: &str) -> Result<HashMap<String, Row>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(Failure::input(format!("failed to read {}: {error}", path.display()))),
    };
    let rows = text.lines().filter_map(|line| serde_json::from_str::<Row>(line).ok());
    Ok(rows.filter(|row| row.key == key).map(|row| (row.task.clone(), row)).collect())
}

fn open_rows(path: &Path) -> Result<std::fs::File, Failure> {
    let fail = |error| Failure::input(format!("failed to open {}: {error}", path.display()));
    let mut file = std::fs::File::options().create(true).append(true).open(path).map_err(fail)?;
    // A kill may have left half a line: what follows must begin on a new one.
    if file.metadata().is_ok_and(|meta| meta.len() > 0) {
        file.write_all(b"\n").map_err(fail)?;
    }
    Ok(file)
}

/// What a method cost on all tasks together.
fn cost(rows: &[Row], of: fn(&Row) -> &Reached) -> Stats {
    let mut sum = Stats::default();
    for row in rows {
        sum += of(row).cost;
    }
    sum
}

type Method = (&'static str, fn(&Row) -> &Reached);
const METHODS: [Method; 3] =
    [("plain greedy", |r| &r.plain), ("EG-CFG", |r| &r.guided), ("best-of-N, equal tokens", |r| &r.best_of)];

fn pairs(rows: &[Row], of: fn(&Row) -> &Reached) -> Vec<(f64, f64)> {
    rows.iter().map(|r| (outcome(r.plain.graded), outcome(of(r).graded))).collect()
}

fn outcome(solved: bool) -> f64 {
    f64::from(u8::from(solved))
}

/// Share of `true`, in percent.
pub(crate) fn share(solved: &[bool]) -> f64 {
    100.0 * solved.iter().filter(|s| **s).count() as f64 / solved.len().max(1) as f64
}

fn accuracy(pairs: &[(f64, f64)]) -> Interval {
    let outcomes: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    Score::of(&outcomes).map_or(UNKNOWN, |score| score.percent)
}

const UNKNOWN: Interval = Interval { value: 0.0, low: 0.0, high: 0.0 };

fn table(rows: &[Row], config: &Config, gamma: f64) -> String {
    let tasks = rows.len().max(1) as f64;
    let mut text = format!(
        "{} tasks, {config}, gamma {gamma}; solved = passes the graded tests; 95 % bootstrap intervals\n\n",
        rows.len()
    );
    let _ = writeln!(
        text,
        "| method | solved | % | RSR | passes shown tests, % | generated tokens per task | guided forwards per line | seconds per task |"
    );
    let _ = writeln!(text, "|---|---|---|---|---|---|---|---|");
    for (name, of) in METHODS {
        let pairs = pairs(rows, of);
        let (share_of, closed) = (accuracy(&pairs), rsr(&pairs).unwrap_or(UNKNOWN));
        let shown = share(&rows.iter().map(|r| of(r).shown).collect::<Vec<_>>());
        let cost = cost(rows, of);
        let rsr = if name == METHODS[0].0 {
            "0".to_owned()
        } else {
            format!("{:.0} ({:.0} to {:.0})", closed.value, closed.low, closed.high)
        };
        let forwards = if cost.guided_lines > 0 {
            format!("{:.2}", cost.guided_forwards as f64 / cost.guided_lines as f64)
        } else {
            "-".into()
        };
        let seconds: f64 = rows.iter().map(|r| of(r).seconds).sum();
        let _ = writeln!(
            text,
            "| {name} | {} | {:.1} ({:.1} to {:.1}) | {rsr} | {shown:.1} | {:.0} | {forwards} | {:.2} |",
            pairs.iter().filter(|p| p.1 > 0.0).count(),
            share_of.value,
            share_of.low,
            share_of.high,
            cost.generated_tokens() as f64 / tasks,
            seconds / tasks,
        );
    }
    let ahead =
        lead(&rows.iter().map(|r| (outcome(r.best_of.graded), outcome(r.guided.graded))).collect::<Vec<_>>());
    let ahead = ahead.unwrap_or(UNKNOWN);
    let samples: usize = rows.iter().map(|r| r.best_of.samples).sum();
    let _ = writeln!(
        text,
        "\nEG-CFG is {:+.1} points ({:+.1} to {:+.1}) against best-of-N, which drew {:.1} samples per task",
        ahead.value,
        ahead.low,
        ahead.high,
        samples as f64 / tasks
    );
    for (name, of) in METHODS {
        if let Some(asked) = requests(&cost(rows, of)) {
            let _ = writeln!(text, "{name}: {asked}");
        }
    }
    text
}

fn summary(rows: &[Row], config: &Config, gamma: f64) -> serde_json::Value {
    let mut methods = serde_json::Map::new();
    for (name, of) in METHODS {
        let pairs = pairs(rows, of);
        let cost = cost(rows, of);
        let entry = serde_json::json!({
            "solved": pairs.iter().filter(|p| p.1 > 0.0).count(),
            "accuracy": accuracy(&pairs),
            "rsr": rsr(&pairs).unwrap_or(UNKNOWN),
            "shown": share(&rows.iter().map(|r| of(r).shown).collect::<Vec<_>>()),
            "seconds": rows.iter().map(|r| of(r).seconds).sum::<f64>(),
            "cost": cost,
            "requests_per_line": cost.requests_per_line(),
        });
        methods.insert(name.to_owned(), entry);
    }
    serde_json::json!({ "version": 1, "tasks": rows.len(), "config": config.to_string(), "gamma": gamma, "methods": methods })
}
