"""What a freshly forked child gives up before it reads the first byte of a program.

Everything here only shrinks rights, and it happens after the fork, where only the child can do it: session, work
directory, rlimits, unused uid, parent-death signal, no_new_privs, Landlock, closed descriptors, seccomp. The data (filters,
paths, numbers) was compiled in Rust and arrived when the warm interpreter started. Before the first fork it becomes a list of
system calls, arguments and all, in memory that lies together; the child fills in its own numbers and makes the calls in
one loop. A child that ran a function of its own for each step wrote to a hundred pages that it shared with the warm
interpreter, each of which the kernel then had to copy.

Each step reports `None` or why it could not be taken; what the probe saw in force must hold for every later child, or the
child refuses to run.
"""

import ctypes
import errno
import os
import resource
import signal
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_prctl = _libc.prctl

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 8, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, _PR_SET_THP_DISABLE = 47, 4, 41
_CAP_DAC_READ_SEARCH = 2
# Process ids end below.
UIDS = 1 << 23
# CHOWN, DAC_OVERRIDE, KILL, SETGID and SETUID: what it takes to give each run a uid of its own, to end it, and to clean up
# after it.
_GIVES_UIDS = 1 << 0 | 1 << 1 | 1 << 5 | 1 << 6 | 1 << 7

# Landlock's rights, by the version of its interface that brought them.
_READ = 1 << 2 | 1 << 3
_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
# In its own directory a program may read, write, make and remove files and directories, nothing else: no
# links, no FIFOs, no devices that a later clean-up could stumble over.
_WORK = _READ | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 14


_AT_FDCWD = -100


def _check(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _long(value):
    return ctypes.c_long(value)


class _Filter:
    """One seccomp program in memory, with the places that take the child's process id."""

    def __init__(self, program, magic):
        # The filters compare process ids with a placeholder, which only has a value after the fork.
        magic = struct.pack("=I", magic)
        self.instructions = ctypes.create_string_buffer(program, len(program))
        self.places = [
            ctypes.c_uint32.from_buffer(self.instructions, at)
            for at in range(4, len(program), 8) if program[at:at + 4] == magic
        ]
        self.header = ctypes.create_string_buffer(
            struct.pack("@HP", len(program) // 8, ctypes.addressof(self.instructions))
        )


def clamp_limits():
    """Has programs that ask for more than they may have get what they may have, as they would where nothing is limited: a larger
    stack, mostly, which is asked for in front of a deep recursion. The system still decides."""
    real, known = resource.setrlimit, resource.getrlimit

    def setrlimit(number, limits):
        try:
            soft, hard = [limit % 2**64 for limit in limits]
            most = known(number)[1] % 2**64
        except (TypeError, ValueError):
            return real(number, limits)
        hard = min(hard, most)
        return real(number, tuple(-1 if limit == 2**64 - 1 else limit for limit in (min(soft, hard), hard)))

    setrlimit.__qualname__ = "setrlimit"
    resource.setrlimit = setrlimit


class Confinement:
    """The plan, with what can be prepared before the fork. Descriptors from `keep` on are closed."""

    def __init__(self, plan, namespaces, keep):
        self.plan, self.namespaces = plan, namespaces
        # Protections that a test wants to see missing.
        self.left_out = frozenset(plan["without"])
        self.root = namespaces.root
        self.zygote = namespaces.host_pid()
        filters, inherited = (
            [_Filter(bytes.fromhex(text), plan["pid_magic"]) for text in plan[name]] for name in ("filters", "inherited")
        )
        self.numbers = {name: _long(number) for name, number in plan["syscalls"].items()}
        self.abi = self._landlock_abi() if plan["level"] >= 0 else 0
        # Inherited by every child, so it is given up once instead of in each of them; where it cannot be, the
        # children try it themselves and report it.
        self.shed = self._shed() if self.root else False
        if plan["level"] >= 0 and "uncounted-memory-denied" not in self.left_out:
            # A huge page of which all but a small one is unmapped stays as a whole until the machine runs short. Inherited.
            _prctl(_PR_SET_THP_DISABLE, _long(1), _long(0), _long(0), _long(0))
        if not self._inherit(inherited):
            filters = inherited + filters
        # What only the child knows: its work directory, its uid and process id, numbers of descriptors that it opens.
        self.work, self.path = "", ctypes.create_string_buffer(4096)
        self.uid, self.ruleset = _long(os.geteuid()), _long(0)
        # The kernel is given the addresses of their instructions: they have to stay.
        self.filters = filters
        self.places = [place for program in filters for place in program.places]
        self.limits = {}
        self.steps = self._steps(filters, keep)
        # What is known of the steps before any is taken.
        self.known = {**namespaces.entered, **{name: None for name, _ in self.steps}}
        self.known.update((name, "left out") for name in _STEPS if name in self.left_out)
        self.expect(plan["expected"])
        self._rehearse()

    def expect(self, names):
        """From now on children refuse to run unless these steps succeed."""
        self.expected = [name for name in names if name]
        self.lacking = [name for name in self.expected if self.known.get(name) is not None]

    def allow_cpu(self, seconds):
        """From now on the kernel ends a child after so many seconds of processor time."""
        self.plan["limits"]["cpu"] = seconds
        for number, soft, hard in self._limits():
            struct.pack_into("=QQ", self.limits[number], 0, soft, hard)

    # In the child.

    def apply(self, work):
        """Gives up everything; `work` is the new work directory. Returns the steps that failed, and why."""
        pid = os.getpid()
        for place in self.places:
            place.value = pid
        if self.root:
            self.uid.value = self.plan["uid_base"] + self.namespaces.host_pid()
        self.work, self.path.value = work, os.fsencode(work)
        failed = _take(self.steps)
        os.environ["HOME"] = os.environ["TMPDIR"] = self.work
        return failed

    def missing(self, failed):
        """The expected steps that were not taken, and why."""
        steps = {**self.known, **failed}
        return ["%s (%s)" % (name, steps.get(name)) for name in self.expected if steps.get(name) is not None]

    def _rehearse(self):
        """Takes steps that do nothing, so that the child finds the byte code specialised and the caches filled."""
        nothing = self._call("getpid", 0, 0, 0, 0, 0)
        for _ in range(16):
            _take([(name, [nothing] * len(calls)) for name, calls in self.steps])
            os.environ["HOME"] = os.environ["TMPDIR"] = "/"
            os.fsencode("/")

    # The steps, made ready: their names and calls, in order.

    def _steps(self, filters, keep):
        mode = 0o755 if "work-directory" in self.left_out else 0o700
        steps = {
            "session": [self._call("setsid")],
            "work-directory": self._work_directory(mode),
            "rlimits": [self._limit(*limit) for limit in self._limits()],
            "unused-uid": self._drop(),
            "parent-death": [
                # After the change of uid, which clears the setting.
                self._call("prctl", _PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), (self._check_parent, (), None, 0),
            ],
            "no-new-privs": [self._no_new_privs()],
            "landlock": self._landlock(),
            "descriptors": [self._close_from(keep)],
            "seccomp": [self._install(program) for program in filters],
        }
        names = _STEPS
        if self.plan["level"] < 0:
            # Nothing that would keep a hostile program in: somebody said that he wants it so.
            names = ("session", "work-directory", "rlimits", "parent-death", "descriptors")
        # Also where it is left out a program needs a place to be in.
        return [(name, steps[name]) for name in names if name not in self.left_out or name == "work-directory"]

    def _call(self, name, *arguments, store=None, known=0):
        """One system call; the result goes to `store`, and the error `known` is none."""
        arguments = [_long(one) if isinstance(one, int) else one for one in arguments]
        return _syscall, (self.numbers[name], *arguments), store, known

    def _work_directory(self, mode):
        if self.namespaces.has("private-root"):
            return [(self._isolate, (), None, 0)]
        calls = [
            # One may be there already that was used before and is as good as new: only the supervisor makes entries beside it.
            self._call("mkdirat", _AT_FDCWD, self.path, mode, known=errno.EEXIST),
            self._call("chdir", self.path),
        ]
        if self._owned():
            calls.insert(1, self._call("fchownat", _AT_FDCWD, self.path, self.uid, self.uid, 0))
        return calls

    def _owned(self):
        return self.root and self.plan["level"] >= 0

    def _isolate(self):
        def owner(path):
            if self._owned():
                os.chown(path, self.uid.value, self.uid.value)

        self.work = self.namespaces.isolate(os.path.basename(self.work), owner)
        return 0

    def _limits(self):
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
            yield number, value, value + 1 if name == "RLIMIT_CPU" and value < hard % 2**63 else value
        if self._owned():
            # The uid is this child's alone, so the count is its threads.
            yield resource.RLIMIT_NPROC, limits["threads"], limits["threads"]

    def _limit(self, number, soft, hard):
        self.limits[number] = ctypes.create_string_buffer(struct.pack("=QQ", soft, hard), 16)
        return self._call("prlimit64", 0, number, self.limits[number], None)

    def _drop(self):
        if not self.root:
            return self._capabilities(0) + [(self._keep_uid, (), None, 0)]
        keep_read = self.abi and not _reachable(os.path.dirname(os.__file__))
        uid = (self.uid, self.uid, self.uid)
        calls = [] if self.shed else [(self._drop_groups, (), None, 0)]
        calls.append(self._call("setresgid", *uid))
        if keep_read:
            # The interpreter's own library lies where only root may look. Landlock still says what may be read.
            calls.append(self._call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0))
        calls.append(self._call("setresuid", *uid))
        return calls + self._capabilities(1 << _CAP_DAC_READ_SEARCH if keep_read else 0)

    def _keep_uid(self):
        raise OSError(0, "%s: programs run as the user who started the sandbox" % self.namespaces.no_uids)

    def _capabilities(self, mask):
        header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
        sets = ctypes.create_string_buffer(struct.pack("=IIIIII", mask, mask, 0, 0, 0, 0))
        return [
            self._call("capset", header, sets),
            # A kernel without them has none to clear.
            self._call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, known=errno.EINVAL),
        ]

    def _check_parent(self):
        if self.namespaces.host_parent() != self.zygote:
            os._exit(70)
        return 0

    def _no_new_privs(self):
        return self._call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

    def _landlock(self):
        if not self.abi:
            return [(_no_landlock, (), None, 0)]
        attributes = struct.pack("=Q", self._handled())
        if self.abi >= 4:
            attributes += struct.pack("=Q", 3)
        if self.abi >= 6:
            attributes += struct.pack("=Q", 3)
        attributes = ctypes.create_string_buffer(attributes, len(attributes))
        own = ctypes.create_string_buffer(struct.pack("=Qi", self._handled() & _WORK, 0))
        rules = [ctypes.create_string_buffer(rule) for rule in self._read_rules()] + [own]
        return [
            self._call("landlock_create_ruleset", attributes, len(attributes), 0, store=self.ruleset),
            self._call(
                "openat", _AT_FDCWD, ctypes.create_string_buffer(b"."), os.O_PATH | os.O_CLOEXEC, 0,
                store=ctypes.c_int.from_buffer(own, 8),
            ),
            *[self._call("landlock_add_rule", self.ruleset, 1, rule, 0) for rule in rules],
            self._call("landlock_restrict_self", self.ruleset, 0),
        ]

    def _landlock_abi(self):
        return max(_syscall(self.numbers["landlock_create_ruleset"], None, _long(0), _long(1)), 0)

    def _handled(self):
        return _HANDLED[min(self.abi, 5)]

    def _read_rules(self):
        """The rules that are every child's: the descriptors in them stay open here."""
        for path in self.plan["read"]:
            try:
                yield self._rule(os.open(path, os.O_PATH | os.O_CLOEXEC), _READ)
            except OSError:
                continue
        # Not `/dev/zero`: mapped, it is shared memory that no limit counts.
        for path in ("/dev/null", "/dev/urandom", "/dev/random"):
            yield self._rule(os.open(path, os.O_PATH | os.O_CLOEXEC), _READ | 1 << 1)

    def _rule(self, fd, rights):
        directory = os.fstat(fd).st_mode & 0o170000 == 0o040000
        return struct.pack("=Qi", rights & (self._handled() if directory else self._handled() & _FILE), fd)

    def _close_from(self, first):
        call = self._call("close_range", 0xFFFFFFFF, 0xFFFFFFFF, 0)
        if _syscall(*call[1]) == 0:
            return self._call("close_range", first, 0xFFFFFFFF, 0)
        return _close_each, (first,), None, 0

    def _install(self, program):
        return self._call("seccomp", 1, 0, program.header)

    # In the warm interpreter.

    def _shed(self):
        """Supplementary groups, and what an execution could gain."""
        try:
            self._drop_groups()
            return True
        except OSError:
            return False

    def _drop_groups(self):
        for capability in range(64):
            if _prctl(_PR_CAPBSET_DROP, _long(capability), _long(0), _long(0), _long(0)) < 0:
                break
        os.setgroups([])
        return 0

    def _inherit(self, filters):
        """Takes the filters that this process can live with, for all children; whether it could."""
        if self.plan["level"] < 0 or not self.left_out.isdisjoint(("seccomp", "no-new-privs")):
            return False
        calls = [self._no_new_privs()] + [self._install(program) for program in filters]
        return not _take([("inherited", calls)])


# In the order in which they are taken.
_STEPS = (
    "session", "work-directory", "rlimits", "unused-uid", "parent-death", "no-new-privs", "landlock", "descriptors", "seccomp",
)


def _take(steps):
    """Makes the calls of each step, up to the first that fails; the names of the failed steps, and why."""
    failed = {}
    for name, calls in steps:
        try:
            for function, arguments, store, known in calls:
                result = function(*arguments)
                if result < 0 and ctypes.get_errno() != known:
                    _check(result)
                if store is not None:
                    store.value = result
        except (OSError, ValueError) as error:
            # Reasons of our own have no number.
            own = isinstance(error, OSError) and error.errno == 0
            failed[name] = error.strerror if own else str(error)
    return failed


def _no_landlock():
    raise OSError(0, "the kernel has no Landlock")


def _close_each(first):
    os.closerange(first, max(4096, os.sysconf("SC_OPEN_MAX")))
    return 0


def why_no_uids(base, proc):
    """Why runs cannot have uids of their own from `base` on; `None` if they can. Root in a container may have lost the
    capabilities for it, or have few users in its user namespace. `proc` is a descriptor of `/proc`, or `None`."""
    if os.geteuid() != 0:
        return "not root"
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    data = ctypes.create_string_buffer(24)
    if _libc.capget(header, data) < 0 or struct.unpack("=6I", data.raw)[0] & _GIVES_UIDS != _GIVES_UIDS:
        return "root without CHOWN, DAC_OVERRIDE, KILL, SETGID and SETUID"
    for name in ("uid_map", "gid_map") if proc is not None else ():
        fd = os.open("self/" + name, os.O_RDONLY, dir_fd=proc)
        extents = [[int(word) for word in line.split()] for line in os.read(fd, 4096).splitlines()]
        os.close(fd)
        if not any(first <= base and base + UIDS <= first + count for first, _, count in extents):
            return "root of a user namespace with too few users"
    return None


def make_directory(path, mode):
    """A work directory. One may be there already that was used before and is as good as new: only the supervisor makes
    entries beside it."""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        pass


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
