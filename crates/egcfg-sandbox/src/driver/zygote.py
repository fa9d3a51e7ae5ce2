"""The warm interpreter: imports what programs commonly need, then forks a child per request and never runs a program itself.

The supervisor speaks over one socket. A request is one packet: a command byte, its fields, and the descriptors of the
new child. Children are reaped only when the supervisor asks, so that their process ids stay theirs until
it has done with them. When the socket ends, so does this process, and the parent-death signal ends its children.
"""

import ctypes
import gc
import json
import os
import random
import signal
import socket
import struct
import sys
import threading

import _egcfg_candidate as candidate
import _egcfg_codec_data as codec_data
import _egcfg_comparer as comparer
import _egcfg_probe as probe
import _egcfg_warm as warm
from _egcfg_confine import Confinement, _libc
from _egcfg_namespaces import Namespaces

_PRELOAD = (
    "abc array ast bisect calendar cmath collections collections.abc contextlib copy dataclasses datetime decimal enum "
    "fractions functools heapq io itertools json math numbers operator queue random re statistics string struct "
    "textwrap threading time traceback types typing unicodedata"
)


def main(config):
    parent = os.getppid()
    _libc.prctl(1, signal.SIGKILL, 0, 0, 0)
    if parent != config["supervisor"]:
        os._exit(70)
    os.setsid()
    namespaces = Namespaces(config["plan"])
    namespaces.enter()
    # Programs see no signal handling of ours, and Ctrl-C on the terminal is the supervisor's business.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    control = socket.socket(fileno=os.dup(0))
    sys.stdout.reconfigure(errors="strict")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    given = set(os.environ)
    for name in _PRELOAD.split():
        __import__(name)
    sys.path[:] = [path for path in sys.path if path] + config["extra_paths"]
    _preload(config["preload"], namespaces)
    # Numeric libraries set some for themselves: no secrets of the user's, and children find them set.
    config["plan"]["set_by_modules"] = sorted(set(os.environ) - given)
    if config["data"]:
        codec_data.install()
    warm.run()
    confinement = Confinement(config["plan"], namespaces)
    gc.collect()
    gc.freeze()
    fork = os.fork if config["preload"] or namespaces.threads() != 1 else _raw_fork
    control.send(b"warm")
    while True:
        try:
            data, fds, _, _ = socket.recv_fds(control, 4096, 8)
        except InterruptedError:
            continue
        if not data:
            os._exit(0)
        command, rest = data[:1], data[1:]
        if command == b"F":
            control.send(_fork(fork, confinement, control, rest, fds))
        elif command == b"X":
            cpu, *steps = rest.decode().split("\n")
            confinement.plan["expected"] = [name for name in steps if name]
            confinement.allow_cpu(int(cpu))
            control.send(b"X")
        elif command == b"R":
            control.send(_reap(namespaces, struct.unpack("=i", rest)[0]))
        for fd in fds:
            os.close(fd)


def _preload(names, namespaces):
    """Imports what programs will want. Some libraries need a home and a directory to write to for it; it is removed again."""
    scratch = "%s/warm-%d" % (namespaces.held(), namespaces.host_pid())
    if names:
        os.mkdir(scratch, 0o700)
        os.environ["HOME"] = os.environ["TMPDIR"] = scratch
    for name in names:
        known = set(sys.modules)
        try:
            __import__(name)
        except Exception:
            # What is left of a package would be taken for the whole by the next import.
            for added in set(sys.modules) - known:
                if added.partition(".")[0] == name.partition(".")[0]:
                    del sys.modules[added]
    if names:
        del os.environ["HOME"], os.environ["TMPDIR"]
        if "tempfile" in sys.modules:
            sys.modules["tempfile"].tempdir = None
        import shutil
        shutil.rmtree(scratch, ignore_errors=True)


# The C library's fork, with the interpreter's lock held throughout. Python's own resets locks and thread lists that only
# matter after a fork among threads, and writes to two hundred pages in doing so. Here are no threads, unless a
# module that the user wants loaded has started one.
_plain_fork = ctypes.PyDLL(None, use_errno=True).fork
_plain_fork.argtypes, _plain_fork.restype = (), ctypes.c_int


def _raw_fork():
    pid = _plain_fork()
    if pid < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if not pid:
        threading.main_thread()._set_native_id()
    return pid


def _fork(fork, confinement, control, rest, fds):
    role, work = rest[:1], os.fsdecode(rest[1:])
    namespaces = confinement.namespaces
    if len(fds) != 4:
        # The kernel drops descriptors that this process has no room for.
        return b"E" + b"its descriptors were lost on the way (hint: raise the limit of open files)"
    try:
        pid, init = namespaces.fork(fork)
        if pid:
            return b"P" + struct.pack("=i", namespaces.remember(pid, init))
    except OSError as error:
        return b"E" + str(error).encode()
    try:
        _child(confinement, role, work, fds)
    finally:
        os._exit(71)


# Where a child finds its descriptors.
PROTOCOL, TRACE = 3, 4


def _child(confinement, role, work, fds):
    # First out of the way of the numbers they are to get, then into place.
    high = [os.dup(os.dup2(fd, 100 + index)) for index, fd in enumerate(fds)]
    for target, fd in zip((1, 2, PROTOCOL, TRACE), high):
        os.dup2(fd, target)
    warm.touch(role)
    random.seed(20250611)
    try:
        steps = confinement.apply(work, TRACE + 1)
    except Exception as error:
        candidate.send(PROTOCOL, b"H", ("%s: %s" % (type(error).__name__, error)).encode())
        return
    missing = [name for name in confinement.plan["expected"] if steps.get(name) is not None]
    if missing:
        text = ", ".join("%s (%s)" % (name, steps.get(name)) for name in missing)
        candidate.send(PROTOCOL, b"H", text.encode())
        return
    if role in (b"c", b"o"):
        candidate.serve(PROTOCOL, TRACE)
    elif role == b"t":
        comparer.serve(PROTOCOL)
    elif role == b"p":
        answer = json.dumps(probe.run(steps, confinement)).encode()
        candidate.send(PROTOCOL, b"B", answer, b"%.6f" % probe.reference() if confinement.plan["calibrate"] else b"")


def _reap(namespaces, pid):
    try:
        pid, init = namespaces.children.pop(pid)
        _, status, usage = os.wait4(pid, 0)
        # Whatever else the run has left in its pid namespace ends here.
        namespaces.end(init)
    except (ChildProcessError, KeyError):
        return b"E" + b"no such child"
    return b"S" + struct.pack("=idd", status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024.0)
