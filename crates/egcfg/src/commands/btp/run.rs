//! Rounds: sample with the newest model, train on what its buffer holds, score the held-out tasks. Every part of a round
//! stands in a folder of its own and is gone on with by the same command.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use egcfg_bench::dataset::LoadOptions;
use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{Settings, Template};
use egcfg_model::LanguageModel;
use egcfg_results::method::PLAIN;
use egcfg_results::template_name;
use egcfg_task::Task;
use egcfg_tune::claim;
use egcfg_tune::experiments::{BASE, Step, Table, outcomes};
use egcfg_tune::replay::Buffer;
use egcfg_tune::splits::{overlaps, refuse};

use super::round::{Round, told as found};
use super::score::{Scorer, write_summary};
use super::train::{Training, told};
use super::{base_file, content, left, members, no_adapter, stem, training as training_tasks, with_adapter};
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

pub(super) async fn run(mut args: BtpRunArgs) -> Result<ExitCode, Failure> {
    args.fork.apply(&mut args.work.model)?;
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
    rounds.claim(&model.identity()?.key(), &tasks, &held)?;
    let scorer = Scorer {
        runner: &runner,
        template: &template,
        settings: &settings,
        results: args.output_dir.join("results"),
        methods: &[&PLAIN],
        // Greedy decoding alone: no tree is grown.
        tree: (0, 0),
        jobs: args.sampling.jobs,
    };
    let (base_name, sets) = (model.info().name.clone(), [held_name(&args)]);
    scorer.score(&sets[0], &held, &model, &base_name).await?;
    let mut all = outcomes(&scorer.results, &sets, &base_name, BASE, 0)?;
    let mut arms = Vec::new();
    let (mut buffer, mut adapter) = (Buffer::new(args.learning.replay.buffer_size), None);
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
        let name = format!("{base_name}+iteration-{iteration}");
        scorer.score(&sets[0], &held, &model, &name).await?;
        let arm = format!("iteration {iteration}");
        all.extend(outcomes(&scorer.results, &sets, &name, &arm, seed)?);
        arms.push(arm);
        adapter = Some(out);
    }
    let tables = [Table::new(Step::Btp, &arms, &all)];
    let json = serde_json::json!({"version": 1, "tables": tables});
    show(&write_summary(&args.output_dir, &tables, &json)?)?;
    note(&format!("egcfg report {} shows every program", scorer.results.display()));
    Ok(ExitCode::from(SOLVED))
}

/// What the held-out tasks are called among results.
fn held_name(args: &BtpRunArgs) -> String {
    if args.data.dataset == "tasks" { stem(&args.eval_data) } else { args.data.dataset.clone() }
}

impl Rounds<'_> {
    /// Makes the folder this run's own, or sees that it is already. More rounds of the same are the same run.
    fn claim(&self, model: &str, tasks: &[Task], held: &[Task]) -> Result<(), Failure> {
        let learning = &self.args.learning;
        let about = serde_json::json!({
            "version": 1,
            "model": model,
            "template": template_name(self.template),
            "train": content(tasks),
            "held_out": content(held),
            "config": self.settings.config.to_string(),
            "max_tokens": self.settings.max_tokens,
            "sampling": {"num_beams": self.args.sampling.num_beams, "policy": self.args.sampling.policy.name()},
            "replay": {"settings": learning.replay.settings(), "buffer_size": learning.replay.buffer_size, "draws": learning.replay.draws},
            "training": learning.training.settings(self.args.work.method.seed.unwrap_or(1))?,
            "objective": egcfg_tune::train::Objective::from(learning.training.objective),
            "trainer": format!("{:?}", learning.training.trainer.trainer),
            "checkpoint": learning.training.trainer.checkpoint,
        });
        Ok(claim(&self.args.output_dir, "run.json", &about)?)
    }

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
