//! What the engine's steps cost. Usage:
//!
//! ```text
//! cargo bench -p egcfg-model --bench engine -- [--model PATH|pocket|random100m] [--threads N] [--flash on|off]
//!     [--kv f16|f32] [--cache TOKENS] [--weights f32] [--repeat N] [--context TOKENS] [--only TEXT]
//! ```
//!
//! Prints a table on stderr and one JSON line per measurement on stdout. `random100m` writes a model of about 98 million
//! random parameters to the temporary folder first. Times are medians, in milliseconds, seen by the caller: queueing and
//! the thread change included.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::hint::black_box;
use std::time::Instant;

use egcfg_model::{
    Continuation, FlashAttention, KvType, LanguageModel, LlamaModel, LlamaOptions, ModelError, RandomLlama,
    SampleRequest, ScoreRequest, StopRule, TokenId, uniform,
};
use futures::executor::block_on;

/// Drafts per verification and tokens per draft.
const DRAFTS: usize = 3;
const DRAFT_TOKENS: usize = 20;
/// Branches of a tree that grow by one token in one batch.
const BRANCHES: usize = 8;
/// Tokens of a fresh continuation, and how many of them still stand where one is reused.
const HORIZON: usize = 40;
const STANDING: usize = 30;

struct Arguments {
    model: String,
    options: LlamaOptions,
    repeat: usize,
    /// Tokens of the shared context in every measurement.
    context: usize,
    /// Whether to convert the weights to f32 first.
    single: bool,
    /// What the names of the measurements contain that are repeated; the others run once.
    only: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs benches without this word: nothing is measured then.
    if !words.iter().any(|word| word == "--bench") {
        return Ok(());
    }
    let arguments = parse(&words)?;
    let model = open(&arguments)?;
    let info = model.info();
    eprintln!(
        "{} ({} tokens in the vocabulary), context of {} tokens",
        info.name, info.vocab, arguments.context
    );
    eprintln!("{:>44} {:>13}  {:>13}   {:>13}", "", "wall, median", "wall, least", "cpu, median");
    let bench = Bench {
        context: arguments.context,
        model,
        repeat: arguments.repeat,
        fresh: std::cell::Cell::new(0),
        name: arguments.model,
        only: arguments.only,
    };
    bench.all()?;
    Ok(())
}

fn parse(words: &[String]) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        model: "pocket".to_owned(),
        options: LlamaOptions::default(),
        repeat: 15,
        context: 512,
        single: false,
        only: String::new(),
    };
    let mut words = words.iter().filter(|word| *word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || value.parse::<usize>().map_err(|_| format!("{word} {value}: not a number"));
        match word.as_str() {
            "--model" => arguments.model.clone_from(value),
            "--threads" => arguments.options.threads = Some(number()?),
            "--cache" => arguments.options.cache_tokens = Some(number()?),
            "--only" => arguments.only.clone_from(value),
            "--weights" if value == "f32" => arguments.single = true,
            "--context" => arguments.context = number()?.max(2),
            "--repeat" => arguments.repeat = number()?.max(1),
            "--flash" if value == "on" => arguments.options.flash_attention = FlashAttention::On,
            "--flash" if value == "off" => arguments.options.flash_attention = FlashAttention::Off,
            "--kv" if value == "f16" => arguments.options.kv_type = Some(KvType::F16),
            "--kv" if value == "f32" => arguments.options.kv_type = Some(KvType::F32),
            _ => return Err(format!("unknown argument {word} {value}")),
        }
    }
    Ok(arguments)
}

fn open(arguments: &Arguments) -> Result<LlamaModel, Box<dyn std::error::Error>> {
    let mut options = arguments.options.clone();
    let folder = std::env::temp_dir();
    options.path = match arguments.model.as_str() {
        "pocket" => {
            let path = folder.join("egcfg-pocket.gguf");
            std::fs::write(&path, egcfg_model::POCKET_GGUF)?;
            path
        }
        "random100m" => {
            let path = folder.join("egcfg-random-100m.gguf");
            let shape = RandomLlama::hundred_million();
            if !path.exists() {
                eprintln!("writing {} ({} parameters)", path.display(), shape.parameters());
                shape.write(&path)?;
            }
            path
        }
        path => path.into(),
    };
    if arguments.single {
        let copy = folder.join("egcfg-f32.gguf");
        egcfg_model::convert_to_f32(&options.path, &copy)?;
        options.path = copy;
    }
    Ok(LlamaModel::load(&options)?)
}

/// Wall time and processor time of one repetition, in milliseconds.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

fn time(work: impl FnOnce() -> Result<(), ModelError>) -> Result<Cost, ModelError> {
    let (start, cpu) = (Instant::now(), processor_ms());
    work()?;
    Ok(Cost { wall: start.elapsed().as_secs_f64() * 1e3, cpu: processor_ms() - cpu })
}

/// Processor time of this process so far; what other programs take away does not count.
fn processor_ms() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

fn sorted(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> Vec<f64> {
    let mut values: Vec<f64> = costs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values
}

struct Bench {
    context: usize,
    model: LlamaModel,
    repeat: usize,
    fresh: std::cell::Cell<u64>,
    name: String,
    only: String,
}

impl Bench {
    fn all(&self) -> Result<(), ModelError> {
        let prefill = self.measure("prefill of the context", |bench| {
            let context = bench.tokens(bench.context);
            time(|| bench.score(&context, &[]).map(drop))
        })?;
        eprintln!("{:>44} {:>10.0} tokens/s", "", self.context as f64 * 1e3 / prefill.wall);
        let context = self.tokens(self.context);
        self.score(&context, &[])?;
        self.measure("answer from the cache (no computing)", |bench| {
            time(|| bench.score(&context, &[]).map(drop))
        })?;
        let mut stream = context.clone();
        let step = self.measure("one token more, in place", |bench| {
            stream.extend(bench.tokens(1));
            time(|| bench.score(&stream, &[]).map(drop))
        })?;
        let fork = self.measure("fork of the context and one token more", |bench| {
            let draft = bench.tokens(2);
            bench.score(&context, &[])?;
            time(|| bench.score(&[&context[..self.context - 1], &draft[..1]].concat(), &[]).map(drop))
        })?;
        eprintln!("{:>44} {:>10.3} ms", "the fork alone, about", fork.cpu - step.cpu);
        let wide = self.measure("one token more on each of 8 branches", |bench| {
            let drafts: Vec<_> = (0..BRANCHES).map(|_| bench.tokens(1)).collect();
            bench.score(&context, &[])?;
            time(|| bench.score(&context, &drafts).map(drop))
        })?;
        eprintln!("{:>44} {:>10.1} tokens/s", "", BRANCHES as f64 * 1e3 / wide.wall);
        let verify = self.measure("verify 3 drafts of 20 tokens in one call", |bench| {
            let drafts: Vec<_> = (0..DRAFTS).map(|_| bench.tokens(DRAFT_TOKENS)).collect();
            time(|| bench.score(&context, &drafts).map(drop))
        })?;
        let steps = self.measure("20 single steps", |bench| {
            let draft = bench.tokens(DRAFT_TOKENS);
            time(|| {
                let mut stream = context.clone();
                for token in &draft {
                    stream.push(*token);
                    bench.score(&stream, &[])?;
                }
                Ok(())
            })
        })?;
        eprintln!("{:>44} {:>10.1} tokens/s", "", DRAFT_TOKENS as f64 * 1e3 / steps.wall);
        eprintln!("{:>44} {:>10.1} x", "one call against 20 steps", steps.wall / verify.wall);
        self.measure("sample 3 continuations of 40 tokens, fresh", |bench| {
            let asked = bench.continuations(&[]);
            time(|| bench.sample(&context, asked).map(drop))
        })?;
        self.measure("the same, 30 of the 40 tokens reused", |bench| {
            let asked = bench.continuations(&[]);
            let seeds: Vec<u64> = asked.iter().map(|one| one.seed).collect();
            let standing = bench.sample(&context, asked)?;
            let mut again = bench.continuations(&[]);
            for ((one, seed), tokens) in again.iter_mut().zip(seeds).zip(&standing) {
                one.seed = seed;
                one.prefix = tokens[..STANDING.min(tokens.len())].to_vec();
                // End tokens among the random draws are no place to go on from.
                one.prefix.retain(|token| !bench.model.info().end_tokens.contains(token));
                one.stop.max_tokens = HORIZON - STANDING;
            }
            time(|| bench.sample(&context, again).map(drop))
        })?;
        Ok(())
    }

    /// Medians of the repetitions, printed.
    fn measure(
        &self,
        what: &str,
        mut once: impl FnMut(&Self) -> Result<Cost, ModelError>,
    ) -> Result<Cost, ModelError> {
        let repeat = if what.contains(&self.only) { self.repeat } else { 1 };
        let costs = (0..repeat).map(|_| once(self)).collect::<Result<Vec<Cost>, ModelError>>()?;
        let (walls, cpus) = (sorted(&costs, |cost| cost.wall), sorted(&costs, |cost| cost.cpu));
        let middle = costs.len() / 2;
        let median = Cost { wall: walls[middle], cpu: cpus[middle] };
        eprintln!("{what:>44} {:>10.3} ms  {:>10.3} ms   {:>10.3} ms", median.wall, walls[0], median.cpu);
        println!(
            "{}",
            serde_json::json!({
                "bench": "engine", "model": self.name, "what": what, "context": self.context, "repeat": repeat,
                "wall_ms": {"median": median.wall, "min": walls[0], "max": walls[walls.len() - 1]},
                "cpu_ms": {"median": median.cpu, "min": cpus[0], "max": cpus[cpus.len() - 1]},
            })
        );
        Ok(median)
    }

    /// Random tokens that no measurement has used before.
    fn tokens(&self, count: usize) -> Vec<TokenId> {
        let vocab = self.model.info().vocab as f64;
        let seed = self.fresh.replace(self.fresh.get() + 1);
        (0..count as u64).map(|at| (1.0 + uniform(seed, at) * (vocab - 1.0)) as TokenId).collect()
    }

    fn score(&self, context: &[TokenId], drafts: &[Vec<TokenId>]) -> Result<usize, ModelError> {
        let request = ScoreRequest { context: context.to_vec(), drafts: drafts.to_vec() };
        Ok(black_box(block_on(self.model.score(request))?).usage.computed)
    }

    fn continuations(&self, prefix: &[TokenId]) -> Vec<Continuation> {
        (0..DRAFTS)
            .map(|_| Continuation {
                prefix: prefix.to_vec(),
                seed: self.fresh.replace(self.fresh.get() + 1),
                stop: StopRule { max_tokens: HORIZON, ..StopRule::default() },
                ..Continuation::default()
            })
            .collect()
    }

    fn sample(
        &self,
        context: &[TokenId],
        continuations: Vec<Continuation>,
    ) -> Result<Vec<Vec<TokenId>>, ModelError> {
        let request = SampleRequest {
            context: context.to_vec(),
            continuations,
            temperature: 0.9,
            top_p: 0.95,
            want_distributions: false,
        };
        Ok(block_on(self.model.sample(request))?.0.into_iter().map(|sample| sample.tokens).collect())
    }
}
