"""Finds out which protections are really in force, by trying in a throw-away child what each of them forbids.

Every canary is one bounded attempt that does no harm where it succeeds. The child was confined exactly as one that
runs a program; its answers describe the machine (kernel, user, rights), so they are trusted.
"""

import _socket as socket
import ctypes
import errno
import fcntl
import os
import resource
import signal
import sys
import time

from _egcfg_confine import _libc, _prctl


def run(steps, confinement):
    """Name to `None` (in force) or why not, for each protection."""
    results = dict(steps)
    for name, canary in (
        ("descriptors", _descriptors), ("environment", lambda: _environment(confinement.plan["set_by_modules"])),
        ("rlimits", _rlimits), ("no-new-privs", _no_new_privs), ("parent-death", _parent_death), ("landlock", _landlock),
        ("fork-denied", _fork), ("exec-denied", _exec), ("network-denied", _network),
        ("signals-denied", lambda: _signals(confinement.zygote)), ("privileged-calls-denied", _privileged),
        ("shared-objects-denied", _shared), ("attributes-denied", _attributes), ("uncounted-memory-denied", _memory),
        ("private-root", lambda: _root(confinement.plan)), ("pid-namespace", _pids),
    ):
        if results.get(name) is None:
            try:
                results[name] = canary()
            except Exception as error:
                results[name] = "the probe failed: %s: %s" % (type(error).__name__, error)
    return results


def reference():
    """Seconds that a fixed piece of Python takes here: the best of three, in real time."""
    best = None
    for _ in range(3):
        started = time.perf_counter()
        _work()
        taken = time.perf_counter() - started
        best = taken if best is None else min(best, taken)
    return best


def _work():
    # What judged programs do: integers, calls, lists, dicts, strings.
    total, seen, words = 0, {}, []
    for number in range(30000):
        total = (total * 31 + number) % 1000003
        seen[total % 997] = seen.get(total % 997, 0) + 1
        if number % 7 == 0:
            words.append(str(total))
    words.sort()
    return _fibonacci(18) + len(" ".join(words)) + sum(sorted(seen.values()))


def _fibonacci(n):
    return n if n < 2 else _fibonacci(n - 1) + _fibonacci(n - 2)


def _descriptors():
    opened = []
    for fd in range(5, 1024):
        try:
            os.fstat(fd)
            opened.append(fd)
        except OSError:
            continue
    return "descriptors %s are open" % opened if opened else None


def _environment(set_by_modules):
    known = {"PYTHONHASHSEED", "PATH", "LANG", "HOME", "TMPDIR", "TZ", "LC_ALL", "LC_CTYPE", *_BLAS, *set_by_modules}
    odd = sorted(set(os.environ) - known)
    return "unexpected variables: %s" % ", ".join(odd) if odd else None


_BLAS = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}


def _rlimits():
    for name in ("RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NOFILE"):
        if resource.getrlimit(getattr(resource, name))[1] == resource.RLIM_INFINITY:
            return "%s is unlimited" % name
    return None


def _no_new_privs():
    return None if _prctl(39, 0, 0, 0, 0) == 1 else "not set"


def _parent_death():
    value = ctypes.c_int(0)
    _prctl(2, ctypes.byref(value), 0, 0, 0)
    return None if value.value == signal.SIGKILL else "not set"


def _denied(action, *args):
    """None when the attempt is refused."""
    try:
        action(*args)
    except OSError as error:
        return None if error.errno in (errno.EPERM, errno.EACCES, errno.EAGAIN, errno.ENOSYS, errno.EXDEV, errno.EROFS) else str(error)
    return "allowed"


def _root(plan):
    # Landlock guards what may be read; whether a name exists at all is the root's matter.
    for path in ("/etc/passwd", "/home", "/sys", "/var", "/.run/lock", plan["run"] + "/lock"):
        if os.path.lexists(path):
            return "%s is there" % path
    return None if os.getcwd() == plan["run"] + "/work" else "the work directory is %s" % os.getcwd()


def _pids():
    return None if os.getpid() == 2 and os.getppid() == 0 else "process %d of %d" % (os.getpid(), os.getppid())


def _landlock():
    with open("probe", "w") as file:
        file.write("x")
    os.unlink("probe")
    for path in ("/etc/passwd", "/proc/self/environ", "/proc/1/cmdline"):
        if os.path.exists(path) and _denied(lambda: open(path).close()) is not None:
            return "%s can be read" % path
    if _denied(os.listdir, "/") is not None:
        return "the root can be listed"
    target = "/tmp/egcfg-probe-%d" % os.getpid()
    verdict = _denied(lambda: open(target, "x").close())
    if verdict == "allowed":
        os.unlink(target)
    return None if verdict is None else "writing to /tmp: %s" % verdict


def _fork():
    try:
        pid = os.fork()
    except OSError:
        return None
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "a process could be made"


def _exec():
    # The path does not exist: without the filter this is ENOENT, and with neither a new program would run.
    return _denied(os.execv, "/nonexistent/egcfg-probe", ["x"])


def _network():
    for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_VSOCK"):
        if hasattr(socket, family):
            try:
                socket.socket(getattr(socket, family), socket.SOCK_STREAM).close()
            except OSError as error:
                if error.errno == errno.EPERM:
                    continue
                return "%s: %s" % (family, error)
            return "%s sockets can be made" % family
    return None


def _signals(parent):
    if _denied(os.kill, parent, 0) is not None:
        return "signals reach the parent"
    os.kill(os.getpid(), 0)
    return None


def _privileged():
    """System calls that no program needs, by number where the library has no name for them."""
    if sys.platform != "linux":
        return "not Linux"
    for name, args in (("unshare", (0x10000000,)), ("ptrace", (0, 0, 0, 0)), ("mount", (0, 0, 0, 0, 0))):
        ctypes.set_errno(0)
        if getattr(_libc, name)(*args) == 0 or ctypes.get_errno() != errno.EPERM:
            return "%s is not refused" % name
    return None


def _shared():
    with open("probe", "w") as file:
        try:
            verdict = _denied(fcntl.flock, file, fcntl.LOCK_EX) or _denied(fcntl.lockf, file, fcntl.LOCK_EX)
        finally:
            os.unlink("probe")
    if verdict is not None:
        return "file locks: %s" % verdict
    ctypes.set_errno(0)
    # A private segment, which goes with its only process.
    if _libc.shmget(0, 4096, 0o1600) >= 0 or ctypes.get_errno() != errno.EPERM:
        return "System V shared memory is not refused"
    return None


def _attributes():
    with open("probe", "w"):
        pass
    try:
        for action, args in ((os.chmod, ("probe", 0o600)), (os.utime, ("probe",)), (os.symlink, ("probe", "link"))):
            verdict = _denied(action, *args)
            if verdict is not None:
                return "%s: %s" % (action.__name__, verdict)
    finally:
        os.unlink("probe")
    return None


def _memory():
    return _denied(lambda: os.close(os.memfd_create("probe")))
