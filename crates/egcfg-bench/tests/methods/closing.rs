//! What real traces say about beginnings: the search of a language of six programs, each run in the sandbox.

use egcfg_guidance::{ExecutionCache, Limits, NoEvents, Policy, Search, Session, Settings, Template, search};
use egcfg_model::{ScriptedModel, TokenId};

use crate::parts::{sandbox, task};

const SLOTS: [&[&str]; 4] = [
    &["def f(x):\n"],
    &["    a = x\n", "    a = x + 0\n", "    a = x.y\n"],
    &["    b = a\n", "    b = a * 3\n"],
    &["    return b\n"],
];

/// Likes the earlier line of each slot a little more.
fn model() -> ScriptedModel {
    let lines = SLOTS.iter().flat_map(|slot| slot.iter()).map(|line| (*line).to_owned());
    let letters = (9..127_u8).map(|byte| (byte as char).to_string());
    let words: Vec<String> = std::iter::once(String::new()).chain(lines).chain(letters).collect();
    let vocab = words.clone();
    let rule = move |context: &[TokenId]| {
        let text: String = context.iter().map(|token| words[*token as usize].as_str()).collect();
        let answer = text.rsplit("### Code\n").next().unwrap_or("");
        let mut logits = vec![-40.0; words.len()];
        let slot = SLOTS.get(answer.lines().count()).copied().unwrap_or(&[""]);
        for (place, line) in slot.iter().enumerate() {
            logits[words.iter().position(|word| word == line).unwrap()] = 1.0 - 0.4 * place as f32;
        }
        logits
    };
    ScriptedModel::with_rule(&vocab, Box::new(rule))
}

#[tokio::test]
async fn real_runs_close_what_raises_and_what_is_the_same() {
    let (model, executor, task) = (model(), sandbox().await, task());
    let template = Template::named("pocket").unwrap();
    for (dead_ends, equal_states, expected) in
        [(false, false, 6), (true, false, 5), (false, true, 5), (true, true, 4)]
    {
        let cache = ExecutionCache::default();
        let session = Session {
            model: &model,
            executor: &*executor,
            template: &template,
            task: &task,
            cache: &cache,
            events: &NoEvents,
        };
        let how = Search {
            policy: Policy::Priority,
            stop_on_pass: false,
            dead_ends,
            equal_states,
            limits: Limits::default(),
            ..Search::default()
        };
        let settings = Settings { top_p: 0.999, ..Settings::default() };
        let found = search(session, &settings, &how).await.unwrap();
        let programs: Vec<&str> =
            found.solution.attempts.iter().map(|attempt| attempt.generation.program.as_str()).collect();
        assert_eq!(programs.len(), expected, "{dead_ends} {equal_states}: {programs:#?}");
        assert!(found.exhausted);
        // Of the two that leave the same, the more probable one goes on.
        let goes_on = programs.iter().filter(|program| program.contains("a = x\n")).count();
        assert_eq!(goes_on, 2, "{programs:#?}");
    }
}
