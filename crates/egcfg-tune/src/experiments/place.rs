//! Where an experiment stands: a folder for each training, one for the programs that several of them learn from, results that
//! scores are read from, and the tables drawn up from those results alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use egcfg_results::read::{Filter, Folder};
use egcfg_results::{MethodFacts, file_name, method};
use egcfg_task::Temperature;

use super::arm::Arm;
use super::size::Step;
use super::table::{BASE, Outcome, Table};
use super::training::{Plan, Training};
use crate::error::TuneError;

/// What every arm is scored by.
pub static METHODS_OF_ARMS: [&MethodFacts; 2] = [&method::PLAIN, &method::SEARCH];
/// What the untrained model is scored by in the experiment `baseline`.
pub static METHODS_OF_BASELINE: [&MethodFacts; 4] =
    [&method::PLAIN, &method::SEARCH, &method::SEARCH_BEAM, &method::EG_CFG];

/// An experiment's folder and the names in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder for everything.
    pub folder: PathBuf,
    /// What the untrained model is called.
    pub model: String,
    /// The held-out sets.
    pub sets: Vec<String>,
}

impl Place {
    /// The results of the base and of all arms.
    pub fn results(&self) -> PathBuf {
        self.folder.join("results")
    }

    /// The results of the experiment `baseline`, whose methods are more.
    pub fn baseline_results(&self) -> PathBuf {
        self.folder.join("baseline")
    }

    /// A training's round, counted from 1.
    pub fn round(&self, training: &Training, round: usize) -> PathBuf {
        let own = self.folder.join("arms").join(&training.arm.chain).join(format!("seed-{}", training.seed));
        own.join(format!("round-{round}"))
    }

    /// The programs that a round, counted from 0, learns from. What the untrained model or a teacher writes is the same for all
    /// trainings.
    pub fn programs(
        &self,
        training: &Training,
        taught: bool,
        temperature: Temperature,
        round: usize,
    ) -> PathBuf {
        let Arm { policy, num_beams, .. } = &training.arm;
        let common = format!("{}-{num_beams}-t{temperature}", policy.name());
        match (taught, round) {
            (true, _) => self.folder.join("sampled").join(format!("teacher-{common}")),
            (false, 0) => self.folder.join("sampled").join(common),
            (false, _) => self.round(training, round + 1).join("sample"),
        }
    }

    /// Draws up the table of every step.
    pub fn tables(&self, plan: &Plan, trainings: &[Training]) -> Result<Vec<Table>, TuneError> {
        let mut tables = Vec::new();
        for (step, arms) in plan {
            let base = if *step == Step::Baseline { self.baseline_results() } else { self.results() };
            let mut all = outcomes(&base, &self.sets, &self.model, BASE, 0)?;
            for arm in arms {
                for training in trainings.iter().filter(|training| training.trains(arm)) {
                    let model = training.model_name(&self.model, arm.rounds);
                    all.extend(outcomes(&self.results(), &self.sets, &model, &arm.name, training.seed)?);
                }
            }
            let names: Vec<String> = arms.iter().map(|arm| arm.name.clone()).collect();
            tables.push(Table::new(*step, &names, &all));
        }
        Ok(tables)
    }
}

/// What a model solved of each set with each method, from a results folder.
///
/// # Errors
/// When the folder cannot be read, or holds a result without a score.
pub fn outcomes(
    results: &Path,
    sets: &[String],
    model: &str,
    arm: &str,
    seed: u64,
) -> Result<Vec<Outcome>, TuneError> {
    let mut found: Vec<Outcome> = Vec::new();
    for set in sets {
        let filter = Filter { dataset: Some(file_name(set)), model: Some(file_name(model)) };
        for cell in Folder::read(results, &filter)?.groups.iter().flat_map(|group| &group.cells) {
            if !cell.scored() {
                return Err(TuneError::Unscored {
                    results: results.to_owned(),
                    task: cell.task.clone(),
                    reason: cell.broken.clone().unwrap_or_default(),
                });
            }
            let solved = (cell.task.clone(), cell.passed);
            match found.iter_mut().find(|own| own.set == *set && own.method == cell.method) {
                Some(own) => _ = own.tasks.insert(solved.0, solved.1),
                None => found.push(Outcome {
                    arm: arm.to_owned(),
                    seed,
                    set: set.clone(),
                    method: cell.method.clone(),
                    tasks: BTreeMap::from([solved]),
                }),
            }
        }
    }
    Ok(found)
}
