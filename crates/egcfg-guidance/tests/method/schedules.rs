//! The drafted schedule picks exactly the tokens of the one-step schedule, with fewer forwards.

use egcfg_guidance::{Schedule, Settings};

use crate::parts::{judge, settings, template, write, writer};

const NAMES: [&str; 12] = [
    "ns3t0.9d4k1_ln",
    "ns3t0.9d2k2_ln",
    "ns2t1.5dinfk1_ln+o",
    "ns3t0.9d3k1_ln+om2",
    "ns3t0.9dinfk1_ln+om2re",
    "ns4t0.7d6k1_prf+r",
    "ns2t0.9d3k1_tok",
    "pns1t0.7d1k1_ln",
    "ns3t0.01d8k3_ln+r",
    "ns3t0.9dinfk1_ln+om2-priority",
    "ns3t1.2dinfk1_ln+om2e-unique",
    "ns3t0.9dinfk1_prf-unique",
];

#[test]
fn drafting_changes_no_token() {
    let (mut guided, mut drafted_forwards, mut step_forwards, mut changed) = (0, 0, 0, 0);
    for seed in 0..12 {
        for name in NAMES {
            for gamma in [0.5, 1.0, 3.0] {
                let settings = settings(name, gamma);
                let judge = judge(|program: &str| program.len() % 3 == 0);
                let (drafted, _) = write(&writer(seed), &judge, &settings, &template());
                let one_step = Settings { schedule: Schedule::OneStep, ..settings };
                let (stepped, _) = write(&writer(seed), &judge, &one_step, &template());
                assert_eq!(drafted.tokens, stepped.tokens, "{name} gamma {gamma} seed {seed}");
                assert_eq!((&drafted.program, drafted.stop), (&stepped.program, stepped.stop));
                guided += drafted.stats.guided_tokens;
                changed += drafted.stats.changed_tokens;
                drafted_forwards += drafted.stats.guided_forwards;
                step_forwards += stepped.stats.guided_forwards;
            }
        }
    }
    // The comparison says something only if guidance was at work and drafts were taken.
    assert!(guided > 1000 && changed > 100, "{guided} {changed}");
    assert!(drafted_forwards * 10 < step_forwards * 9, "{drafted_forwards} {step_forwards}");
}

#[test]
fn candidates_that_agree_with_the_answer_make_one_forward_a_line() {
    // At a temperature near zero every candidate is the plain continuation, and gamma 0.001 follows it.
    let mut whole_lines = 0;
    for seed in 0..10 {
        let judge = judge(|_: &str| false);
        let (generation, _) =
            write(&writer(seed), &judge, &settings("ns2t0.001d4k1_ln+e", 0.001), &template());
        assert!(generation.stats.guided_forwards <= generation.stats.refreshes, "{:?}", generation.stats);
        whole_lines += generation.stats.guided_lines;
    }
    assert!(whole_lines > 10);
}

#[test]
fn nothing_depends_on_what_ran_before() {
    let settings = settings("ns3t0.9d4k1_ln+om2r", 1.0);
    let judge = judge(|program: &str| program.len() % 2 == 0);
    let model = writer(3);
    let first = write(&model, &judge, &settings, &template()).0;
    // The same model again, its cache warm from another generation with another seed.
    let other = Settings { seed: 9, ..settings.clone() };
    let _ = write(&model, &judge, &other, &template());
    assert_eq!(write(&model, &judge, &settings, &template()).0.tokens, first.tokens);
}
