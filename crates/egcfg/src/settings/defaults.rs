//! The defaults that every command shares, each chosen by what was measured (see `docs/adr/0044`), and how help texts show
//! them.

use egcfg_task::{Config, Horizon, PromptType, Signal, Strategy};

/// The configuration: 16 whole-program candidates per line, all extensions of ours but early stop.
pub(crate) const CONFIGURATION: &str = "ns16t1.0dinfk1_ln+om2pre";
/// Guidance strengths, tried in order: plain decoding first, which costs little and often does.
pub(crate) const GAMMAS: [f64; 2] = [0.0, 1.0];
/// The one strength of commands that take one.
pub(crate) const GAMMA: f64 = 1.0;
/// The embedded model.
pub(crate) const MODEL: &str = "pocket";
/// Base seed.
pub(crate) const SEED: u64 = 0;

/// The configuration as a value.
pub(crate) fn configuration() -> Config {
    // A test reads the name; should it ever be wrong, the published default is used.
    CONFIGURATION.parse().unwrap_or_default()
}

/// What a flag's help says about its default, by the flag's id; nothing for flags whose help says it by itself.
pub(crate) fn shown(command: &str, id: &str) -> Option<String> {
    let config = configuration();
    let switches = config.switches;
    Some(match id {
        "model" => MODEL.to_owned(),
        "configurations" => CONFIGURATION.to_owned(),
        "gammas" if command == "compare" => GAMMA.to_string(),
        "gammas" => GAMMAS.map(|gamma| gamma.to_string()).join(","),
        "seed" => SEED.to_string(),
        "candidates" => config.candidates.to_string(),
        "temperature" => config.temperature.to_string(),
        "horizon" => match config.horizon {
            Horizon::Lines(lines) => lines.to_string(),
            Horizon::Infinite => "inf".to_owned(),
        },
        "every" => config.every.to_string(),
        "prompt_type" => {
            format!(
                "{}; for a chat model of fewer than 10^9 parameters {}",
                config.prompt.name(),
                PromptType::Instruct.name()
            )
        }
        "signal" => match config.signal {
            Signal::Candidates => "candidates",
            Signal::Partial => "partial",
        }
        .to_owned(),
        "strategy" => match config.strategy {
            Strategy::Line => "line",
            Strategy::Token => "token",
            Strategy::PersistentPrefix => "prefix",
        }
        .to_owned(),
        "outcome" => switches.outcome.to_string(),
        "memory" => switches.memory.to_string(),
        "stop_on_pass" => switches.stop_on_pass.to_string(),
        "reuse" => switches.reuse.to_string(),
        "stable_block" => switches.stable.to_string(),
        "early_stop" => (!switches.no_early_stop).to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_configuration_that_its_name_says() {
        assert_eq!(
            CONFIGURATION.parse::<Config>().map(|config| config.to_string()),
            Ok(CONFIGURATION.to_owned())
        );
        assert_eq!(configuration().to_string(), CONFIGURATION);
        assert_eq!(shown("solve", "gammas").as_deref(), Some("0,1"));
        assert_eq!(shown("compare", "gammas").as_deref(), Some("1"));
    }
}
