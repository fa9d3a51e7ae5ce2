//! The public data sets by their names: each layout's tiny file of our own, a model that knows the answers, and results under
//! the data set's own name and ids.

use std::path::PathBuf;

use crate::start::egcfg;
use crate::world::World;

const SCRIPT: &str = r#"[programs]
"double every item" = "def double_all(items):\n    return [2 * n for n in items]\n"
"sum a chain" = "def chain_sum(link):\n    return 0\n"
"The largest item" = "from typing import List\n\n\ndef largest(items: List[int]) -> int:\n    \"\"\" The largest item.\n    >>> largest([1, 3, 2])\n    3\n    >>> largest([-1])\n    -1\n    \"\"\"\n    return max(items)\n"
"common items" = "def similar_elements(one, two):\n    return tuple(set(one) & set(two))\n"
"sum of two numbers" = "def solve():\n    a, b = map(int, input().split())\n    print(a + b)\n"
"Sort the items" = "result = sorted(items)\n"
"#;

fn file(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../egcfg-bench/tests/data");
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn every_data_set_runs_by_its_name() {
    let mut world = World::new(1, &[], 0.0);
    world.write("script.toml", SCRIPT);
    // Name as it is typed, the folder, the file, methods, tasks, and one that is solved.
    for (name, folder, data, methods, end, passing) in [
        ("MBPP", "mbpp", "mbpp.jsonl", "eg_cfg", 2, "11"),
        ("mbpp-et", "mbpp-et", "mbpp_et.jsonl.gz", "eg_cfg", 2, "11"),
        ("mbpp+", "mbpp+", "mbpp_plus.jsonl", "eg_cfg", 1, "Mbpp_2"),
        ("humaneval", "humaneval", "humaneval.jsonl.gz", "eg_cfg", 1, "HumanEval_0"),
        ("humaneval-et", "humaneval-et", "humaneval_et.jsonl", "eg_cfg", 1, "HumanEval_0"),
        ("humaneval+", "humaneval+", "humaneval_plus.jsonl", "eg_cfg", 1, "HumanEval_0"),
        ("codecontests", "codecontests", "code_contests.jsonl", "eg_cfg", 1, "1_A._Sum"),
        ("ds-1000", "ds1000", "ds1000.jsonl.gz", "eg_cfg,plain", 1, "4"),
    ] {
        let data = file(data);
        let end = end.to_string();
        let args = [
            "run",
            "--dataset",
            name,
            "--data",
            &data,
            "--model",
            "scripted:script.toml",
            "--method",
            methods,
            "--config",
            "ns2t0.7d2k1_ln",
            "--gamma",
            "1",
            "--end",
            &end,
            "--results",
            "out",
            "--workers",
            "1",
        ];
        let ran = egcfg(world.folder.path(), &args);
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
        world.results = "out".into();
        let root = world.folder.path().join("out").join(folder).join("scripted");
        for method in methods.split(',') {
            let (kind, gamma) = if method == "eg_cfg" { ("ns2t0.7d2k1_ln", "1.0") } else { (method, "0.0") };
            let path = root.join(kind).join(format!("task_id={passing}_gamma={gamma}.json"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
                panic!(
                    "{name}: {}: {error}; there are {:?}",
                    path.display(),
                    std::fs::read_dir(root.join(kind)).map(Vec::from_iter)
                )
            });
            let result: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(result["passed"], true, "{name}: {text}");
            assert_eq!(result["egcfg"]["dataset"], folder, "{name}");
            if method == "eg_cfg" {
                assert_eq!(result["egcfg"]["guidance_began"], true, "{name}: {text}");
            }
        }
    }
    // A program that fails is a result as well, and `eval` gives both the same verdict again.
    let data = file("mbpp.jsonl");
    let scored = egcfg(
        world.folder.path(),
        &["eval", "--dataset", "mbpp", "--data", &data, "--samples", "out/mbpp", "--json"],
    );
    assert_eq!(scored.code, Some(0), "{}", scored.stderr);
    let scores: serde_json::Value = serde_json::from_str(&scored.stdout).unwrap();
    assert_eq!((&scores["solved"], &scores["total"]), (&1.into(), &2.into()), "{scores}");
}

#[test]
fn a_data_set_that_is_not_known_is_named() {
    let world = World::new(1, &[], 0.0);
    let ran = egcfg(world.folder.path(), &["run", "--dataset", "mbpq", "--data", "tasks.jsonl"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("mbpq"), "{}", ran.stderr);
}
