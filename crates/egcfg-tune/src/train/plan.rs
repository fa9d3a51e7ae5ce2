//! The order of a run: which examples make up which step. It follows from the settings and the examples' lengths alone,
//! so that a resumed run takes up the very step that is next.

use super::example::Example;
use super::random::Random;
use super::settings::TrainSettings;
use crate::error::TuneError;

/// The examples of every step, by their numbers, each step split into batches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Vec<Vec<usize>>>,
    /// Examples that fit and have a weight.
    pub(crate) used: usize,
    /// Examples that are too long.
    pub(crate) left_out: usize,
}

impl Plan {
    /// The plan of a run that has something to learn from.
    ///
    /// # Errors
    /// When no example fits: an adapter that learned nothing must not pass for one that did.
    pub(crate) fn of(examples: &[Example], settings: &TrainSettings) -> Result<Self, TuneError> {
        let plan = Self::new(examples, settings);
        if plan.used > 0 {
            return Ok(plan);
        }
        let shortest = examples.iter().map(Example::length).min().unwrap_or(0);
        let reason = format!(
            "{} leaves none of {} examples (hint: the shortest has {shortest} tokens, prompt included)",
            settings.max_length,
            examples.len()
        );
        Err(TuneError::Setting { field: "max-length", reason })
    }

    /// Lays out a run: `num_epochs` passes, or as many as `gradient_tokens` needs, each in an order of its own.
    fn new(examples: &[Example], settings: &TrainSettings) -> Self {
        let fits = |number: &usize| examples[*number].length() <= settings.max_length;
        let used: Vec<usize> =
            (0..examples.len()).filter(fits).filter(|n| examples[*n].weight > 0.0).collect();
        let left_out = (0..examples.len()).filter(|number| !fits(number)).count();
        let batch = settings.per_device_batch_size;
        let per_step = batch * settings.gradient_accumulation_steps;
        let (mut steps, mut spent, mut epoch) = (Vec::new(), 0, 0);
        let open = |epoch: usize, spent: usize| match settings.gradient_tokens {
            Some(most) => spent < most,
            None => epoch < settings.num_epochs,
        };
        while !used.is_empty() && open(epoch, spent) {
            let mut order = used.clone();
            Random::new(settings.seed, &["order", &epoch.to_string()]).shuffle(&mut order);
            for step in order.chunks(per_step) {
                if settings.gradient_tokens.is_some_and(|most| spent >= most) {
                    break;
                }
                spent += step.iter().map(|number| examples[*number].answer.len()).sum::<usize>();
                steps.push(step.chunks(batch).map(<[usize]>::to_vec).collect());
            }
            epoch += 1;
        }
        Self { steps, used: used.len(), left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::EXAMPLE_VERSION;
    use super::*;

    fn examples(lengths: &[usize]) -> Vec<Example> {
        let one = |(number, length): (usize, &usize)| Example {
            version: EXAMPLE_VERSION,
            task_id: number.to_string(),
            prompt: vec![0],
            answer: vec![1; *length],
            weight: 1.0,
            teacher: None,
        };
        lengths.iter().enumerate().map(one).collect()
    }

    #[test]
    fn a_plan_without_an_example_is_an_error() {
        let settings = TrainSettings { max_length: 3, ..TrainSettings::default() };
        let said = Plan::of(&examples(&[5, 4]), &settings).unwrap_err().to_string();
        assert_eq!(
            said,
            "max-length: 3 leaves none of 2 examples (hint: the shortest has 5 tokens, prompt included)"
        );
        assert_eq!(Plan::of(&examples(&[5, 2]), &settings).unwrap().left_out, 1);
    }

    #[test]
    fn every_epoch_takes_every_example_once_in_an_order_of_its_own() {
        let settings = TrainSettings {
            num_epochs: 2,
            per_device_batch_size: 2,
            gradient_accumulation_steps: 2,
            max_length: 10,
            ..TrainSettings::default()
        };
        let plan = Plan::new(&examples(&[3, 4, 5, 6, 7, 8, 50]), &settings);
        assert_eq!((plan.used, plan.left_out, plan.steps.len()), (6, 1, 4));
        let epoch = |steps: &[Vec<Vec<usize>>]| steps.iter().flatten().flatten().copied().collect::<Vec<_>>();
        let (first, second) = (epoch(&plan.steps[..2]), epoch(&plan.steps[2..]));
        assert_ne!(first, second);
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3, 4, 5]);
        }
        assert_eq!(plan, Plan::new(&examples(&[3, 4, 5, 6, 7, 8, 50]), &settings));
    }

    #[test]
    fn a_budget_of_gradient_tokens_decides_over_the_epochs() {
        let settings = TrainSettings {
            num_epochs: 1,
            per_device_batch_size: 1,
            gradient_accumulation_steps: 1,
            gradient_tokens: Some(35),
            ..TrainSettings::default()
        };
        // Steps of ten tokens each: the fourth one crosses the line.
        assert_eq!(Plan::new(&examples(&[10, 10]), &settings).steps.len(), 4);
        assert!(Plan::new(&[], &settings).steps.is_empty());
    }
}
