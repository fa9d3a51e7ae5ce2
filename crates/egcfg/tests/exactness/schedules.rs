//! The drafted schedule against the one-step schedule, in this process.

use egcfg_guidance::{ExecutionCache, Schedule, Settings};
use egcfg_model::{LlamaModel, LlamaOptions};

use crate::parts::{Comparison, sandbox, single_precision, tasks, write};

#[test]
fn drafting_changes_a_token_only_at_a_near_tie() {
    let folder = tempfile::tempdir().unwrap();
    let model = LlamaModel::load(&LlamaOptions::new(single_precision(folder.path())).exact()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let runner = sandbox().await;
        let mut comparison = Comparison::default();
        for task in &tasks(20, 4) {
            for (name, gamma) in
                [("ns3t0.9dinfk1_ln+om2re", 1.0), ("ns3t0.9d4k1_ln+oe", 0.5), ("ns2t0.9d3k1_ln", 3.0)]
            {
                let cache = ExecutionCache::default();
                let mut runs = Vec::new();
                for schedule in [Schedule::Drafted, Schedule::OneStep] {
                    let settings =
                        Settings { config: name.parse().unwrap(), gamma, schedule, ..Settings::default() };
                    runs.push(write(&model, &runner, task, &cache, &settings).await.1);
                }
                comparison.add(&format!("{} {name}", task.id), gamma, &runs[0], &runs[1]);
            }
        }
        comparison.say("drafted and one-step");
        assert!(comparison.compared > 300, "{}", comparison.compared);
        assert!(comparison.noise < 1e-3, "single precision should not differ by {}", comparison.noise);
    });
}
