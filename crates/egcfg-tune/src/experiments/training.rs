//! The trainings of a plan: arms that are rounds of one training share it, and each is carried out once per seed.

use egcfg_task::derive_seed;

use super::arm::Arm;
use super::size::{Size, Step};
use crate::train::TrainSettings;

/// Steps with their arms.
pub type Plan = [(Step, Vec<Arm>)];

/// One training of one arm with one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// How it samples, draws and trains.
    pub arm: Arm,
    /// The seed of its draws.
    pub seed: u64,
    /// Rounds after which some arm asks for a score, ascending.
    pub scored: Vec<usize>,
}

impl Training {
    /// The trainings of a plan, each once. `seeds` replaces the size's number of them; `first` is the first seed.
    pub fn of(plan: &Plan, seeds: Option<usize>, size: &Size, first: u64) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (step, arms) in plan {
            let ranking = *step == Step::Hyperparameter;
            let seeds = seeds.unwrap_or(if ranking { size.ranking_seeds } else { size.seeds });
            for arm in arms {
                for seed in (0..seeds as u64).map(|number| first + number) {
                    let same = |known: &&mut Self| known.arm.chain == arm.chain && known.seed == seed;
                    match all.iter_mut().find(same) {
                        Some(known) if known.scored.contains(&arm.rounds) => {}
                        Some(known) => {
                            known.scored.push(arm.rounds);
                            known.scored.sort_unstable();
                        }
                        None => all.push(Self { arm: arm.clone(), seed, scored: vec![arm.rounds] }),
                    }
                }
            }
        }
        all
    }

    /// Whether it is a training of this arm.
    pub fn trains(&self, arm: &Arm) -> bool {
        self.arm.chain == arm.chain && self.scored.contains(&arm.rounds)
    }

    /// Rounds until the last score.
    pub fn rounds(&self) -> usize {
        self.scored.last().copied().unwrap_or(0)
    }

    /// What the model `base` is called after so many rounds.
    pub fn model_name(&self, base: &str, rounds: usize) -> String {
        format!("{base}+{}-seed-{}-round-{rounds}", self.arm.chain, self.seed)
    }

    /// How a round, counted from 0, trains: as all do, on as many answer tokens as all do, with draws and an adapter of its own.
    pub fn settings(&self, common: TrainSettings, gradient_tokens: usize, round: usize) -> TrainSettings {
        let mut settings = TrainSettings {
            seed: derive_seed(self.seed, &["round", &round.to_string()]),
            gradient_tokens: Some(gradient_tokens),
            ..common
        };
        if let Some((r, alpha, dropout)) = self.arm.lora {
            (settings.lora_r, settings.lora_alpha, settings.lora_dropout) = (r, alpha, dropout);
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use egcfg_guidance::Policy;

    use super::super::arm::plan;
    use super::super::size::Mode;
    use super::*;
    use crate::replay::DrawSettings;

    #[test]
    fn what_several_steps_ask_for_is_trained_once() {
        let size = Size::of(Mode::Quick);
        let common = Arm::common(DrawSettings::default(), Policy::Beam, 5, 10_000);
        let plan = plan(&[Step::Btp, Step::Ablation, Step::Hyperparameter], &common, None, &size);
        let all = Training::of(&plan, None, &size, 7);
        let shared: Vec<(u64, &[usize])> = all
            .iter()
            .filter(|one| one.arm.chain == "power")
            .map(|one| (one.seed, one.scored.as_slice()))
            .collect();
        assert_eq!(shared, [(7, &[1, 2][..]), (8, &[1, 2][..]), (9, &[1, 2][..])]);
        // Hyper-parameters are ranked, and trained once.
        assert_eq!(all.iter().filter(|one| one.arm.chain == "beams-3").count(), 1);
        assert_eq!(Training::of(&plan, Some(2), &size, 7).iter().filter(|one| one.seed == 8).count() * 2, {
            Training::of(&plan, Some(2), &size, 7).len()
        });
        // Rounds draw by seeds of their own, and an arm's adapter stands above the common one.
        let taught =
            Training { arm: Arm { lora: Some((32, 64.0, 0.5)), ..common }, seed: 7, scored: vec![1] };
        let of = |round| taught.settings(TrainSettings::default(), 400, round);
        assert_eq!((of(0).lora_r, of(0).gradient_tokens, of(0).seed == of(1).seed), (32, Some(400), false));
    }
}
