//! The results file of the EvalPlus programs, which other tools read.

use egcfg_grade::{Grade, Outcome};
use serde_json::{Map, Value, json};

use super::samples::Samples;
use super::summary::{Score, Summary};
use crate::dataset::Dataset;

/// The layout of `eval_results.json`: per task its samples with `base_status` and `plus_status`. A set of one suite gives
/// its verdicts as the base suite's, without a plus suite's.
pub fn evalplus_results(
    set: &Dataset,
    samples: &Samples,
    judged: &[Grade],
    summary: &Summary,
    date: &str,
) -> Value {
    let mut eval: Map<String, Value> = Map::new();
    for (sample, judged) in samples.samples.iter().zip(judged) {
        let item = &set.items[sample.item];
        let failing: Vec<&str> = judged.failed.iter().map(|failed| failed.test.as_str()).collect();
        let in_base = judged.base.is_none_or(|base| base != Outcome::Passed);
        let (base_fails, plus_fails) = if in_base { (failing, Vec::new()) } else { (Vec::new(), failing) };
        let entry = json!({
            "task_id": item.task.id,
            "solution": sample.program,
            "base_status": status(judged.base.unwrap_or(judged.outcome), judged),
            "plus_status": judged.base.map(|_| status(judged.outcome, judged)),
            "base_fail_tests": base_fails,
            "plus_fail_tests": plus_fails,
        });
        let list = eval.entry(item.task.id.clone()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(entry);
        }
    }
    let ks = |score: &Score| -> Map<String, Value> {
        score.pass_at_k.iter().map(|(k, interval)| (format!("pass@{k}"), json!(interval.value))).collect()
    };
    let pass = match &summary.base {
        Some(base) => json!({ "base": ks(base), "plus": ks(&summary.score) }),
        None => json!({ "base": ks(&summary.score) }),
    };
    json!({ "date": date, "hash": set.sha256, "eval": eval, "pass_at_k": pass })
}

fn status(outcome: Outcome, judged: &Grade) -> &'static str {
    let timeout = judged.failed.as_ref().is_some_and(|failed| failed.verdict.starts_with("timeout"));
    match outcome {
        Outcome::Passed => "pass",
        Outcome::Failed if timeout => "timeout",
        Outcome::Failed | Outcome::Invalid => "fail",
        Outcome::Error => "error",
    }
}
