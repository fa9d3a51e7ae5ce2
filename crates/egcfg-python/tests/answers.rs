//! Programs in answers as models, chat pages and notebooks leave them: each of a table must give a program that Python takes,
//! and that defines what was asked for.

use egcfg_python::{PythonVersion, check, extract_program, is_answer};

const F: &str = "def f(x):\n    return x + 1\n";

/// The program in an answer for `f`.
fn program(answer: &str) -> String {
    extract_program(answer, Some("f")).code
}

#[test]
fn a_fence_within_a_text_of_the_program_ends_nothing() {
    for inside in ["    ```\n    f(1)\n    ```\n", "    ```python\n    f(1)\n    ```\n", "```\nf(1)\n```\n"] {
        let code = format!("def f(x):\n    \"\"\"Do.\n\n{inside}    \"\"\"\n    return x + 1\n");
        assert_eq!(program(&format!("So:\n```python\n{code}```\nDone.\n")), code);
    }
    // Where nothing closes the text any more, the fence does end it.
    let cut = "def f(x):\n    \"\"\"Do.\n";
    assert_eq!(program(&format!("```python\n{cut}```\nThat is all.\n")), cut);
}

#[test]
fn a_tag_of_thinking_within_the_program_ends_nothing() {
    for line in ["    # </think>\n", "    s = '</think>'\n"] {
        let code = format!("def f(x):\n{line}    return x + 1\n");
        for before in ["", "<think>a</think>\n", "a\n</think>\n"] {
            assert_eq!(program(&format!("{before}```python\n{code}```\n")), code, "{before}");
        }
    }
    assert_eq!(program(&format!("<think>```python\nwrong\n</think>\n```python\n{F}```\n")), F);
}

#[test]
fn helpers_in_other_fences_come_along() {
    let fence = |code: &str| format!("```python\n{code}```\nand\n");
    let (helper, function) = ("def h(x):\n    return x + 1\n", "def f(x):\n    return h(x)\n");
    let joined = format!("{helper}\n\n{function}");
    assert_eq!(program(&(fence(helper) + &fence(function))), joined);
    assert_eq!(program(&(fence(function) + &fence(helper))), joined);
    let root = "def f(x):\n    return math.sqrt(x)\n";
    assert_eq!(program(&(fence("import math\n") + &fence(root))), format!("import math\n\n\n{root}"));
    let chain = fence("class A:\n    pass\n") + &fence("def h(x):\n    return A()\n") + &fence(function);
    assert_eq!(program(&chain), format!("class A:\n    pass\n\n\ndef h(x):\n    return A()\n\n\n{function}"));
    // A wrong try with a helper of its own, an example and what the program has itself stay where they are.
    let tried = format!("def h(x):\n    return 0\n\n{function}");
    for other in [tried.as_str(), "print(f(1))\n", "list = [3, 1]\nf(list)\n", "x = h(1)\nprint(x)\n"] {
        let whole = format!("{helper}\n\n{function}");
        assert_eq!(program(&(fence(other) + &fence(&whole))), whole, "{other}");
    }
    let sorts = "def f(xs):\n    return list(xs)\n";
    assert_eq!(program(&(fence("list = [3, 1]\n") + &fence(sorts))), sorts);
}

#[test]
fn notebooks_sessions_and_pages_leave_their_marks() {
    for (code, wanted) in [
        (format!("%matplotlib inline\n{F}"), F.to_owned()),
        (format!("%%time\n{F}"), format!("\n{F}")),
        (format!("!pip install x\n{F}%timeit f(1)\n"), F.to_owned()),
        (format!("{F}f?\n"), F.to_owned()),
        (">>> def f(x):\n...     return x + 1\n...\n>>> f(1)\n2\n".to_owned(), format!("{F}\nf(1)\n")),
        (format!("{F}\n>>> f(1)\n2\n"), F.to_owned()),
        ("In [1]: def f(x):\n   ...:     return x + 1\n\nOut[1]: 2\n".to_owned(), F.to_owned()),
        (format!("python\n{F}"), F.to_owned()),
        (format!("python\nCopy\n{F}"), F.to_owned()),
        (format!("Copy code\n{F}"), F.to_owned()),
    ] {
        let fenced = program(&format!("Here:\n```python\n{code}```\n"));
        assert_eq!(fenced.trim(), wanted.trim(), "{code}");
        check(&fenced, PythonVersion::default()).unwrap_or_else(|fault| panic!("{code}: {fault}"));
    }
    for bare in [format!("python\n{F}"), format!("python\nCopy\n{F}"), format!("python\nCopy code\n{F}")] {
        assert!(is_answer(&bare));
        assert_eq!(program(&bare), F);
    }
    assert_eq!(program(">>> def f(x):\n...     return x + 1\n...\n>>> f(1)\n2\n"), format!("{F}\nf(1)\n"));
    assert!(is_answer(&format!("{F}[DONE]")) && is_answer(&format!("[BEGIN]\n{F}[DONE]")));
    assert_eq!(program(&format!("{F}[DONE]\nMore.")), F);
    assert_eq!(program(&format!("[BEGIN]\n{F}[DONE]\n")), F);
    assert!(!is_answer(F) && !is_answer("xs = [1]\npython = 2\n"));
}

#[test]
fn an_end_that_is_glued_or_missing() {
    assert_eq!(program("```python\ndef f(x):\n    return x + 1```\nSo."), F);
    assert_eq!(program("```def f(x): return x + 1```"), "def f(x): return x + 1\n");
    assert_eq!(program("Use `f(1)`.\n```python def f(x): return x + 1```"), "def f(x): return x + 1\n");
    let found = extract_program(&format!("```python\n{F}\ndef g(y):\n    return (y +"), Some("f"));
    assert_eq!((found.code.as_str(), found.complete), (F, false));
    // What is cut itself stays as it is: somebody may go on with it.
    assert_eq!(program("```python\ndef f(x):\n    return (x +"), "def f(x):\n    return (x +\n");
    assert_eq!(program("```python\n    def f(x):\n        return x + 1\n```"), F);
}
