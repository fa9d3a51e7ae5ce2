//! Programs that run by themselves, without a test: what they wrote and how they ended, as CPython does it.

use std::time::Duration;

use egcfg_sandbox::{Sandbox, SandboxOptions};
use egcfg_task::Verdict;

const LONG: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_as_it_would_by_itself() {
    let sandbox = Sandbox::start(SandboxOptions { workers: 2, ..SandboxOptions::default() }).await.unwrap();
    for (source, stdin, code, out) in [
        ("print(sum(map(int, input().split())))", "1 2 3\n", 0, "6\n"),
        ("import sys\nprint(sys.stdin.read()[::-1], end='')", "abc", 0, "cba"),
        ("print(1)\nimport sys\nsys.exit(3)", "", 3, "1\n"),
        ("import sys\nsys.exit('no')", "", 1, ""),
        ("import os\nprint(1, flush=True)\nos._exit(0)", "", 0, "1\n"),
        ("import os\nos._exit(7)", "", 7, ""),
        ("if __name__ == '__main__':\n    print('main')", "", 0, "main\n"),
        ("def solve():\n    print('no')\nprint('yes')", "", 0, "yes\n"),
        ("import atexit\natexit.register(print, 'end')\nprint('begin')", "", 0, "begin\nend\n"),
    ] {
        let ran = sandbox.run_script(source, stdin, LONG).await.unwrap();
        let expected = if code == 0 { Verdict::Passed } else { Verdict::ExitedEarly { code } };
        assert_eq!((&ran.verdict, ran.stdout.as_str()), (&expected, out), "{source}: {ran:?}");
    }
    let ran = sandbox.run_script("print('so far', flush=True)\n1 / 0", "", LONG).await.unwrap();
    assert_eq!(ran.verdict, Verdict::Exception { exception: "ZeroDivisionError".into() });
    assert_eq!(ran.stdout, "so far\n");
    let source =
        "import sys\nprint('out')\nsys.stderr.write('e')\ndef f(x):\n    raise ValueError(x)\nf(3)\n";
    let ran = sandbox.run_script(source, "", LONG).await.unwrap();
    assert_eq!((ran.error.as_deref(), ran.stdout.as_str()), (Some("ValueError: 3"), "out\n"));
    let shown: Vec<&str> = ran.stderr.lines().filter(|line| !line.contains('^')).collect();
    let traceback = [
        "eTraceback (most recent call last):",
        "  File \"<program>\", line 6, in <module>",
        "    f(3)",
        "  File \"<program>\", line 5, in f",
        "    raise ValueError(x)",
        "ValueError: 3",
    ];
    assert_eq!(shown, traceback, "{ran:?}");
    let ran = sandbox.run_script("import sys\nsys.exit('no')", "", LONG).await.unwrap();
    assert_eq!((ran.verdict, ran.stderr.as_str()), (Verdict::ExitedEarly { code: 1 }, "no\n"));
    let ran = sandbox.run_script("import sys\nprint('e', file=sys.stderr)", "", LONG).await.unwrap();
    assert_eq!((ran.verdict, ran.stderr.as_str()), (Verdict::Passed, "e\n"));
    assert_eq!(sandbox.run_script("def f(:", "", LONG).await.unwrap().verdict, Verdict::SyntaxError);
    let ran = sandbox.run_script("while True:\n    print('x' * 10000)", "", LONG).await.unwrap();
    assert_eq!(ran.verdict, Verdict::OutputExceeded);
    assert!(ran.stdout.starts_with("xxxx") && ran.stdout.len() > 10_000, "{} bytes", ran.stdout.len());
}

/// What was written before the end is there, whoever ended it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_there_however_it_ends() {
    let sandbox = Sandbox::start(SandboxOptions { workers: 2, ..SandboxOptions::default() }).await.unwrap();
    let before = "import sys\nsys.stderr.write('e\\n')\nprint('so far', flush=True)\n";
    for end in [
        "import time\ntime.sleep(1000)",
        "while True: pass",
        "import os\nos.abort()",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    ] {
        let ran = sandbox.run_script(&format!("{before}{end}"), "", LONG).await.unwrap();
        assert_ne!(ran.verdict, Verdict::Passed, "{end}: {ran:?}");
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("so far\n", "e\n"), "{end}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_its_time_and_no_more() {
    let sandbox = Sandbox::start(SandboxOptions { workers: 2, ..SandboxOptions::default() }).await.unwrap();
    for source in ["while True: pass", "import time\ntime.sleep(1000)", "input()\nwhile True: input"] {
        let ran = sandbox.run_script(source, "a\n", Duration::from_millis(300)).await.unwrap();
        assert!(matches!(ran.verdict, Verdict::Timeout { .. }), "{source}: {ran:?}");
    }
    let ran = sandbox.run_script("print(1)", "", LONG).await.unwrap();
    assert_eq!(ran.verdict, Verdict::Passed, "the sandbox goes on");
}
