//! The rule for one token, from log-probabilities, and the largest and smallest weight that bounds allow.

/// Added to both probabilities of the ratio and nowhere else, so that the ratio of two vanishing numbers is damped towards
/// one and cannot win when gamma extrapolates.
pub const SMOOTHING: f64 = 1e-8;

/// `ln(e^x + 1e-8)`: exact for likely tokens, never below ln(1e-8), never through a difference.
fn smoothed(log_prob: f64) -> f64 {
    let floor = SMOOTHING.ln();
    let (high, low) = if log_prob > floor { (log_prob, floor) } else { (floor, log_prob) };
    high + (low - high).exp().ln_1p()
}

/// Unnormalised blended log-weight of one token: `ln P + gamma * (ln(Pg + 1e-8) - ln(P + 1e-8))`.
pub fn weight(plain: f32, guided: f32, gamma: f64) -> f64 {
    plain_part(f64::from(plain), gamma) + guided_part(f64::from(guided), gamma)
}

/// What the plain stream adds to a token's weight.
pub(super) fn plain_part(plain: f64, gamma: f64) -> f64 {
    if plain == f64::NEG_INFINITY { plain } else { plain - gamma * smoothed(plain) }
}

/// What the guided stream adds.
pub(super) fn guided_part(guided: f64, gamma: f64) -> f64 {
    gamma * smoothed(guided)
}

/// The most that a plain probability of at most `rest` can add. The part grows with P up to gamma = 1; above it the part has its
/// summit at P = 1e-8 / (gamma - 1) and falls from there on.
pub(super) fn most_plain(rest: f64, gamma: f64) -> f64 {
    let summit = if gamma > 1.0 { (SMOOTHING / (gamma - 1.0)).ln() } else { f64::INFINITY };
    plain_part(rest.min(summit), gamma)
}

/// The most that a guided probability of at most `rest` can add.
pub(super) fn most_guided(rest: f64, gamma: f64) -> f64 {
    guided_part(if gamma >= 0.0 { rest } else { f64::NEG_INFINITY }, gamma)
}

/// The least that a guided probability of at most `rest` can add. (A plain one can be zero, and then nothing is left.)
pub(super) fn least_guided(rest: f64, gamma: f64) -> f64 {
    guided_part(if gamma >= 0.0 { f64::NEG_INFINITY } else { rest }, gamma)
}
