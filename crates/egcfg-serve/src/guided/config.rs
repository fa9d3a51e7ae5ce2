//! How a guided request is decoded: its configuration and its guidance strengths.

use egcfg_task::{Config, Horizon, Temperature};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::fields::Fields;
use crate::limits::Limits;

/// The configuration: single knobs override the name, which overrides the server's.
pub(crate) fn config(limits: &Limits, fields: &mut Fields, default: Config) -> Result<Config, ApiError> {
    let mut config = match fields.text("config")? {
        Some(name) => {
            name.parse().map_err(|error: egcfg_task::NameError| fields.error("config", error.to_string()))?
        }
        None => default,
    };
    if let Some(candidates) = fields.count("candidates", limits.candidates)? {
        config.candidates = candidates as u32;
    }
    if let Some(every) = fields.count("every", 1000)? {
        config.every = every as u32;
    }
    if fields.peek("horizon") == json!("inf") {
        fields.take("horizon");
        config.horizon = Horizon::Infinite;
    } else if let Some(lines) = fields.count("horizon", 1000)? {
        config.horizon = Horizon::Lines(lines as u32);
    }
    // Clients send 0 by habit; what is accepted is the most probable token in any case.
    if let Some(temperature) = fields.number("temperature", 0.0, 100.0)?
        && let Some(temperature) = Temperature::new(temperature)
    {
        config.temperature = temperature;
    }
    for (field, value) in [
        ("candidates", config.candidates),
        ("every", config.every),
        ("horizon", if let Horizon::Lines(lines) = config.horizon { lines } else { 1 }),
    ] {
        if value == 0 {
            return Err(fields.error(field, "must be above 0"));
        }
    }
    if config.candidates as usize > limits.candidates {
        let message =
            format!("{} candidates are above the limit of {}", config.candidates, limits.candidates);
        return Err(fields.error("config", message));
    }
    if config.switches.memory as usize > limits.candidates {
        return Err(fields.error("config", format!("a memory above {} is refused", limits.candidates)));
    }
    Ok(config)
}

/// One strength, or a ladder of them.
pub(crate) fn gammas(most: usize, fields: &mut Fields) -> Result<Option<Vec<f64>>, ApiError> {
    let list = match fields.take("gamma") {
        None => return Ok(None),
        Some(Value::Array(list)) if list.len() > most => {
            return Err(
                fields.error("gamma", format!("{} strengths are above the limit of {most}", list.len()))
            );
        }
        Some(Value::Array(list)) if list.is_empty() => return Err(fields.error("gamma", "is empty")),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    };
    let numbers: Option<Vec<f64>> =
        list.iter().map(|value| value.as_f64().filter(|gamma| (0.0..=100.0).contains(gamma))).collect();
    match numbers {
        Some(numbers) => Ok(Some(numbers)),
        None => Err(fields.error("gamma", "expected a number from 0 to 100, or a list of them")),
    }
}
