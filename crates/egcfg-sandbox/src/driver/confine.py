"""What a freshly forked child gives up before it reads the first byte of a program.

Everything here only shrinks rights, and it happens after the fork, where only the child can do it: session, work
directory, rlimits, unused uid, parent-death signal, no_new_privs, Landlock, closed descriptors, seccomp. The data (filters,
paths, numbers) was compiled in Rust and arrived when the warm interpreter started, and whatever does not depend on the
child (buffers, rules, limits) is made once, before the first fork. Each step reports `None` or why it could not be taken; what the probe saw in force must hold for every later child, or the child refuses to run.
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
        self.places = [at for at in range(4, len(program), 8) if program[at:at + 4] == magic]
        self.instructions = ctypes.create_string_buffer(program, len(program))
        self.header = ctypes.create_string_buffer(
            struct.pack("@HP", len(program) // 8, ctypes.addressof(self.instructions))
        )

    def own(self, pid):
        for at in self.places:
            struct.pack_into("=I", self.instructions, at, pid)
        return self.header


class Confinement:
    """The plan, with what can be prepared before the fork."""

    def __init__(self, plan, namespaces):
        self.plan, self.namespaces = plan, namespaces
        # Protections that a test wants to see missing.
        self.left_out = frozenset(plan["without"])
        self.root = namespaces.root
        self.zygote = namespaces.host_pid()
        self.filters, inherited = (
            [_Filter(bytes.fromhex(text), plan["pid_magic"]) for text in plan[name]] for name in ("filters", "inherited")
        )
        self.numbers = plan["syscalls"]
        self.abi = self._landlock_abi() if plan["level"] >= 0 else 0
        self.rules = self._read_rules() if self.abi else []
        self.attributes = self._landlock_attributes()
        self.limits = self._limits()
        self.capabilities = {mask: self._capability_sets(mask) for mask in (0, 1 << _CAP_DAC_READ_SEARCH)}
        self.keep_read = self.root and not _reachable(os.path.dirname(os.__file__))
        # Inherited by every child, so it is given up once instead of in each of them; where it cannot be, the
        # children try it themselves and report it.
        self.shed = self._shed() if self.root else False
        if not self._inherit(inherited):
            self.filters = inherited + self.filters

    def _landlock_abi(self):
        abi = _syscall(_long(self.numbers["landlock_create_ruleset"]), None, _long(0), _long(1))
        return max(abi, 0)

    def _landlock_attributes(self):
        attributes = struct.pack("=Q", self._handled())
        if self.abi >= 4:
            attributes += struct.pack("=Q", 3)
        if self.abi >= 6:
            attributes += struct.pack("=Q", 3)
        return ctypes.create_string_buffer(attributes, len(attributes))

    def _handled(self):
        return _HANDLED[min(self.abi, 5)] if self.abi else 0

    def _read_rules(self):
        """The rules that are every child's: the descriptors in them stay open here."""
        rules = []
        for path in self.plan["read"]:
            try:
                rules.append(self._rule(os.open(path, os.O_PATH | os.O_CLOEXEC), _READ))
            except OSError:
                continue
        for path in ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"):
            rules.append(self._rule(os.open(path, os.O_PATH | os.O_CLOEXEC), _READ | 1 << 1))
        return rules

    def _rule(self, fd, rights):
        directory = os.fstat(fd).st_mode & 0o170000 == 0o040000
        rights &= self._handled() if directory else self._handled() & _FILE
        return ctypes.create_string_buffer(struct.pack("=Qi", rights, fd))

    def allow_cpu(self, seconds):
        """From now on the kernel ends a child after so many seconds of processor time."""
        self.plan["limits"]["cpu"] = seconds
        self.limits = self._limits()

    def _limits(self):
        limits = self.plan["limits"]
        prepared = []
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
            prepared.append((number, (value, value + 1 if name == "RLIMIT_CPU" and value < hard % 2**63 else value)))
        if self.root and self.plan["level"] >= 0:
            # The uid is this child's alone, so the count is its threads.
            prepared.append((resource.RLIMIT_NPROC, (limits["threads"], limits["threads"])))
        return prepared

    def _shed(self):
        """Supplementary groups, and what an execution could gain."""
        try:
            self._drop_groups()
            return True
        except OSError:
            return False

    def _inherit(self, filters):
        """Takes the filters that this process can live with, for all children; whether it could."""
        if self.plan["level"] < 0 or not self.left_out.isdisjoint(("seccomp", "no-new-privs")):
            return False
        try:
            self._no_new_privs()
            for program in filters:
                self._install(program.header)
            return True
        except OSError:
            return False

    def _drop_groups(self):
        for capability in range(64):
            if _prctl(_PR_CAPBSET_DROP, _long(capability), _long(0), _long(0), _long(0)) < 0:
                break
        os.setgroups([])

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
                # Reasons of our own have no number.
                own = isinstance(error, OSError) and error.errno == 0
                steps[name] = error.strerror if own else str(error)

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
        step("no-new-privs", self._no_new_privs)
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
            make_directory(work, mode)
            owner(work)
            os.chdir(work)
        os.environ["HOME"] = os.environ["TMPDIR"] = work

    def _rlimits(self):
        setrlimit = resource.setrlimit
        for number, pair in self.limits:
            setrlimit(number, pair)

    def _drop(self, uid):
        if not self.root:
            self._capabilities(0)
            raise OSError(0, "%s: programs run as the user who started the sandbox" % self.namespaces.no_uids)
        mask = 1 << _CAP_DAC_READ_SEARCH if self.keep_read and self.abi else 0
        if not self.shed:
            self._drop_groups()
        os.setresgid(uid, uid, uid)
        if mask:
            # The interpreter's own library lies where only root may look. Landlock still says what may be read.
            _check(_prctl(_PR_SET_KEEPCAPS, _long(1), _long(0), _long(0), _long(0)))
        os.setresuid(uid, uid, uid)
        self._capabilities(mask)

    def _capability_sets(self, mask):
        header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
        return header, ctypes.create_string_buffer(struct.pack("=IIIIII", mask, mask, 0, 0, 0, 0))

    def _capabilities(self, mask):
        header, data = self.capabilities[mask]
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
        add, kind, flags = _long(self.numbers["landlock_add_rule"]), _long(1), _long(0)
        ruleset = _long(_check(_syscall(
            _long(self.numbers["landlock_create_ruleset"]), self.attributes, _long(len(self.attributes)), _long(0)
        )))
        work = self._rule(os.open(".", os.O_PATH | os.O_CLOEXEC), _WORK)
        for rule in self.rules + [work]:
            _check(_syscall(add, ruleset, kind, rule, flags))
        _check(_syscall(_long(self.numbers["landlock_restrict_self"]), ruleset, _long(0)))

    def _close_from(self, first):
        if _syscall(_long(self.numbers["close_range"]), _long(first), _long(0xFFFFFFFF), _long(0)) < 0:
            os.closerange(first, max(4096, os.sysconf("SC_OPEN_MAX")))

    def _no_new_privs(self):
        _check(_prctl(_PR_SET_NO_NEW_PRIVS, _long(1), _long(0), _long(0), _long(0)))

    def _seccomp(self):
        pid = os.getpid()
        for program in self.filters:
            self._install(program.own(pid))

    def _install(self, header):
        _check(_syscall(_long(self.numbers["seccomp"]), _long(1), _long(0), header))


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
