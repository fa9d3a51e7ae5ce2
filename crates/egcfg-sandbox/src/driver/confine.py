"""What a freshly forked child gives up before it reads the first byte of a program.

Everything here only shrinks rights, and it happens after the fork, where only the child can do it: session, work
directory, rlimits, unused uid, parent-death signal, no_new_privs, Landlock, closed descriptors, seccomp. The data (filters,
paths, numbers) was compiled in Rust and arrived when the warm interpreter started. Each step reports `None` or why it
could not be taken; what the probe saw in force must hold for every later child, or the child refuses to run.
"""

import ctypes
import os
import resource
import signal
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_prctl = _libc.prctl

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 8, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAP_DAC_READ_SEARCH = 2

# Landlock's rights, by the version of its interface that brought them.
_READ = 1 << 2 | 1 << 3
_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
# In its own directory a program may read, write, make and remove files and directories, nothing else: no
# links, no FIFOs, no devices that a later clean-up could stumble over.
_WORK = _READ | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 14


def _check(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _long(value):
    return ctypes.c_long(value)


class Confinement:
    """The plan, with what can be prepared before the fork."""

    def __init__(self, plan, namespaces):
        self.plan, self.namespaces = plan, namespaces
        # Protections that a test wants to see missing.
        self.left_out = frozenset(plan["without"])
        self.root = os.geteuid() == 0
        self.zygote = namespaces.host_pid()
        self.filters = [bytes.fromhex(text) for text in plan["filters"]]
        self.numbers = plan["syscalls"]
        self.abi = self._landlock_abi() if plan["level"] >= 0 else 0
        self.paths = self._open_paths() if self.abi else []
        self.keep_read = self.root and not _reachable(os.path.dirname(os.__file__))

    def _landlock_abi(self):
        abi = _syscall(_long(self.numbers["landlock_create_ruleset"]), None, _long(0), _long(1))
        return max(abi, 0)

    def _open_paths(self):
        opened = []
        for path in self.plan["read"]:
            try:
                opened.append((os.open(path, os.O_PATH | os.O_CLOEXEC), _READ))
            except OSError:
                continue
        for path in ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"):
            opened.append((os.open(path, os.O_PATH | os.O_CLOEXEC), _READ | 1 << 1))
        return opened

    def apply(self, work, keep):
        """Gives up everything. `work` is the new work directory; descriptors from `keep` on are closed.

        Returns the steps taken: name to None (in force) or the reason why not.
        """
        steps = dict(self.namespaces.entered)

        def step(name, action, *args):
            if name in self.left_out:
                steps[name] = "left out"
                # It still needs a place to be in, but one that everybody may look into.
                if name != "work-directory":
                    return
                action, args = self._work_directory, (work, uid, 0o755)
            try:
                action(*args)
                steps.setdefault(name, None)
            except (OSError, ValueError) as error:
                steps[name] = str(error)

        step("session", os.setsid)
        uid = self._uid()
        step("work-directory", self._work_directory, work, uid, 0o700)
        step("rlimits", self._rlimits)
        if self.plan["level"] < 0:
            # Nothing that would keep a hostile program in: somebody said that he wants it so.
            step("parent-death", self._parent_death)
            step("descriptors", self._close_from, keep)
            return steps
        step("unused-uid", self._drop, uid)
        step("parent-death", self._parent_death)
        step("no-new-privs", lambda: _check(_prctl(_PR_SET_NO_NEW_PRIVS, _long(1), _long(0), _long(0), _long(0))))
        step("landlock", self._landlock)
        step("descriptors", self._close_from, keep)
        step("seccomp", self._seccomp)
        return steps

    def _uid(self):
        return self.plan["uid_base"] + self.namespaces.host_pid() if self.root else os.geteuid()

    def _work_directory(self, work, uid, mode):
        def owner(path):
            if self.root and self.plan["level"] >= 0:
                os.chown(path, uid, uid)

        if self.namespaces.has("private-root"):
            work = self.namespaces.isolate(os.path.basename(work), owner)
        else:
            os.mkdir(work, mode)
            owner(work)
            os.chdir(work)
        os.environ["HOME"] = os.environ["TMPDIR"] = work

    def _rlimits(self):
        limits = self.plan["limits"]
        for name, value in (
            ("RLIMIT_CORE", 0), ("RLIMIT_CPU", limits["cpu"]), ("RLIMIT_AS", limits["memory"]),
            ("RLIMIT_FSIZE", limits["file_size"]), ("RLIMIT_NOFILE", limits["files"]),
            ("RLIMIT_STACK", limits["stack"]), ("RLIMIT_MEMLOCK", 0), ("RLIMIT_MSGQUEUE", 0), ("RLIMIT_NICE", 0),
            ("RLIMIT_RTPRIO", 0), ("RLIMIT_SIGPENDING", 64),
        ):
            number = getattr(resource, name)
            hard = resource.getrlimit(number)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            # One second between the soft limit's signal, which a program may ignore, and the hard limit's kill.
            resource.setrlimit(number, (value, value + 1 if name == "RLIMIT_CPU" and value < hard % 2**63 else value))
        if self.root and self.plan["level"] >= 0:
            # The uid is this child's alone, so the count is its threads.
            resource.setrlimit(resource.RLIMIT_NPROC, (limits["threads"], limits["threads"]))

    def _drop(self, uid):
        if not self.root:
            self._capabilities(0)
            raise OSError(0, "not root: programs run as the user who started the sandbox")
        mask = 1 << _CAP_DAC_READ_SEARCH if self.keep_read and self.abi else 0
        for capability in range(64):
            if _prctl(_PR_CAPBSET_DROP, _long(capability), _long(0), _long(0), _long(0)) < 0:
                break
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        if mask:
            # The interpreter's own library lies where only root may look. Landlock still says what may be read.
            _check(_prctl(_PR_SET_KEEPCAPS, _long(1), _long(0), _long(0), _long(0)))
        os.setresuid(uid, uid, uid)
        self._capabilities(mask)

    def _capabilities(self, mask):
        header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
        data = ctypes.create_string_buffer(struct.pack("=IIIIII", mask, mask, 0, 0, 0, 0))
        _check(_syscall(_long(self.numbers["capset"]), header, data))
        _prctl(_PR_CAP_AMBIENT, _long(_PR_CAP_AMBIENT_CLEAR_ALL), _long(0), _long(0), _long(0))

    def _parent_death(self):
        # After the change of uid, which clears the setting.
        _check(_prctl(_PR_SET_PDEATHSIG, _long(signal.SIGKILL), _long(0), _long(0), _long(0)))
        if self.namespaces.host_parent() != self.zygote:
            os._exit(70)

    def _landlock(self):
        if not self.abi:
            raise OSError(0, "the kernel has no Landlock")
        handled = _HANDLED[min(self.abi, 5)]
        attributes = struct.pack("=Q", handled)
        if self.abi >= 4:
            attributes += struct.pack("=Q", 3)
        if self.abi >= 6:
            attributes += struct.pack("=Q", 3)
        ruleset = _check(_syscall(
            _long(self.numbers["landlock_create_ruleset"]), ctypes.c_char_p(attributes), _long(len(attributes)), _long(0)
        ))
        work = os.open(".", os.O_PATH | os.O_CLOEXEC)
        for fd, rights in self.paths + [(work, _WORK)]:
            mode = os.fstat(fd).st_mode
            rights &= handled if mode & 0o170000 == 0o040000 else handled & _FILE
            rule = struct.pack("=Qi", rights, fd)
            _check(_syscall(
                _long(self.numbers["landlock_add_rule"]), _long(ruleset), _long(1), ctypes.c_char_p(rule), _long(0)
            ))
        _check(_syscall(_long(self.numbers["landlock_restrict_self"]), _long(ruleset), _long(0)))

    def _close_from(self, first):
        if _syscall(_long(self.numbers["close_range"]), _long(first), _long(0xFFFFFFFF), _long(0)) < 0:
            os.closerange(first, max(4096, os.sysconf("SC_OPEN_MAX")))

    def _seccomp(self):
        own = struct.pack("=I", os.getpid())
        magic = struct.pack("=I", self.plan["pid_magic"])
        for program in self.filters:
            # The filters compare process ids with a placeholder, which only now has a value.
            patched = b"".join(
                program[at:at + 4] + (own if program[at + 4:at + 8] == magic else program[at + 4:at + 8])
                for at in range(0, len(program), 8)
            )
            instructions = ctypes.create_string_buffer(patched, len(patched))
            header = ctypes.create_string_buffer(
                struct.pack("@HP", len(patched) // 8, ctypes.addressof(instructions))
            )
            _check(_syscall(_long(self.numbers["seccomp"]), _long(1), _long(0), header))


def _reachable(path):
    """Whether any uid may enter this directory and read it."""
    while True:
        mode = os.stat(path).st_mode
        if mode & 0o005 != 0o005:
            return False
        parent = os.path.dirname(path)
        if parent == path:
            return True
        path = parent
