//! From flags to settings: explicit flag, then `--config`'s name, then the command's default.

use egcfg_guidance::{Schedule, Settings, Template};
use egcfg_model::ModelInfo;
use egcfg_python::PythonVersion;
use egcfg_task::{Config, Horizon, PromptType, Signal, Strategy, Temperature};

use crate::args::{KnobArgs, PromptArg, SignalArg, StrategyArg};
use crate::exit::Failure;

/// `solve`'s configuration: whole-program candidates, all extensions on.
pub(crate) const SOLVE: &str = "ns3t0.9dinfk1_ln+om2pr";
/// `compare`'s and the README table's configuration, frozen on the development set: no stop on pass.
pub(crate) const COMPARE: &str = "ns16t1.0dinfk1_ln+om2re";

/// Resolves the configuration.
pub(crate) fn config(knobs: &KnobArgs, default: &str) -> Result<Config, Failure> {
    let name = knobs.config.as_deref().unwrap_or(default);
    let mut config: Config = name.parse().map_err(|error: egcfg_task::NameError| {
        Failure::usage(error.to_string()).hint(
            "names look like ns3t0.75d5k1_lci_ln; extensions follow a '+', as in ns3t0.9dinfk1_ln+om2pr",
        )
    })?;
    let positive = |flag: &str, value: u32| {
        if value > 0 { Ok(value) } else { Err(Failure::usage(format!("{flag} must be above 0"))) }
    };
    if let Some(s) = knobs.candidates {
        config.candidates = positive("--candidates", s)?;
    }
    if let Some(t) = knobs.temperature {
        config.temperature = temperature("--temperature", t)?;
    }
    if let Some(d) = &knobs.horizon {
        config.horizon = match d.as_str() {
            "inf" => Horizon::Infinite,
            lines => match lines.parse() {
                Ok(lines) if lines > 0 => Horizon::Lines(lines),
                _ => {
                    return Err(Failure::usage(format!(
                        "--horizon '{lines}' is neither a number of lines above 0 nor 'inf'"
                    )));
                }
            },
        };
    }
    if let Some(k) = knobs.every {
        config.every = positive("--every", k)?;
    }
    match knobs.prompt_type {
        Some(PromptArg::DeepseekInstruct) => config.prompt = PromptType::DeepseekInstruct,
        Some(PromptArg::LongCode) => config.prompt = PromptType::LongCode,
        None => {}
    }
    match knobs.signal {
        Some(SignalArg::Candidates) => config.signal = Signal::Candidates,
        Some(SignalArg::Partial) => config.signal = Signal::Partial,
        None => {}
    }
    match knobs.strategy {
        Some(StrategyArg::Line) => config.strategy = Strategy::Line,
        Some(StrategyArg::Token) => config.strategy = Strategy::Token,
        Some(StrategyArg::Prefix) => config.strategy = Strategy::PersistentPrefix,
        None => {}
    }
    let switches = &mut config.switches;
    switches.outcome = knobs.outcome.unwrap_or(switches.outcome);
    switches.memory = knobs.memory.unwrap_or(switches.memory);
    switches.stop_on_pass = knobs.stop_on_pass.unwrap_or(switches.stop_on_pass);
    switches.reuse = knobs.reuse.unwrap_or(switches.reuse);
    switches.no_early_stop = knobs.early_stop.map_or(switches.no_early_stop, |on| !on);
    Ok(config)
}

/// Checks a temperature flag.
pub(crate) fn temperature(flag: &str, value: f64) -> Result<Temperature, Failure> {
    Temperature::new(value)
        .ok_or_else(|| Failure::usage(format!("{flag} {value} is not above 0 and at most 100")))
}

/// The settings of a generation; gamma and retry are set per attempt.
pub(crate) fn settings(knobs: &KnobArgs, config: Config, python: PythonVersion) -> Settings {
    Settings {
        config,
        gamma: 1.0,
        max_tokens: knobs.max_tokens.map(|n| n.max(1)),
        seed: knobs.seed,
        signal_style: knobs.signal_format.map(Into::into),
        signal_tokens: knobs.signal_tokens,
        schedule: if knobs.one_step { Schedule::OneStep } else { Schedule::Drafted },
        python,
        ..Settings::default()
    }
}

/// The prompt template: the user's file, else the one that the model's file asks for, else the prompt type's.
pub(crate) fn template(knobs: &KnobArgs, config: &Config, model: &ModelInfo) -> Result<Template, Failure> {
    let bad = |error: egcfg_guidance::TemplateError| Failure::input(error.to_string());
    if let Some(path) = &knobs.template {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::input(format!("failed to read {name}: {error}")))?;
        return Template::parse(&name, &text).map_err(bad);
    }
    match &model.prompt_template {
        Some(name) => Template::named(name).map_err(bad),
        None => Template::builtin(config.prompt).map_err(bad),
    }
}

/// Checks a list of guidance strengths.
pub(crate) fn gammas(gammas: &[f64]) -> Result<(), Failure> {
    if gammas.is_empty() {
        return Err(Failure::usage("--gamma needs at least one number"));
    }
    match gammas.iter().find(|g| !g.is_finite() || **g < 0.0 || **g > 100.0) {
        Some(gamma) => Err(Failure::usage(format!("--gamma {gamma} is not between 0 and 100"))),
        None => Ok(()),
    }
}
