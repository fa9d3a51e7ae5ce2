#| title: the parent's limits, priority and memory
#| verdict: passed
#| stops: privileged-calls-denied, unused-uid
#| test: assert f(1) == []
import ctypes, os, resource

libc = ctypes.CDLL(None, use_errno=True)

def f(x):
    done, parent = [], os.getppid() or 1
    for name, attempt in (
        ("prlimit", lambda: resource.prlimit(parent, resource.RLIMIT_CPU, (1, 1))),
        ("setpriority", lambda: os.setpriority(os.PRIO_PROCESS, parent, 19)),
        ("affinity", lambda: os.sched_setaffinity(parent, {0})),
        ("memory", lambda: open("/proc/%d/mem" % parent, "r+b").close()),
    ):
        try:
            attempt()
            done.append(name)
        except OSError:
            pass
    if libc.ptrace(16, parent, 0, 0) == 0:
        done.append("ptrace")
    return done
