//! Drawing experiences by priority, without replacement: `P(i) = p_i^a / sum_k p_k^a` (arXiv 1511.05952), anew among those
//! that are left after each draw.

use serde::{Deserialize, Serialize};

use super::buffer::Buffer;
use super::experience::{Experience, p2value};
use crate::error::TuneError;
use crate::train::Random;

/// Where a priority comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// `max(P2, 1e-8)`.
    #[default]
    Power,
    /// `1 / rank` by P2, highest first; of equals the older one.
    Rank,
    /// The same for all.
    Uniform,
    /// The same for all programs that pass every test; the others are never drawn.
    Passing,
    /// The same for all, and the tests' results are not looked at: the control that learns from its own unverified samples
    /// (arXiv 2604.01193). `min_pass_rate` has no effect.
    Own,
}

/// Everything that decides a draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrawSettings {
    /// Where priorities come from.
    pub sampling_method: Draw,
    /// The exponent a; 0 draws uniformly.
    pub sampling_alpha: f64,
    /// Share of the possibility in P2; the rest is the pass rate's.
    pub p2value_alpha: f64,
    /// Programs below this pass rate are never drawn.
    pub min_pass_rate: f64,
}

impl Default for DrawSettings {
    fn default() -> Self {
        Self { sampling_method: Draw::Power, sampling_alpha: 1.0, p2value_alpha: 0.5, min_pass_rate: 0.0 }
    }
}

impl DrawSettings {
    /// Checks every range; the error names the flag.
    pub fn check(&self) -> Result<(), TuneError> {
        let bad = |field, reason| Err(TuneError::Setting { field, reason });
        if !(0.0..=100.0).contains(&self.sampling_alpha) {
            return bad("sampling-alpha", format!("{} is not between 0 and 100", self.sampling_alpha));
        }
        if !(0.0..=1.0).contains(&self.p2value_alpha) {
            return bad("p2value-alpha", format!("{} is not between 0 and 1", self.p2value_alpha));
        }
        if !(0.0..=1.0).contains(&self.min_pass_rate) {
            return bad("min-pass-rate", format!("{} is not between 0 and 1", self.min_pass_rate));
        }
        Ok(())
    }

    /// The logarithm of the weight `p_i^a` of every entry, oldest first; minus infinity for those that are never drawn. (The
    /// weight itself is 0 in floating point for a large a, and what may be drawn would never be.)
    fn log_weights(&self, buffer: &Buffer) -> Vec<f64> {
        let entries: Vec<&Experience> = buffer.entries().collect();
        let p2 = |e: &&Experience| p2value(self.p2value_alpha, e.possibility, e.pass_rate);
        let allowed = |e: &Experience| match self.sampling_method {
            Draw::Own => true,
            Draw::Passing => e.passes(),
            _ => e.pass_rate >= self.min_pass_rate,
        };
        let priority: Vec<f64> = match self.sampling_method {
            Draw::Power => entries.iter().map(|e| p2(e).max(1e-8)).collect(),
            Draw::Rank => {
                let mut order: Vec<usize> = (0..entries.len()).filter(|n| allowed(entries[*n])).collect();
                // Stable: of equal values the older one comes first.
                order.sort_by(|a, b| p2(&entries[*b]).total_cmp(&p2(&entries[*a])));
                let mut priority = vec![0.0; entries.len()];
                for (rank, number) in order.into_iter().enumerate() {
                    priority[number] = 1.0 / (rank + 1) as f64;
                }
                priority
            }
            Draw::Uniform | Draw::Passing | Draw::Own => vec![1.0; entries.len()],
        };
        let weight = |(e, p): (&&Experience, f64)| {
            if allowed(e) { self.sampling_alpha * p.ln() } else { f64::NEG_INFINITY }
        };
        entries.iter().zip(priority).map(weight).collect()
    }

    /// Draws at most `count` entries, in the order drawn. The largest keys `ln(u) / w` are what drawing one after the other in
    /// proportion to w would give (Efraimidis and Spirakis 2006); `ln w - ln(-ln u)` is in the same order, for any w.
    pub fn draw<'a>(&self, buffer: &'a Buffer, count: usize, seed: u64) -> Vec<&'a Experience> {
        let mut random = Random::new(seed, &["replay"]);
        let keyed = buffer.entries().zip(self.log_weights(buffer)).map(|(entry, weight)| {
            // A number is spent on every entry, so that one entry more or less does not change the others' luck.
            let uniform = random.uniform().max(f64::MIN_POSITIVE);
            (entry, weight - (-uniform.ln()).ln())
        });
        let mut keyed: Vec<_> = keyed.filter(|(_, key)| *key > f64::NEG_INFINITY).collect();
        keyed.sort_by(|a, b| b.1.total_cmp(&a.1));
        keyed.into_iter().take(count).map(|(entry, _)| entry).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "values that are passed on unchanged")]

    use super::super::experience::EXPERIENCE_VERSION;
    use super::*;

    /// Draws per case.
    const TRIES: u64 = 20_000;

    fn buffer() -> Buffer {
        let mut buffer = Buffer::default();
        for (number, (possibility, pass_rate)) in
            [(0.9, 0.0), (0.2, 1.0), (0.5, 0.5), (0.8, 1.0), (0.5, 0.5)].into_iter().enumerate()
        {
            buffer.add(Experience {
                version: EXPERIENCE_VERSION,
                problem_id: number.to_string(),
                problem_text: String::new(),
                code: String::new(),
                possibility,
                pass_rate,
                passed_tests: 0,
                total_tests: 0,
                test_results: Vec::new(),
                beam_rank: 0,
                p2value: 0.0,
                normal_form: String::new(),
                tokens: Vec::new(),
                vocabulary: String::new(),
                model: String::new(),
                iteration: 0,
            });
        }
        buffer
    }

    /// Probability that each entry is among `count` drawn ones: all orders of draws, one after the other.
    fn brute_force(weights: &[f64], count: usize) -> Vec<f64> {
        fn go(weights: &[f64], left: usize, taken: &mut Vec<usize>, chance: f64, result: &mut [f64]) {
            let total: f64 =
                weights.iter().enumerate().filter(|(i, _)| !taken.contains(i)).map(|(_, w)| w).sum();
            if left == 0 || total <= 0.0 {
                for number in taken.iter() {
                    result[*number] += chance;
                }
                return;
            }
            for number in 0..weights.len() {
                if !taken.contains(&number) && weights[number] > 0.0 {
                    taken.push(number);
                    go(weights, left - 1, taken, chance * weights[number] / total, result);
                    taken.pop();
                }
            }
        }
        let mut result = vec![0.0; weights.len()];
        go(weights, count, &mut Vec::new(), 1.0, &mut result);
        result
    }

    /// Formulas written down again, by hand, for the five entries above.
    fn expected(settings: &DrawSettings) -> Vec<f64> {
        let alpha = settings.p2value_alpha;
        let p2 = [(0.9, 0.0), (0.2, 1.0), (0.5, 0.5), (0.8, 1.0), (0.5, 0.5)]
            .map(|(possibility, rate): (f64, f64)| alpha * possibility + (1.0 - alpha) * rate);
        let pass = [0.0, 1.0, 0.5, 1.0, 0.5];
        let base = match settings.sampling_method {
            Draw::Power => p2,
            Draw::Rank => std::array::from_fn(|i| {
                let above = (0..5).filter(|j| p2[*j] > p2[i] || (p2[*j] == p2[i] && *j < i));
                1.0 / (above.filter(|j| pass[*j] >= settings.min_pass_rate).count() + 1) as f64
            }),
            Draw::Passing => [0.0, 1.0, 0.0, 1.0, 0.0],
            Draw::Uniform | Draw::Own => [1.0; 5],
        };
        let out = |i: usize| {
            matches!(settings.sampling_method, Draw::Power | Draw::Rank | Draw::Uniform)
                && pass[i] < settings.min_pass_rate
        };
        (0..5)
            .map(|i| if base[i] == 0.0 || out(i) { 0.0 } else { base[i].powf(settings.sampling_alpha) })
            .collect()
    }

    #[test]
    fn draws_follow_the_formula_for_every_setting() {
        let buffer = buffer();
        let settings = |sampling_method, sampling_alpha, p2value_alpha, min_pass_rate| DrawSettings {
            sampling_method,
            sampling_alpha,
            p2value_alpha,
            min_pass_rate,
        };
        let cases = [
            settings(Draw::Power, 1.0, 0.5, 0.0),
            settings(Draw::Power, 1.0, 0.1, 0.0),
            settings(Draw::Power, 3.0, 0.5, 0.0),
            settings(Draw::Power, 0.0, 0.5, 0.0),
            settings(Draw::Power, 1.0, 0.5, 0.5),
            settings(Draw::Rank, 1.0, 0.5, 0.0),
            settings(Draw::Rank, 1.0, 1.0, 0.0),
            settings(Draw::Rank, 2.0, 0.5, 0.4),
            settings(Draw::Uniform, 1.0, 0.5, 0.0),
            settings(Draw::Passing, 1.0, 0.5, 0.0),
            settings(Draw::Own, 1.0, 0.5, 1.0),
        ];
        for (at, settings) in cases.iter().enumerate() {
            let weights = expected(settings);
            for count in [1, 2] {
                let chance = brute_force(&weights, count);
                let mut counts = [0_u32; 5];
                for seed in 0..TRIES {
                    for drawn in settings.draw(&buffer, count, seed) {
                        counts[drawn.problem_id.parse::<usize>().unwrap()] += 1;
                    }
                }
                for number in 0..5 {
                    // The seeds are fixed, so this either holds always or never; 5 standard deviations.
                    let (mean, p) = (f64::from(counts[number]) / TRIES as f64, chance[number]);
                    let allowed = 5.0 * (p * (1.0 - p) / TRIES as f64).sqrt() + 1e-9;
                    assert!(
                        (mean - p).abs() <= allowed,
                        "case {at}, {count} drawn, entry {number}: {mean}, not {p}"
                    );
                }
            }
        }
    }

    /// With a large exponent the weights themselves are 0 in floating point.
    #[test]
    fn a_large_exponent_draws_the_best_first_and_the_others_all_the_same() {
        let settings = DrawSettings { sampling_alpha: 100.0, p2value_alpha: 1.0, ..DrawSettings::default() };
        let mut unlikely = Buffer::default();
        for (number, possibility) in [1e-300, 1e-7, 1e-5].into_iter().enumerate() {
            let entry = buffer().entries().next().unwrap().clone();
            unlikely.add(Experience { problem_id: number.to_string(), possibility, pass_rate: 0.0, ..entry });
        }
        let drawn = settings.draw(&unlikely, 3, 1);
        assert_eq!(drawn.iter().map(|e| e.problem_id.as_str()).collect::<Vec<_>>(), ["2", "1", "0"]);
    }

    #[test]
    fn a_draw_holds_nothing_twice_and_ends_where_there_is_nothing_left() {
        let buffer = buffer();
        let all = DrawSettings::default().draw(&buffer, 99, 1);
        let mut ids: Vec<_> = all.iter().map(|e| e.problem_id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["0", "1", "2", "3", "4"]);
        let passing = DrawSettings { sampling_method: Draw::Passing, ..DrawSettings::default() };
        assert_eq!(passing.draw(&buffer, 99, 1).len(), 2);
    }

    #[test]
    fn the_oldest_goes_first_and_an_equal_program_takes_the_place_of_the_old_one() {
        let mut small = Buffer::new(2);
        let entries: Vec<Experience> = buffer().entries().cloned().collect();
        for entry in &entries[..3] {
            small.add(entry.clone());
        }
        let ids = |buffer: &Buffer| buffer.entries().map(|e| e.problem_id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&small), ["1", "2"]);
        small.add(Experience { possibility: 0.1, ..entries[1].clone() });
        assert_eq!(ids(&small), ["2", "1"]);
        assert_eq!(small.entries().last().unwrap().possibility, 0.1);
    }
}
