//! What the functions give for texts whose right answer is known.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::failing;
use common::programs::{boundaries, mbpp, records};
use egcfg_python::{
    Comparison, DefinitionKind, PythonVersion, defines, definitions, doctest_examples, entry_point,
    executable_form, finished, normal_form, split_assert,
};

fn form(source: &str) -> Option<String> {
    executable_form(source, PythonVersion::default())
}

#[test]
fn cut_off_programs_keep_what_can_run() {
    for (source, expected) in [
        ("def f(x):\n    y = 1\n", "def f(x):\n    y = 1\n"),
        // An open block gets a body one level deeper; a half line goes.
        ("def f(x):\n    for y in x:\n", "def f(x):\n    for y in x:\n        pass\n"),
        ("def f(x):\n    for y in x:", "def f(x):\n    for y in x:\n        pass\n"),
        ("def f(x):\n  if x:\n", "def f(x):\n  if x:\n    pass\n"),
        ("def f(x):\n\tif x:\n", "def f(x):\n\tif x:\n\t\tpass\n"),
        ("def f(x):\n    for y in x:\n        ", "def f(x):\n    for y in x:\n        pass\n"),
        (
            "def f(x):\n    if x:\n        return 1\n    else:\n",
            "def f(x):\n    if x:\n        return 1\n    else:\n        pass\n",
        ),
        ("def f(x):\n    a = 1\n    b = (a +\n", "def f(x):\n    a = 1\n"),
        ("def f(x):\n    b = (1 +\n", "def f(x):\n    pass\n"),
        ("def f(x):\n    if x:\n        b = (1 +\n", "def f(x):\n    if x:\n        pass\n"),
        ("def f(\n    x,\n    y,\n):\n", "def f(\n    x,\n    y,\n):\n    pass\n"),
        ("def f(x): # why\n    # nothing yet\n", "def f(x):\n    pass\n"),
        ("def f(x):\n    \"\"\"Half a doc", "def f(x):\n    pass\n"),
        ("class A:\n    def f(self):\n", "class A:\n    def f(self):\n        pass\n"),
        ("def f(x):\n    a = 1\n    try:\n        b = 2\n        c = 3\n", "def f(x):\n    a = 1\n"),
        (
            "def f(x):\n    match x:\n        case 1:\n",
            "def f(x):\n    match x:\n        case 1:\n            pass\n",
        ),
        ("@cache\ndef f(x):\n", "@cache\ndef f(x):\n    pass\n"),
        ("x = 1\n@cache\n", "x = 1\n"),
        ("x = 1\nreturn 2\n", "x = 1\n"),
        ("x = 1\r\nif x:\r\n", "x = 1\nif x:\n    pass\n"),
    ] {
        assert_eq!(form(source).as_deref(), Some(expected), "{source:?}");
    }
    for nothing in ["", "\n\n", "# only words", "\"\"\"Only a docstring.\"\"\"", "def f(", ")", "\0"] {
        let form = form(nothing);
        assert!(form.is_none() || form.as_deref() == Some("pass\n"), "{nothing:?} {form:?}");
    }
}

#[test]
fn comments_docstrings_and_blank_lines_go() {
    for (source, expected) in [
        ("\"\"\"Doc.\"\"\"\n\nimport os  # x\n\n\nx = 1   \n", "import os\nx = 1\n"),
        ("def f():\n    '''Doc.\n\n    More.\n    '''\n    return 1\n", "def f():\n    return 1\n"),
        ("def f():\n    'Doc.'\n", "def f():\n    pass\n"),
        ("def f(): 'Doc.'; return 1\n", "def f(): return 1\n"),
        ("def f():\n    ('Doc.')\n    'more'\n    return 1\n", "def f():\n    return 1\n"),
        ("x = '''a  \n\n  # no comment\n'''  # c\n", "x = '''a  \n\n  # no comment\n'''\n"),
        ("x = [\n    1,  # one\n\n    # two\n    2,\n]\n", "x = [\n    1,\n    2,\n]\n"),
        ("if x:\n    'kept'\n", "if x:\n    'kept'\n"),
        ("x = 1 \\\n    + 2\n", "x = 1 \\\n    + 2\n"),
        ("x = '#'; y = 2 # z", "x = '#'; y = 2\n"),
    ] {
        assert_eq!(form(source).as_deref(), Some(expected), "{source:?}");
    }
}

#[test]
fn normal_forms_join_layouts_and_nothing_else() {
    let normal = |source: &str| normal_form(source, PythonVersion::default()).unwrap();
    for (one, other) in [
        ("x = (1 + 2) * 3", "x=((1+2)*3) # c\n\n"),
        ("x = 'a'", "x = \"\"\"a\"\"\""),
        ("x = 'ab'", "x = 'a' \"b\""),
        ("x = (1, 2)", "x = 1, 2"),
        ("def f():\n  'doc'\n  return 1", "def f(): return 1"),
        ("def f():\n    '''doc'''", "def f(): pass"),
        ("x = 0x10; y = 1_0", "x = 16\ny = 10"),
        ("x = f'{a}b' 'c'", "x = f\"{ a }bc\""),
        ("class A(): pass", "class A:\n\n    pass"),
        ("x = r'\\d'", "x = '\\\\d'"),
        ("with (a as b): pass", "with a as b: pass"),
        ("'doc'\nx = 1", "x = 1"),
    ] {
        assert_eq!(normal(one), normal(other), "{one:?} {other:?}");
    }
    let different = [
        "x = (1 + 2) * 3",
        "x = 1 + 2 * 3",
        "x = 1",
        "x = 1.0",
        "x = 1j",
        "x = True",
        "x = '1'",
        "x = b'1'",
        "x = f'{1}'",
        "x = f'{1=}'",
        "x = f'{1 = }'",
        "x = f'{1!r}'",
        "x = f'{1:1}'",
        "x = f'{1}' 'a'",
        "x = 'a' f'{1}'",
        "x = [1]",
        "x = {1}",
        "x = (1,)",
        "x = 1,\ny = 2",
        "x = 1, 2",
        "x = a[1:]",
        "x = a[:1]",
        "x = a[::1]",
        "x = a[1]",
        "x = -1",
        "x = ~1",
        "x = not 1",
        "x: int = 1",
        "(x): int = 1",
        "x += 1",
        "x -= 1",
        "for a in b: c\nelse: d",
        "for a in b:\n    c\n    d",
        "for a in b: c\nd",
        "async def f():\n    async for a in b: c",
        "async def f():\n    for a in b: c",
        "def f():\n    for a in b: c",
        "if a: b\nelif c: d",
        "if a: b\nelse:\n    if c: d",
        "try: a\nexcept: b",
        "try: a\nfinally: b",
        "try: a\nexcept b: c",
        "try: a\nexcept b as c: d",
        "try: a\nexcept* b: c",
        "f(a)",
        "f(*a)",
        "f(**a)",
        "f(a=a)",
        "f(a, b)",
        "f((a, b))",
        "f(a)(b)",
        "def f(a): pass",
        "def f(*, a): pass",
        "def f(a, /): pass",
        "def f(*a): pass",
        "def f(**a): pass",
        "def f(a=1): pass",
        "def f(a: 1): pass",
        "def f() -> a: pass",
        "@a\ndef f(): pass",
        "@a()\ndef f(): pass",
        "def g(): pass",
        "class f: pass",
        "class f(a): pass",
        "class f(a=a): pass",
        "lambda: a",
        "lambda a: a",
        "lambda a=a: a",
        "import a",
        "import a as b",
        "from a import b",
        "from .a import b",
        "from . import a",
        "from a import b as c",
        "global a",
        "raise",
        "raise a",
        "raise a from b",
        "a.b",
        "a.c",
        "a < b < c",
        "a < b <= c",
        "a < b and b < c",
        "a and b and c",
        "(a and b) and c",
        "a and (b and c)",
        "a or b",
        "{a: b}",
        "{**a}",
        "{**a, b: c}",
        "[a for a in b]",
        "(a for a in b)",
        "{a for a in b}",
        "{a: a for a in b}",
        "[a for a in b if c]",
        "[a for a in b if c if d]",
        "[a for a in b for c in d]",
        "'\\ud800'.x",
        "'\\ud801'.x",
        "'\\ufffd'.x",
        "a if b else c",
        "b if a else c",
        "del a",
        "del a, b",
        "assert a",
        "assert a, b",
        "pass",
        "...",
        "None",
        "(yield_)",
        "match a:\n    case b: c",
        "match a:\n    case b if b: c",
        "match a:\n    case [b]: c",
        "match a:\n    case [*b]: c",
        "match a:\n    case b(): c",
        "match a:\n    case b.b: c",
        "match a:\n    case 'b': c",
        "match a:\n    case {'b': b}: c",
        "match a:\n    case {**b}: c",
        "match a:\n    case _: c",
        "match a:\n    case 1 | 2: c",
        "match a:\n    case 1 as b: c",
        "match a:\n    case None: c",
        "match a:\n    case b(1): c",
        "match a:\n    case b(b=1): c",
        "with a: b",
        "with a as b: b",
        "with a, b: b",
        "while a: b",
        "while a: b\nelse: b",
        "if a: b\nb",
        "if a:\n    b\n    b",
    ];
    let mut seen: Vec<(String, &str)> = Vec::new();
    for source in different {
        let normal = normal(source);
        let twin = seen.iter().find(|(other, _)| *other == normal);
        assert!(twin.is_none(), "{source:?} and {:?} are not the same program", twin.map(|(_, twin)| twin));
        seen.push((normal, source));
    }
}

#[test]
fn asserts_come_apart() {
    use Comparison::{Close, Equal, False, Identical, Other, True};
    for (test, call, expected, comparison) in [
        ("assert f(1, 2) == [3]", "f(1, 2)", Some("[3]"), Equal),
        ("assert f(x) == (1,), \"msg\"", "f(x)", Some("(1,)"), Equal),
        ("assert f(1)", "f(1)", Some("True"), True),
        ("assert not f(1)", "f(1)", Some("False"), False),
        ("assert (f(1)) is None", "f(1)", Some("None"), Identical),
        ("assert math.isclose(f(1), 2.0)", "f(1)", Some("2.0"), Close),
        ("assert math.isclose(f(1), 2.0, rel_tol=0.1), 'x'", "f(1)", Some("2.0"), Close),
        ("assert set(f([1])) == set([2])", "f([1])", Some("set([2])"), Equal),
        ("assert abs(f(x) - 3.2) < 1e-6", "f(x)", Some("3.2"), Close),
        ("assert [1] == f(1)", "f(1)", Some("[1]"), Equal),
        ("    assert f(\n        1,\n    ) == 2\n", "f(\n    1,\n)", Some("2"), Equal),
        ("assert f(1) == (1\n    + 2)", "f(1)", Some("(1\n    + 2)"), Equal),
        ("assert f(1) == 2 and f(2) == 3", "f(1)", Some("2"), Equal),
        ("assert f(1) != 2", "f(1)", Some("2"), Other),
        ("assert Queue(2).push(1) == [1]", "Queue(2).push(1)", Some("[1]"), Equal),
        ("import math\nassert f(1) == math.pi", "f(1)", Some("math.pi"), Equal),
        ("assert str(f(1)).strip() == '1'", "f(1)", Some("'1'"), Equal),
    ] {
        let parts = split_assert(test, None).unwrap_or_else(|| panic!("{test}"));
        assert_eq!(
            (parts.call.as_str(), parts.expected.as_deref(), parts.comparison),
            (call, expected, comparison),
            "{test}"
        );
    }
    assert_eq!(split_assert("assert g(f(1)) == 2", Some("f")).unwrap().call, "f(1)");
    for none in ["", "x = 1", "assert len([1]) == 1", "assert f(", "assert g(1)", "f(1)"] {
        assert_eq!(split_assert(none, Some("f")), None, "{none}");
    }
}

#[test]
fn entry_points_are_what_all_tests_call() {
    assert_eq!(entry_point(&["assert set(f(1)) == {1}", "assert f(Node(1)) == g(2)"]).as_deref(), Some("f"));
    assert_eq!(
        entry_point(&["def check(candidate):\n    assert candidate(1) == 2"]).as_deref(),
        Some("candidate")
    );
    assert_eq!(
        entry_point(&["assert helper(f(1))", "assert f(2) == 1", "assert f(3)"]).as_deref(),
        Some("f")
    );
    assert_eq!(entry_point(&["assert Stack().pop() is None"]).as_deref(), Some("Stack"));
    // MBPP asks for a function `sum`.
    assert_eq!(entry_point(&["assert sum(10, 15) == 6", "nonsense ("]).as_deref(), Some("sum"));
    assert_eq!(entry_point(&["nonsense (", "x = 1"]), None);
}

#[test]
fn definitions_and_their_beginnings() {
    let source = "import os\n@dec\nasync def a(): pass\nclass B:\n    def c(self): pass\nx = '''\ndef d(): pass\n'''\ndef e(x";
    let found: Vec<_> = definitions(source).into_iter().map(|d| (d.name, d.kind, d.line)).collect();
    let function = DefinitionKind::Function;
    assert_eq!(
        found,
        [("a".into(), function, 3), ("B".into(), DefinitionKind::Class, 4), ("e".into(), function, 9)]
    );
    for text in ["x\ndef f(", "def  f (a", "async def f(x):", "class f:", "class f(A)", "def f[T](x)"] {
        assert!(defines(text, "f"), "{text}");
    }
    for text in ["def f", " def f(", "def fa(", "# def f(", "deff(", "class fa:", "classf:", "f("] {
        assert!(!defines(text, "f"), "{text}");
    }
}

#[test]
fn finished_programs_end_in_a_return_of_the_entry_point() {
    let version = PythonVersion::default();
    for source in [
        "def f(x):\n    return x",
        "def g(): pass\ndef f(x):\n    x = 1\n    return x\n",
        "def f(x):\n    if x:\n        return 1\n    else:\n        return 2",
        "def f(x):\n    try:\n        return 1\n    except E:\n        return 2",
        "def f(x):\n    with x:\n        return 1",
        "class f:\n    def g(self):\n        return 1",
    ] {
        assert!(finished(source, "f", version), "{source}");
    }
    for source in [
        "def f(x):\n    if x:\n        return 1",
        "def f(x):\n    pass",
        "def g(x):\n    return 1",
        "def f(x):\n    return x\nx = 1",
        "def f(x):\n    return (x",
        "def f(x):\n    for y in x:\n        return y",
        "",
        "return 1",
    ] {
        assert!(!finished(source, "f", version), "{source}");
    }
}

#[test]
fn mbpp_tests_name_their_function_and_call() {
    for record in mbpp() {
        let tests: Vec<&str> =
            record["test_list"].as_array().unwrap().iter().map(|test| test.as_str().unwrap()).collect();
        let code = record["code"].as_str().unwrap();
        let name = entry_point(&tests).unwrap_or_else(|| panic!("{tests:?}"));
        assert!(defines(code, &name), "{name} {tests:?}\n{code}");
        for test in &tests {
            let parts = split_assert(test, Some(&name)).unwrap_or_else(|| panic!("{test}"));
            assert!(parts.expected.is_some() && parts.call.starts_with(&name), "{test} {parts:?}");
        }
        let version = PythonVersion::default();
        let form = executable_form(code, version).unwrap_or_else(|| panic!("{code}"));
        assert_eq!(normal_form(code, version), normal_form(&form, version), "{code}");
        // Wherever a solution is cut behind its first line, something of its function can run.
        for bound in boundaries(code)
            .into_iter()
            .step_by(17)
            .filter(|bound| code[..*bound].contains(&format!("def {name}(")))
        {
            let cut = &code[..bound];
            let opened =
                cut.rsplit('\n').next().is_some_and(|line| !line.starts_with("def ")) && cut.contains('\n');
            assert!(!opened || executable_form(cut, version).is_some(), "{cut}");
        }
    }
}

#[test]
fn humaneval_prompts_give_examples() {
    let all = records("humaneval.jsonl.gz");
    let mut without = Vec::new();
    let count = all.len();
    let mut programs = Vec::new();
    for record in all {
        let name = record["entry_point"].as_str().unwrap().to_owned();
        let prompt = record["prompt"].as_str().unwrap();
        let examples = doctest_examples(prompt, &name);
        let solution = format!("{prompt}{}", record["canonical_solution"].as_str().unwrap());
        programs.extend(examples.iter().map(|example| format!("{solution}\n{}\n", example.to_assert())));
        if examples.is_empty() {
            without.push(name);
        }
    }
    // The examples must hold for the solution, but for a few that are wrong in the data set itself.
    let failed = failing(&programs);
    let shown: Vec<_> = failed.iter().filter_map(|program| program.lines().last()).collect();
    assert!(
        failed.len() * 50 <= programs.len(),
        "{} of {} examples fail: {shown:#?}",
        failed.len(),
        programs.len()
    );
    // The rest describe their examples in free layouts or have none.
    println!("without examples: {without:?}");
    assert!(
        without.len() * 5 <= count,
        "{} of {count} prompts without an example: {without:?}",
        without.len()
    );
}
