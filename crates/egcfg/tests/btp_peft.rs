//! What needs PyTorch: the trainer over PEFT held against the built-in one on a small model, killed and resumed; and exports
//! read by the libraries that they are for. `EGCFG_TRAINER_PYTHON` names a Python that has them; without it these tests say
//! that they are skipped.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test helpers; a skipped test says so")]

#[path = "cli/run.rs"]
#[allow(dead_code, reason = "shared with the other test programs")]
mod start;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use start::command;

/// The Python, where it has these modules.
fn python(modules: &[&str]) -> Option<PathBuf> {
    let python = std::env::var_os("EGCFG_TRAINER_PYTHON").map(PathBuf::from);
    let Some(python) = python else {
        eprintln!("skipped: EGCFG_TRAINER_PYTHON names no Python");
        return None;
    };
    let code = format!(
        "import importlib.util, sys; sys.exit(' '.join(n for n in {modules:?} if not importlib.util.find_spec(n)) or 0)"
    );
    let output = Command::new(&python).args(["-c", &code]).output().unwrap();
    if output.status.success() {
        return Some(python);
    }
    eprintln!("skipped: {} lacks {}", python.display(), String::from_utf8_lossy(&output.stderr).trim());
    None
}

fn run(python: &Path, folder: &Path, code: &str) -> String {
    let output = Command::new(python)
        .current_dir(folder)
        .env("HF_HUB_OFFLINE", "1")
        .env("OMP_NUM_THREADS", "1")
        .args(["-c", code])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn pocket(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/pocket").join(name)
}

/// A Llama of random weights whose tokens are bytes.
const MODEL: &str = "
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
vocab = {'<|end|>': 0, **{letter: number + 1 for number, letter in enumerate(alphabet)}}
tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.add_special_tokens(['<|end|>'])
torch.manual_seed(0)
LlamaForCausalLM(LlamaConfig(
    vocab_size=257, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=1024, tie_word_embeddings=True, rms_norm_eps=1e-5,
    bos_token_id=None, eos_token_id=0, pad_token_id=0)).save_pretrained('tiny')
tokenizer.save('tiny/tokenizer.json')
";

/// Tasks and programs for them, one that passes and one that fails each, as a cache of the published fork.
fn world(folder: &Path) {
    let text = std::fs::read_to_string(pocket("train_tasks.jsonl")).unwrap();
    let tasks: Vec<Value> = text.lines().take(8).map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: String = tasks.iter().map(|task| task.to_string() + "\n").collect();
    std::fs::write(folder.join("tasks.jsonl"), lines).unwrap();
    let entry = |task: &Value, code: &str, rate: f64| serde_json::json!({"problem_id": task["task_id"], "code": code, "possibility": 0.5, "pass_rate": rate});
    let right = tasks.iter().map(|task| entry(task, task["solution"].as_str().unwrap(), 1.0));
    let wrong = tasks.iter().map(|task| entry(task, "def f(xs):\n    return xs\n", 0.0));
    let experiences: Vec<Value> = right.chain(wrong).collect();
    let cache = serde_json::json!({"model_name": "m", "experiences": experiences});
    std::fs::write(folder.join("cache.json"), cache.to_string()).unwrap();
}

/// A command of `btp`, with a cache of the folder's own.
fn btp(folder: &Path, verb: &str) -> Command {
    let mut command = command(folder);
    command.env("EGCFG_CACHE", folder.join("cache")).args(["btp", verb]);
    command
}

/// One over the world's tasks and experiences.
fn over_experiences(folder: &Path, verb: &str) -> Command {
    let mut command = btp(folder, verb);
    command.args(["--dataset", "tasks", "--data", "tasks.jsonl", "--experiences", "cache.json"]);
    command
}

fn train(folder: &Path, trainer: &str, out: &str) -> Command {
    let mut command = over_experiences(folder, "train");
    command.args([
        "--model",
        "tiny",
        "--template",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../egcfg-guidance/templates/pocket.toml"),
        "--sampling-method",
        "passing",
        "--lora-dropout",
        "0",
        "--lora-r",
        "4",
        "--learning-rate",
        "0.01",
        "--num-epochs",
        "6",
        "--per-device-batch-size",
        "2",
        "--gradient-accumulation-steps",
        "2",
        "--threads",
        "1",
        "--trainer",
        trainer,
        "--output-dir",
        out,
    ]);
    command
}

fn log(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("train_log.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_trainer_over_peft_learns_what_the_builtin_one_does_and_resumes() {
    let Some(python) = python(&["torch", "transformers", "peft", "accelerate"]) else { return };
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    world(folder);
    run(&python, folder, MODEL);
    for trainer in ["builtin", "peft"] {
        let output = train(folder, trainer, trainer).output().unwrap();
        assert!(output.status.success(), "{trainer}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let (ours, theirs) = (log(&folder.join("builtin")), log(&folder.join("peft")));
    assert_eq!((ours.len(), theirs.len()), (12, 12));
    for (a, b) in ours.iter().zip(&theirs) {
        for field in ["step", "gradient_tokens", "tokens"] {
            assert_eq!(a[field], b[field], "{field}");
        }
        let number = |line: &Value, field: &str| line[field].as_f64().unwrap();
        assert!((number(a, "rate") - number(b, "rate")).abs() < 1e-12);
    }
    // Before the first step an adapter changes nothing: the same model gives the same loss, whichever computes it.
    let loss = |line: &Value| line["loss"].as_f64().unwrap();
    // The GGUF file holds the weights in half precision.
    assert!((loss(&ours[0]) - loss(&theirs[0])).abs() < 1e-3, "{} {}", ours[0], theirs[0]);
    for log in [&ours, &theirs] {
        assert!(loss(&log[11]) < loss(&log[0]) - 0.05, "{log:?}");
    }
    // The worker's adapter is one that egcfg merges.
    let merged = btp(folder, "merge")
        .args(["--model", "tiny", "--adapter", "peft", "--out", "merged.gguf"])
        .output()
        .unwrap();
    assert!(merged.status.success(), "{}", String::from_utf8_lossy(&merged.stderr));
    // Killed after some step, and gone on with: the same steps, the same end.
    let mut child =
        train(folder, "peft", "killed").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let steps =
        || std::fs::read_to_string(folder.join("killed/train_log.jsonl")).unwrap_or_default().lines().count();
    while steps() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(600), "no step was made");
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    child.wait().unwrap();
    let output = train(folder, "peft", "killed").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let killed = log(&folder.join("killed"));
    assert_eq!(killed.len(), 12);
    for (a, b) in killed.iter().zip(&theirs) {
        assert!((loss(a) - loss(b)).abs() < 1e-3, "{a} {b}");
    }
}

#[test]
fn what_the_worker_cannot_do_is_said() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    world(folder);
    let refused = |extra: &[&str]| {
        let output = over_experiences(folder, "train")
            .env_remove("EGCFG_TRAINER_PYTHON")
            .args(["--trainer", "peft", "--output-dir", "out"])
            .args(extra)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    // The embedded model is a file, and PEFT trains folders.
    let said = refused(&[]);
    assert!(said.contains("it is no checkpoint folder") && said.contains("--checkpoint"), "{said}");
    std::fs::create_dir(folder.join("tiny")).unwrap();
    std::fs::write(folder.join("tiny/config.json"), r#"{"vocab_size": 512}"#).unwrap();
    let said = refused(&["--checkpoint", "tiny"]);
    assert!(said.contains("it does not start") && said.contains("egcfg btp setup"), "{said}");
    let said = refused(&["--checkpoint", "tiny", "--trainer-python", "/bin/false"]);
    assert!(said.contains("it lacks"), "{said}");
}

/// Every form through the library that reads it: datasets for all, TRL's trainers for its own four.
const READ: &str = r#"
import json, sys
from datasets import load_dataset
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
try:
    from trl import KTOConfig, KTOTrainer
except ImportError:
    from trl.experimental.kto import KTOConfig, KTOTrainer

tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_file("tokenizer.json"))
tokenizer.eos_token = tokenizer.pad_token = tokenizer.convert_ids_to_tokens(0)
tokenizer.chat_template = "{% for m in messages %}{% generation %}{{ m['content'] }}\n{% endgeneration %}{% endfor %}"
tiny = lambda: LlamaForCausalLM(LlamaConfig(
    vocab_size=512, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
    num_key_value_heads=2, max_position_embeddings=2048))
common = dict(output_dir="out", max_steps=1, per_device_train_batch_size=2, report_to=[], use_cpu=True,
              save_strategy="no", bf16=False, gradient_checkpointing=False)
read = lambda form: load_dataset("json", data_files=f"{form}/egcfg.jsonl", split="train")
rows = {}
for form in ["prompt-completion", "conversational"]:
    trainer = SFTTrainer(model=tiny(), args=SFTConfig(**common), train_dataset=read(form), processing_class=tokenizer)
    trainer.train()
    rows[form] = len(trainer.train_dataset)
trainer = DPOTrainer(model=tiny(), ref_model=tiny(), args=DPOConfig(**common), train_dataset=read("preference"),
                     processing_class=tokenizer)
trainer.train()
rows["preference"] = len(trainer.train_dataset)
trainer = KTOTrainer(model=tiny(), ref_model=tiny(), args=KTOConfig(**common), train_dataset=read("kto"),
                     processing_class=tokenizer)
trainer.train()
rows["kto"] = len(trainer.train_dataset)
for form in ["alpaca", "sharegpt"]:
    info = json.load(open(f"{form}/dataset_info.json"))["egcfg"]
    data = load_dataset("json", data_files=f"{form}/{info['file_name']}", split="train")
    missing = [column for column in info["columns"].values() if column not in data.column_names]
    assert not missing, missing
    if form == "sharegpt":
        tags = info["tags"]
        for row in data[info["columns"]["messages"]]:
            assert [turn[tags["role_tag"]] for turn in row] == [tags["user_tag"], tags["assistant_tag"]], row
            assert all(turn[tags["content_tag"]] for turn in row)
    rows[form] = len(data)
print(json.dumps(rows))
"#;

#[test]
fn exports_are_read_by_the_libraries_that_they_are_for() {
    let Some(python) = python(&["torch", "transformers", "trl", "datasets"]) else { return };
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    world(folder);
    std::fs::copy(pocket("tokenizer.json"), folder.join("tokenizer.json")).unwrap();
    for form in ["prompt-completion", "conversational", "preference", "kto", "alpaca", "sharegpt"] {
        let output =
            over_experiences(folder, "export").args(["--form", form, "--output-dir", form]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let said = run(&python, folder, READ);
    let rows: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    // 8 tasks with a program that passes and one that fails each.
    let expected = serde_json::json!({"prompt-completion": 8, "conversational": 8, "preference": 8, "kto": 16,
        "alpaca": 8, "sharegpt": 8});
    assert_eq!(rows, expected);
}
