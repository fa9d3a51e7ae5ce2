//! How the output of a stdin/stdout test is compared with what is expected. Which rule holds belongs to the test: it travels
//! with it into a results folder, to another machine and to a server.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// The rule by which printed text is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Compare {
    /// Line by line, after trimming trailing white space of each line and of the whole. The default.
    #[default]
    Exact,
    /// Token by token: how the tokens are separated does not matter, what they are does.
    Tokens {
        /// Whether ASCII letters count in either case.
        #[serde(default)]
        ignore_case: bool,
    },
    /// Token by token, and two numbers are equal when they differ by no more than the tolerance. Two integers are compared
    /// exactly, whatever their size.
    Numbers {
        /// The largest difference that is right.
        #[serde(default)]
        tolerance: Tolerance,
        /// Whether ASCII letters of other tokens count in either case.
        #[serde(default)]
        ignore_case: bool,
    },
    /// As CodeContests' own tester compares: tokens, ASCII letters in either case, and whatever reads as a number (integers
    /// too) within less than 1e-5 of the expected one, as a double.
    Codecontests,
}

impl Compare {
    /// The rule that a task file or a request asks for by its flat fields `compare`, `tolerance` and `ignore_case`. An error
    /// is the field and what is wrong with it.
    pub fn from_fields(
        compare: Option<&str>,
        tolerance: Option<f64>,
        ignore_case: Option<bool>,
    ) -> Result<Self, (&'static str, String)> {
        let name = compare.unwrap_or("exact");
        let takes_case = matches!(name, "tokens" | "numbers");
        if !matches!(name, "exact" | "codecontests") && !takes_case {
            return Err((
                "compare",
                format!("'{name}' is no rule (it is exact, tokens, numbers or codecontests)"),
            ));
        }
        if tolerance.is_some() && name != "numbers" {
            return Err(("tolerance", format!("belongs to compare = \"numbers\", not to \"{name}\"")));
        }
        if ignore_case.is_some() && !takes_case {
            return Err((
                "ignore_case",
                format!("belongs to compare = \"tokens\" or \"numbers\", not to \"{name}\""),
            ));
        }
        let tolerance = match tolerance {
            None => Tolerance::default(),
            Some(value) => Tolerance::new(value)
                .ok_or_else(|| ("tolerance", format!("{value} is not a number that is 0 or more")))?,
        };
        let ignore_case = ignore_case.unwrap_or(false);
        Ok(match name {
            "tokens" => Self::Tokens { ignore_case },
            "numbers" => Self::Numbers { tolerance, ignore_case },
            "codecontests" => Self::Codecontests,
            _ => Self::Exact,
        })
    }

    /// Whether it is the default, which is not written out.
    pub fn is_exact(&self) -> bool {
        *self == Self::Exact
    }
}

/// A finite difference that is not below zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Tolerance(f64);

impl Tolerance {
    /// A tolerance; `None` for a number that is none.
    pub fn new(value: f64) -> Option<Self> {
        // Zero has two signs and is one tolerance.
        (value.is_finite() && value >= 0.0).then_some(Self(value + 0.0))
    }

    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self(1e-6)
    }
}

// No tolerance is NaN, so equality is total.
impl Eq for Tolerance {}

impl Hash for Tolerance {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl TryFrom<f64> for Tolerance {
    type Error = &'static str;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        Self::new(value).ok_or("a tolerance is a number that is not below 0")
    }
}

impl From<Tolerance> for f64 {
    fn from(tolerance: Tolerance) -> Self {
        tolerance.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Compare, Tolerance};
    use crate::Test;

    #[test]
    fn a_rule_travels_with_its_test_and_the_default_is_not_written() {
        let test = |compare| Test::Stdio { stdin: "1".into(), stdout: "2".into(), compare };
        let plain = serde_json::to_string(&test(Compare::Exact)).unwrap();
        assert_eq!(plain, r#"{"stdin":"1","stdout":"2"}"#);
        let numbers = Compare::Numbers { tolerance: Tolerance::new(1e-3).unwrap(), ignore_case: true };
        for rule in [Compare::Exact, Compare::Tokens { ignore_case: true }, numbers, Compare::Codecontests] {
            let text = serde_json::to_string(&test(rule)).unwrap();
            assert_eq!(serde_json::from_str::<Test>(&text).unwrap(), test(rule), "{text}");
        }
    }

    #[test]
    fn fields_name_a_rule_or_say_which_of_them_is_wrong() {
        let field = |compare, tolerance, case| Compare::from_fields(compare, tolerance, case);
        assert_eq!(field(None, None, None), Ok(Compare::Exact));
        assert_eq!(field(Some("tokens"), None, None), Ok(Compare::Tokens { ignore_case: false }));
        let numbers = Compare::Numbers { tolerance: Tolerance::new(1e-3).unwrap(), ignore_case: true };
        assert_eq!(field(Some("numbers"), Some(1e-3), Some(true)), Ok(numbers));
        for (compare, tolerance, case, wrong) in [
            (Some("fuzzy"), None, None, "compare"),
            (None, Some(0.1), None, "tolerance"),
            (Some("numbers"), Some(-0.1), None, "tolerance"),
            (Some("codecontests"), None, Some(true), "ignore_case"),
        ] {
            assert_eq!(field(compare, tolerance, case).unwrap_err().0, wrong);
        }
    }

    #[test]
    fn a_tolerance_is_a_difference() {
        for wrong in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(Tolerance::new(wrong).is_none());
        }
        assert_eq!(Tolerance::new(-0.0), Tolerance::new(0.0));
        assert!(serde_json::from_str::<Tolerance>("-1").is_err());
    }
}
