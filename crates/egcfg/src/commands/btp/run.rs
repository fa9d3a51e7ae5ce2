//! Rounds: sample with the newest model, train on what its buffer holds, score the held-out tasks. Every part of a round
//! stands in a folder of its own and is gone on with by the same command.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use egcfg_bench::dataset::LoadOptions;
use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{Settings, Template};
use egcfg_model::LanguageModel;
use egcfg_results::stats;
use egcfg_task::Task;
use egcfg_tune::replay::Buffer;
use egcfg_tune::splits::{overlaps, refuse};

use super::evaluate::{Held, evaluate, greedy};
use super::round::{Round, told as found};
use super::train::{Training, told};
use super::{base_file, left, members, no_adapter, training as training_tasks, with_adapter};
use crate::args::btp::{BtpRunArgs, SamplingArgs};
use crate::exit::{Failure, SOLVED};
use crate::input::dataset::load;
use crate::output::text::{note, show};
use crate::parts::{load_model, start};
use crate::settings::method;

/// What all rounds share.
struct Rounds<'a> {
    runner: &'a SandboxExecutor,
    settings: &'a Settings,
    template: &'a Template,
    args: &'a BtpRunArgs,
}

pub(super) async fn run(args: BtpRunArgs) -> Result<ExitCode, Failure> {
    let config = method::config(&args.work.method)?;
    args.learning.replay.settings().check()?;
    let seed = args.work.method.seed.unwrap_or(1);
    let training = args.learning.training.settings(seed)?;
    let mut set = load(&args.data.dataset, &args.data.data, &training_tasks(&args.data))?;
    let options = LoadOptions { split: args.eval_split.clone(), ids: Vec::new(), limit: args.eval_limit };
    let held = load(&args.data.dataset, &args.eval_data, &options)?;
    let same = overlaps(&members(&set.items), &members(&held.items));
    if args.leave_out_overlap {
        set.items.retain(|item| !same.iter().any(|overlap| overlap.train == item.task.id));
        left(set.items.len())?;
    } else {
        refuse(&same, &args.eval_data.display().to_string())?;
    }
    let (runner, _) = start(&set, &args.work.sandbox, None).await?;
    no_adapter(&args.work.model)?;
    let base = base_file(args.work.model.name(), &args.output_dir, args.work.model.offline)?;
    let mut model = load_model(&args.work.model, args.sampling.jobs)?;
    let template = method::template(&args.work.method, &config, model.info())?;
    let settings = method::settings(&args.work.method, config, runner.python());
    let (tasks, held) = (set.tasks(), held.tasks());
    let rounds = Rounds { runner: &runner, settings: &settings, template: &template, args: &args };
    let one = greedy(args.sampling.jobs);

    let mut table = String::from("| model | held-out tasks solved | of | % |\n|---|---|---|---|\n");
    let place = args.output_dir.join("base-eval");
    let begun = rounds.part(&model, &held, &place, &one, 0);
    let first = evaluate(&begun).await?;
    row(&mut table, "base", &first);
    let (mut buffer, mut adapter, mut scores) =
        (Buffer::new(args.learning.replay.buffer_size), None, vec![first]);
    for iteration in 0..args.n_iterations {
        let folder = args.output_dir.join(format!("iteration-{iteration}"));
        note(&format!("iteration {iteration}: sampling"));
        let place = folder.join("sample");
        let sampling = rounds.part(&model, &tasks, &place, &args.sampling, iteration);
        let sampled = sampling.sample(usize::MAX).await?;
        note(found(&sampled, tasks.len()).trim_end());
        for entry in sampled.entries() {
            buffer.add(entry.clone());
        }
        note(&format!("iteration {iteration}: training"));
        let out = folder.join("adapter");
        let report = Training {
            base: &base,
            trainer: &args.learning.training.trainer,
            objective: args.learning.training.objective.into(),
            runner: Some((&runner, &settings)),
            base_name: args.work.model.name(),
            model: &*model,
            template: &template,
            tasks: &tasks,
            draw: args.learning.replay.settings(),
            draws: args.learning.replay.draws,
            settings: egcfg_tune::train::TrainSettings {
                seed: egcfg_task::derive_seed(seed, &["iteration", &iteration.to_string()]),
                ..training.clone()
            },
            start_from: adapter.clone(),
            folder: &out,
        }
        .train(&buffer)
        .await?;
        note(told(&report).trim_end());
        model = with_adapter(&args.work.model, &out, args.sampling.jobs)?;
        let place = folder.join("eval");
        let part = rounds.part(&model, &held, &place, &one, iteration);
        let score = evaluate(&part).await?;
        row(&mut table, &format!("iteration {iteration}"), &score);
        scores.push(score);
        adapter = Some(out);
    }
    if let (Some(first), Some(last)) = (scores.first(), scores.last()) {
        let _ = writeln!(table, "\n{}", difference(first, last, &held));
    }
    show(&table)?;
    Ok(ExitCode::from(SOLVED))
}

impl Rounds<'_> {
    fn part<'b>(
        &'b self,
        model: &Arc<dyn LanguageModel>,
        tasks: &'b [Task],
        folder: &'b Path,
        sampling: &'b SamplingArgs,
        iteration: usize,
    ) -> Round<'b> {
        Round {
            model: Arc::clone(model),
            runner: self.runner,
            template: self.template,
            settings: self.settings,
            tasks,
            folder,
            sampling,
            p2value_alpha: self.args.learning.replay.p2value_alpha,
            iteration,
        }
    }
}

fn row(table: &mut String, name: &str, held: &Held) {
    let share = 100.0 * held.solved.len() as f64 / held.tasks.max(1) as f64;
    let _ = writeln!(table, "| {name} | {} | {} | {share:.1} |", held.solved.len(), held.tasks);
}

/// The last model against the base, paired over the tasks.
fn difference(first: &Held, last: &Held, tasks: &[Task]) -> String {
    let solves = |held: &Held, id: &str| f64::from(u8::from(held.solved.iter().any(|solved| solved == id)));
    let pairs: Vec<f64> =
        tasks.iter().map(|task| 100.0 * (solves(last, &task.id) - solves(first, &task.id))).collect();
    let Some(interval) = stats::mean_interval(&pairs) else { return String::new() };
    format!(
        "{:+.1} points against the base ({:+.1} to {:+.1}, 95 %, paired over the tasks)",
        interval.value, interval.low, interval.high
    )
}
