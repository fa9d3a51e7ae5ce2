//! REx (Tang et al. 2024, arXiv 2405.17503): whom to repair next is a bandit's question. Each program is an arm that pays when its
//! repair passes; what is believed of it is a Beta distribution that begins at the share of tests it passes and sinks with every
//! repair that came to nothing. Thompson sampling draws from each belief and repairs the program with the highest draw.

use egcfg_guidance::GuidanceError;
use egcfg_results::{MethodFacts, method};
use egcfg_task::derive_seed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Beta, Distribution as _};

use super::chat::Chat;
use super::dialogue::Dialogue;
use super::repairs::Repairs;

/// Repairs the program that a draw from the beliefs favours.
#[derive(Debug, Clone, Copy)]
pub struct Rex {
    /// Repairs at most.
    pub repairs: u32,
    /// How much the share of passed tests weighs against the number of repairs tried: the publication's C.
    pub trust: f64,
}

impl Default for Rex {
    fn default() -> Self {
        Self { repairs: 12, trust: 20.0 }
    }
}

/// After so many answers in a row without a program the model is taken not to follow the form.
const UNUSABLE: u32 = 3;

/// What is known of a program: the share of shown tests that it passes, and how often its repair was tried.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Arm {
    share: f64,
    repairs: u32,
}

impl Chat for Rex {
    const FACTS: &'static MethodFacts = &method::REX;

    async fn work(&self, talk: &mut Dialogue<'_>) -> Result<(), GuidanceError> {
        let Some(program) = talk.plain_answer().await? else { return Ok(()) };
        let (task, settings) = (talk.task(), talk.settings);
        let seed = derive_seed(settings.seed, &[method::REX.name, &task.id, &settings.retry.to_string()]);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut repairs, mut counts) = (Repairs::of(program, self.repairs, UNUSABLE), Vec::new());
        while repairs.begin(talk) {
            counts.resize(talk.tried.len(), 0);
            let arms = talk.tried.iter().zip(&counts).map(|(tried, repairs)| {
                let share = tried.passes() as f64 / tried.results.len().max(1) as f64;
                Arm { share, repairs: *repairs }
            });
            let Some(chosen) = choose(&arms.collect::<Vec<Arm>>(), self.trust, &mut random) else { break };
            counts[chosen] += 1;
            repairs.program.clone_from(&talk.tried[chosen].program);
            let seen = talk.observe(task, &repairs.program).await?;
            let next = talk.program("refine", &|lines| repairs.shown(task, &seen, lines)).await?;
            repairs.take(talk, next).await?;
        }
        Ok(())
    }
}

/// The arm with the highest draw from Beta(1 + C h, 1 + C (1 - h) + N), h being its share of tests and N its repairs.
fn choose(arms: &[Arm], trust: f64, random: &mut ChaCha8Rng) -> Option<usize> {
    let draws = arms.iter().enumerate().filter_map(|(at, arm)| {
        let tried = f64::from(arm.repairs);
        let belief = Beta::new(1.0 + trust * arm.share, 1.0 + trust * (1.0 - arm.share) + tried).ok()?;
        Some((at, belief.sample(random)))
    });
    draws.reduce(|a, b| if b.1 > a.1 { b } else { a }).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each arm is chosen in so many draws.
    fn counts(arms: &[Arm], draws: usize) -> Vec<usize> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut counts = vec![0; arms.len()];
        for _ in 0..draws {
            counts[choose(arms, 20.0, &mut random).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn a_better_program_is_repaired_more_often_and_one_that_was_tried_in_vain_less() {
        let arm = |share, repairs| Arm { share, repairs };
        let better = counts(&[arm(0.0, 0), arm(0.5, 0)], 1000);
        assert!(better[1] > 950, "{better:?}");
        let tried = counts(&[arm(0.5, 0), arm(0.5, 30)], 1000);
        assert!(tried[0] > 900, "{tried:?}");
        // Equal arms are even: of 4,000 draws a share beyond six standard deviations has a chance below 1e-8.
        let even = counts(&[arm(0.3, 2), arm(0.3, 2)], 4000);
        assert!((even[0] as f64 - 2000.0).abs() < 6.0 * 31.7, "{even:?}");
        assert_eq!(choose(&[], 20.0, &mut ChaCha8Rng::seed_from_u64(1)), None);
    }
}
