//! What arms solved, held against the untrained model: per task the mean over an arm's trainings, and the paired difference to
//! the base with its 95 % bootstrap interval over the tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use egcfg_results::stats::{Interval, lead};
use serde::{Deserialize, Serialize};

use super::size::Step;

/// The name of the untrained model.
pub const BASE: &str = "base";

/// What one trained model solved of one set of held-out tasks with one method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The arm, or [`BASE`].
    pub arm: String,
    /// The training's seed.
    pub seed: u64,
    /// The set.
    pub set: String,
    /// The method.
    pub method: String,
    /// Whether every graded test passes, by task.
    pub tasks: BTreeMap<String, bool>,
}

impl Outcome {
    fn solved(&self) -> usize {
        self.tasks.values().filter(|solved| **solved).count()
    }
}

/// One arm on one set with one method, over all its trainings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The arm.
    pub arm: String,
    /// The set.
    pub set: String,
    /// The method.
    pub method: String,
    /// Tasks of the set.
    pub tasks: usize,
    /// Tasks solved by each training, in the order of their seeds.
    pub solved: Vec<usize>,
    /// Mean share of tasks solved, in percent.
    pub percent: f64,
    /// Points ahead of the base; nothing for the base itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Interval>,
}

/// One arm held against another one over the same tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The arm that is ahead by `ahead` points.
    pub arm: String,
    /// The other one.
    pub other: String,
    /// The set.
    pub set: String,
    /// The method.
    pub method: String,
    /// Points, with the interval over the tasks.
    pub ahead: Interval,
}

/// What an experiment came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Which experiment.
    pub step: Step,
    /// Arms, base first; ranked where the experiment ranks.
    pub lines: Vec<Line>,
    /// The first arm against each other one.
    pub pairs: Vec<Pair>,
}

impl Table {
    /// Draws up the table of some arms, in this order, from all outcomes.
    pub fn new(step: Step, arms: &[String], outcomes: &[Outcome]) -> Self {
        let named: Vec<String> = std::iter::once(BASE.to_owned()).chain(arms.iter().cloned()).collect();
        let mut places: Vec<(&str, &str)> = Vec::new();
        for outcome in outcomes.iter().filter(|outcome| named.contains(&outcome.arm)) {
            let place = (outcome.set.as_str(), outcome.method.as_str());
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let (mut lines, mut pairs) = (Vec::new(), Vec::new());
        for (set, method) in places {
            let of = |arm: &str| {
                let mut own: Vec<&Outcome> =
                    outcomes.iter().filter(|o| o.arm == arm && o.set == set && o.method == method).collect();
                own.sort_by_key(|outcome| outcome.seed);
                own
            };
            let base = of(BASE);
            let mut own: Vec<Line> = named.iter().filter_map(|arm| line(arm, &of(arm), &base)).collect();
            if step == Step::Hyperparameter {
                // Best first; of equals the one that was named first.
                own.sort_by(|a, b| b.percent.total_cmp(&a.percent));
            }
            lines.extend(own);
            let Some(first) = arms.first() else { continue };
            for other in &arms[1..] {
                if let Some(ahead) = ahead(&of(first), &of(other)) {
                    pairs.push(Pair {
                        arm: first.clone(),
                        other: other.clone(),
                        set: set.to_owned(),
                        method: method.to_owned(),
                        ahead,
                    });
                }
            }
        }
        if step == Step::Hyperparameter || step == Step::Btp {
            pairs.clear();
        }
        Self { step, lines, pairs }
    }
}

fn line(arm: &str, own: &[&Outcome], base: &[&Outcome]) -> Option<Line> {
    let first = own.first()?;
    let tasks = first.tasks.len();
    let solved: Vec<usize> = own.iter().map(|outcome| outcome.solved()).collect();
    let percent = 100.0 * solved.iter().sum::<usize>() as f64 / (solved.len() * tasks).max(1) as f64;
    Some(Line {
        arm: arm.to_owned(),
        set: first.set.clone(),
        method: first.method.clone(),
        tasks,
        solved,
        percent,
        ahead: if arm == BASE { None } else { ahead(own, base) },
    })
}

/// How many points some trainings are ahead of others, over the tasks that all of them have.
fn ahead(own: &[&Outcome], other: &[&Outcome]) -> Option<Interval> {
    let all = || own.iter().chain(other);
    let mut tasks: BTreeSet<&str> = all().next()?.tasks.keys().map(String::as_str).collect();
    for outcome in all() {
        tasks.retain(|task| outcome.tasks.contains_key(*task));
    }
    if own.is_empty() || other.is_empty() {
        return None;
    }
    let mean = |outcomes: &[&Outcome], task: &str| {
        let solved = outcomes.iter().filter(|outcome| outcome.tasks.get(task) == Some(&true)).count();
        solved as f64 / outcomes.len() as f64
    };
    let pairs: Vec<(f64, f64)> = tasks.into_iter().map(|task| (mean(other, task), mean(own, task))).collect();
    lead(&pairs)
}

/// Tables as Markdown.
pub fn render(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        let _ = writeln!(text, "## {}\n", table.step.name());
        text += "| arm | held-out tasks | method | solved, by training | % | points ahead of base (95 %) |\n|---|---|---|---|---|---|\n";
        for line in &table.lines {
            let solved: Vec<String> = line.solved.iter().map(usize::to_string).collect();
            let ahead = line.ahead.map_or_else(String::new, |ahead| interval(&ahead));
            let _ = writeln!(
                text,
                "| {} | {}, {} | {} | {} | {:.1} | {ahead} |",
                line.arm,
                line.set,
                line.tasks,
                line.method,
                solved.join(" "),
                line.percent
            );
        }
        text.push('\n');
        for pair in &table.pairs {
            let _ = writeln!(
                text,
                "- {} against {} ({}, {}): {}",
                pair.arm,
                pair.other,
                pair.set,
                pair.method,
                interval(&pair.ahead)
            );
        }
        if !table.pairs.is_empty() {
            text.push('\n');
        }
    }
    text
}

fn interval(ahead: &Interval) -> String {
    format!("{:+.1} ({:+.1} to {:+.1})", ahead.value, ahead.low, ahead.high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(arm: &str, seed: u64, solved: &[usize]) -> Outcome {
        let tasks = (0..10).map(|task| (task.to_string(), solved.contains(&task))).collect();
        Outcome { arm: arm.to_owned(), seed, set: "dev".to_owned(), method: "plain".to_owned(), tasks }
    }

    #[test]
    fn trainings_are_averaged_per_task_and_held_against_the_base() {
        let outcomes = [
            outcome("power", 2, &[0, 1, 2]),
            outcome("power", 1, &[0, 1, 2, 3, 4]),
            outcome(BASE, 0, &[0, 1]),
            outcome("rank", 1, &[0]),
        ];
        let table = Table::new(Step::Ablation, &["power".to_owned(), "rank".to_owned()], &outcomes);
        let seen: Vec<(&str, Vec<usize>)> =
            table.lines.iter().map(|line| (line.arm.as_str(), line.solved.clone())).collect();
        assert_eq!(seen, [(BASE, vec![2]), ("power", vec![5, 3]), ("rank", vec![1])]);
        // 4 of 10 on average against 2 of 10.
        let ahead = table.lines[1].ahead.unwrap();
        assert!((ahead.value - 20.0).abs() < 1e-9 && ahead.low >= 0.0, "{ahead:?}");
        assert!((table.lines[1].percent - 40.0).abs() < 1e-9);
        assert_eq!(table.lines[0].ahead, None);
        // 4 against 1, paired.
        assert!((table.pairs[0].ahead.value - 30.0).abs() < 1e-9, "{:?}", table.pairs);
        let text = render(&[table]);
        assert!(text.contains("| power | dev, 10 | plain | 5 3 | 40.0 | +20.0 ("), "{text}");
    }

    #[test]
    fn hyper_parameters_are_ranked_by_tasks_solved() {
        let outcomes = [outcome("a", 1, &[0]), outcome("b", 1, &[0, 1, 2]), outcome(BASE, 0, &[0, 1])];
        let table = Table::new(Step::Hyperparameter, &["a".to_owned(), "b".to_owned()], &outcomes);
        let names: Vec<&str> = table.lines.iter().map(|line| line.arm.as_str()).collect();
        assert_eq!(names, ["b", BASE, "a"]);
    }
}
