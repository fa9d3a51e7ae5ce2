//! The data-science profile: numpy and pandas are there, their values are compared as they are, memory is counted as
//! resident. Needs an interpreter with numpy: the one that `EGCFG_DATA_PYTHON` names, else one that is found.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{asserts, program};
use egcfg_sandbox::{Limits, Profile, Sandbox, SandboxOptions};
use egcfg_task::{TestResult, Verdict};

fn imports(python: &PathBuf, module: &str) -> bool {
    let status = Command::new(python)
        .args(["-c", &format!("import {module}")])
        .stderr(std::process::Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// A sandbox of this profile, and whether it has pandas.
async fn sandbox(limits: impl FnOnce(Limits) -> Limits) -> Option<(Sandbox, bool)> {
    let named = std::env::var_os("EGCFG_DATA_PYTHON").map(PathBuf::from);
    let candidates: Vec<PathBuf> = named.map_or_else(common::interpreters, |path| vec![path]);
    let Some(python) = candidates.into_iter().find(|python| imports(python, "numpy")) else {
        common::note("skipped: no interpreter with numpy (name one with EGCFG_DATA_PYTHON)");
        return None;
    };
    let pandas = imports(&python, "pandas");
    if !pandas {
        common::note("partly skipped: this interpreter has numpy without pandas");
    }
    let options = SandboxOptions {
        python: Some(python),
        workers: 1,
        limits: limits(Profile::DataScience.limits()),
        ..SandboxOptions::of(Profile::DataScience)
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    // What a library sets for itself is no hole.
    assert!(
        sandbox.missing().all(|protection| protection.name != "environment"),
        "{:?}",
        sandbox.protections()
    );
    Some((sandbox, pandas))
}

async fn verdicts(sandbox: &Sandbox, source: &str, tests: &[&str]) -> Vec<TestResult> {
    sandbox.judge(&program(source), &asserts(tests)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_numpy_and_pandas_are_compared_by_a_clean_interpreter() {
    let Some((sandbox, pandas)) = sandbox(|limits| limits).await else { return };
    // For each: a program, a test that it must pass, one that it must not.
    let mut cases = vec![
        (
            "import numpy as np\ndef f(x): return np.array([[x, 2.5], [3, np.nan]])",
            "import numpy as np\nassert np.array_equal(f(1), np.array([[1, 2.5], [3, np.nan]]), equal_nan=True)",
            "import numpy as np\nassert np.array_equal(f(2), np.array([[1, 2.5], [3, np.nan]]), equal_nan=True)",
        ),
        (
            "import numpy as np\ndef f(x): return np.arange(6, dtype='int8').reshape(2, 3).T[::-1]",
            "r = f(1)\nassert r.shape == (3, 2) and r.dtype == 'int8' and r.tolist() == [[2, 5], [1, 4], [0, 3]]",
            "assert f(1).dtype == 'int64'",
        ),
        (
            "import numpy as np\ndef f(x): return np.float64(0.5) * x",
            "assert f(1) == 0.5",
            "assert f(1) == 0.25",
        ),
        (
            "import numpy as np\ndef f(x): return {'a': np.int32(7), 'b': [np.bool_(x > 0)]}",
            "assert f(1) == {'a': 7, 'b': [True]}",
            "assert f(0) == {'a': 7, 'b': [True]}",
        ),
        (
            "import numpy as np\ndef f(x): return np.array(['a', None, [1]], dtype=object)",
            "assert f(1).tolist() == ['a', None, [1]]",
            "assert f(1).tolist() == ['a', None, [2]]",
        ),
        (
            "import numpy as np\ndef f(a): return a @ a",
            "import numpy as np\nassert f(np.eye(2) * 2)[1][1] == 4",
            "import numpy as np\nassert f(np.eye(2))[1][1] == 4",
        ),
        // What an array holds is looked at, too.
        (
            "import numpy as np\nclass E:\n    def __eq__(self, other): return True\nclass A(np.ndarray): pass\ndef f(x): return np.array([E(), 2], dtype=object).view(A)",
            "assert f(1) is not None or True",
            "assert (f(1) == [5, 2]).all()",
        ),
        // An array that claims to equal everything is not what arrives.
        (
            "import numpy as np\nclass A(np.ndarray):\n    def __eq__(self, other): return True\n    def all(self): return True\ndef f(x): return np.zeros(3).view(A)",
            "assert f(1) is not None or True",
            "assert (f(1) == 5).all()",
        ),
    ];
    if pandas {
        let frame = "import pandas as pd\ndef f(n): return pd.DataFrame({'a': [1, 2, n], 'b': ['x', None, 'z'], 'c': pd.Categorical(['u', 'v', 'u']), 'd': pd.to_datetime(['2020-01-01', None, '2021-05-05']), 'e': pd.array([1, None, 3], dtype='Int64')}, index=pd.Index([10, 20, 30], name='key'))";
        cases.push((frame,
            "import pandas as pd\nr = f(3)\nassert list(r.columns) == ['a', 'b', 'c', 'd', 'e'] and r.index.name == 'key'\npd.testing.assert_frame_equal(r, pd.DataFrame({'a': [1, 2, 3], 'b': ['x', None, 'z'], 'c': pd.Categorical(['u', 'v', 'u']), 'd': pd.to_datetime(['2020-01-01', None, '2021-05-05']), 'e': pd.array([1, None, 3], dtype='Int64')}, index=pd.Index([10, 20, 30], name='key')))",
            "import pandas as pd\npd.testing.assert_frame_equal(f(4), f(5))"));
        cases.push(("import pandas as pd\ndef f(df): return df.groupby(['k', 'l'])['v'].sum()",
            "import pandas as pd\nr = f(pd.DataFrame({'k': [1, 1, 2], 'l': ['a', 'b', 'a'], 'v': [1.5, 2, 3]}))\nassert r.loc[(1, 'b')] == 2 and r.name == 'v' and r.index.names == ['k', 'l']",
            "import pandas as pd\nassert f(pd.DataFrame({'k': [1], 'l': ['a'], 'v': [1.5]})).sum() == 2"));
        cases.push(("import pandas as pd\ndef f(x): return pd.date_range('2024-03-01', periods=x, freq='D', tz='Europe/Paris').to_series().diff().max(), pd.Timestamp('2024-02-29 12:00'), pd.NaT",
            "import pandas as pd\nr = f(3)\nassert r[0] == pd.Timedelta(days=1) and r[1].day == 29 and r[2] is pd.NaT",
            "import pandas as pd\nassert f(3)[0] == pd.Timedelta(days=2)"));
        cases.push(("import pandas as pd\ndef f(x): return pd.Index([10, x], name='n'), pd.Index([0.5, x]).astype('float64')",
            "r = f(7)\nassert r[0].tolist() == [10, 7] and r[0].name == 'n' and r[1].tolist() == [0.5, 7.0]",
            "r = f(7)\nassert r[0].tolist() == [10, 8]"));
        // A frame by something that has no canonical form has none itself: it is no forgery.
        let periods = "import pandas as pd\ndef f(x): return pd.Series([x, 2], index=pd.period_range('2020', periods=2, freq='Y'))";
        let results = verdicts(&sandbox, periods, &["assert f(1).sum() == 3"]).await;
        assert_eq!((&results[0].verdict, results[0].unproven), (&Verdict::Passed, true), "{results:?}");
    }
    for (source, right, wrong) in cases {
        let results = verdicts(&sandbox, source, &[right, wrong]).await;
        let opaque = source.contains("class A");
        assert!(results[0].verdict.passed() != opaque, "{source}: {:?}", results[0]);
        assert!(!results[1].verdict.passed() && results[1].verdict.is_scored(), "{source}: {:?}", results[1]);
        assert!(!results[0].unproven, "{source}: {:?}", results[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_libraries_are_loaded_ahead_with_one_thread() {
    let Some((sandbox, pandas)) = sandbox(|limits| limits).await else { return };
    let source = "import sys, threading\nloaded = [n for n in ('numpy', 'pandas') if n in sys.modules]\ndef f(x):\n    import numpy as np\n    a = np.random.rand(300, 300)\n    (a @ a).sum()\n    return loaded, threading.active_count()";
    let expected = if pandas { "(['numpy', 'pandas'], 1)" } else { "(['numpy'], 1)" };
    let results = verdicts(&sandbox, source, &[&format!("assert f(1) == {expected}")]).await;
    assert_eq!(results[0].verdict, Verdict::Passed, "{:?}", results[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_in_use_counts_and_memory_reserved_does_not() {
    let little = |limits: Limits| Limits { memory: 512 << 20, ..limits };
    let Some((sandbox, _)) = sandbox(little).await else { return };
    let reserved = "import numpy as np\ndef f(x):\n    a = np.empty(1 << 30, dtype='u1')\n    a[0] = 7\n    return int(a[0])";
    let results = verdicts(&sandbox, reserved, &["assert f(1) == 7"]).await;
    assert_eq!(results[0].verdict, Verdict::Passed, "{:?}", results[0]);
    for used in [
        "import numpy as np\ndef f(x):\n    keep = []\n    while True: keep.append(np.ones(1 << 22))",
        "import mmap\ndef f(x):\n    keep = []\n    while True:\n        m = mmap.mmap(-1, 16 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n        m.write(b'x' * (16 << 20))\n        keep.append(m)",
    ] {
        let results = verdicts(&sandbox, used, &["f(1)"]).await;
        assert_eq!(results[0].verdict, Verdict::MemoryExceeded, "{used}: {:?}", results[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libraries_that_write_while_they_are_imported_are_whole() {
    let named = std::env::var_os("EGCFG_DATA_PYTHON").map(PathBuf::from);
    let candidates: Vec<PathBuf> = named.map_or_else(common::interpreters, |path| vec![path]);
    let Some(python) = candidates.into_iter().find(|python| imports(python, "matplotlib.pyplot")) else {
        common::note("skipped: no interpreter with matplotlib (name one with EGCFG_DATA_PYTHON)");
        return;
    };
    let options = SandboxOptions {
        python: Some(python),
        workers: 1,
        preload: vec!["matplotlib.pyplot".to_owned()],
        ..SandboxOptions::of(Profile::DataScience)
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let source = "import sys\nloaded = 'matplotlib.pyplot' in sys.modules\nimport matplotlib.pyplot as plt\nimport tempfile\n\
                  def f(x):\n    plt.plot([1, 2], [3, x])\n    plt.savefig('a.png')\n    \
                  return loaded, plt.gca().lines[0].get_color(), matplotlib.colors.to_hex('r'), \
                  tempfile.gettempdir() == __import__('os').getcwd()\nimport matplotlib\n";
    let tests = asserts(&["assert f(4) == (True, '#1f77b4', '#ff0000', True)"]);
    let results = sandbox.judge(&program(source), &tests).await.unwrap();
    assert_eq!(results[0].verdict, Verdict::Passed, "{results:?}");
}
