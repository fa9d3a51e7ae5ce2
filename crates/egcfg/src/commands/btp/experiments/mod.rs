//! `egcfg btp experiments`: the plans of `egcfg_tune::experiments`, carried out. Every training has a folder of its own under
//! `arms/`, every score stands in a results folder that `egcfg report` reads, and the same command goes on where it was stopped.

mod chain;
mod inputs;
mod score;
mod world;

use std::process::ExitCode;

use egcfg_tune::experiments::{Arm, Plan, Size, Step, Training, only, plan};
use futures::StreamExt as _;

use super::score::write_summary;
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
    let (sampling, replay) = (&args.sampling, &args.learning.replay);
    let common = Arm::common(replay.settings(), sampling.policy, sampling.num_beams, replay.buffer_size);
    let all = plan(&steps, &common, args.n_iterations, &size);
    let plan = if args.arms.is_empty() { all } else { only(all, &args.arms)? };
    let steps: Vec<Step> = plan.iter().map(|(step, _)| *step).collect();
    let inputs = Inputs::load(&args, &size)?;
    let world = World::start(&args, &size, inputs).await?;
    score::score_base(&world, &steps).await?;
    let trainings = Training::of(&plan, args.seeds, &size, world.seed);
    note(&format!(
        "{} trainings of {} arms",
        trainings.len(),
        plan.iter().map(|(_, arms)| arms.len()).sum::<usize>()
    ));
    let meter = Meter::new("trainings", Steps::Things, trainings.len() as u64);
    let chains: Vec<Chain<'_>> = trainings.iter().map(|planned| Chain { planned, world: &world }).collect();
    let mut running =
        futures::stream::iter(chains.iter().map(Chain::carry_out)).buffer_unordered(args.parallel);
    while let Some(done) = running.next().await {
        done?;
        meter.step();
    }
    drop(running);
    meter.end();
    show(&summary(&world, &plan, &trainings)?)?;
    note(&format!("egcfg report {} shows every program", world.place.results().display()));
    Ok(ExitCode::from(SOLVED))
}

/// Draws up all tables, writes them as `summary.md` and `summary.json`, and gives them back as text.
fn summary(world: &World<'_>, plan: &Plan, trainings: &[Training]) -> Result<String, Failure> {
    let tables = world.place.tables(plan, trainings)?;
    let json = serde_json::json!({"version": 1, "gradient_tokens": world.gradient_tokens,
        "tree_tokens": world.args.tree_tokens, "tables": tables});
    write_summary(&world.place.folder, &tables, &json)
}
