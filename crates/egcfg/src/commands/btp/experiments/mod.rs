//! `egcfg btp experiments`: the plans of `egcfg_tune::experiments`, carried out. Every training has a folder of its own under
//! `arms/`, every score stands in a results folder that `egcfg report` reads, and the same command goes on where it was stopped.

mod chain;
mod inputs;
mod score;
mod tell;
mod world;

use std::process::ExitCode;

use egcfg_tune::experiments::{Arm, Size, Source, Step, arms};
use egcfg_tune::replay::Draw;
use futures::StreamExt as _;

use crate::args::btp::BtpExperimentsArgs;
use crate::exit::{Failure, SOLVED};
use crate::output::meter::{Meter, Steps};
use crate::output::text::{note, show};
use chain::Chain;
use inputs::Inputs;
use world::World;

pub(super) async fn run(args: BtpExperimentsArgs) -> Result<ExitCode, Failure> {
    let size = Size::of(args.mode.into());
    args.learning.replay.settings().check()?;
    args.learning.training.settings(1)?;
    let steps = args.step.map_or_else(|| Step::ALL.to_vec(), |step| vec![step.into()]);
    let inputs = Inputs::load(&args, &size)?;
    let world = World::start(&args, &size, inputs).await?;
    score::score_base(&world, &steps).await?;
    let plan = plan(&args, &steps, &size);
    let chains = Chain::of(&plan, &args, &size, &world);
    note(&format!(
        "{} trainings of {} arms",
        chains.len(),
        plan.iter().map(|(_, arms)| arms.len()).sum::<usize>()
    ));
    let meter = Meter::new("trainings", Steps::Things, chains.len() as u64);
    let mut running = futures::stream::iter(chains.iter().map(|chain| chain.carry_out(&world)))
        .buffer_unordered(args.parallel);
    while let Some(done) = running.next().await {
        done?;
        meter.step();
    }
    drop(running);
    meter.end();
    let text = tell::tables(&world, &plan, &chains)?;
    show(&text)?;
    note(&format!("egcfg report {} shows every program", world.results().display()));
    Ok(ExitCode::from(SOLVED))
}

/// The arms of every step.
fn plan(args: &BtpExperimentsArgs, steps: &[Step], size: &Size) -> Vec<(Step, Vec<Arm>)> {
    let draw = args.learning.replay.settings();
    let name = match draw.sampling_method {
        Draw::Power => "power",
        Draw::Rank => "rank",
        Draw::Uniform => "uniform",
        Draw::Passing => "passing",
        Draw::Own => "own",
    };
    let common = Arm {
        name: name.to_owned(),
        chain: name.to_owned(),
        rounds: args.n_iterations.unwrap_or(1),
        source: Source::Itself,
        policy: args.sampling.policy,
        num_beams: args.sampling.num_beams,
        temperature: None,
        draw,
        buffer_size: args.learning.replay.buffer_size,
        lora: None,
    };
    let of = |step: Step| {
        let rounds = if step == Step::Btp { args.n_iterations.unwrap_or(size.rounds) } else { common.rounds };
        (step, arms(step, &Arm { rounds, ..common.clone() }, size))
    };
    steps.iter().copied().map(of).collect()
}
