//! The tables of an experiment, from its results alone: shown, and kept beside them.

use egcfg_tune::experiments::{Arm, Outcome, Step, Table, render};

use super::chain::Chain;
use super::world::World;
use crate::exit::Failure;
use crate::output::file::write_whole;

/// Draws up all tables, writes them as `summary.md` and `summary.json`, and gives them back as text.
pub(super) fn tables(
    world: &World<'_>,
    plan: &[(Step, Vec<Arm>)],
    chains: &[Chain],
) -> Result<String, Failure> {
    let mut tables = Vec::new();
    for (step, arms) in plan {
        let baseline = *step == Step::Baseline;
        let mut all: Vec<Outcome> = world.base_outcomes(baseline)?;
        for arm in arms {
            for chain in chains.iter().filter(|chain| chain.trains(arm)) {
                all.extend(chain.outcomes(world, arm)?);
            }
        }
        let names: Vec<String> = arms.iter().map(|arm| arm.name.clone()).collect();
        tables.push(Table::new(*step, &names, &all));
    }
    let text = render(&tables);
    let json = serde_json::json!({"version": 1, "gradient_tokens": world.gradient_tokens,
        "tree_tokens": world.args.tree_tokens, "tables": tables});
    for (name, text) in [("summary.md", text.clone()), ("summary.json", format!("{json:#}\n"))] {
        let path = world.args.output_dir.join(name);
        write_whole(&path, &text)
            .map_err(|error| Failure::input(format!("failed to write {}: {error}", path.display())))?;
    }
    Ok(text)
}
