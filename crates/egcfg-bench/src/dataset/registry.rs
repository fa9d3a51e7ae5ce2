//! What is known about each data set: names, where it comes from, its licence, how to get it, checksums of files that were
//! checked, and the reference solutions that fail their own tests with the reason.

use serde::Serialize;

use super::item::id_key;
use super::known;

/// A data set's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Info {
    /// The name that commands take.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// The name that people write.
    pub title: &'static str,
    /// Tasks that an evaluation uses, and what is in the whole set.
    pub tasks: &'static str,
    /// Which tests are shown and which decide.
    pub tests: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The licence of the data.
    pub licence: &'static str,
    /// How to get it.
    pub get: &'static str,
    /// sha256 of the decompressed content of files that were checked, and what they are.
    pub checksums: &'static [(&'static str, &'static str)],
    /// Reference solutions that fail their own tests, and why.
    pub known_failures: &'static [(&'static str, &'static str)],
}

impl Info {
    /// The registered data set of this name or alias, in any case.
    pub fn find(name: &str) -> Option<&'static Self> {
        let wanted = name.trim().to_lowercase().replace('_', "-");
        all().iter().find(|info| info.name == wanted || info.aliases.contains(&wanted.as_str()))
    }

    /// Why the reference solution of a task is known to fail, where it is.
    pub fn known_failure(&self, id: &str) -> Option<&'static str> {
        let key = id_key(id);
        self.known_failures.iter().find(|(known, _)| *known == key).map(|(_, reason)| *reason)
    }

    /// Whether a task's tests are wrong: scores are given with and without it.
    pub fn has_wrong_tests(&self, id: &str) -> bool {
        egcfg_results::dataset::wrong_tests(self.name, id)
    }
}

/// All data sets, in the order in which they are listed.
pub fn all() -> &'static [Info] {
    SETS
}

const SETS: &[Info] = &[
    Info {
        name: "mbpp",
        aliases: &["mbpp-sanitized"],
        title: "MBPP",
        tasks: "500 (split test, ids 11 to 510) of 974",
        tests: "all 3 asserts shown, the same 3 decide",
        source: "https://github.com/google-research/google-research/tree/master/mbpp",
        licence: "CC-BY-4.0",
        get: "mbpp.jsonl from the source, or google-research-datasets/mbpp (parquet) on the public hub",
        checksums: &[(
            "ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f",
            "mbpp.jsonl, 974 tasks",
        )],
        known_failures: &[],
    },
    Info {
        name: "mbpp-et",
        aliases: &["mbppet"],
        title: "MBPP-ET",
        tasks: "500",
        tests: "MBPP's asserts shown, extended asserts decide",
        source: "https://github.com/YihongDong/CodeGenEvaluation",
        licence: "none stated",
        get: "JSON Lines with MBPP's fields and test_case_list",
        checksums: &[(
            "3084c045a72faec7009d6cb294c2d2b4fb85832d329748c55ffa93625192d8af",
            "the 500 test tasks, rebuilt from published results",
        )],
        known_failures: known::MBPP_ET,
    },
    Info {
        name: "mbpp+",
        aliases: &["mbppplus", "mbpp-plus"],
        title: "MBPP+",
        tasks: "378",
        tests: "MBPP's asserts shown, base and plus inputs decide",
        source: "https://github.com/evalplus/mbppplus_release",
        licence: "Apache-2.0",
        get: "MbppPlus.jsonl.gz from the source's releases (v0.2.0), or evalplus/mbppplus (parquet) on the public hub",
        checksums: &[(
            "b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad",
            "MbppPlus.jsonl, release v0.2.0",
        )],
        known_failures: known::MBPP_PLUS,
    },
    Info {
        name: "humaneval",
        aliases: &["human-eval", "openai-humaneval"],
        title: "HumanEval",
        tasks: "164",
        tests: "the docstring's examples shown, the hidden check decides",
        source: "https://github.com/openai/human-eval",
        licence: "MIT",
        get: "data/HumanEval.jsonl.gz from the source, or openai/openai_humaneval (parquet) on the public hub",
        checksums: &[("1d49078ba3e2b196b9344535bef34a43021f038fad9561d6ee7c53450609a6a2", "HumanEval.jsonl")],
        known_failures: &[],
    },
    Info {
        name: "humaneval-et",
        aliases: &["humanevalet", "human-eval-et"],
        title: "HumanEval-ET",
        tasks: "164",
        tests: "the docstring's examples shown, extended asserts decide",
        source: "https://github.com/YihongDong/CodeGenEvaluation",
        licence: "none stated",
        get: "HumanEval_ET.jsonl from the source",
        checksums: &[(
            "2bb39f6db9141954d1d26fcd6abe514406751e727d98866f5d4a95afa17ee88c",
            "HumanEval_ET.jsonl",
        )],
        known_failures: known::HUMANEVAL_ET,
    },
    Info {
        name: "humaneval+",
        aliases: &["humanevalplus", "human-eval-plus", "humaneval-plus"],
        title: "HumanEval+",
        tasks: "164",
        tests: "the docstring's examples shown, base and plus inputs decide",
        source: "https://github.com/evalplus/humanevalplus_release",
        licence: "Apache-2.0",
        get: "HumanEvalPlus.jsonl.gz from the source's releases (v0.1.10), or evalplus/humanevalplus (parquet) on the public hub",
        checksums: &[(
            "42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f",
            "HumanEvalPlus.jsonl, release v0.1.10",
        )],
        known_failures: &[],
    },
    Info {
        name: "codecontests",
        aliases: &["code-contests", "codecontest"],
        title: "CodeContests",
        tasks: "165 (split test)",
        tests: "the first 3 public tests shown, private and generated ones decide",
        source: "https://github.com/google-deepmind/code_contests",
        licence: "CC-BY-4.0",
        get: "deepmind/code_contests (parquet) on the public hub, split test",
        checksums: &[
            (
                "e286e28fe9d118f34580a36627ddd4f9105d651ef81c22f4cca406c96f94ac8f",
                "20 problems with tests, without reference solutions",
            ),
            (
                "a9b35867be8330436e86638bc718795cc1b82fd07dcaa42c6580e363e6d4c781",
                "the statements of the test split, without any test",
            ),
        ],
        known_failures: &[],
    },
    Info {
        name: "ds1000",
        aliases: &["ds-1000"],
        title: "DS-1000",
        tasks: "1000",
        tests: "the context's first test case shown, test_execution and test_string decide",
        source: "https://github.com/xlang-ai/DS-1000",
        licence: "CC-BY-SA-4.0",
        get: "data/ds1000.jsonl.gz from the source, or xlangai/DS-1000 on the public hub",
        checksums: &[(
            "f131df06b5d819b446a9719f1c81b61a792242de67cc0ed8f42311722475ba3e",
            "1000 problems in the order of their ids",
        )],
        known_failures: known::DS1000,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_found_once() {
        let mut names: Vec<&str> = Vec::new();
        for info in all() {
            for name in std::iter::once(&info.name).chain(info.aliases) {
                assert_eq!(Info::find(name).unwrap().name, info.name);
                assert!(!names.contains(name), "{name}");
                names.push(name);
            }
        }
        assert_eq!(Info::find("MBPP_ET").unwrap().name, "mbpp-et");
        assert_eq!(Info::find("mbpq"), None);
    }

    #[test]
    fn checksums_are_sha256() {
        for (sum, _) in all().iter().flat_map(|info| info.checksums) {
            assert!(sum.len() == 64 && sum.chars().all(|c| c.is_ascii_hexdigit()), "{sum}");
        }
    }
}
