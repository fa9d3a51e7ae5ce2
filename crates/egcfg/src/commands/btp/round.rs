//! One round of sampling: every task's programs into a log, then the buffer's file.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{ExecutionCache, NoEvents, Session, Settings, Template};
use egcfg_model::LanguageModel;
use egcfg_task::Task;
use egcfg_tune::replay::{Buffer, DrawSettings};
use egcfg_tune::sample::{SampleLog, SampleSettings, sample_task, vocabulary};
use egcfg_tune::{TuneError, claim};
use futures::StreamExt as _;
use serde::Serialize;

use super::{content, training};
use crate::args::btp::{BtpSampleArgs, SamplingArgs};
use crate::exit::{Failure, SOLVED};
use crate::input::dataset::load;
use crate::output::meter::{Meter, Steps};
use crate::output::text::{note, show};
use crate::parts::{load_model, start};
use crate::settings::method;

/// What makes two rounds the same round: stored in its folder, so that it is never gone on with by another one.
#[derive(Debug, Serialize)]
struct About<'a> {
    version: u32,
    model: &'a str,
    /// Everything that the tasks hold, hashed: other tests are other verdicts.
    tasks: String,
    policy: &'static str,
    num_beams: usize,
    temperature: f64,
    top_p: f64,
    max_tokens: Option<usize>,
    seed: u64,
    template: String,
    sandbox: Judged<'a>,
}

/// What verdicts depend on besides the tests.
#[derive(Debug, Serialize)]
struct Judged<'a> {
    profile: &'static str,
    level: &'static str,
    limits: String,
    python: &'a str,
}

/// A model that samples, and where.
pub(super) struct Round<'a> {
    pub(super) model: Arc<dyn LanguageModel>,
    pub(super) runner: &'a SandboxExecutor,
    pub(super) template: &'a Template,
    pub(super) settings: &'a Settings,
    pub(super) tasks: &'a [Task],
    pub(super) folder: &'a Path,
    pub(super) sampling: &'a SamplingArgs,
    pub(super) p2value_alpha: f64,
    pub(super) iteration: usize,
}

pub(super) async fn run(mut args: BtpSampleArgs) -> Result<ExitCode, Failure> {
    args.fork.apply(&mut args.work.model)?;
    let config = method::config(&args.work.method)?;
    DrawSettings { p2value_alpha: args.p2value_alpha, ..DrawSettings::default() }.check()?;
    let set = load(&args.data.dataset, &args.data.data, &training(&args.data))?;
    let (runner, _) = start(&set, &args.work.sandbox, None).await?;
    let model = load_model(&args.work.model, args.sampling.jobs)?;
    let template = method::template(&args.work.method, &config, model.info())?;
    let settings = method::settings(&args.work.method, config, runner.python());
    let tasks = set.tasks();
    let round = Round {
        model,
        runner: &runner,
        template: &template,
        settings: &settings,
        tasks: &tasks,
        folder: &args.output_dir,
        sampling: &args.sampling,
        p2value_alpha: args.p2value_alpha,
        iteration: 0,
    };
    let buffer = round.sample(usize::MAX).await?;
    show(&told(&buffer, tasks.len()))?;
    Ok(ExitCode::from(SOLVED))
}

/// What a round found, in one line.
pub(super) fn told(buffer: &Buffer, tasks: usize) -> String {
    let passing = buffer.entries().filter(|entry| entry.passes()).count();
    let solved: std::collections::BTreeSet<&str> =
        buffer.entries().filter(|entry| entry.passes()).map(|entry| entry.problem_id.as_str()).collect();
    format!(
        "{} programs of {tasks} tasks; {passing} pass every test, of {} tasks\n",
        buffer.len(),
        solved.len()
    )
}

/// So many tasks in a row may end by a failure of the sandbox.
const FAILURES: usize = 4;

impl Round<'_> {
    /// Samples what is not in the log yet, and writes `experiences.jsonl`.
    pub(super) async fn sample(&self, capacity: usize) -> Result<Buffer, Failure> {
        let identity = self.model.identity()?.key();
        self.claim(&identity)?;
        let mut log = SampleLog::open(&self.folder.join("samples.jsonl"))?;
        let sample = SampleSettings {
            num_beams: self.sampling.num_beams,
            policy: self.sampling.policy,
            p2value_alpha: self.p2value_alpha,
            iteration: self.iteration,
            vocabulary: vocabulary(&*self.model),
            model: identity,
        };
        let open: Vec<&Task> = self.tasks.iter().filter(|task| !log.holds(&task.id)).collect();
        let meter = Meter::new("tasks", Steps::Things, self.tasks.len() as u64);
        meter.begin_at((self.tasks.len() - open.len()) as u64, self.tasks.len() as u64);
        let cache = ExecutionCache::default();
        let each = open.into_iter().map(|task| {
            let session = Session {
                model: &*self.model,
                executor: self.runner,
                template: self.template,
                task,
                cache: &cache,
                events: &NoEvents,
            };
            sample_task(session, self.settings, &sample)
        });
        let mut sampled = futures::stream::iter(each).buffer_unordered(self.sampling.jobs);
        let (mut left_out, mut failures) = (0, 0);
        while let Some(task) = sampled.next().await {
            match task {
                Ok(task) => {
                    log.add(task)?;
                    failures = 0;
                }
                // Its own fault, and not that of the others.
                Err(error @ TuneError::Task { .. }) => {
                    note(&format!("warning: left out: {error}"));
                    left_out += 1;
                }
                // One program may be what the sandbox fails at; a sandbox that fails at all of them is broken.
                Err(error @ TuneError::Sandbox { .. }) if failures < FAILURES => {
                    note(&format!("warning: not sampled: {error} (the same command tries it again)"));
                    failures += 1;
                }
                Err(error) => return Err(error.into()),
            }
            meter.step();
        }
        drop(sampled);
        meter.end();
        if left_out > 0 && left_out == self.tasks.len() {
            return Err(Failure::model("no task can be sampled: all of them are left out"));
        }
        let mut buffer = Buffer::new(capacity);
        let ids = self.tasks.iter().map(|task| task.id.as_str());
        log.into_buffer(ids, self.p2value_alpha, &mut buffer);
        buffer.write(&self.folder.join("experiences.jsonl"))?;
        Ok(buffer)
    }

    /// Makes the folder this round's own, or sees that it is already.
    fn claim(&self, identity: &str) -> Result<(), Failure> {
        let sandbox = &self.runner.sandbox;
        let about = About {
            version: 2,
            model: identity,
            tasks: content(self.tasks),
            policy: self.sampling.policy.name(),
            num_beams: self.sampling.num_beams,
            temperature: self.settings.config.temperature.get(),
            top_p: self.settings.top_p,
            max_tokens: self.settings.max_tokens,
            seed: self.settings.seed,
            template: egcfg_results::template_name(self.template),
            sandbox: Judged {
                profile: sandbox.profile().name(),
                level: sandbox.level().name(),
                limits: format!("{:?}", sandbox.limits()),
                python: &sandbox.interpreter().version,
            },
        };
        Ok(claim(self.folder, "sample.json", &about)?)
    }
}
