//! What holds for every method: the budget, the choice by shown tests, models that keep to no form, seeds, failing parts.

use egcfg_bench::method::{MgDebugger, SelfDebugging};
use egcfg_guidance::{GuidanceError, Settings};
use egcfg_task::{Test, Verdict};
use egcfg_testing::ScriptedExecutor;

use crate::parts::{Canned, methods, settings, solved, task, write};

/// Answers in form, and never right; each program is another one.
fn never_right() -> Canned {
    Canned::new(|prompt| {
        let seed = prompt.len();
        if prompt.contains("that you know") {
            return "PROBLEM 1\none\nPROBLEM 2\ntwo\nPROBLEM 3\nthree".into();
        }
        if prompt.ends_with("```python\n") {
            return format!("def g(x):\n    return {seed}\n\n\ndef f(x):\n    return g(x) + {seed}\n```");
        }
        format!("CONFIDENCE: 50\n1. step {seed}\nassert g(1) == 2\nRESULT: {seed}\n")
    })
}

#[tokio::test]
async fn no_method_generates_more_than_its_budget() {
    let wrong = ScriptedExecutor::verdicts(|_, _| Verdict::WrongAnswer);
    for method in methods() {
        let free = write(&*method, &never_right(), &wrong, &task(), &settings(), None).await.unwrap();
        let most = free.stats.generated_tokens();
        assert!(most > 500 && !solved(&free), "{}: {most}", method.name());
        for budget in [0, 1, 37, 100, 250, 499, most, most + 1] {
            let outcome =
                write(&*method, &never_right(), &wrong, &task(), &settings(), Some(budget)).await.unwrap();
            let spent = outcome.stats.generated_tokens();
            // All of it may be used, and what a free run takes is enough.
            assert_eq!(spent, budget.min(most), "{} with {budget}", method.name());
        }
    }
}

#[tokio::test]
async fn the_best_program_by_shown_tests_is_returned() {
    // The plain answer passes one test, every repair none.
    let one = |program: &str, test: &Test| {
        let passes = program.contains("return 4") && test.key().contains("f(2)");
        if passes { Verdict::Passed } else { Verdict::WrongAnswer }
    };
    let model = Canned::new(|prompt| {
        if prompt.contains("Go through") {
            return "it always gives 4".into();
        }
        if prompt.contains("Correct the program") {
            "def f(x):\n    return 0\n```"
        } else {
            "def f(x):\n    return 4\n```"
        }
        .into()
    });
    let table = ScriptedExecutor::verdicts(one);
    let method = SelfDebugging::default();
    let outcome = write(&method, &model, &table, &task(), &settings(), None).await.unwrap();
    assert_eq!(outcome.program, "def f(x):\n    return 4\n");
    assert_eq!(outcome.shown.iter().filter(|result| result.verdict.passed()).count(), 1);
    // The same repair again is neither run nor counted again.
    assert_eq!((outcome.stats.programs, table.judged().len()), (2, 2));
    // A prompt that comes again is answered by drawing; the most probable answer is known.
    let drawn: Vec<bool> = model.asked().iter().map(|asked| asked.temperature > 0.0).collect();
    assert_eq!(drawn, [false, false, false, false, false, true, true, true, true, true, true]);
}

#[tokio::test]
async fn a_model_that_keeps_to_no_form_leaves_its_plain_answer() {
    let wrong = ScriptedExecutor::verdicts(|_, _| Verdict::WrongAnswer);
    for (context, babble) in
        [(60_000, "la la la"), (60_000, ""), (2_400, "1. step"), (60_000, "\u{fffd}``` PROBLEM")]
    {
        for method in methods() {
            let model = Canned::new(move |prompt| {
                // Only the plain prompt has the solved examples.
                if prompt.contains("largest_gap") {
                    "def f(x):\n    return 5\n```".into()
                } else {
                    babble.into()
                }
            })
            .with_info(|info| info.context = context);
            let outcome = write(&*method, &model, &wrong, &task(), &settings(), None).await.unwrap();
            assert_eq!(outcome.program, "def f(x):\n    return 5\n", "{} {babble}", method.name());
            assert_eq!(outcome.shown.len(), 2);
        }
    }
}

#[tokio::test]
async fn a_failing_sandbox_is_an_error_and_no_wrong_answer() {
    let broken = ScriptedExecutor::verdicts(|_, _| Verdict::SandboxUnavailable);
    for method in methods() {
        let outcome = write(&*method, &never_right(), &broken, &task(), &settings(), None).await;
        assert!(matches!(outcome, Err(GuidanceError::Executor(_))), "{}: {outcome:?}", method.name());
    }
}

#[tokio::test]
async fn first_answers_are_greedy_and_repeated_ones_are_drawn() {
    let wrong = ScriptedExecutor::verdicts(|_, _| Verdict::WrongAnswer);
    for method in methods() {
        let ask = async |settings: &Settings| {
            let model = never_right();
            write(&*method, &model, &wrong, &task(), settings, None).await.unwrap();
            model.asked()
        };
        let first = ask(&settings()).await;
        let mut seen = std::collections::HashSet::new();
        for asked in &first {
            assert_eq!(asked.temperature == 0.0, seen.insert(asked.prompt.clone()), "{}", method.name());
        }
        // Another retry draws everything, with seeds that are its own and the same every time.
        let again = Settings { retry: 1, ..settings() };
        let (second, third) = (ask(&again).await, ask(&again).await);
        assert!(second.iter().all(|asked| asked.temperature > 0.0), "{}", method.name());
        let seeds = |asked: &[crate::parts::Asked]| asked.iter().map(|a| a.seed).collect::<Vec<_>>();
        assert_eq!(seeds(&second), seeds(&third));
        let other = ask(&Settings { retry: 2, ..settings() }).await;
        assert!(seeds(&second).iter().all(|seed| !seeds(&other).contains(seed)), "{}", method.name());
    }
}

#[tokio::test]
async fn messages_go_through_the_models_own_chat_template() {
    let chat = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}<|assistant|>";
    let model = never_right().with_info(|info| info.chat_template = Some(chat.into()));
    let wrong = ScriptedExecutor::verdicts(|_, _| Verdict::WrongAnswer);
    let method = MgDebugger { attempts: 1, ..MgDebugger::default() };
    write(&method, &model, &wrong, &task(), &settings(), None).await.unwrap();
    let asked = model.asked();
    assert!(asked.len() > 3);
    for asked in asked {
        assert!(asked.prompt.starts_with("<|user|>"), "{}", asked.prompt);
        assert!(asked.prompt.contains("<|end|><|assistant|>"), "{}", asked.prompt);
    }
}
