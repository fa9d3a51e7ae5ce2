//! The tasks of an experiment: what is learned from, and the held-out sets, held apart by what the tasks hold.

use std::path::Path;

use egcfg_bench::dataset::{Dataset, Item, LoadOptions, tasks_from_lines};
use egcfg_task::Task;
use egcfg_tune::experiments::Size;
use egcfg_tune::splits::{Overlap, overlaps, refuse};
use serde::Serialize;

use super::super::{content, left, members, stem};
use crate::args::btp::{BtpExperimentsArgs, ModeArg};
use crate::exit::Failure;
use crate::input::dataset::load;
use crate::output::text::note;

/// Training tasks for the embedded model, and held-out ones of other skeletons.
const TRAIN: &str = include_str!("../../../../../../tools/pocket/train_tasks.jsonl");
const DEV: &str = include_str!("../../../../../../tools/pocket/dev.jsonl");

/// Tasks that are scored on.
pub(super) struct Held {
    pub(super) name: String,
    pub(super) tasks: Vec<Task>,
}

/// All tasks.
pub(super) struct Inputs {
    pub(super) train: Vec<Task>,
    /// The first ranks the hyper-parameters.
    pub(super) held: Vec<Held>,
    /// Training tasks that were left out because they are held-out ones.
    overlaps: Vec<Overlap>,
    counts: Vec<Split>,
}

/// One split as it is stored.
#[derive(Debug, Serialize)]
struct Split {
    name: String,
    tasks: usize,
    sha256: String,
}

/// Items of one set.
struct Set {
    name: String,
    place: String,
    items: Vec<Item>,
}

impl Inputs {
    pub(super) fn load(args: &BtpExperimentsArgs, size: &Size) -> Result<Self, Failure> {
        let (mut train, mut held) = sets(args)?;
        let cut = |items: &mut Vec<Item>, most: Option<usize>| items.truncate(most.unwrap_or(usize::MAX));
        for set in &mut held {
            cut(&mut set.items, args.eval_limit.or(size.held_tasks));
        }
        let own = members(&train.items);
        let mut found = Vec::new();
        for set in &held {
            let here = overlaps(&own, &members(&set.items));
            if !args.leave_out_overlap {
                refuse(&here, &set.place)?;
            }
            found.extend(here);
        }
        train.items.retain(|item| !found.iter().any(|overlap| overlap.train == item.task.id));
        left(train.items.len())?;
        if !found.is_empty() {
            note(&format!(
                "{} pairs of a held-out and a training task are one; trained without them",
                found.len()
            ));
        }
        cut(&mut train.items, args.max_problems.or(size.train_tasks));
        let counts = std::iter::once(&train).chain(&held).map(split).collect();
        Ok(Self {
            train: tasks(&train.items),
            held: held.iter().map(|set| Held { name: set.name.clone(), tasks: tasks(&set.items) }).collect(),
            overlaps: found,
            counts,
        })
    }

    /// What is stored of the splits.
    pub(super) fn about(&self) -> serde_json::Value {
        serde_json::json!({"splits": self.counts, "left_out": self.overlaps})
    }
}

fn tasks(items: &[Item]) -> Vec<Task> {
    items.iter().map(|item| item.task.clone()).collect()
}

fn split(set: &Set) -> Split {
    let tasks = tasks(&set.items);
    Split { name: set.name.clone(), tasks: tasks.len(), sha256: content(&tasks) }
}

/// The training set and the held-out sets.
fn sets(args: &BtpExperimentsArgs) -> Result<(Set, Vec<Set>), Failure> {
    let Some(data) = &args.data else {
        if args.mode != ModeArg::Quick {
            return Err(Failure::usage("no data given").hint(
                "--mode full and single are for a data set of yours: --dataset mbpp --data mbpp.jsonl --model FILE",
            ));
        }
        let held = match args.eval_data.as_slice() {
            [] => vec![embedded("dev", DEV)?],
            files => files.iter().map(|file| own(file)).collect::<Result<_, _>>()?,
        };
        return Ok((embedded("train", TRAIN)?, held));
    };
    let dataset = args.dataset.as_deref().unwrap_or("tasks");
    if !args.eval_data.is_empty() {
        let of = |file: &Path, split: Option<&str>| -> Result<Set, Failure> {
            let options = LoadOptions { split: split.map(str::to_owned), ..LoadOptions::default() };
            Ok(set(load(dataset, file, &options)?, &stem(file), file))
        };
        let has_splits = dataset.starts_with("mbpp");
        let train = of(data, has_splits.then_some("train"))?;
        let held = args.eval_data.iter().map(|file| of(file, None)).collect::<Result<_, _>>()?;
        return Ok((train, held));
    }
    if !dataset.starts_with("mbpp") {
        return Err(Failure::usage(format!("no held-out tasks for {dataset}"))
            .hint("name their file with --eval-data; only MBPP has its splits in one file"));
    }
    let of = |split: &str| -> Result<Set, Failure> {
        let options = LoadOptions { split: Some(split.to_owned()), ..LoadOptions::default() };
        Ok(set(load(dataset, data, &options)?, &format!("{dataset}-{split}"), data))
    };
    Ok((of("train")?, vec![of("validation")?, of("test")?]))
}

fn set(dataset: Dataset, name: &str, file: &Path) -> Set {
    Set { name: name.to_owned(), place: file.display().to_string(), items: dataset.items }
}

fn own(file: &Path) -> Result<Set, Failure> {
    Ok(set(load("tasks", file, &LoadOptions::default())?, &stem(file), file))
}

fn embedded(name: &str, text: &str) -> Result<Set, Failure> {
    let items = tasks_from_lines(name, text)?.items;
    Ok(Set { name: name.to_owned(), place: format!("the embedded set {name}"), items })
}
