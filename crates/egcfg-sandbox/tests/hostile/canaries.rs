//! One bounded attempt per protection, made twice: with everything in force it is stopped, and with only that protection
//! left out it succeeds. So no test of the suite rests on a protection that does nothing. Where two protections stop
//! the same thing, the other one is left out both times. No attempt does harm where it succeeds: one process, one
//! datagram to a socket of this test, a signal of number 0.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use egcfg_sandbox::{Level, Limits, Sandbox, SandboxOptions};
use egcfg_task::TestResult;

use crate::common;
use crate::host::Host;
use crate::program::fits;
use crate::suite::{home, levels, limits};

/// An attempt. Its function gives `True` when it has succeeded.
struct Canary {
    /// At which layer it is tried.
    level: Level,
    /// The protection that stops it.
    stops: &'static str,
    /// Others that stop it too.
    also: &'static [&'static str],
    source: &'static str,
    /// The verdict where it is stopped.
    stopped: &'static str,
    /// The verdict where it succeeds.
    succeeds: &'static str,
}

const STOPPED: &str = "passed";
const SUCCEEDS: &str = "wrong answer";

const fn canary(stops: &'static str, also: &'static [&'static str], source: &'static str) -> Canary {
    Canary { level: Level::L0, stops, also, source, stopped: STOPPED, succeeds: SUCCEEDS }
}

/// One of a namespace, tried at L1.
const fn outer(stops: &'static str, also: &'static [&'static str], source: &'static str) -> Canary {
    Canary { level: Level::L1, ..canary(stops, also, source) }
}

/// Those without a canary here: `parent-death` has its own below. Namespaces cannot do without a root of their own, so
/// `private-proc` goes with `private-root`.
const ELSEWHERE: &[&str] = &["parent-death", "private-proc"];

const CANARIES: &[Canary] = &[
    canary("session", &[], "return os.getsid(0) != os.getpid()"),
    canary(
        "descriptors",
        &[],
        "for fd in range(5, 256):\n        try:\n            os.fstat(fd)\n            return True\n        except OSError:\n            pass\n    return False",
    ),
    canary("environment", &[], "return 'HF_TOKEN' in os.environ"),
    canary("work-directory", &[], "return os.stat('.').st_mode & 0o077 != 0"),
    Canary { stopped: "memory exceeded", ..canary("rlimits", &[], "return len(bytearray(300 << 20)) > 0") },
    // The number of threads is counted per uid, and root's are not.
    Canary {
        stopped: "process limit",
        ..canary(
            "unused-uid",
            &[],
            "import threading\n    threading.stack_size(65536)\n    stop = threading.Event()\n    [threading.Thread(target=stop.wait, daemon=True).start() for _ in range(40)]\n    return True",
        )
    },
    // Without Landlock and seccomp, which need it.
    Canary {
        stopped: "exited early (code 1)",
        succeeds: "exited early (code 0)",
        ..canary(
            "no-new-privs",
            &["landlock", "seccomp", "rlimits"],
            "os.execv('@SENTINELS@/setuid-test', ['test', '-O', '/'])",
        )
    },
    canary("landlock", &[], "return tried(lambda: open('@SENTINELS@/sentinel').read())"),
    canary("seccomp", &[], "return libc.personality(0xffffffff) >= 0"),
    canary(
        "fork-denied",
        &[],
        "try:\n        pid = os.fork()\n    except OSError:\n        return False\n    if pid == 0:\n        os._exit(0)\n    os.waitpid(pid, 0)\n    return True",
    ),
    Canary {
        succeeds: "exited early (code 0)",
        ..canary("exec-denied", &["landlock", "rlimits"], "return tried(os.execv, '/bin/true', ['true'])")
    },
    canary(
        "network-denied",
        &[],
        "return tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP@)))",
    ),
    canary("signals-denied", &["unused-uid", "landlock"], "return tried(os.kill, os.getppid(), 0)"),
    canary("privileged-calls-denied", &[], "return libc.personality(0xffffffff) >= 0"),
    canary("shared-objects-denied", &[], "return tried(fcntl.flock, open(os.__file__), fcntl.LOCK_SH)"),
    canary("attributes-denied", &[], "open('own', 'w').close()\n    return tried(os.chmod, 'own', 0o4777)"),
    canary("uncounted-memory-denied", &[], "return tried(os.memfd_create, 'x')"),
    outer("user-namespace", &["unused-uid"], "return tried(os.setuid, 12345)"),
    outer("mount-namespace", &["landlock"], "return tried(lambda: open('@SENTINELS@/sentinel').read())"),
    outer("private-root", &["landlock"], "return tried(lambda: open('@SENTINELS@/sentinel').read())"),
    outer(
        "pid-namespace",
        &["signals-denied", "unused-uid", "landlock"],
        "return tried(os.kill, @SUPERVISOR@, 0)",
    ),
    outer(
        "network-namespace",
        &["network-denied"],
        "return tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP@)))",
    ),
    // The first run leaves a segment, the second finds and removes it.
    outer(
        "ipc-namespace",
        &["shared-objects-denied", "unused-uid"],
        "found = libc.shmget(0x65676366, 0, 0)\n    if found < 0:\n        libc.shmget(0x65676366, 4096, 0o1600)\n        return False\n    libc.shmctl(found, 0, None)\n    return True",
    ),
    outer("uts-namespace", &[], "return os.uname().nodename != 'sandbox'"),
];

const HEAD: &str = "import ctypes, fcntl, os, socket\nlibc = ctypes.CDLL(None)\ndef tried(action, *args):\n    try:\n        action(*args)\n        return True\n    except (OSError, ValueError):\n        return False\ndef f(x):\n    ";

/// A limit: what runs into it, and the same limit raised so that it does not.
struct Limited {
    name: &'static str,
    source: &'static str,
    stopped: &'static str,
    raised: fn(Limits) -> Limits,
}

const LIMITED: &[Limited] = &[
    Limited {
        name: "clocks: cpu",
        source: "import time\n    while time.process_time() < 1.2: pass\n    return True",
        stopped: "timeout (cpu)",
        raised: |limits| Limits { cpu: Duration::from_secs(20), wall: Duration::from_secs(60), ..limits },
    },
    Limited {
        name: "clocks: idle",
        source: "import time\n    time.sleep(1.2)\n    return True",
        stopped: "timeout (idle)",
        raised: |limits| Limits { idle: Duration::from_secs(20), wall: Duration::from_secs(60), ..limits },
    },
    Limited {
        name: "output-limit",
        source: "os.write(1, b'x' * 50_000)\n    os.write(2, b'x' * 70_000)\n    import time\n    time.sleep(0.3)\n    return True",
        stopped: "output exceeded",
        raised: |limits| Limits { output: 1 << 20, ..limits },
    },
    Limited {
        name: "disk-limit",
        source: "for n in range(400): open(str(n), 'w').close()\n    import time\n    time.sleep(0.3)\n    return True",
        stopped: "output exceeded",
        raised: |limits| Limits { entries: 10_000, ..limits },
    },
    Limited {
        name: "message-limit",
        source: "return ['x' * 17_000_000]",
        stopped: "forged",
        raised: |limits| Limits { message: 64 << 20, ..limits },
    },
];

pub(crate) async fn run() {
    let host = Host::new(&home(), &std::env::var(crate::HELPER).expect("a secret"));
    setuid_test(&host);
    let mut wrong = Vec::new();
    let whole = start(Level::L0, &[], limits()).await;
    for protection in whole.protections().iter().filter(|protection| protection.layer <= Level::L1) {
        let known = CANARIES.iter().any(|canary| canary.stops == protection.name);
        if !known && !ELSEWHERE.contains(&protection.name) {
            wrong.push(format!("{} has no canary", protection.name));
        }
    }
    let levels = levels().await;
    for level in [Level::L0, Level::L1].into_iter().filter(|level| levels.contains(level)) {
        wrong.extend(canaries(level, &host).await);
    }
    for limited in LIMITED {
        let with = attempt(&whole, &host, limited.source).await;
        let raised = start(Level::L0, &[], (limited.raised)(limits())).await;
        let without = attempt(&raised, &host, limited.source).await;
        println!("{:24} in force: {}, raised: {}", limited.name, with.verdict, without.verdict);
        // What it returns is wrong in any case.
        if !fits(limited.stopped, &with.verdict.to_string()) || without.verdict.to_string() != SUCCEEDS {
            wrong.push(format!("{}: in force {with:?}, raised {without:?}", limited.name));
        }
    }
    wrong.extend(comparer(&whole).await);
    wrong.extend(parent_death());
    // The files of the killed ones go with the next start, which the process that waits for this one checks.
    drop(start(Level::L0, &[], limits()).await);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Those of one layer; says what was wrong.
async fn canaries(level: Level, host: &Host) -> Vec<String> {
    let mut wrong = Vec::new();
    let whole = start(level, &[], limits()).await;
    for canary in CANARIES.iter().filter(|canary| canary.level == level) {
        let protection = whole.protections().iter().find(|protection| protection.name == canary.stops);
        let protection = protection.expect("a known protection");
        if let Some(missing) = &protection.missing {
            common::note(&format!(
                "partly skipped: the canary of {}, which is not in force here: {missing}",
                canary.stops
            ));
            continue;
        }
        let with =
            if canary.also.is_empty() { whole.clone() } else { start(level, canary.also, limits()).await };
        let with = attempt(&with, host, canary.source).await;
        let without: Vec<&str> = canary.also.iter().copied().chain([canary.stops]).collect();
        let sandbox = start(level, &without, limits()).await;
        let without = attempt(&sandbox, host, canary.source).await;
        println!("{:24} in force: {}, left out: {}", canary.stops, with.verdict, without.verdict);
        let left_out = sandbox.protections().iter().find(|protection| protection.name == canary.stops);
        if left_out.is_some_and(egcfg_sandbox::Protection::in_force) {
            wrong.push(format!("{}: the probe does not notice that it is left out", canary.stops));
        }
        if !fits(canary.stopped, &with.verdict.to_string())
            || !fits(canary.succeeds, &without.verdict.to_string())
        {
            wrong.push(format!("{}: in force {with:?}, left out {without:?}", canary.stops));
        }
    }
    wrong
}

async fn start(level: Level, without: &[&str], limits: Limits) -> Sandbox {
    let without = without.iter().map(|&name| name.to_owned()).collect();
    let options = SandboxOptions { workers: 1, limits, without, calibrate: false, ..common::at(level) };
    Sandbox::start(options).await.expect("a sandbox")
}

async fn attempt(sandbox: &Sandbox, host: &Host, source: &str) -> TestResult {
    let source = host.fill(&format!("{HEAD}{source}\n"), &home());
    let first = common::judge(sandbox, &source, "assert f(1) is False").await;
    if !source.contains("shmget") {
        return first;
    }
    common::judge(sandbox, &source, "assert f(1) is False").await
}

/// A program with root's rights for whoever runs it, that only says whose rights it has.
fn setuid_test(host: &Host) {
    let path = host.sentinels().join("setuid-test");
    if std::fs::copy("/usr/bin/test", &path).is_ok() {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o4755)).expect("a mode");
    }
}

/// Where the test's own statement runs: in the program's process an object that equals everything passes, and the
/// verdict says that it is unproven; anywhere else it does not.
async fn comparer(sandbox: &Sandbox) -> Option<String> {
    let source = "class E:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return E()\n";
    let clean = common::judge(sandbox, source, "assert f(1) == 2").await;
    let own = common::judge(sandbox, source, "assert f(1) == E").await;
    println!(
        "{:24} in force: {}, left out: {} (unproven: {})",
        "comparer", clean.verdict, own.verdict, own.unproven
    );
    let right = clean.verdict.to_string() == SUCCEEDS && own.verdict.passed() && own.unproven;
    (!right).then(|| format!("the comparer: {clean:?}, in the program's process {own:?}"))
}

/// What the process killed below is asked to leave out.
const LEFT_OUT: &str = "EGCFG_HOSTILE_WITHOUT";

/// Kills a supervisor while a program runs; without the parent-death signal the program outlives it.
fn parent_death() -> Option<String> {
    rustix::process::set_child_subreaper(rustix::process::Pid::from_raw(1)).expect("to inherit orphans");
    let mut survivors = Vec::new();
    for without in ["", "parent-death"] {
        let mut supervisor = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "canaries::supervisor_that_is_killed", "--ignored", "--nocapture"])
            .env(LEFT_OUT, without)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let lines =
            std::io::BufRead::lines(std::io::BufReader::new(supervisor.stdout.take().expect("its output")));
        assert!(
            lines.map_while(Result::ok).any(|line| line.ends_with("it runs")),
            "the supervisor did not begin"
        );
        std::thread::sleep(Duration::from_millis(300));
        let below = common::descendants(supervisor.id());
        assert!(below.len() >= 2, "an interpreter and a program: {below:?}");
        supervisor.kill().expect("to be killed");
        supervisor.wait().expect("its end");
        std::thread::sleep(Duration::from_secs(1));
        let left: Vec<u32> = below.into_iter().filter(|&pid| runs(pid)).collect();
        for pid in &left {
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process id");
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        survivors.push(left.len());
        while rustix::process::wait(rustix::process::WaitOptions::NOHANG).is_ok_and(|one| one.is_some()) {}
    }
    println!("{:24} in force: {} survive, left out: {} survive", "parent-death", survivors[0], survivors[1]);
    (survivors[0] != 0 || survivors[1] == 0).then(|| format!("parent-death: survivors {survivors:?}"))
}

fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, tail)| !tail.trim_start().starts_with('Z'))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by other tests: a process for another test to kill"]
async fn supervisor_that_is_killed() {
    let Ok(without) = std::env::var(LEFT_OUT) else { return };
    let hour = Duration::from_secs(3600);
    let without: Vec<&str> = without.split(',').filter(|name| !name.is_empty()).collect();
    let sandbox =
        start(Level::L0, &without, Limits { wall: hour, cpu: hour, idle: hour, ..Limits::default() }).await;
    let program = common::program("def f(x):\n    while True:\n        pass\n");
    let tests = common::asserts(&["f(1)"]);
    println!("it runs");
    let _ = sandbox.judge(&program, &tests).await;
}
