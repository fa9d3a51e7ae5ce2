//! A results file: the fields that the method's users know, in their order, and what only egcfg knows under one versioned
//! key. Files of other programs are read too, also those of generations that failed (`"code": null`).

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use egcfg_files::repaired;
use egcfg_guidance::Stats;
use egcfg_task::{Test, TestResult};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::lenient::{any_as_text, null_is_default};
use crate::provenance::Provenance;

/// One result: a program for a task at one configuration and gamma, and what its tests say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ResultFile {
    /// The program; `None` (`null`) where the generation failed and there is none.
    #[serde(default)]
    pub code: Option<String>,
    /// Per test (by its text, in order) what came of it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub results: IndexMap<String, TestEntry>,
    /// Every test passed, and there is one.
    pub passed: bool,
    /// Share of passing tests, 0 to 1.
    #[serde(default, deserialize_with = "null_is_default")]
    pub accuracy: f64,
    /// Why the result says nothing about a program: an infrastructure error, a test that cannot run. In files of other
    /// programs also what keeps a program from compiling.
    #[serde(default, deserialize_with = "any_as_text")]
    pub general_error: Option<String>,
    /// Some test has an error message.
    #[serde(default, deserialize_with = "null_is_default")]
    pub has_testcase_error: bool,
    /// Times and tokens.
    #[serde(default)]
    pub stats: Option<ResultStats>,
    /// The repetition, from 0.
    #[serde(default, deserialize_with = "null_is_default")]
    pub retry: u32,
    /// The base seed.
    #[serde(default)]
    pub random_seed: Option<u64>,
    /// What only egcfg knows; absent in files of other programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egcfg: Option<Provenance>,
}

/// One test's entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestEntry {
    /// It passed.
    pub result: bool,
    /// Wall time in seconds.
    #[serde(default, deserialize_with = "null_is_default")]
    pub time: f64,
    /// What went wrong.
    #[serde(default, deserialize_with = "any_as_text")]
    pub error: Option<String>,
}

/// Times as seconds since 1970, durations in seconds, tokens as counts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultStats {
    /// When work on the unit began.
    #[serde(deserialize_with = "null_is_default")]
    pub start_time: f64,
    /// When it ended.
    #[serde(deserialize_with = "null_is_default")]
    pub end_time: f64,
    /// Prompt tokens.
    #[serde(deserialize_with = "null_is_default")]
    pub input_tokens: usize,
    /// Generated tokens: accepted and sampled.
    #[serde(deserialize_with = "null_is_default")]
    pub output_tokens: usize,
    /// Seconds.
    #[serde(deserialize_with = "null_is_default")]
    pub duration: f64,
}

impl ResultFile {
    /// Reads a file's content as whoever wrote it: behind a byte order mark too, and with the `NaN` and the halves of
    /// characters that Python writes and JSON does not have. The error says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        serde_json::from_slice(bytes).or_else(|error| match std::str::from_utf8(bytes).map(repaired) {
            Ok(Cow::Owned(mended)) => serde_json::from_str(&mended).map_err(|error| error.to_string()),
            _ => Err(error.to_string()),
        })
    }

    /// A program and the results of `tests`, without times or where it comes from. A program that fails a test has failed,
    /// whatever became of the others; where none failed but some could not be judged, nothing is known of it, and
    /// `general_error` says why.
    pub fn judged(code: &str, tests: &[Test], results: &[TestResult]) -> Self {
        let passes = TestResult::passes(results);
        let entry = |r: &TestResult| TestEntry {
            result: r.verdict.passed(),
            time: r.seconds,
            error: r.error.clone(),
        };
        let failed = results.iter().any(|r| r.verdict.failed());
        let unscored = |r: &&TestResult| !failed && !r.verdict.is_scored();
        let unknown = results.iter().find(|r| unscored(r) && r.verdict.is_infrastructure());
        let unknown = unknown.or_else(|| results.iter().find(unscored));
        Self {
            code: Some(code.to_owned()),
            results: tests.iter().zip(results).map(|(t, r)| (t.key().to_owned(), entry(r))).collect(),
            passed: !results.is_empty() && passes == results.len(),
            accuracy: passes as f64 / results.len().max(1) as f64,
            general_error: unknown.map(|r| r.verdict.to_string()),
            has_testcase_error: results.iter().any(|r| r.error.is_some()),
            ..Self::default()
        }
    }

    /// Why nothing is known of a program; `None` for a result that counts. What another program's file says of a program
    /// that does not compile is a wrong answer, and counts.
    pub fn unscored(&self) -> Option<String> {
        if self.code.is_none() && !self.passed {
            let why = self.general_error.clone().unwrap_or_else(|| "no program was written".to_owned());
            return Some(format!("generation error: {why}"));
        }
        self.general_error.clone().filter(|_| self.egcfg.is_some() && !self.passed)
    }
}

impl ResultStats {
    /// From `started` until now, at this cost.
    pub fn since(started: SystemTime, cost: &Stats) -> Self {
        let ended = SystemTime::now();
        Self {
            start_time: epoch(started),
            end_time: epoch(ended),
            input_tokens: cost.prompt_tokens,
            output_tokens: cost.generated_tokens(),
            duration: ended.duration_since(started).unwrap_or_default().as_secs_f64(),
        }
    }
}

fn epoch(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use egcfg_task::Verdict;

    use super::*;

    fn outcome(verdicts: &[Verdict]) -> (bool, Option<String>) {
        let result = |verdict: &Verdict| TestResult {
            verdict: verdict.clone(),
            seconds: 0.0,
            error: None,
            got: None,
            unproven: false,
            flaky: false,
        };
        let tests: Vec<Test> =
            (0..verdicts.len()).map(|i| Test::Assert(format!("assert f() == {i}"))).collect();
        let results: Vec<TestResult> = verdicts.iter().map(result).collect();
        let mut file = ResultFile::judged("code", &tests, &results);
        file.egcfg = Some(Provenance::default());
        (file.passed, file.unscored())
    }

    #[test]
    fn a_failed_test_decides_and_an_invalid_one_leaves_the_program_unknown() {
        let invalid = Verdict::InvalidTest { message: "line 1".into() };
        assert_eq!(outcome(&[Verdict::Passed, Verdict::Passed]), (true, None));
        assert_eq!(outcome(&[Verdict::Passed, Verdict::WrongAnswer]), (false, None));
        assert_eq!(outcome(&[invalid.clone(), Verdict::WrongAnswer]), (false, None));
        assert_eq!(outcome(&[Verdict::Passed, invalid.clone()]), (false, Some(invalid.to_string())));
        let broken = Verdict::HarnessError;
        assert_eq!(outcome(&[Verdict::WrongAnswer, broken.clone()]), (false, None));
        assert_eq!(outcome(&[invalid, broken.clone()]), (false, Some(broken.to_string())));
    }

    #[test]
    fn files_of_failed_generations_are_read() {
        // What the published program writes when the model's answer could not be had.
        let text = r#"{"code": null, "results": {}, "passed": false, "accuracy": 0.0, "general_error": "ReadTimeout",
            "has_testcase_error": false, "stats": null, "retry": 0, "random_seed": null}"#;
        let file: ResultFile = serde_json::from_str(text).unwrap();
        assert_eq!(file.unscored().unwrap(), "generation error: ReadTimeout");
        let bare: ResultFile = serde_json::from_str(r#"{"code": null, "passed": false}"#).unwrap();
        assert_eq!(bare.unscored().unwrap(), "generation error: no program was written");
        let odd = r#"{"code": "x = (", "results": null, "passed": false, "accuracy": null,
            "general_error": {"type": "SyntaxError"}, "has_testcase_error": null, "stats": {"duration": 1.5}}"#;
        let file: ResultFile = serde_json::from_str(odd).unwrap();
        assert_eq!(
            (file.unscored(), file.stats.unwrap().duration),
            (None, 1.5),
            "a program that does not compile is wrong"
        );
        assert!(serde_json::from_str::<ResultFile>("{}").is_err(), "whether it passed must be said");
    }

    #[test]
    fn files_of_a_lax_writer_are_read() {
        let text = r#"{"code": "x", "results": {"t": {"result": true, "time": NaN, "error": "half \ud83d"}}, "passed": true,
            "accuracy": NaN, "stats": {"start_time": NaN, "duration": Infinity, "output_tokens": 7}}"#;
        assert!(serde_json::from_str::<ResultFile>(text).is_err(), "it is no JSON");
        for text in [text.to_owned(), format!("\u{feff}{text}")] {
            let file = ResultFile::parse(text.as_bytes()).unwrap();
            let stats = file.stats.unwrap();
            assert_eq!(
                (file.passed, file.accuracy, stats.duration, stats.output_tokens),
                (true, 0.0, 0.0, 7)
            );
            assert_eq!(file.results["t"].error.as_deref(), Some("half \u{fffd}"));
        }
        let marked = ResultFile::parse(b"\xef\xbb\xbf{\"code\": null, \"passed\": false}").unwrap();
        assert!(!marked.passed);
        for broken in
            [&b"{\"passed\": NaN}"[..], b"{\"passed\": true} x", b"{\"passed\": true, \"code\": \"\xff\"}"]
        {
            assert!(ResultFile::parse(broken).is_err());
        }
    }
}
