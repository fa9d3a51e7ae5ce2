//! Tokens per second of processor time of the built-in trainer, one JSON object per measurement.
//!
//! `cargo bench -p egcfg-tune --bench training -- [MODEL.gguf]...` measures the embedded model's file and every file named.
//! Random tokens do: the work does not depend on what they mean.

use std::path::{Path, PathBuf};

use egcfg_tune::train::{
    BuiltinTrainer, EXAMPLE_VERSION, Example, Objective, TrainJob, TrainSettings, Trainer, example_lines,
};

const STEPS: usize = 3;

fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn measure(base: &Path, prompt: usize, answer: usize) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("examples.jsonl");
    let tokens = |seed: usize, n: usize| (0..n).map(|i| ((i * 7919 + seed * 104_729) % 500) as u32).collect();
    let example = |number: usize| Example {
        version: EXAMPLE_VERSION,
        task_id: number.to_string(),
        prompt: tokens(number, prompt),
        answer: tokens(number + 1000, answer),
        weight: 1.0,
        teacher: None,
    };
    std::fs::write(&file, example_lines(&(0..4 * STEPS).map(example).collect::<Vec<_>>()))?;
    for dropout in [0.0, 0.05] {
        let settings = TrainSettings {
            lora_dropout: dropout,
            num_epochs: 1,
            per_device_batch_size: 4,
            gradient_accumulation_steps: 1,
            save_every: STEPS,
            ..TrainSettings::default()
        };
        let job = TrainJob {
            base: base.to_owned(),
            base_name: "bench".to_owned(),
            examples: file.clone(),
            examples_sha256: String::new(),
            output: folder.path().join(format!("out-{dropout}")),
            start_from: None,
            objective: Objective::Imitate,
            settings,
        };
        // Steps after the first: what loading costs is not training.
        let mut marks = Vec::new();
        BuiltinTrainer.train(&job, &mut |progress| {
            marks.push((processor_seconds(), progress.tokens));
            true
        })?;
        let (first, last) = (marks[0], marks[marks.len() - 1]);
        let rate = (last.1 - first.1) as f64 / (last.0 - first.0);
        let name = base.file_name().unwrap_or_default().to_string_lossy();
        let line = serde_json::json!({
            "bench": "training", "model": name, "sequences": 4, "prompt": prompt, "answer": answer,
            "dropout": dropout, "tokens_per_processor_second": rate,
        });
        #[expect(clippy::print_stdout, reason = "a bench's result")]
        {
            println!("{line}");
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let named: Vec<PathBuf> =
        std::env::args().skip(1).filter(|a| !a.starts_with("--")).map(PathBuf::from).collect();
    let pocket = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../egcfg-model/assets/pocket.gguf"));
    measure(&pocket, 150, 80)?;
    for file in named {
        measure(&file, 300, 100)?;
    }
    Ok(())
}
