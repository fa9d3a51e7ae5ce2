//! Canonical names of configurations: `[p]ns{s}t{t}d{d|inf}k{k}[_lci|_ins]_{ln|tok|prf}[+switches]`, read and written, both
//! ways, so that a folder or a cache key always means one configuration.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::config::{Config, Horizon, PromptType, Signal, Strategy, Switches, Temperature};

/// Why a configuration name could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("configuration name '{name}': {reason}")]
pub struct NameError {
    /// The name as given.
    pub name: String,
    /// What is wrong with it, and what was expected.
    pub reason: String,
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.signal == Signal::Partial {
            f.write_str("p")?;
        }
        write!(f, "ns{}t{}d", self.candidates, self.temperature)?;
        match self.horizon {
            Horizon::Lines(lines) => write!(f, "{lines}")?,
            Horizon::Infinite => f.write_str("inf")?,
        }
        write!(f, "k{}", self.every)?;
        f.write_str(self.prompt.suffix())?;
        f.write_str(match self.strategy {
            Strategy::Line => "_ln",
            Strategy::Token => "_tok",
            Strategy::PersistentPrefix => "_prf",
        })?;
        let Switches { outcome, memory, stop_on_pass, reuse, no_early_stop, stable } = self.switches;
        if self.switches != Switches::default() {
            f.write_str("+")?;
        }
        if outcome {
            f.write_str("o")?;
        }
        if memory > 0 {
            write!(f, "m{memory}")?;
        }
        if stop_on_pass {
            f.write_str("p")?;
        }
        if reuse {
            f.write_str("r")?;
        }
        if no_early_stop {
            f.write_str("e")?;
        }
        if stable {
            f.write_str("s")?;
        }
        Ok(())
    }
}

impl FromStr for Config {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let mut reader = Reader { rest: name };
        reader.config().map_err(|reason| NameError { name: name.to_owned(), reason })
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn config(&mut self) -> Result<Config, String> {
        let signal = if self.eat("p") { Signal::Partial } else { Signal::Candidates };
        self.expect("ns", "the number of candidates")?;
        let candidates = self.positive("the number of candidates after 'ns'")?;
        self.expect("t", "the temperature")?;
        let temperature = self.temperature()?;
        self.expect("d", "the horizon")?;
        let horizon = if self.eat("inf") {
            Horizon::Infinite
        } else {
            Horizon::Lines(self.positive("the horizon after 'd' (a number of lines or 'inf')")?)
        };
        let every = if self.eat("k") { self.positive("the refresh interval after 'k'")? } else { 1 };
        let named =
            [PromptType::LongCode, PromptType::Instruct].into_iter().find(|one| self.eat(one.suffix()));
        let prompt = named.unwrap_or_default();
        let strategy = if self.eat("_ln") {
            Strategy::Line
        } else if self.eat("_tok") {
            Strategy::Token
        } else if self.eat("_prf") {
            Strategy::PersistentPrefix
        } else {
            return Err(format!("expected '_ln', '_tok' or '_prf' at {}", self.place()));
        };
        let switches = self.switches()?;
        if !self.rest.is_empty() {
            return Err(format!("nothing may follow the name, found {}", self.place()));
        }
        Ok(Config { signal, candidates, temperature, horizon, every, prompt, strategy, switches })
    }

    fn switches(&mut self) -> Result<Switches, String> {
        let mut switches = Switches::default();
        if !self.eat("+") {
            return Ok(switches);
        }
        switches.outcome = self.eat("o");
        if self.eat("m") {
            switches.memory = self.positive("the memory after 'm'")?;
        }
        switches.stop_on_pass = self.eat("p");
        switches.reuse = self.eat("r");
        switches.no_early_stop = self.eat("e");
        switches.stable = self.eat("s");
        if switches == Switches::default() {
            return Err(format!(
                "expected switches (o, m<n>, p, r, e, s, in this order) at {}",
                self.place()
            ));
        }
        Ok(switches)
    }

    fn place(&self) -> String {
        if self.rest.is_empty() { "the end".to_owned() } else { format!("'{}'", self.rest) }
    }

    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str, what: &str) -> Result<(), String> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(format!("expected '{token}' and {what} at {}", self.place()))
        }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &str {
        let end = self.rest.find(|c| !keep(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn positive(&mut self, what: &str) -> Result<u32, String> {
        let digits = self.take_while(|c| c.is_ascii_digit()).to_owned();
        match digits.parse::<u32>() {
            Ok(value) if value > 0 => Ok(value),
            _ => Err(format!("{what} must be a whole number above 0, found '{digits}'")),
        }
    }

    fn temperature(&mut self) -> Result<Temperature, String> {
        let text = self.take_while(|c| c.is_ascii_digit() || c == '.').to_owned();
        text.parse::<f64>().ok().and_then(Temperature::new).ok_or_else(|| {
            format!("the temperature after 't' must be a number above 0 and at most 100, found '{text}'")
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn the_published_example_reads_and_prints() {
        let config: Config = "ns3t0.75d5k1_lci_ln".parse().unwrap();
        assert_eq!((config.candidates, config.horizon, config.every), (3, Horizon::Lines(5), 1));
        assert_eq!(config.prompt, PromptType::LongCode);
        assert_eq!(config.switches, Switches::default());
        assert_eq!(config.to_string(), "ns3t0.75d5k1_lci_ln");
    }

    #[test]
    fn a_missing_k_means_one_and_is_printed() {
        let config: Config = "pns2t1d8_tok".parse().unwrap();
        assert_eq!(config.to_string(), "pns2t1.0d8k1_tok");
    }

    #[test]
    fn switches_have_their_own_suffix() {
        let config: Config = "ns3t0.9dinfk1_ln+om2r".parse().unwrap();
        assert_eq!(
            config.switches,
            Switches { outcome: true, memory: 2, reuse: true, ..Switches::default() }
        );
        assert_eq!(config.to_string(), "ns3t0.9dinfk1_ln+om2r");
    }

    #[test]
    fn mistakes_are_named() {
        for (name, reason) in [
            ("ns0t1d2_ln", "whole number above 0"),
            ("ns3t0d2_ln", "temperature"),
            ("ns3t0.7d2", "'_ln', '_tok' or '_prf' at the end"),
            ("ns3t0.7d2_ln+", "switches"),
            ("ns3t0.7d2_ln+ro", "nothing may follow"),
            ("x", "'ns'"),
        ] {
            let error = name.parse::<Config>().unwrap_err().to_string();
            assert!(error.contains(reason), "{name}: {error}");
        }
    }

    proptest! {
        #[test]
        fn names_round_trip(
            partial: bool, s in 1u32..1000, t in 0.001f64..100.0, d in proptest::option::of(1u32..1000), k in 1u32..100,
            prompt in 0usize..3, strategy in 0usize..3, o: bool, m in 0u32..10, p: bool, r: bool, e: bool, st: bool,
        ) {
            let config = Config {
                signal: if partial { Signal::Partial } else { Signal::Candidates },
                candidates: s,
                temperature: Temperature::new(t).unwrap(),
                horizon: d.map_or(Horizon::Infinite, Horizon::Lines),
                every: k,
                prompt: PromptType::ALL[prompt],
                strategy: [Strategy::Line, Strategy::Token, Strategy::PersistentPrefix][strategy],
                switches: Switches { outcome: o, memory: m, stop_on_pass: p, reuse: r, no_early_stop: e, stable: st },
            };
            prop_assert_eq!(config.to_string().parse::<Config>().unwrap(), config);
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,40}") {
            let _ = text.parse::<Config>();
        }
    }
}
