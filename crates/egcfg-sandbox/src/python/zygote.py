"""The warm interpreter: imports what programs commonly need, then forks a child per request and never runs a program itself.

The bare `_socket` is enough for it; the module `socket` would fill a hundred more pages that each fork has to go through.

The supervisor speaks over one socket. A request is one packet: a command byte, its fields, and the descriptors of the
new child. Children are reaped only when the supervisor asks, so that their process ids stay theirs until
it has done with them. When the socket ends, so does this process, and the parent-death signal ends its children.
"""

import _sitebuiltins
import _socket as socket
import builtins
import ctypes
import fcntl
import gc
import json
import os
import random
import signal
import struct
import sys
import threading

import _egcfg_candidate as candidate
import _egcfg_codec_data as codec_data
import _egcfg_comparer as comparer
import _egcfg_comparing as comparing
import _egcfg_probe as probe
import _egcfg_script as script
import _egcfg_warm as warm
from _egcfg_confine import Confinement, _libc, clamp_limits
from _egcfg_namespaces import Namespaces


def main(config):
    # It is for this process only; see the bundle.
    del os.environ["LD_BIND_NOW"]
    parent = os.getppid()
    _libc.prctl(1, signal.SIGKILL, 0, 0, 0)
    if parent != config["supervisor"]:
        os._exit(70)
    os.setsid()
    namespaces = Namespaces(config["plan"])
    namespaces.enter()
    # Programs see no signal handling of ours, and Ctrl-C on the terminal is the supervisor's business.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    control = socket.socket(fileno=fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 100))
    sys.stdout.reconfigure(errors="strict")
    null = os.open("/dev/null", os.O_RDWR)
    # So that whatever comes later has numbers above those that a child's descriptors get.
    for fd in (0, PROTOCOL, TRACE):
        os.dup2(null, fd)
    given = set(os.environ)
    sys.path[:] = [path for path in sys.path if path] + config["extra_paths"]
    _give_exits()
    clamp_limits()
    _preload(config["preload"], namespaces)
    # Numeric libraries set some for themselves: no secrets of the user's, and children find them set.
    config["plan"]["set_by_modules"] = sorted(set(os.environ) - given)
    if config["data"]:
        codec_data.install()
    comparing.trust(name.partition(".")[0] for name in config["preload"])
    comparing.learn()
    warm.run()
    confinement = Confinement(config["plan"], namespaces, TRACE + 1)
    script.ready()
    for name in config["names"]:
        del sys.modules[name]
    # What every child starts from; a fork of Python's own kind seeds it afresh.
    random.seed(_SEED)
    gc.collect()
    gc.freeze()
    fork = os.fork if config["preload"] or namespaces.threads() != 1 else _raw_fork
    control.send(b"warm")
    room = socket.CMSG_SPACE(8 * 4)
    while True:
        try:
            data, ancillary, _, _ = control.recvmsg(4096, room)
        except InterruptedError:
            continue
        if not data:
            os._exit(0)
        fds = _descriptors(ancillary)
        command, rest = data[:1], data[1:]
        if command == b"F":
            control.send(_fork(fork, confinement, control, rest, fds))
        elif command == b"X":
            cpu, *steps = rest.decode().split("\n")
            confinement.expect(steps)
            confinement.allow_cpu(int(cpu))
            control.send(b"X")
        elif command == b"R":
            control.send(b"S" + b"".join([_reap(namespaces, pid) for pid in struct.unpack("=%di" % (len(rest) // 4), rest)]))
        for fd in fds:
            os.close(fd)


def _give_exits():
    """What a normal start of Python adds to the built-in names; this one was without the module that does."""
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
    builtins.help = _sitebuiltins._Helper()


def _descriptors(ancillary):
    return [fd for _, _, data in ancillary for fd in struct.unpack("=%di" % (len(data) // 4), data)]


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


_MAIN = threading.main_thread()


def _raw_fork():
    pid = _plain_fork()
    if pid < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if not pid:
        _MAIN._native_id = os.getpid()
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
        if fork is os.fork:
            # It has seeded it with something else.
            random.seed(_SEED)
        _child(confinement, role, work, fds)
    finally:
        os._exit(71)


_SEED = 20250611
# Where a child finds its descriptors.
PROTOCOL, TRACE = 3, 4


def _child(confinement, role, work, fds):
    for target, fd in zip((1, 2, PROTOCOL, TRACE), fds):
        os.dup2(fd, target)
    # Opened anew: what is set on an inherited one (its flags) would be there for all other children.
    os.dup2(os.open("/dev/null", os.O_RDWR), 0)
    try:
        failed = confinement.apply(work)
    except Exception as error:
        candidate.send(PROTOCOL, b"H", ("%s: %s" % (type(error).__name__, error)).encode())
        return
    if failed or confinement.lacking:
        missing = confinement.missing(failed)
        if missing:
            candidate.send(PROTOCOL, b"H", ", ".join(missing).encode())
            return
    if role == b"c":
        candidate.serve(PROTOCOL, TRACE)
    elif role == b"t":
        comparer.serve(PROTOCOL)
    elif role == b"p":
        answer = json.dumps(probe.run({**confinement.known, **failed}, confinement)).encode()
        candidate.send(PROTOCOL, b"B", answer, b"%.6f" % probe.reference() if confinement.plan["calibrate"] else b"")


def _reap(namespaces, pid):
    """How a child ended: whether it was one, its status, processor time, peak of resident memory."""
    try:
        pid, init = namespaces.children.pop(pid)
        _, status, usage = os.wait4(pid, 0)
        # Whatever else the run has left in its pid namespace ends here.
        namespaces.end(init)
    except (ChildProcessError, KeyError):
        return _EXIT(False, 0, 0.0, 0.0)
    return _EXIT(True, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024.0)


_EXIT = struct.Struct("=?idd").pack
