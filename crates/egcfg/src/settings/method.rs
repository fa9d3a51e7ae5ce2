//! The method's settings: the flags laid over a configuration, and what follows from them. One line here per knob.

use egcfg_guidance::{Schedule, Settings, Template};
use egcfg_model::ModelInfo;
use egcfg_python::PythonVersion;
use egcfg_task::{Config, PromptType};

use super::defaults;
use crate::args::method::MethodArgs;
use crate::exit::Failure;

/// The configuration of a command that takes one: its name or the default, with the knobs that were given by themselves laid
/// over.
pub(crate) fn config(args: &MethodArgs) -> Result<Config, Failure> {
    match args.configurations.as_deref() {
        None => Ok(over(args, defaults::configuration())),
        Some([config]) => Ok(over(args, *config)),
        Some(several) => {
            Err(Failure::usage(format!("--config names {} configurations, not one", several.len()))
                .hint("egcfg run takes several"))
        }
    }
}

/// A configuration with the knobs that were given by themselves laid over.
pub(crate) fn over(args: &MethodArgs, mut config: Config) -> Config {
    config.candidates = args.candidates.unwrap_or(config.candidates);
    config.temperature = args.temperature.unwrap_or(config.temperature);
    config.horizon = args.horizon.unwrap_or(config.horizon);
    config.every = args.every.unwrap_or(config.every);
    config.prompt = args.prompt_type.map_or(config.prompt, Into::into);
    config.signal = args.signal.map_or(config.signal, Into::into);
    config.strategy = args.strategy.map_or(config.strategy, Into::into);
    let switches = &mut config.switches;
    switches.outcome = args.outcome.unwrap_or(switches.outcome);
    switches.memory = args.memory.unwrap_or(switches.memory);
    switches.stop_on_pass = args.stop_on_pass.unwrap_or(switches.stop_on_pass);
    switches.reuse = args.reuse.unwrap_or(switches.reuse);
    switches.stable = args.stable_block.unwrap_or(switches.stable);
    switches.no_early_stop = args.early_stop.map_or(switches.no_early_stop, |on| !on);
    config
}

/// The guidance strengths, in the order in which they are tried.
pub(crate) fn gammas(args: &MethodArgs) -> Vec<f64> {
    args.gammas.clone().unwrap_or_else(|| defaults::GAMMAS.to_vec())
}

/// The strength of a command that takes one.
pub(crate) fn gamma(args: &MethodArgs) -> Result<f64, Failure> {
    match args.gammas.as_deref() {
        None => Ok(defaults::GAMMA),
        Some([gamma]) => Ok(*gamma),
        Some(several) => Err(Failure::usage(format!("--gamma names {} strengths, not one", several.len()))
            .hint("egcfg run and egcfg solve take several")),
    }
}

/// The settings of a generation; gamma and retry are set per attempt.
pub(crate) fn settings(args: &MethodArgs, config: Config, python: PythonVersion) -> Settings {
    Settings {
        config,
        gamma: defaults::GAMMA,
        max_tokens: args.max_tokens,
        seed: args.seed.unwrap_or(defaults::SEED),
        signal_style: args.signal_format.map(Into::into),
        signal_tokens: args.signal_tokens,
        schedule: if args.one_step { Schedule::OneStep } else { Schedule::Drafted },
        python,
        ..Settings::default()
    }
}

/// Chat models with fewer parameters than this read the task better without solved examples before it.
const SMALL: u64 = 1_000_000_000;

/// The prompt template: the user's file, else the one that the model's file asks for, else the prompt type's. Where nobody
/// chose a prompt type, a small chat model gets `instruct`.
pub(crate) fn template(args: &MethodArgs, config: &Config, model: &ModelInfo) -> Result<Template, Failure> {
    let bad = |error: egcfg_guidance::TemplateError| Failure::input(error.to_string());
    if let Some(path) = &args.template {
        let name = path.display().to_string();
        let text = egcfg_files::read_small(path).map_err(Failure::file)?;
        return Template::parse(&name, &text).map_err(bad);
    }
    if let Some(name) = &model.prompt_template {
        return Template::named(name).map_err(bad);
    }
    let chosen = args.prompt_type.is_some() || args.configurations.is_some();
    let small = model.chat_template.is_some() && model.parameters.is_some_and(|count| count < SMALL);
    let prompt = if small && !chosen { PromptType::Instruct } else { config.prompt };
    Template::builtin(prompt).map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_chat_model_is_asked_without_examples_unless_somebody_chose() {
        let small = ModelInfo {
            chat_template: Some("{{ messages[0].content }}".into()),
            parameters: Some(135_000_000),
            ..ModelInfo::default()
        };
        let name = |args: &MethodArgs, model: &ModelInfo| {
            template(args, &config(args).unwrap(), model).unwrap().name
        };
        let none = MethodArgs::default();
        assert_eq!(name(&none, &small), "instruct");
        assert_eq!(
            name(&none, &ModelInfo { parameters: Some(7_000_000_000), ..small.clone() }),
            "deepseek_instruct"
        );
        assert_eq!(name(&none, &ModelInfo { parameters: None, ..small.clone() }), "deepseek_instruct");
        assert_eq!(name(&none, &ModelInfo { chat_template: None, ..small.clone() }), "deepseek_instruct");
        assert_eq!(
            name(&none, &ModelInfo { prompt_template: Some("pocket".into()), ..small.clone() }),
            "pocket"
        );
        let typed = MethodArgs {
            prompt_type: Some(crate::args::method::PromptArg::DeepseekInstruct),
            ..none.clone()
        };
        assert_eq!(name(&typed, &small), "deepseek_instruct");
        let named = MethodArgs { configurations: Some(vec!["ns3t0.75d5k2_lci_ln".parse().unwrap()]), ..none };
        assert_eq!(name(&named, &small), "long_code");
    }

    #[test]
    fn a_knob_goes_over_the_name_and_the_name_over_the_default() {
        let named = |names: &[&str]| MethodArgs {
            configurations: Some(names.iter().map(|name| name.parse().unwrap()).collect()),
            candidates: Some(7),
            early_stop: Some(true),
            ..MethodArgs::default()
        };
        let given = named(&["ns3t0.75d5k2_ln+e"]);
        assert_eq!(config(&given).unwrap().to_string(), "ns7t0.75d5k2_ln");
        let none = MethodArgs { configurations: None, ..given };
        assert_eq!(config(&none).unwrap().to_string(), "ns7t1.0dinfk1_ln+om2pr");
        assert!(config(&named(&["ns3t0.75d5k2_ln", "ns2t0.75d5k2_ln"])).is_err());
    }
}
