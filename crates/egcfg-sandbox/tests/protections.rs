//! What programs may not do, and that the host is as it was afterwards. The numbers are those of the list of hostile
//! programs. A protection that this machine cannot put in force is said, and its case skipped.

mod common;

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use common::{asserts, judge, program, sandbox};
use egcfg_sandbox::{Level, Sandbox, SandboxError, SandboxOptions};
use egcfg_task::{Form, Test, Verdict};

fn in_force(sandbox: &Sandbox, name: &str) -> bool {
    let protection =
        sandbox.protections().iter().find(|protection| protection.name == name).expect("a known name");
    if let Some(reason) = &protection.missing {
        common::note(&format!("skipped: {name} is not in force here: {reason}"));
    }
    protection.in_force()
}

/// Runs `attempt`, an expression, and returns the repr of its value or the name of the exception that it raises.
async fn attempt(sandbox: &Sandbox, setup: &str, attempt: &str) -> String {
    let source = format!(
        "import os, sys, ctypes, socket, signal, errno\n{setup}\ndef f(x):\n    try:\n        return repr({attempt})\n    except Exception as e:\n        return type(e).__name__\n"
    );
    let result = judge(sandbox, &source, "assert f(1) == 0").await;
    match result.verdict {
        Verdict::WrongAnswer => result.got.expect("a value").trim_matches(['\'', '"']).to_owned(),
        other => other.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_protections_are_named_once_and_explained() {
    let sandbox = sandbox().await;
    let mut names: Vec<_> = sandbox.protections().iter().map(|protection| protection.name).collect();
    for protection in sandbox.protections() {
        assert!(!protection.stops.is_empty() && protection.layer > Level::None);
        println!("{:24} {}", protection.name, protection.missing.as_deref().unwrap_or("in force"));
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), sandbox.protections().len());
    for name in ["session", "descriptors", "environment", "rlimits", "no-new-privs", "parent-death"] {
        assert!(in_force(&sandbox, name), "{name} needs nothing that a Linux could lack");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_required_protection_that_is_missing_is_an_error() {
    let options =
        SandboxOptions { required: vec!["moat".to_owned()], workers: 1, ..SandboxOptions::default() };
    let error = Sandbox::start(options).await.expect_err("there is no moat");
    assert!(matches!(&error, SandboxError::Unprotected { name, .. } if name == "moat"), "{error}");
    let options =
        SandboxOptions { required: vec!["no-new-privs".to_owned()], workers: 1, ..SandboxOptions::default() };
    Sandbox::start(options).await.expect("this one is always there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_2_threads_are_few() {
    let sandbox = sandbox().await;
    let bomb = "import threading\ndef f(x):\n    e = threading.Event()\n    while 1: threading.Thread(target=e.wait, daemon=True).start()";
    let verdict = judge(&sandbox, bomb, "f(1)").await.verdict;
    assert!(matches!(verdict, Verdict::ProcessLimit | Verdict::MemoryExceeded), "{verdict}");
    let few = "import threading\ndef f(x):\n    out = []\n    ts = [threading.Thread(target=out.append, args=(i,)) for i in range(4)]\n    [t.start() for t in ts]\n    [t.join() for t in ts]\n    return sorted(out)";
    assert_eq!(judge(&sandbox, few, "assert f(1) == [0, 1, 2, 3]").await.verdict, Verdict::Passed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_10_descriptors_run_out_for_the_program_only() {
    let sandbox = sandbox().await;
    let source = "import os\ndef f(x):\n    while 1: os.dup(1)";
    let verdict = judge(&sandbox, source, "f(1)").await.verdict;
    assert_eq!(verdict, common::exception("OSError"));
    assert_eq!(
        attempt(&sandbox, "", "[n for n in range(5, 999) if not os.system and os.fstat(n)]").await,
        "[]"
    );
    assert_eq!(judge(&sandbox, "def f(x): return 2", "assert f(1) == 2").await.verdict, Verdict::Passed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_12_and_26_files_outside_stay_as_they_are() {
    let sandbox = sandbox().await;
    if !in_force(&sandbox, "landlock") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    // As open as can be: what protects it is not its mode.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let sentinel = directory.path().join("sentinel");
    std::fs::File::create(&sentinel).unwrap().write_all(b"untouched").unwrap();
    std::fs::set_permissions(&sentinel, std::fs::Permissions::from_mode(0o666)).unwrap();
    let before = std::fs::metadata(&sentinel).unwrap();
    let (path, other) = (sentinel.display(), directory.path().join("other"));
    for action in [
        format!("open('{path}').read()"),
        format!("open('{path}', 'w')"),
        format!("os.truncate('{path}', 0)"),
        format!("os.unlink('{path}')"),
        format!("os.rename('{path}', '{}')", other.display()),
        format!("os.link('{path}', 'linked')"),
        format!("os.symlink('{path}', 'linked')"),
        format!("os.chmod('{path}', 0o600)"),
        format!("os.utime('{path}', (0, 0))"),
        format!("os.mkdir('{}')", other.display()),
        format!("os.listdir('{}')", directory.path().display()),
        "os.mkfifo('fifo')".to_owned(),
        "open('/dev/shm/egcfg-test', 'w')".to_owned(),
        "open('/var/tmp/egcfg-test', 'w')".to_owned(),
        "open('/tmp/egcfg-test', 'w')".to_owned(),
    ] {
        let result = attempt(&sandbox, "", &action).await;
        // In a root of its own a run finds nothing that could be refused.
        let refused = ["PermissionError", "OSError", "FileNotFoundError"].contains(&result.as_str());
        assert!(refused, "{action}: {result}");
    }
    assert_eq!(std::fs::read(&sentinel).unwrap(), b"untouched");
    let after = std::fs::metadata(&sentinel).unwrap();
    assert_eq!(
        (before.permissions(), before.modified().unwrap()),
        (after.permissions(), after.modified().unwrap())
    );
    // Its own directory is the program's, up to a size.
    let own = "open('a', 'w').write('x') and os.mkdir('d') or os.listdir('.')";
    assert_eq!(attempt(&sandbox, "", &format!("sorted({own})")).await, "['a', 'd']");
    assert_eq!(attempt(&sandbox, "", "open('big', 'wb').write(bytes(17 << 20))").await, "OSError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_12_many_files_are_too_many() {
    let sandbox = sandbox().await;
    for source in [
        "def f(x):\n    n = 0\n    while 1:\n        open(str(n), 'w').close()\n        n += 1",
        "import os\ndef f(x):\n    while 1:\n        os.mkdir('d')\n        os.chdir('d')",
        "def f(x):\n    n = 0\n    while 1:\n        open(str(n), 'wb').write(bytes(8 << 20))\n        n += 1",
    ] {
        let result = judge(&sandbox, source, "f(1)").await;
        assert_eq!(result.verdict, Verdict::OutputExceeded, "{source}: {result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_17_signals_reach_nobody_else() {
    let sandbox = sandbox().await;
    if !in_force(&sandbox, "signals-denied") {
        return;
    }
    for action in [
        "os.kill(os.getppid(), 9)",
        "os.kill(1, 9)",
        "os.kill(-1, 9)",
        "os.killpg(0, 9)",
        "os.kill(os.getppid(), 19)",
        "signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)",
    ] {
        let result = attempt(&sandbox, "", action).await;
        assert!(
            ["PermissionError", "AttributeError", "ProcessLookupError"].contains(&result.as_str()),
            "{action}: {result}"
        );
    }
    assert_eq!(judge(&sandbox, "def f(x): return 2", "assert f(1) == 2").await.verdict, Verdict::Passed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_24_nothing_secret_can_be_read() {
    let sandbox = sandbox().await;
    if !in_force(&sandbox, "landlock") {
        return;
    }
    for action in [
        "open('/proc/%d/environ' % os.getppid()).read()",
        "open('/proc/%d/maps' % os.getppid()).read()",
        "open('/proc/self/environ').read()",
        "open('/proc/1/cmdline').read()",
        "open('/etc/passwd').read()",
        "os.listdir(os.path.dirname(os.getcwd()))",
        "os.listdir('/')",
        "os.listdir('/root')",
    ] {
        let result = attempt(&sandbox, "", action).await;
        assert!(["PermissionError", "FileNotFoundError"].contains(&result.as_str()), "{action}: {result}");
    }
    let allowed = "['HOME', 'LANG', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PATH', 'PYTHONHASHSEED', 'TMPDIR', 'TZ']";
    let seen = attempt(&sandbox, "", "sorted(k for k in os.environ if not k.startswith('LC_'))").await;
    assert_eq!(seen.replace('\'', ""), allowed.replace('\'', ""));
    // The program's own directory and the library can be read.
    assert_eq!(attempt(&sandbox, "import wave, tabnanny", "os.path.exists('.')").await, "True");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_25_no_network() {
    let sandbox = sandbox().await;
    if !in_force(&sandbox, "network-denied") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for action in [
        format!("socket.create_connection(('127.0.0.1', {port}), 1)"),
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)".to_owned(),
        "socket.socket(socket.AF_INET6)".to_owned(),
        "socket.socket(socket.AF_UNIX)".to_owned(),
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)".to_owned(),
        "socket.socket(getattr(socket, 'AF_VSOCK', 40), socket.SOCK_STREAM)".to_owned(),
        "socket.gethostbyname('localhost.invalid')".to_owned(),
    ] {
        let result = attempt(&sandbox, "", &action).await;
        assert!(["PermissionError", "OSError", "gaierror"].contains(&result.as_str()), "{action}: {result}");
    }
    assert!(listener.accept().is_err(), "somebody connected");
    assert_eq!(attempt(&sandbox, "", "len(socket.socketpair())").await, "2", "within the process is fine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_28_and_30_privileged_calls_and_other_programs() {
    let sandbox = sandbox().await;
    if !in_force(&sandbox, "seccomp") {
        return;
    }
    let setup = "libc = ctypes.CDLL(None, use_errno=True)\ndef call(name, *a):\n    r = getattr(libc, name)(*a)\n    return errno.errorcode.get(ctypes.get_errno(), 'none') if r < 0 else 'done'\ndef number(n, *a):\n    return call('syscall', ctypes.c_long(n), *a)";
    for action in [
        "call('unshare', 0x10000000)",
        "call('ptrace', 16, os.getppid(), 0, 0)",
        "call('mount', 0, 0, 0, 0, 0)",
        "call('prctl', 1, 0, 0, 0, 0)",
        "call('shmget', 0, 4096, 0o1600)",
        "call('personality', 0)",
    ] {
        assert_eq!(attempt(&sandbox, setup, action).await, "EPERM", "{action}");
    }
    if cfg!(target_arch = "x86_64") {
        // process_vm_writev, keyctl, bpf, userfaultfd, io_uring_setup, perf_event_open, memfd_create, add_key, setns.
        for syscall in [311, 250, 321, 323, 425, 298, 319, 248, 308] {
            assert_eq!(
                attempt(&sandbox, setup, &format!("number({syscall}, 0, 0, 0, 0, 0)")).await,
                "EPERM",
                "{syscall}"
            );
        }
        // clone3, and getpid by way of x32.
        for syscall in [435, 0x4000_0027] {
            assert_eq!(
                attempt(&sandbox, setup, &format!("number({syscall}, 0, 0)")).await,
                "ENOSYS",
                "{syscall}"
            );
        }
    }
    for action in ["os.execv('/bin/true', ['true'])", "os.execv(sys.executable, ['python3'])"] {
        assert_eq!(attempt(&sandbox, "", action).await, "PermissionError", "{action}");
    }
    // The C library reports a shell that could not be started as one that failed; what counts is that nothing ran.
    for shell in ["os.system", "ctypes.CDLL(None).system"] {
        let action = format!("{shell}(b'echo x > made') != 0 and os.path.exists('made')");
        assert_eq!(attempt(&sandbox, "", &action).await, "False", "{action}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_9_no_core_file_and_27_nothing_left_behind() {
    let sandbox = sandbox().await;
    let crash = "import ctypes, os\nwhere = os.getcwd()\ndef where_(x): return where\ndef f(x):\n    if x:\n        open('left\\n\\x7f' + 'n' * 200, 'w').write('x')\n        os.makedirs('d/e/f')\n        open('d/e/f/g', 'w')\n        return where\n    ctypes.string_at(0)";
    let results = sandbox.judge(&program(crash), &asserts(&["assert f(1) == 0", "f(0)"])).await.unwrap();
    assert_eq!(results[1].verdict, Verdict::Killed { signal: 11 });
    let place = results[0].got.clone().unwrap();
    let place = Path::new(place.trim_matches('\''));
    assert!(place.is_absolute(), "{place:?}");
    let parent = place.parent().unwrap().to_owned();
    for _ in 0..100 {
        if !place.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!place.exists(), "{} is still there", place.display());
    drop(sandbox);
    for _ in 0..100 {
        if !parent.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!parent.exists(), "{} is still there", parent.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_interpreters_protect_alike_and_judge_alike() {
    for python in common::interpreters() {
        let sandbox = common::sandbox_with(Some(python), common::short(egcfg_task::Clock::Cpu)).await;
        let version = sandbox.interpreter().version.clone();
        let missing: Vec<_> =
            sandbox.protections().iter().filter(|p| !p.in_force()).map(|p| p.name).collect();
        println!("Python {version}: not in force: {missing:?}");
        let results = sandbox
            .judge(
                &program("def f(x):\n    if x == 5:\n        while True: pass\n    return sorted({x: [x]}.items())"),
                &asserts(&["assert f(1) == [(1, [1])]", "assert f(1) == 2", "f(5)", "assert f((1, 2))[0][0] == (1, 2)"]),
            )
            .await
            .unwrap();
        assert_eq!(results[0].verdict, Verdict::Passed, "{version}: {:?}", results[0]);
        assert_eq!(results[1].verdict, Verdict::WrongAnswer, "{version}: {:?}", results[1]);
        assert!(matches!(results[2].verdict, Verdict::Timeout { .. }), "{version}: {:?}", results[2]);
        assert_eq!(results[3].verdict, Verdict::Passed, "{version}: {:?}", results[3]);
        let exit = judge(&sandbox, "import os\ndef f(x): os._exit(0)", "assert f(1) == 2").await;
        assert_eq!(exit.verdict, Verdict::ExitedEarly { code: 0 }, "{version}");
        let raised = judge(
            &sandbox,
            "class E(KeyError): pass\ndef f(x): raise E(x)",
            "try:\n    f(1)\nexcept KeyError as e:\n    assert type(e).__name__ == 'E'",
        )
        .await;
        assert_eq!(raised.verdict, Verdict::Passed, "{version}: {raised:?}");
        let script = egcfg_sandbox::Program {
            source: "import sys\ndef solve():\n    print(sum(map(int, sys.stdin)))".to_owned(),
            entry_point: "solve".to_owned(),
            form: Form::Stdio,
            setup_code: String::new(),
        };
        let test = Test::stdio("1\n2\n", "3");
        assert_eq!(sandbox.judge(&script, &[test]).await.unwrap()[0].verdict, Verdict::Passed, "{version}");
    }
}
