//! The arms of an experiment. All start from one common arm and change one thing of it, so that a difference between two has
//! one reason.

use egcfg_guidance::Policy;
use serde::{Deserialize, Serialize};

use super::size::{Size, Step};
use crate::error::TuneError;
use crate::replay::{Draw, DrawSettings};

/// Who wrote the programs that an arm learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The model that learns.
    Itself,
    /// Another model.
    Teacher,
}

/// One way to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Its name in tables.
    pub name: String,
    /// The name of its trainings: arms that are rounds of one and the same training share it.
    pub chain: String,
    /// Rounds of sampling and training.
    pub rounds: usize,
    /// Who writes.
    pub source: Source,
    /// How programs are found.
    pub policy: Policy,
    /// Programs per task.
    pub num_beams: usize,
    /// Sampling temperature, where it is not the configuration's.
    pub temperature: Option<f64>,
    /// How programs are drawn.
    pub draw: DrawSettings,
    /// Experiences that the buffer holds.
    pub buffer_size: usize,
    /// Rank, alpha and dropout of the adapter, where they are not the common ones.
    pub lora: Option<(usize, f64, f64)>,
}

impl Arm {
    /// The arm that all others change one thing of: one round, named after its draw.
    pub fn common(draw: DrawSettings, policy: Policy, num_beams: usize, buffer_size: usize) -> Self {
        let name = match draw.sampling_method {
            Draw::Power => "power",
            Draw::Rank => "rank",
            Draw::Uniform => "uniform",
            Draw::Passing => "passing",
            Draw::Own => "own",
        };
        Self {
            name: name.to_owned(),
            chain: name.to_owned(),
            rounds: 1,
            source: Source::Itself,
            policy,
            num_beams,
            temperature: None,
            draw,
            buffer_size,
            lora: None,
        }
    }

    /// This arm under another name, trained apart.
    fn apart(&self, name: &str, change: impl FnOnce(&mut Self)) -> Self {
        let mut arm = Self { name: name.to_owned(), chain: name.to_owned(), ..self.clone() };
        change(&mut arm);
        arm
    }
}

/// The arms of some steps. `rounds` replaces the size's number of them in `btp`, and one round in the others.
pub fn plan(steps: &[Step], common: &Arm, rounds: Option<usize>, size: &Size) -> Vec<(Step, Vec<Arm>)> {
    let of = |step: Step| {
        let usual = if step == Step::Btp { size.rounds } else { common.rounds };
        (step, arms(step, &Arm { rounds: rounds.unwrap_or(usual), ..common.clone() }, size))
    };
    steps.iter().copied().map(of).collect()
}

/// A plan without the arms that are not named. Every experiment that loses all of its arms goes too.
///
/// # Errors
/// When a name is no arm's of this plan.
pub fn only(plan: Vec<(Step, Vec<Arm>)>, names: &[String]) -> Result<Vec<(Step, Vec<Arm>)>, TuneError> {
    let mut known: Vec<&str> = plan.iter().flat_map(|(_, arms)| arms).map(|arm| arm.name.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let reason = format!("there is no arm {unknown} here (hint: one of {})", known.join(", "));
        return Err(TuneError::Setting { field: "arms", reason });
    }
    let kept = |(step, mut arms): (Step, Vec<Arm>)| {
        arms.retain(|arm| names.contains(&arm.name));
        (!arms.is_empty()).then_some((step, arms))
    };
    Ok(plan.into_iter().filter_map(kept).collect())
}

/// The arms of a step, the common one first where it is one of them. `common` is named after its draw.
pub fn arms(step: Step, common: &Arm, size: &Size) -> Vec<Arm> {
    let alpha = |value: f64| common.apart(&format!("alpha-{value}"), |arm| arm.draw.p2value_alpha = value);
    let draw = |name: &str, method: Draw| common.apart(name, |arm| arm.draw.sampling_method = method);
    let others = match step {
        Step::Baseline => return Vec::new(),
        Step::Btp => {
            let round =
                |rounds: usize| Arm { name: format!("btp, round {rounds}"), rounds, ..common.clone() };
            return (1..=common.rounds.max(1)).map(round).collect();
        }
        Step::Ablation => {
            let mut others = vec![
                draw("power", Draw::Power),
                draw("rank", Draw::Rank),
                draw("uniform", Draw::Uniform),
                draw("passing", Draw::Passing),
                draw("own", Draw::Own),
                alpha(0.0),
                alpha(1.0),
            ];
            others.extend(
                size.buffers
                    .iter()
                    .map(|held| common.apart(&format!("buffer-{held}"), |arm| arm.buffer_size = *held)),
            );
            others
        }
        Step::Hyperparameter => {
            let mut others: Vec<Arm> = [0.3, 0.5, 0.7].map(alpha).to_vec();
            others.extend(
                [3, 5, 8].map(|beams| common.apart(&format!("beams-{beams}"), |arm| arm.num_beams = beams)),
            );
            // Beams do not draw: a temperature means something to sampling alone.
            others.extend([0.6, 0.8, 1.0].map(|temperature| {
                common.apart(&format!("temperature-{temperature}"), |arm| {
                    (arm.policy, arm.temperature) = (Policy::Unique, Some(temperature));
                })
            }));
            others
        }
        Step::LargeToSmall => {
            // The setting that was published for this experiment.
            return vec![common.apart("large-to-small", |arm| {
                arm.source = Source::Teacher;
                arm.rounds = 1;
                arm.num_beams = 8;
                arm.draw = DrawSettings { sampling_alpha: 1.5, p2value_alpha: 0.7, ..arm.draw.clone() };
                arm.lora = Some((32, 64.0, 0.05));
            })];
        }
    };
    // What comes to the same as the common arm is the common arm.
    let mut all = vec![common.clone()];
    for arm in others {
        let same =
            |known: &Arm| Arm { name: arm.name.clone(), chain: arm.chain.clone(), ..known.clone() } == arm;
        if !all.iter().any(same) {
            all.push(arm);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::size::Mode;
    use super::*;

    fn common() -> Arm {
        Arm { rounds: 2, ..Arm::common(DrawSettings::default(), Policy::Beam, 5, 10_000) }
    }

    #[test]
    fn every_arm_differs_from_the_common_one_in_one_thing() {
        let size = Size::of(Mode::Quick);
        for step in [Step::Ablation, Step::Hyperparameter] {
            let all = arms(step, &common(), &size);
            assert_eq!(all[0], common());
            for arm in &all[1..] {
                let old = common();
                let changes = [
                    arm.draw.sampling_method != old.draw.sampling_method,
                    (arm.draw.p2value_alpha - old.draw.p2value_alpha).abs() > 0.0,
                    arm.buffer_size != old.buffer_size,
                    arm.num_beams != old.num_beams,
                    (arm.policy, arm.temperature) != (old.policy, old.temperature),
                ];
                assert_eq!(changes.iter().filter(|changed| **changed).count(), 1, "{arm:?}");
                assert_eq!((arm.rounds, arm.source, &arm.name), (2, Source::Itself, &arm.chain));
            }
        }
        let names: Vec<String> =
            arms(Step::Ablation, &common(), &size).into_iter().map(|arm| arm.name).collect();
        assert_eq!(names, ["power", "rank", "uniform", "passing", "own", "alpha-0", "alpha-1", "buffer-100"]);
        assert_eq!(arms(Step::Hyperparameter, &common(), &size).len(), 1 + 2 + 2 + 3);
    }

    #[test]
    fn arms_can_be_chosen_by_name() {
        let size = Size::of(Mode::Quick);
        let all = || plan(&[Step::Btp, Step::Ablation], &common(), None, &size);
        let names = |plan: &[(Step, Vec<Arm>)]| -> Vec<(Step, Vec<String>)> {
            plan.iter()
                .map(|(step, arms)| (*step, arms.iter().map(|arm| arm.name.clone()).collect()))
                .collect()
        };
        let chosen = only(all(), &["uniform".to_owned(), "power".to_owned()]).unwrap();
        assert_eq!(names(&chosen), [(Step::Ablation, vec!["power".to_owned(), "uniform".to_owned()])]);
        let error = only(all(), &["pwoer".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("arms: there is no arm pwoer here (hint: one of alpha-0, "), "{error}");
    }

    #[test]
    fn the_rounds_of_btp_are_one_training() {
        let size = Size::of(Mode::Quick);
        let rounds = arms(Step::Btp, &common(), &size);
        let seen: Vec<(usize, &str)> = rounds.iter().map(|arm| (arm.rounds, arm.chain.as_str())).collect();
        assert_eq!(seen, [(1, "power"), (2, "power")]);
        let [taught] = &arms(Step::LargeToSmall, &common(), &size)[..] else { panic!("one arm") };
        assert_eq!(
            (taught.source, taught.num_beams, taught.lora),
            (Source::Teacher, 8, Some((32, 64.0, 0.05)))
        );
        assert!(arms(Step::Baseline, &common(), &size).is_empty());
    }
}
