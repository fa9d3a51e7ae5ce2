//! Loss, gradients and the optimiser held against PyTorch, transformers and PEFT (tools/goldens/make_tune_goldens.py).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use super::super::adapter::Pairs;
use super::super::contract::{TrainJob, Trainer};
use super::super::example::{Example, read_examples};
use super::super::settings::{Objective, Schedule, TrainSettings};
use super::base::Base;
use super::gradient::{Work, batch_gradient};
use super::run::{BuiltinTrainer, sizes};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn settings() -> TrainSettings {
    TrainSettings {
        lora_r: 4,
        lora_alpha: 8.0,
        lora_dropout: 0.0,
        learning_rate: 1e-2,
        weight_decay: 0.1,
        schedule: Schedule::Constant,
        warmup_steps: 0,
        num_epochs: 3,
        per_device_batch_size: 2,
        gradient_accumulation_steps: 2,
        ..TrainSettings::default()
    }
}

fn tensors(path: &Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(path, &Device::Cpu).unwrap()
}

/// Largest difference over the largest value of the golden tensor.
fn relative(ours: &Tensor, golden: &Tensor) -> f32 {
    let largest =
        |t: &Tensor| t.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap();
    largest(&(ours - golden).unwrap()) / largest(golden).max(1e-6)
}

fn gradient(distil: bool, memory: usize) -> (f64, Pairs) {
    let (settings, base) = (settings(), Base::read(&fixture("base.gguf"), &Device::Cpu).unwrap());
    let path = fixture("adapter/adapter_model.safetensors");
    let shapes = sizes(&base.shape);
    let adapter =
        Pairs::from_named(&tensors(&path), "", &settings, base.shape.layers, &shapes, &path).unwrap();
    let examples = read_examples(&fixture("examples.jsonl"), base.shape.vocab).unwrap();
    let total = examples.iter().map(|e| e.weight * e.answer.len() as f64).sum();
    let work = Work { base: &base, adapter: &adapter, scale: settings.scale(), distil, total, memory };
    let (mut loss, mut gradient) = (0.0, Pairs::default());
    // Two batches of unequal size: packed and accumulated.
    let all: Vec<&Example> = examples.iter().collect();
    for batch in [&all[..2], &all[2..]] {
        let part = batch_gradient(work, batch, None).unwrap();
        loss += part.loss / total;
        for (key, pair) in part.gradient.pairs {
            gradient.add(key, pair).unwrap();
        }
    }
    (loss, gradient)
}

#[test]
fn gradients_are_those_of_pytorch() {
    let golden = tensors(&fixture("golden.safetensors"));
    for (name, distil) in [("imitate", false), ("distil", true)] {
        // All layers keep their activations, and none does.
        for memory in [1 << 30, 0] {
            let (loss, ours) = gradient(distil, memory);
            let expected = f64::from(golden[&format!("{name}.loss")].to_vec1::<f32>().unwrap()[0]);
            assert!(
                (loss - expected).abs() < 1e-5 * expected.abs(),
                "{name}: loss {loss}, PyTorch {expected}"
            );
            let ours = ours.named("");
            assert_eq!(ours.len(), 28);
            for (parameter, value) in &ours {
                let error = relative(value, &golden[&format!("{name}.{parameter}")]);
                assert!(error < 1e-4, "{name}: {parameter} differs by {error}");
            }
        }
    }
}

#[test]
fn three_steps_are_those_of_pytorch_and_a_stopped_run_goes_on_with_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let job = |name: &str| TrainJob {
        base: fixture("base.gguf"),
        base_name: "tiny".to_owned(),
        examples: fixture("examples.jsonl"),
        examples_sha256: String::new(),
        output: folder.path().join(name),
        start_from: Some(fixture("adapter")),
        objective: Objective::Imitate,
        settings: settings(),
    };
    let whole = job("whole");
    let report = BuiltinTrainer.train(&whole, &mut |_| true).unwrap();
    assert_eq!((report.steps, report.examples, report.left_out), (3, 3, 0));
    assert_eq!(report.gradient_tokens, 3 * 23);
    let ours = tensors(&whole.output.join("adapter_model.safetensors"));
    let golden = tensors(&fixture("stepped/adapter_model.safetensors"));
    assert_eq!(ours.len(), golden.len());
    for (name, value) in &ours {
        let error = relative(value, &golden[name]);
        assert!(error < 1e-3, "{name} differs by {error}");
    }
    // The same job, stopped after each step and started again.
    let parts = job("parts");
    let mut stops = 0;
    while BuiltinTrainer.train(&parts, &mut |progress| progress.step == 3).is_err() {
        stops += 1;
        assert!(stops < 3, "a stopped run repeats its steps");
    }
    assert_eq!(stops, 2);
    for (name, value) in &tensors(&parts.output.join("adapter_model.safetensors")) {
        assert!(relative(value, &ours[name]) < 1e-12, "{name}");
    }
    let lines =
        |folder: &Path| std::fs::read_to_string(folder.join("train_log.jsonl")).unwrap().lines().count();
    assert_eq!((lines(&whole.output), lines(&parts.output)), (3, 3));
    // The folder is that job's alone.
    let other = TrainJob { settings: TrainSettings { seed: 9, ..settings() }, ..parts };
    let refused = BuiltinTrainer.train(&other, &mut |_| true).unwrap_err().to_string();
    assert!(refused.starts_with("output-dir: "), "{refused}");
}

#[test]
fn a_new_adapter_changes_nothing_and_dropout_is_the_same_both_ways() {
    let base = Base::read(&fixture("base.gguf"), &Device::Cpu).unwrap();
    let settings = TrainSettings { lora_dropout: 0.5, ..settings() };
    let fresh = Pairs::begin(&settings, base.shape.layers, &sizes(&base.shape), &Device::Cpu).unwrap();
    let examples = read_examples(&fixture("examples.jsonl"), base.shape.vocab).unwrap();
    let batch: Vec<&Example> = examples.iter().collect();
    let path = fixture("adapter/adapter_model.safetensors");
    let trained =
        Pairs::from_named(&tensors(&path), "", &settings, base.shape.layers, &sizes(&base.shape), &path)
            .unwrap();
    let none = Pairs::default();
    let run = |adapter: &Pairs, dropout| {
        let work = Work { base: &base, adapter, scale: 2.0, distil: false, total: 1.0, memory: 1 << 30 };
        batch_gradient(work, &batch, dropout).unwrap()
    };
    let loss = |adapter| run(adapter, None).loss;
    assert!((loss(&fresh) - loss(&none)).abs() < 1e-6);
    // With a fixed mask the loss is a smooth function of the adapter: its slope along the gradient is the gradient's
    // squared norm.
    let dropout = super::dropout::Dropout { share: 0.5, seed: 1, batch: 3 };
    let at = |adapter: &Pairs| run(adapter, Some(&dropout));
    let here = at(&trained);
    let step = 1e-3 / here.gradient.norm().unwrap();
    let mut moved = [trained.clone(), trained.clone()];
    for (sign, moved) in [1.0, -1.0].into_iter().zip(&mut moved) {
        for (key, pair) in &here.gradient.pairs {
            let along = |t: &Tensor| (t * (sign * step)).unwrap();
            let pair = super::super::adapter::Pair { a: along(&pair.a), b: along(&pair.b) };
            moved.add(*key, pair).unwrap();
        }
    }
    let slope = (at(&moved[0]).loss - at(&moved[1]).loss) / (2.0 * step);
    let squared = here.gradient.norm().unwrap().powi(2);
    assert!((slope - squared).abs() < 1e-2 * squared, "slope {slope}, squared norm {squared}");
}

#[test]
fn a_merged_file_is_the_base_with_its_adapter() {
    let folder = tempfile::tempdir().unwrap();
    let merged = folder.path().join("merged.gguf");
    crate::sample::merge_adapter(&fixture("base.gguf"), &fixture("adapter"), &merged).unwrap();
    let base = Base::read(&merged, &Device::Cpu).unwrap();
    let examples = read_examples(&fixture("examples.jsonl"), base.shape.vocab).unwrap();
    let total: f64 = examples.iter().map(|e| e.weight * e.answer.len() as f64).sum();
    let none = Pairs::default();
    let work = Work { base: &base, adapter: &none, scale: 1.0, distil: false, total, memory: 0 };
    let batch: Vec<&Example> = examples.iter().collect();
    let loss = batch_gradient(work, &batch, None).unwrap().loss / total;
    let golden = tensors(&fixture("golden.safetensors"));
    let expected = f64::from(golden["imitate.loss"].to_vec1::<f32>().unwrap()[0]);
    // The merged maps are half-precision numbers; without the reordering of queries and keys the loss is off by tenths.
    assert!((loss - expected).abs() < 2e-3 * expected, "{loss}, PyTorch {expected}");
    let foreign = crate::sample::merge_adapter(&fixture("base.gguf"), folder.path(), &merged).unwrap_err();
    assert!(foreign.to_string().contains("adapter_config.json"), "{foreign}");
}
