//! Answers without the definition that the tests call: what was written is kept, the next attempt opens the definition, and
//! a ladder never repeats an attempt that cannot differ. The order of `solve`: the tree, then guidance with its runs.

use egcfg_guidance::{
    Event, ExecutionCache, Limits, Open, Order, Search, Session, Settings, Solution, Template, solve_in_order,
};
use egcfg_model::{LanguageModel, ScriptedModel, TokenId};
use egcfg_testing::language::{by_answer, parrot, vocab};

use crate::parts::{Log, ScriptedExecutor, judge, settings, task, template, wait, write, writer};

/// A template that opens the code block for the model.
fn fenced() -> Template {
    let toml = "name='o'\nuser=\"{{ task }}{{ signal }}### Code\\n\"\nanswer=\"```python\\n\"\nend=['```']";
    Template::parse("fenced", toml).unwrap()
}

/// Says its line after whatever the answer opens with.
fn speaker(answer: &'static str) -> ScriptedModel {
    let words = vocab();
    by_answer(move |said, _| {
        let said = said.strip_prefix("```python\n").unwrap_or(said);
        let rest = answer.strip_prefix(said).unwrap_or("");
        let next = (1..words.len())
            .filter(|i| !rest.is_empty() && rest.starts_with(&words[*i]))
            .max_by_key(|i| words[*i].len());
        vec![(next.unwrap_or(0) as TokenId, 9.0)]
    })
}

fn solved(
    model: &dyn LanguageModel,
    executor: &ScriptedExecutor,
    template: &Template,
    settings: &Settings,
    order: &Order,
) -> (Solution, Vec<Event>) {
    let (task, cache, log) = (task(), ExecutionCache::default(), Log::default());
    let session = Session { model, executor, template, task: &task, cache: &cache, events: &log };
    (wait(solve_in_order(session, settings, order)).unwrap(), log.events())
}

#[test]
fn a_lambda_in_the_fence_that_the_template_opened_is_the_program() {
    let judge = judge(|program: &str| program == "f = lambda xs: sum(xs)\n");
    let model = speaker("f = lambda xs: sum(xs)\n```\nThat is all.");
    for gamma in [0.0, 1.0] {
        let settings = Settings { max_tokens: Some(200), ..settings("ns2t0.9d3k1_ln", gamma) };
        let (generation, _) = write(&model, &judge, &settings, &fenced());
        assert_eq!(generation.program, "f = lambda xs: sum(xs)\n");
        let (solution, _) =
            solved(&model, &judge, &fenced(), &settings, &Order { gammas: vec![gamma], ..Order::default() });
        assert!(solution.solved());
    }
}

#[test]
fn a_ladder_does_not_repeat_what_cannot_differ() {
    let never = judge(|_: &str| false);
    let model = speaker("f = lambda xs: 1\n```");
    let settings = Settings { max_tokens: Some(80), ..settings("ns2t0.9d3k1_ln", 1.0) };
    let gammas = vec![0.0, 0.5, 1.0, 3.0];
    let order = Order { gammas: gammas.clone(), retries: 2, open: Open::Never, ..Order::default() };
    let (solution, _) = solved(&model, &never, &fenced(), &settings, &order);
    assert_eq!(solution.attempts.len(), 1);
    // Auto opens the definition, says so, and climbs the ladder from there.
    let order = Order { open: Open::Auto, ..order };
    let (solution, events) = solved(&model, &never, &fenced(), &settings, &order);
    let began: Vec<bool> = solution.attempts.iter().map(|attempt| attempt.generation.began).collect();
    assert_eq!(began[..3], [false, true, true]);
    assert_eq!(solution.attempts.len(), 1 + 4 + 2 * 3);
    let told = |event: &&Event| matches!(event, Event::Warning { message } if message.contains("opened for the model"));
    assert_eq!(events.iter().filter(told).count(), 10);
    assert_eq!(solution.attempts[1].generation.program, "def f(\n");
    // Always opens from the start.
    let order = Order { open: Open::Always, retries: 0, ..order };
    let (solution, _) = solved(&model, &never, &fenced(), &settings, &order);
    assert!(solution.attempts.len() == 4 && solution.attempts.iter().all(|a| a.generation.began));
}

#[test]
fn an_opened_definition_leaves_the_seam_to_the_tokenizer() {
    // "def f(" is one token of the language: held back whole, and chosen by the model.
    let never = judge(|_: &str| false);
    let settings = Settings { opened: true, max_tokens: Some(80), ..settings("ns2t0.9d3k1_ln+e", 1.0) };
    let (generation, events) = write(&writer(3), &never, &settings, &template());
    assert!(generation.began && generation.program.starts_with("def f(x):"));
    assert!(events.iter().any(|e| matches!(e, Event::GuidanceStarted { position: 0 })));
    // What the model writes by itself it writes after the opening too: the same tokens stand before each.
    let opened = Settings { gamma: 0.0, ..settings };
    let plain = Settings { opened: false, ..opened.clone() };
    let program = |settings: &Settings| write(&writer(3), &never, settings, &template()).0.program;
    assert_eq!(program(&opened), program(&plain));
}

#[test]
fn a_task_whose_tree_never_defines_the_function_is_searched_opened() {
    let never = judge(|_: &str| false);
    let settings = Settings { max_tokens: Some(80), ..settings("ns2t1.0d3k1_ln", 1.0) };
    let limits = Limits { tokens: Some(300), ..Limits::default() };
    let order = Order { search: Some(Search { limits, ..Search::default() }), ..Order::default() };
    let (solution, events) = solved(&parrot("x = 1\n"), &never, &template(), &settings, &order);
    assert!(!solution.attempts[0].generation.began);
    assert!(events.iter().any(|e| matches!(e, Event::Warning { message } if message.contains("opened"))));
    assert!(solution.attempts.iter().any(|attempt| attempt.generation.began));
}

#[test]
fn guidance_after_the_tree_shows_the_programs_that_failed() {
    let never = judge(|_: &str| false);
    let settings = settings("ns2t1.0dinfk1_ln+om2e", 1.0);
    let limits = Limits { programs: Some(6), ..Limits::default() };
    let search = Search { limits, ..Search::default() };
    let order = Order { search: Some(search), gammas: vec![0.0, 1.0], retries: 0, open: Open::Auto };
    let (solution, events) = solved(&writer(5), &never, &template(), &settings, &order);
    // The greedy answer is the tree's first; gamma 0 is not tried again.
    assert_eq!(solution.attempts.len(), 7);
    let programs: Vec<String> = solution.attempts[..6].iter().map(|a| a.generation.program.clone()).collect();
    let block = events.iter().find_map(|event| match event {
        Event::Signal { text, .. } => Some(text.clone()),
        _ => None,
    });
    let block = block.unwrap();
    let shown = programs.iter().filter(|program| block.contains(program.trim_end())).count();
    assert!(shown >= 2, "{shown} of the tree's programs in\n{block}");
    // And it passes at once where the tree passes.
    let always = judge(|_: &str| true);
    assert_eq!(solved(&writer(5), &always, &template(), &settings, &order).0.attempts.len(), 1);
}
