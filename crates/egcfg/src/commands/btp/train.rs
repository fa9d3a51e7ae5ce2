//! Training: draw, make examples of the target's tokens, train, say what came of it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{Settings, Template};
use egcfg_model::LanguageModel;
use egcfg_task::Task;
use egcfg_tune::replay::{Buffer, DrawSettings, Experience};
use egcfg_tune::sample::{Teaching, examples_of, with_teachers};
use egcfg_tune::train::{Example, Objective, Progress, TrainJob, TrainReport, TrainSettings, example_lines};

use super::trainer::choose;
use super::{base_file, no_adapter, read_experiences, training};
use crate::args::btp::{BtpTrainArgs, TrainerArgs};
use crate::exit::{Failure, SOLVED};
use crate::input::dataset::load;
use crate::output::file::{make_folder, write_whole};
use crate::output::meter::{Meter, Steps};
use crate::output::text::{note, show};
use crate::parts::{load_model, start};
use crate::settings::method;

/// What a training needs besides its buffer.
pub(super) struct Training<'a> {
    /// The model's file.
    pub(super) base: &'a Path,
    pub(super) trainer: &'a TrainerArgs,
    pub(super) objective: Objective,
    /// Runs failed programs for the teacher's block, and says how that is written; distillation alone needs it.
    pub(super) runner: Option<(&'a SandboxExecutor, &'a Settings)>,
    pub(super) base_name: &'a str,
    pub(super) model: &'a dyn LanguageModel,
    pub(super) template: &'a Template,
    pub(super) tasks: &'a [Task],
    pub(super) draw: DrawSettings,
    /// Experiences to draw; as many as there are tasks without it.
    pub(super) draws: Option<usize>,
    pub(super) settings: TrainSettings,
    pub(super) start_from: Option<PathBuf>,
    pub(super) folder: &'a Path,
}

pub(super) async fn run(mut args: BtpTrainArgs) -> Result<ExitCode, Failure> {
    args.fork.apply(&mut args.work.model)?;
    let config = method::config(&args.work.method)?;
    let settings = args.learning.training.settings(args.work.method.seed.unwrap_or(1))?;
    args.learning.replay.settings().check()?;
    let set = load(&args.from.data.dataset, &args.from.data.data, &training(&args.from.data))?;
    let tasks = set.tasks();
    let buffer = read_experiences(&args.from.experiences, &tasks, args.learning.replay.buffer_size)?;
    no_adapter(&args.work.model)?;
    let base = base_file(args.work.model.name(), &args.output_dir, args.work.model.offline)?;
    let model = load_model(&args.work.model, 1)?;
    let template = method::template(&args.work.method, &config, model.info())?;
    let objective: Objective = args.learning.training.objective.into();
    let runner = match objective {
        Objective::Imitate => None,
        Objective::Distil => Some(start(&set, &args.work.sandbox, None).await?.0),
    };
    let python = runner.as_ref().map(SandboxExecutor::python).unwrap_or_default();
    let written = method::settings(&args.work.method, config, python);
    let work = Training {
        base: &base,
        trainer: &args.learning.training.trainer,
        objective,
        runner: runner.as_ref().map(|runner| (runner, &written)),
        base_name: args.work.model.name(),
        model: &*model,
        template: &template,
        tasks: &tasks,
        draw: args.learning.replay.settings(),
        draws: args.learning.replay.draws,
        settings,
        start_from: args.start_from.clone(),
        folder: &args.output_dir,
    };
    let report = work.train(&buffer).await?;
    show(&told(&report))?;
    Ok(ExitCode::from(SOLVED))
}

/// A training in one line.
pub(super) fn told(report: &TrainReport) -> String {
    format!(
        "{} steps over {} examples ({} left out as too long), {} answer tokens; loss {:.4} at first, {:.4} at last; {} values; {:.1} s\n",
        report.steps,
        report.examples,
        report.left_out,
        report.gradient_tokens,
        report.loss.0,
        report.loss.1,
        report.parameters,
        report.time.as_secs_f64()
    )
}

impl Training<'_> {
    /// Draws from the buffer and trains; the folder then holds `examples.jsonl`, the log and the adapter.
    pub(super) async fn train(&self, buffer: &Buffer) -> Result<TrainReport, Failure> {
        let draws = self.draws.unwrap_or(self.tasks.len());
        let drawn = self.draw.draw(buffer, draws, self.settings.seed);
        let (examples, unknown) = examples_of(&drawn, self.tasks, self.model, self.template)?;
        if unknown > 0 {
            note(&format!("warning: {unknown} drawn experiences are of tasks that are not selected"));
        }
        let examples = self.taught(buffer, &drawn, examples).await?;
        if examples.is_empty() {
            return Err(Failure::input("nothing was drawn that could be learned from")
                .hint("no experience has a priority above 0, or none is of a selected task"));
        }
        let file = self.folder.join("examples.jsonl");
        let lines = example_lines(&examples);
        let (trainer, base) = choose(self.trainer, self.base_name, self.base)?;
        let job = TrainJob {
            base,
            base_name: self.base_name.to_owned(),
            examples: file.clone(),
            examples_sha256: egcfg_files::sha256(lines.as_bytes()),
            output: self.folder.to_owned(),
            start_from: self.start_from.clone(),
            objective: self.objective,
            settings: self.settings.clone(),
        };
        // Another job's folder keeps its examples.
        job.check_folder()?;
        make_folder(self.folder)?;
        write_whole(&file, &lines)?;
        // On a thread of its own: Ctrl-C is heard meanwhile, and every finished step stands in the checkpoint.
        let report = tokio::task::spawn_blocking(move || {
            let meter = Meter::new("steps", Steps::Things, 0);
            let mut begun = false;
            let watch = &mut |progress: &Progress| {
                if !begun {
                    meter.begin_at(progress.step as u64 - 1, progress.steps as u64);
                    begun = true;
                }
                meter.say(&format!("loss {:.4}", progress.loss));
                meter.at(progress.step as u64, progress.steps as u64);
                true
            };
            let report = trainer.train(&job, watch);
            meter.end();
            report
        });
        let ended = report.await.map_err(|error| Failure::model(format!("the trainer ended: {error}")))?;
        Ok(ended?)
    }

    /// The examples with their teachers' prompts, where the objective wants them.
    async fn taught(
        &self,
        buffer: &Buffer,
        drawn: &[&Experience],
        examples: Vec<Example>,
    ) -> Result<Vec<Example>, Failure> {
        let Some((executor, settings)) = self.runner.filter(|_| self.objective == Objective::Distil) else {
            return Ok(examples);
        };
        let known =
            |experience: &&&Experience| self.tasks.iter().any(|task| task.id == experience.problem_id);
        let drawn: Vec<&Experience> = drawn.iter().filter(known).copied().collect();
        let teaching = Teaching { executor, settings, buffer };
        let (taught, without) =
            with_teachers(teaching, &drawn, examples, self.tasks, (self.model, self.template)).await?;
        if without > 0 {
            note(&format!(
                "{without} drawn programs are of tasks without a failed program: nothing teaches them"
            ));
        }
        Ok(taught)
    }
}
