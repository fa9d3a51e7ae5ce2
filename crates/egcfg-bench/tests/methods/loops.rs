//! Each method's loop on the real sandbox: a wrong program is repaired with what its run showed.

use egcfg_bench::method::{Feedback, Lpw, MapCoder, MgDebugger, PlanAfterTrial, Rex, SelfDebugging};
use egcfg_guidance::Settings;
use egcfg_task::{Form, Task, Test};

use crate::parts::{Canned, sandbox, settings, solved, task, write};

const WRONG: &str = "def f(x):\n    y = x + 1\n    return y\n```";
const RIGHT: &str = "def f(x):\n    return x * 2\n```";

#[tokio::test]
async fn self_debugging_explains_the_run_and_repairs() {
    let model = Canned::new(|prompt| {
        if prompt.contains("Correct the program") {
            assert!(
                prompt.contains("It adds one instead of doubling."),
                "the explanation is not carried over"
            );
            return RIGHT.into();
        }
        if prompt.contains("Go through the failing run") {
            assert!(prompt.contains("2:     y = x + 1    # y = 3"), "no story of the run: {prompt}");
            assert!(prompt.contains("Call: f(2)\nExpected: 4\nGot: 3\n"), "no outcome: {prompt}");
            return "<think>let me see</think>It adds one instead of doubling.".into();
        }
        WRONG.into()
    });
    let method = SelfDebugging::default();
    let outcome = write(&method, &model, &*sandbox().await, &task(), &settings(), None).await.unwrap();
    assert_eq!((outcome.program.as_str(), outcome.stats.programs), ("def f(x):\n    return x * 2\n", 2));
    assert!(solved(&outcome) && model.asked().len() == 3 && outcome.stats.executions == 1);
    // The program that passes at once is left alone.
    let model = Canned::new(|_| RIGHT.into());
    let outcome = write(&method, &model, &*sandbox().await, &task(), &settings(), None).await.unwrap();
    assert_eq!((outcome.stats.programs, model.asked().len(), outcome.stats.executions), (1, 1, 0));
}

#[tokio::test]
async fn simple_feedback_shows_no_trace_and_works_on_printed_output() {
    let task = Task {
        form: Form::Stdio,
        entry_point: "solve".into(),
        shown_tests: vec![Test::stdio("21\n", "42\n")],
        ..task()
    };
    let model = Canned::new(|prompt| {
        if prompt.contains("Correct the program") {
            assert!(prompt.contains("Input:\n21\nExpected output:\n42\n") && !prompt.contains("What ran"));
            return "def solve():\n    print(int(input()) * 2)\n```".into();
        }
        assert!(!prompt.contains("Go through"), "simple feedback asks for no explanation");
        "def solve():\n    print(input())\n```".into()
    });
    let method = SelfDebugging { feedback: Feedback::Simple, ..SelfDebugging::default() };
    let outcome = write(&method, &model, &*sandbox().await, &task, &settings(), None).await.unwrap();
    assert!(solved(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn mapcoder_follows_the_surest_plan_first_and_debugs_along_it() {
    let model = Canned::new(|prompt| {
        let bold = prompt.contains("plan: multiply");
        if prompt.contains("that you know") {
            return "PROBLEM 1: sums\nadding numbers\nPROBLEM 2: products\nmultiplying numbers\n".into();
        }
        if prompt.contains("Write a plan for the task") {
            let products = prompt.contains("multiplying numbers");
            return if products { "1. plan: multiply" } else { "1. plan: add" }.into();
        }
        if prompt.contains("How likely is it") {
            return if bold { "CONFIDENCE: 90" } else { "CONFIDENCE: 20" }.into();
        }
        assert!(bold, "the less sure plan is not needed");
        if prompt.contains("leaves the plan") {
            assert!(prompt.contains("# y = 3") && prompt.contains("y = x + 1"), "{prompt}");
            return RIGHT.into();
        }
        assert!(prompt.contains("Turn the plan into Python"), "{prompt}");
        WRONG.into()
    });
    let executor = sandbox().await;
    let outcome = write(&MapCoder::default(), &model, &*executor, &task(), &settings(), None).await.unwrap();
    assert!(solved(&outcome) && outcome.stats.programs == 2, "{outcome:?}");
    // Recall, two plans with two confidences, the program, its repair.
    assert_eq!(model.asked().len(), 7);
}

#[tokio::test]
async fn mgdebugger_repairs_the_function_below_first() {
    const WHOLE: &str = "def f(x):\n    return (x + 1)\n```";
    const CUT: &str = "def grow(x, times):\n    \"\"\"x taken times times.\"\"\"\n    r = x + 1\n    return r\n\n\ndef f(x):\n    return grow(x, 2)\n```";
    let model = Canned::new(|prompt| {
        if prompt.contains("cut it into small functions") {
            return CUT.into();
        }
        if prompt.contains("Write tests for its function grow alone") {
            return "1. `assert grow(3, 2) == 6`\nassert grow(2, 2) == 4\nassert f(2) == 4\n".into();
        }
        if prompt.contains("The function grow does not do") {
            assert!(prompt.contains("call grow(x = 3, times = 2)") && prompt.contains("# r = 4"), "{prompt}");
            assert!(!prompt.contains("Call: f("), "only the function's own tests are run");
            return "def grow(x, times):\n    return x * times\n\n\ndef f(x):\n    return 0\n```".into();
        }
        assert!(!prompt.contains("The function f does not do"), "f passes once grow is right");
        WHOLE.into()
    });
    let executor = sandbox().await;
    let outcome =
        write(&MgDebugger::default(), &model, &*executor, &task(), &settings(), None).await.unwrap();
    assert!(solved(&outcome), "{outcome:?}");
    assert_eq!(
        outcome.program,
        "def grow(x, times):\n    return x * times\n\n\ndef f(x):\n    return grow(x, 2)\n"
    );
    // The plain program, the cut one, the one put together; runs of grow before and after, and of f.
    assert_eq!((outcome.stats.programs, outcome.stats.executions, model.asked().len()), (3, 3, 4));
}

#[tokio::test]
async fn lpw_corrects_the_plan_until_it_gives_what_is_expected() {
    let model = Canned::new(|prompt| {
        let better = prompt.contains("1. y = 2 * x");
        if prompt.contains("Write a plan that solves") {
            return "1. y = x + 2\n".into();
        }
        if prompt.contains("Follow the plan by hand") {
            let second = prompt.contains("write down the value of every intermediate result:\nf(5)");
            return match (better, second) {
                // A plan that adds two is right for 2 and wrong for 5.
                (_, false) => "y is 4\nRESULT: `4`",
                (false, true) => "y is 7\nRESULT: 7",
                (true, true) => "y is ten\n**RESULT: 2 * 5**",
            }
            .replace("**", "");
        }
        if prompt.contains("write the whole corrected plan") {
            assert!(prompt.contains("The result was 7, but it should have been 10."), "{prompt}");
            return "1. y = 2 * x\n".into();
        }
        assert!(better, "the program comes after the plan is right");
        if prompt.contains("Turn the plan into Python") {
            assert!(
                prompt.contains("followed by hand for f(2)\ny is 4") && prompt.contains("y is ten"),
                "{prompt}"
            );
            return WRONG.into();
        }
        if prompt.contains("side by side") {
            assert!(prompt.contains("y is 4\n") && prompt.contains("# y = 3"), "{prompt}");
            return "y should be 4 and is 3".into();
        }
        assert!(prompt.contains("y should be 4 and is 3"), "{prompt}");
        RIGHT.into()
    });
    let executor = sandbox().await;
    let outcome = write(&Lpw::default(), &model, &*executor, &task(), &settings(), None).await.unwrap();
    assert!(solved(&outcome) && outcome.stats.programs == 2, "{outcome:?}");
    // A plan; two verifications, a revision, two verifications; a program, an analysis, a repair.
    assert_eq!(model.asked().len(), 1 + 2 + 1 + 2 + 3);
}

#[tokio::test]
async fn lpw_reads_printed_results_of_several_lines() {
    let test = Test::stdio("2\n", "2\n4\n");
    let task = Task {
        form: Form::Stdio,
        entry_point: "solve".into(),
        shown_tests: vec![test],
        ..crate::parts::task()
    };
    let model = Canned::new(|prompt| {
        assert!(!prompt.contains("write the whole corrected plan"), "the plan is right: {prompt}");
        if prompt.contains("Write a plan that solves") {
            return "1. print x, then its double\n".into();
        }
        if prompt.contains("Follow the plan by hand") {
            assert!(prompt.contains("the input\n2\n"), "{prompt}");
            return "x is 2\nRESULT:\n```\n2\n4\n```\n".into();
        }
        assert!(prompt.contains("x is 2\n"), "{prompt}");
        "def solve():\n    x = int(input())\n    print(x)\n    print(x * 2)\n```".into()
    });
    let outcome = write(&Lpw::default(), &model, &*sandbox().await, &task, &settings(), None).await.unwrap();
    assert!(solved(&outcome) && model.asked().len() == 3, "{outcome:?}");
}

#[tokio::test]
async fn a_completion_task_keeps_what_its_header_imports() {
    let header = "from math import floor\n\n\ndef f(x):\n    \"\"\"Double x.\"\"\"\n";
    let task = Task { header: header.into(), ..task() };
    let model = Canned::new(|prompt| {
        if prompt.contains("Correct the program") {
            return "def f(x):\n    return floor(x * 2)\n```".into();
        }
        if prompt.contains("Go through") { "wrong".into() } else { "    return x\n```".into() }
    });
    let settings = Settings { max_tokens: Some(200), ..settings() };
    let executor = sandbox().await;
    let outcome = write(&SelfDebugging::default(), &model, &*executor, &task, &settings, None).await.unwrap();
    assert!(solved(&outcome) && outcome.program.starts_with("from math import floor\n"), "{outcome:?}");
}

#[tokio::test]
async fn pat_plans_only_after_the_tests_refused_a_program() {
    let model = Canned::new(|prompt| {
        if prompt.contains("make a plan") {
            assert!(prompt.contains("Call: f(2)\nExpected: 4\nGot: 3\n"), "no failing run: {prompt}");
            return "It adds and should double.\n1. y = 2 * x\n```python\nnot a plan\n```".into();
        }
        if prompt.contains("this plan describes") {
            assert!(prompt.contains("1. y = 2 * x") && !prompt.contains("not a plan"), "{prompt}");
            return RIGHT.into();
        }
        WRONG.into()
    });
    let method = PlanAfterTrial::default();
    let outcome = write(&method, &model, &*sandbox().await, &task(), &settings(), None).await.unwrap();
    assert!(solved(&outcome) && outcome.stats.programs == 2, "{outcome:?}");
    assert_eq!(model.asked().len(), 3);
    // A program that passes costs no words.
    let model = Canned::new(|_| RIGHT.into());
    let outcome = write(&method, &model, &*sandbox().await, &task(), &settings(), None).await.unwrap();
    assert_eq!((outcome.stats.programs, model.asked().len()), (1, 1));
}

#[tokio::test]
async fn rex_repairs_what_passes_most_and_turns_away_from_what_stays_wrong() {
    // The plain answer passes nothing; its repair passes one test of two; the repair of that one passes both.
    let model = Canned::new(|prompt| {
        if prompt.contains("Write a better program") {
            let half = prompt.contains("return 4");
            return if half { RIGHT } else { "def f(x):\n    return 4\n```" }.into();
        }
        WRONG.into()
    });
    let outcome =
        write(&Rex::default(), &model, &*sandbox().await, &task(), &settings(), None).await.unwrap();
    assert!(solved(&outcome), "{outcome:?}");
    let repaired: Vec<bool> = model
        .asked()
        .iter()
        .filter(|asked| asked.prompt.contains("Write a better program"))
        .map(|asked| asked.prompt.contains("return 4"))
        .collect();
    assert_eq!(repaired.first(), Some(&false), "there is one program to repair");
    assert_eq!(repaired.last(), Some(&true), "the better one is repaired in the end");
    assert!(repaired.len() <= 12);
}
