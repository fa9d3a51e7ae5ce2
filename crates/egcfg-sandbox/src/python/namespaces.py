"""Layer L1: namespaces, so that what a program must not touch does not exist where it runs.

The warm interpreter enters namespaces of its own once, at its start: user, mount, pid, network, IPC, UTS. There it builds a
root that holds the interpreter's library, a few devices and nothing else of the host. Being the first process of its pid
namespace, it takes every child with it when it dies. Each run then gets a pid, mount, network, IPC and UTS namespace of
its own below that: it sees its own work directory, its own `/proc`, and no other run.

A program must not be the first process of its pid namespace, for which the kernel ignores most signals; so an
idle one is put there first. It shares this process's memory and descriptors (a copy of them would keep a dead child's
pipes open) and only waits, which saves a second fork.

Whether all this is possible is found out by a throw-away child that really does it; what fails there is not tried again,
and is reported by name.
"""

import _socket as socket
import ctypes
import fcntl
import json
import os
import signal

from _egcfg_confine import UIDS, _check, _long, _prctl, _syscall, make_directory, why_no_uids

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
# In the order in which they are entered: the user namespace gives the rights to make the others.
_FLAGS = {
    "user-namespace": ("user", NEWUSER), "mount-namespace": ("mnt", NEWNS), "pid-namespace": ("pid", NEWPID),
    "network-namespace": ("net", NEWNET), "ipc-namespace": ("ipc", NEWIPC), "uts-namespace": ("uts", NEWUTS),
}
NAMES = (*_FLAGS, "private-root", "private-proc")

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV, _ATTR_NOEXEC = 1, 2, 4, 8
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_CLONE_VM, _CLONE_FILES = 0x100, 0x400

# Where the host's run directory is held while a child prepares; no program sees it.
_HOLD = "/.run"

# A library object of its own: argument types stick to it.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.clone.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]


def _bytes(path):
    return None if path is None else os.fsencode(path)


def _mount(source, target, kind, flags, data=None):
    try:
        _check(_libc.mount(_bytes(source), _bytes(target), _bytes(kind), flags, _bytes(data)))
    except OSError as error:
        raise OSError(error.errno, "mounting %s: %s" % (target, error.strerror)) from None


class Namespaces:
    """What this process entered, and what each child enters."""

    def __init__(self, plan):
        self.plan = plan
        self.numbers = plan["syscalls"]
        self.entered = {}
        self.children = {}
        # The host's own view of processes, for numbers that the supervisor understands. No child keeps it.
        try:
            proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            # Out of the way of the numbers that a child's own descriptors get.
            self.host_proc = fcntl.fcntl(proc, fcntl.F_DUPFD_CLOEXEC, 200)
            os.close(proc)
            os.readlink("self", dir_fd=self.host_proc)
        except OSError:
            self.host_proc = None
        self.no_uids = why_no_uids(plan["uid_base"], self.host_proc)
        # Whether each run gets a uid of its own.
        self.root = self.no_uids is None

    def has(self, name):
        return self.entered.get(name, "") is None

    def enter(self):
        """Enters what can be entered. Returns in the process that is to be the warm interpreter."""
        if self.plan["level"] < 1:
            self.entered = {name: "not asked for" for name in NAMES}
            return
        if self.host_proc is None:
            self.entered = {name: "there is no /proc" for name in NAMES}
            return
        found = self._attempt()
        # What a test wants to see missing.
        found.update((name, "left out") for name in NAMES if name in self.plan["without"])
        if found.get("mount-namespace") is not None or found.get("private-root") is not None:
            # Without a root of its own nothing of the rest would be what it says.
            why = found.get("private-root") or found.get("mount-namespace")
            self.entered = {name: found.get(name) or "no root of its own: %s" % why for name in NAMES}
            return
        for name in self._enter(found):
            if found.get(name) is None:
                raise OSError(0, "%s could be entered once and not again: %s" % (name, self.entered[name]))

    def _attempt(self):
        """Does it all in a throw-away child; name to None or why not."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                _die_with_parent()
                os.close(reader)
                self._enter({})
                self._try_run()
                os.write(writer, json.dumps(self.entered).encode())
            except BaseException as error:
                os.write(writer, json.dumps({**{name: None for name in self.entered}, "error": str(error)}).encode())
            finally:
                os._exit(0)
        os.close(writer)
        data = b""
        while True:
            part = os.read(reader, 65536)
            if not part:
                break
            data += part
        os.close(reader)
        os.waitpid(pid, 0)
        try:
            found = json.loads(data)
        except ValueError:
            found = {"error": "the child that tried it died"}
        why = found.pop("error", None)
        return {name: found.get(name, why) if why is None or found.get(name) else why for name in NAMES}

    def _try_run(self):
        """One run's namespaces, to see that they can be made."""
        if not self.has("private-root"):
            return
        name = "probe-%d" % self.host_pid()
        reader, writer = os.pipe()
        pid, init = self.fork()
        if pid == 0:
            try:
                self.isolate(name, lambda path: None)
            except OSError as error:
                os.write(writer, str(error).encode())
            finally:
                os._exit(0)
        os.close(writer)
        why = os.read(reader, 4096)
        os.close(reader)
        os.waitpid(pid, 0)
        self.end(init)
        try:
            os.rmdir("%s/%s" % (_HOLD, name))
        except OSError:
            pass
        if why:
            self.entered["private-root"] = "a run's own namespaces: %s" % why.decode()

    def _enter(self, skip):
        """Enters all but what stands in `skip` with a reason; returns the names that failed."""
        failed = []

        def step(name, action):
            if skip.get(name) is not None:
                self.entered[name] = skip[name]
                return
            try:
                action()
                self.entered[name] = None
            except (OSError, ValueError) as error:
                self.entered[name] = "%s" % (error.strerror if isinstance(error, OSError) and error.strerror else error)
                failed.append(name)

        for name, (kind, flag) in _FLAGS.items():
            action = self._user if flag == NEWUSER else lambda flag=flag: _check(_libc.unshare(flag))
            step(name, action)
            if name == "pid-namespace" and self.has(name):
                # It exists from the first process in it on.
                continue
            self._compare(name, kind)
        if self.has("pid-namespace"):
            self._become_first()
            self._compare("pid-namespace", "pid")
        if not self.has("mount-namespace"):
            self.entered["private-root"] = self.entered["private-proc"] = "no mount namespace"
            return failed
        step("private-root", self._build_root)
        # Where none can be mounted there is none at all, which hides as much.
        self.entered["private-proc"] = self.entered["private-root"]
        if self.has("uts-namespace"):
            try:
                socket.sethostname("sandbox")
            except OSError:
                # Containers refuse this call by itself. What is seen there is the container's name.
                pass
        return failed

    def _compare(self, name, kind):
        """What the kernel says of this process's namespaces counts, not that a call succeeded."""
        if self.has(name) and os.stat("self/ns/%s" % kind, dir_fd=self.host_proc).st_ino == self.plan["host"].get(kind):
            self.entered[name] = "it is still the host's"

    def _user(self):
        uid, gid = os.geteuid(), os.getegid()
        if not self.root:
            _check(_libc.unshare(NEWUSER))
            for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)), ("gid_map", "%d %d 1" % (gid, gid))):
                self._write("self/%s" % name, text)
            return
        # Only somebody outside can map the uids that runs get: a helper that stays behind.
        ours, theirs = socket.socketpair()
        own = os.readlink("self", dir_fd=self.host_proc)
        helper = os.fork()
        if helper == 0:
            try:
                ours.close()
                text = "0 0 1\n%d %d %d\n" % (self.plan["uid_base"], self.plan["uid_base"], UIDS)
                if theirs.recv(1) == b"m":
                    for name in ("uid_map", "gid_map"):
                        self._write("%s/%s" % (own, name), text)
                    theirs.send(b"d")
            except OSError as error:
                theirs.send(("uid map: %s" % error.strerror).encode())
            finally:
                os._exit(0)
        theirs.close()
        try:
            _check(_libc.unshare(NEWUSER))
            ours.send(b"m")
            answer = ours.recv(200)
            if answer != b"d":
                raise OSError(0, answer.decode() or "the uid map was not written")
        finally:
            ours.close()
            os.waitpid(helper, 0)

    def _write(self, name, text):
        fd = os.open(name, os.O_WRONLY, dir_fd=self.host_proc)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def _become_first(self):
        """Goes on as the first process of the new pid namespace; the one before waits for its end."""
        me = os.readlink("self", dir_fd=self.host_proc)
        pid = os.fork()
        if pid:
            status = os.waitpid(pid, 0)[1]
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 72)
        _die_with_parent()
        if self.host_parent() != int(me):
            os._exit(70)

    def held(self):
        """The run directory as this process sees it."""
        return _HOLD if self.has("private-root") else self.plan["run"]

    def host_pid(self):
        """This process's number on the host."""
        return int(os.readlink("self", dir_fd=self.host_proc)) if self.has("pid-namespace") else os.getpid()

    def host_parent(self):
        """Its parent's."""
        if not self.has("pid-namespace"):
            return os.getppid()
        fd = os.open("self/stat", os.O_RDONLY, dir_fd=self.host_proc)
        try:
            return int(os.read(fd, 4096).rpartition(b")")[2].split()[1])
        finally:
            os.close(fd)

    def threads(self):
        """How many threads this process has, by the host's `/proc`: there may be none of its own. 0 where nobody knows."""
        if self.host_proc is None:
            return 0
        fd = os.open("self/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.host_proc)
        try:
            return len(os.listdir(fd))
        finally:
            os.close(fd)

    # The root.

    def _build_root(self):
        run = self.plan["run"]
        _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
        host_run = os.open(run, os.O_PATH | os.O_DIRECTORY)
        # A file system of its own, over a directory that is there anyway. Not over the run directory itself: the kernel
        # would then find the new file system where that one is named below.
        root = os.path.dirname(run)
        _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755,size=1m")
        self.mirrored = []
        for path in self.plan["read"]:
            self._mirror(root, path, _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV)
        for path in ("/dev/null", "/dev/full", "/dev/urandom", "/dev/random"):
            self._mirror(root, path, _ATTR_NOSUID | _ATTR_NOEXEC)
        for path in ("/dev/shm", "/tmp", "/proc", _HOLD, run + "/work"):
            os.makedirs(root + path, exist_ok=True)
        self._bind("/proc/self/fd/%d" % host_run, root + _HOLD, _ATTR_NOSUID | _ATTR_NODEV)
        os.close(host_run)
        if not os.path.lexists(root + _HOLD + "/lock"):
            raise OSError(0, "the run directory is not where it should be")
        try:
            # A later one may only be mounted where one is seen in full.
            _mount("proc", root + "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
        except OSError:
            pass
        self._attributes(root, _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV, 0)
        os.chdir(root)
        _check(_syscall(_long(self.numbers["pivot_root"]), b".", b"."))
        _check(_libc.umount2(b".", _MNT_DETACH))
        os.chdir("/")

    def _mirror(self, root, path, attributes):
        """Makes what is at `path` appear at the same place below `root`, links on the way to it included."""
        at, pending = "", [part for part in path.split("/") if part]
        for _ in range(200):
            if not pending:
                break
            part = pending.pop(0)
            if part == "..":
                at = os.path.dirname(at)
                continue
            here = "%s/%s" % (at, part)
            if part == "." or not os.path.lexists(here):
                if part == ".":
                    continue
                return
            if os.path.islink(here):
                target = os.readlink(here)
                if not os.path.lexists(root + here):
                    os.symlink(target, root + here)
                pending = [part for part in target.split("/") if part] + pending
                at = "" if target.startswith("/") else at
                continue
            at = here
            if any(at == done or at.startswith(done + "/") for done in self.mirrored):
                # What is below a bound directory is there already; links in it may lead elsewhere.
                continue
            if not pending:
                if os.path.isdir(at):
                    os.makedirs(root + at, exist_ok=True)
                else:
                    os.close(os.open(root + at, os.O_WRONLY | os.O_CREAT, 0o644))
                self._bind(at, root + at, attributes)
                self.mirrored.append(at)
            else:
                os.makedirs(root + at, exist_ok=True)

    def _bind(self, source, target, attributes):
        _mount(source, target, None, _MS_BIND | _MS_REC)
        self._attributes(target, attributes, _AT_RECURSIVE)

    def _attributes(self, path, attributes, flags):
        data = attributes.to_bytes(8, "little") + bytes(24)
        result = _syscall(
            _long(self.numbers["mount_setattr"]), _long(_AT_FDCWD), ctypes.c_char_p(_bytes(path)), _long(flags),
            ctypes.c_char_p(data), _long(len(data)),
        )
        try:
            _check(result)
        except OSError as error:
            raise OSError(error.errno, "making %s read-only: %s" % (path, error.strerror)) from None

    # Children.

    def fork(self, fork=os.fork):
        """Forks a child into a pid namespace of its own; returns its number here and that of the idle first process."""
        if not self.has("pid-namespace") or self.plan["level"] < 1:
            return fork(), 0
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
        own = os.open("self/ns/pid", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.host_proc)
        try:
            _check(_libc.unshare(NEWPID))
            init = 0
            try:
                init = _check(_libc.clone(_idle(), _stack_top(), _CLONE_VM | _CLONE_FILES | signal.SIGCHLD, None))
                pid = fork()
            except OSError:
                if init:
                    self.end(init)
                raise
            finally:
                _libc.setns(own, NEWPID)
        finally:
            os.close(own)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return pid, init

    def remember(self, pid, init):
        """The child's number on the host, by which the supervisor knows it."""
        host = pid
        if self.has("pid-namespace"):
            pidfd = os.pidfd_open(pid)
            fd = os.open("self/fdinfo/%d" % pidfd, os.O_RDONLY, dir_fd=self.host_proc)
            text = os.read(fd, 4096)
            os.close(fd)
            os.close(pidfd)
            host = int(text.partition(b"Pid:")[2].split()[0])
        self.children[host] = pid, init
        return host

    def end(self, init):
        """Ends a run's pid namespace, with whatever is left in it."""
        if init:
            os.kill(init, signal.SIGKILL)
            os.waitpid(init, 0)

    def isolate(self, name, owner):
        """In the child: namespaces of its own; its new work directory is all that it sees of the run directory."""
        flags = NEWNS
        for protection, flag in (("network-namespace", NEWNET), ("ipc-namespace", NEWIPC), ("uts-namespace", NEWUTS)):
            flags |= flag if self.has(protection) else 0
        _check(_libc.unshare(flags))
        held, work = "%s/%s" % (_HOLD, name), self.plan["run"] + "/work"
        make_directory(held, 0o700)
        owner(held)
        _mount(held, work, None, _MS_BIND)
        _check(_libc.umount2(_bytes(_HOLD), _MNT_DETACH))
        self._own_proc()
        os.chdir(work)
        return work

    def _own_proc(self):
        for data in ("subset=pid,hidepid=2", "hidepid=2"):
            try:
                _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, data)
                return
            except OSError:
                continue
        # Not even the warm interpreter's: an empty directory of the root.
        _libc.umount2(b"/proc", _MNT_DETACH)


def _die_with_parent():
    _check(_prctl(_long(1), _long(signal.SIGKILL), _long(0), _long(0), _long(0)))


_STACK = ctypes.create_string_buffer(1 << 16)


def _stack_top():
    return (ctypes.addressof(_STACK) + len(_STACK)) & ~63


def _idle():
    # Waits for signals that are all blocked, on a stack of its own, and touches nothing else.
    return ctypes.cast(_libc.pause, ctypes.c_void_p).value
