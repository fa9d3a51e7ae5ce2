//! `egcfg demo`: held-out tasks on the embedded model, plain and guided side by side, and what guidance changed.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use egcfg_guidance::{Event, EventSink, ExecutionCache, Generation, Session, Settings, generate, judge};
use egcfg_task::{Task, TestResult};

use crate::args::doctor::DemoArgs;
use crate::args::method::MethodArgs;
use crate::args::model::ModelArgs;
use crate::exit::{Failure, SOLVED};
use crate::input::task_file;
use crate::output::text::{note, show};
use crate::parts::{load_model, start_runner};
use crate::settings::{defaults, method};

/// Tasks that share no program with the training set.
const TASKS: &str = include_str!("../../assets/demo.jsonl");

/// Keeps what the demo tells about a guided run.
#[derive(Default)]
struct Story {
    lines: Mutex<Vec<String>>,
}

impl EventSink for Story {
    fn emit(&self, event: &Event) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Executions { runs, .. } if runs.iter().any(|run| !run.cached) => {
                let outcomes: Vec<String> = runs
                    .iter()
                    .map(|run| {
                        let passes = TestResult::passes(&run.results);
                        format!("{passes} of {}", run.results.len())
                    })
                    .collect();
                let also = if lines.is_empty() { "" } else { " more" };
                lines.push(format!(
                    "ran {}{also} candidates; tests passed: {}",
                    runs.len(),
                    outcomes.join(", ")
                ));
            }
            Event::Token { text, instead_of: Some(instead), .. } => {
                lines.push(format!(
                    "guidance wrote {text:?} where the plain model would have written {instead:?}"
                ));
            }
            _ => {}
        }
    }
}

pub(crate) async fn run(args: DemoArgs) -> Result<ExitCode, Failure> {
    let runner = start_runner(&args.sandbox).await?;
    let model = load_model(&ModelArgs::default(), 1)?;
    let args_of_method = MethodArgs::default();
    let config = method::config(&args_of_method)?;
    let template = method::template(&args_of_method, &config, model.info())?;
    let settings = method::settings(&args_of_method, config, runner.python());
    let tasks = task_file::parse_lines("demo", TASKS)?;
    let count = args.tasks.min(tasks.len());
    note(&format!(
        "the embedded model ({}) on {count} tasks it was not trained on; {config}, gamma {}",
        model.info().name,
        defaults::GAMMA
    ));
    let (mut plain_solved, mut guided_solved) = (0, 0);
    for (number, task) in tasks.iter().take(count).enumerate() {
        let (cache, story) = (ExecutionCache::default(), Story::default());
        let session = Session {
            model: &*model,
            executor: &runner,
            template: &template,
            task,
            cache: &cache,
            events: &story,
        };
        let started = std::time::Instant::now();
        let plain = generate(session, &Settings { gamma: 0.0, ..settings.clone() }).await?;
        let plain_passes = passes(session, 0.0, plain.clone()).await?;
        story.lines.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let guided = generate(session, &settings).await?;
        let guided_passes = passes(session, settings.gamma, guided.clone()).await?;
        plain_solved += usize::from(plain_passes == task.shown_tests.len());
        guided_solved += usize::from(guided_passes == task.shown_tests.len());
        let lines = story.lines.into_inner().unwrap_or_else(PoisonError::into_inner);
        let seconds = started.elapsed().as_secs_f64();
        show(&side_by_side(
            number + 1,
            task,
            (&plain, plain_passes),
            (&guided, guided_passes),
            &lines,
            seconds,
        ))?;
    }
    show(&format!("plain decoding solved {plain_solved} of {count}, EG-CFG {guided_solved} of {count}\n"))?;
    Ok(ExitCode::from(SOLVED))
}

/// Shown tests that a generation passes.
async fn passes(session: Session<'_>, gamma: f64, generation: Generation) -> Result<usize, Failure> {
    Ok(judge(session, gamma, 0, generation).await?.passes())
}

fn side_by_side(
    number: usize,
    task: &Task,
    plain: (&Generation, usize),
    guided: (&Generation, usize),
    told: &[String],
    seconds: f64,
) -> String {
    let tests = task.shown_tests.len();
    let mut text = format!("── task {number}: {}\n", task.prompt);
    for test in &task.shown_tests {
        let _ = writeln!(text, "   {}", test.key());
    }
    let heads = (
        format!("plain: {} of {tests} tests pass", plain.1),
        format!("guided: {} of {tests} tests pass", guided.1),
    );
    let left: Vec<&str> = std::iter::once(heads.0.as_str()).chain(plain.0.program.lines()).collect();
    let right: Vec<&str> = std::iter::once(heads.1.as_str()).chain(guided.0.program.lines()).collect();
    let width = left.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(34);
    text.push('\n');
    for index in 0..left.len().max(right.len()) {
        let (l, r) = (left.get(index).unwrap_or(&""), right.get(index).unwrap_or(&""));
        let mark = if index > 0 && l != r { "|" } else { " " };
        let padding = " ".repeat(width.saturating_sub(l.chars().count()));
        let _ = writeln!(text, "   {l}{padding} {mark} {r}");
    }
    text.push('\n');
    for line in told {
        let _ = writeln!(text, "   {line}");
    }
    let stats = guided.0.stats;
    let _ = writeln!(
        text,
        "   {} tokens sampled, {} programs run, {} guided forwards for {} lines, {seconds:.2} s\n",
        stats.sampled_tokens, stats.executions, stats.guided_forwards, stats.guided_lines
    );
    text
}
