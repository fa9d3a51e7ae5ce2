//! Programs that try to make processes. In a test binary of its own, since it counts all processes below it, and other
//! tests' sandboxes would be among them.

mod common;

use std::time::Duration;

use common::judge;
use egcfg_task::Verdict;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_1_15_16_no_process_can_be_made() {
    let sandbox = common::sandbox_short(egcfg_task::Clock::Cpu).await;
    let denied = sandbox.protections().iter().any(|p| p.name == "fork-denied" && p.in_force());
    if !denied {
        common::note("skipped: fork-denied is not in force here");
        return;
    }
    let descendants = || common::descendants(std::process::id()).len();
    let before = descendants();
    for source in [
        "import os\ndef f(x):\n    while 1: os.fork()",
        "import os\ndef f(x):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            import time\n            time.sleep(99)\n    os._exit(0)",
        "import os\ndef f(x):\n    os.fork()\n    return 2",
        "import os\ndef f(x): os.posix_spawn('/bin/true', ['true'], {})",
        "import multiprocessing as m\ndef f(x):\n    p = m.get_context('fork').Process(target=print)\n    p.start()",
        "import subprocess\ndef f(x): return subprocess.run(['/bin/echo', 'x'])",
    ] {
        let result = judge(&sandbox, source, "assert f(1) == 2").await;
        let named = matches!(result.verdict, Verdict::ProcessLimit | Verdict::Exception { .. });
        assert!(named, "{source}: {result:?}");
    }
    let bomb = "import os\ndef f(x):\n    while 1:\n        try: os.fork()\n        except OSError: pass";
    assert!(matches!(judge(&sandbox, bomb, "f(1)").await.verdict, Verdict::Timeout { .. }));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(descendants() <= before + 1, "{} processes, {before} before", descendants());
}
