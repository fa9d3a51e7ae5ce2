"""The process that judges: a clean interpreter in which the test itself runs, and which never runs a line of the program.

The program's function is stood in for by a proxy, which sends the arguments to the program's process and gives back a value
that was rebuilt here from its canonical form. So `==`, `isclose`, `set(...)` and `except ValueError` mean what they
mean in Python, whatever the program did to its own interpreter. What the call did to the arguments is applied to them
here too. A test that needs more of the program than its functions cannot be judged this way: then it says so, and
the supervisor has it run in the program's own process under a weaker label.

One such process may serve several programs, one after the other, for as long as nothing could have stayed behind: see
`_Test.leaves_nothing`. After any other test it says so, and is replaced.

Nor does a failure count where a value did not cross over exactly (an iterator that can only be iterated, a set in another
order, an exception's attributes): then the test runs beside the program too, and only what fails there as well has failed.

The file is long because a test's run and what is told of its failure know of each other.
"""

import ast
import builtins
import collections
import sys
import types

from _egcfg_candidate import describe, receive, send
from _egcfg_codec import KINDS, Decoder, Encoder, Malformed, Unencodable
from _egcfg_codec_data import MODULES as _DATA_MODULES
from _egcfg_opaque import Opaque
from _egcfg_shown import difference, line as _line, shown as _repr
from _egcfg_standins import Function, Items, NeedsProgram, Stop
from _egcfg_statements import Statement, expected_side, failing_assert

# A process that has held a larger message is not kept: its memory would stay grown.
_LARGE = 64 << 10
_ERRORS = {
    name: cls for name, cls in vars(builtins).items() if isinstance(cls, type) and issubclass(cls, BaseException)
}
_KNOWN = frozenset(_ERRORS.values())
# Types with one object, or a few, that is the same everywhere.
_SINGLE = frozenset((type(None), bool, type(...), type(NotImplemented), type))
_STDLIB = getattr(sys, "stdlib_module_names", None)
# So many short statements are kept for the next program, which often has the same tests.
_STATEMENTS, _SHORT = 64, 500


class _Test:
    """One run of a test, and what is found out while it runs."""

    def __init__(self, statement):
        self.statement = statement
        self.calls, self.errors, self.opaque, self.given = [], [], [], []
        self.unproven = self.odd_values = self.shared = False
        # It asked for more than there is here; it holds stand-ins; a set came in another order; calls were made.
        self.needs_program = self.stand_ins = self.reordered = self.asked = False

    def leaves_nothing(self):
        """Whether this test, as it went, cannot have changed anything that a later test could notice.

        Its statement is of the few forms above, the values were plain ones (`Decoder.odd`), and the exceptions that the
        program raised were built-in ones.
        """
        return self.statement.closed and not (
            self.unproven or self.odd_values or self.opaque or self.needs_program
            or any(type(error) not in _KNOWN for error in self.errors)
        )

    def keeps_identity(self):
        """Whether what the calls returned is the same object here where it was there."""
        return all(type(value) in KINDS for value in self.calls)

    def is_inexact(self, error):
        """Whether the test's failure by this error may be due to what did not cross over exactly."""
        if self.reordered and self.statement.sees_order:
            return True
        if any(error is known for known in self.errors):
            # Not a class that a test could wait for: one of its name.
            return type(error) not in _KNOWN and self.statement.catches
        if self.errors or self.stand_ins and not self.statement.closed:
            return True
        # In a container, a NaN equals itself and no other, and here are two of what was one there.
        if any(_holds_nan(value) for value in self.calls) or _come_apart(self.given):
            return True
        # What the program has made meanwhile: names, modules, files.
        return isinstance(error, (NameError, ImportError, OSError, EOFError)) and self.asked


class Comparer:
    """The tests of one program."""

    def __init__(self, fd, statements):
        self.fd, self.entry, self.kind = fd, "", ""
        self.statements = statements
        self.base, self.test, self.whole, self.setup, self.met = {}, None, False, "", {}
        self.setup_unproven = self.tracing = False
        self.setup_fault = ""
        self.waiting = collections.deque()
        # Whether all that happened here so far can be forgotten.
        self.clean = True

    def ask(self, kind, *fields):
        """Sends a request for the program's process, returns its answer."""
        send(self.fd, kind, *fields)
        kind, fields = receive(self.fd)
        while kind == b"J":
            # Tests are announced ahead of time, so that none has to be waited for.
            self.waiting.append(fields)
            kind, fields = receive(self.fd)
        if kind == b"K":
            raise Stop
        return kind, fields

    # Calls.

    def touched(self):
        """A test wants more of something of the program's than a stand-in has."""
        if self.test is not None:
            self.test.needs_program = True
        raise NeedsProgram

    def function(self, name, kind):
        return Function(self.call, "n", name, name, kind == "function")

    def call(self, target, which, name, args, kwargs):
        test = self.test
        encoder = Encoder()
        try:
            message, _ = encoder.message((args, tuple(kwargs.items())))
        except (Unencodable, RecursionError):
            self.touched()
        test.asked = True
        test.given.append((args, kwargs))
        test.reordered = test.reordered or encoder.reordered
        invocation = ""
        if self.tracing and target == "n":
            invocation = test.statement.invocation() or _invocation(name, args, kwargs)
        answer, fields = self.ask(b"C", target.encode(), which.encode(), invocation.encode("utf-8", "replace"), message)
        if answer == b"E":
            error = _rebuild(*[field.decode("utf-8", "replace") for field in fields[:3]])
            if len(fields) > 3:
                self.decode(fields[3], encoder)
            test.errors.append(error)
            raise error
        value = self.decode(fields[0], encoder)
        if target == "n":
            test.calls.append(value)
        return value

    def decode(self, data, encoder):
        decoder = Decoder(data, encoder.heap, self.remote)
        compared = Opaque.among, Opaque.mixed
        try:
            return decoder.message()
        finally:
            # What a set compares while it is filled, the test has not.
            Opaque.among, Opaque.mixed = compared
            self.test.opaque.extend(decoder.opaque)
            self.test.odd_values = self.test.odd_values or decoder.odd or len(data) > _LARGE
            self.test.reordered = self.test.reordered or decoder.reordered
            # More references than containers that came with them: some stand in several places.
            if data.count(b"@") > len(decoder.heap) - decoder.known:
                self.test.shared = True

    def remote(self, kind, number, name):
        """The stand-in for an iterator or a function that the program returned; the same one each time."""
        self.test.stand_ins = True
        if (kind, number) not in self.met:
            made = Items(self.call, number) if kind == b"i" else Function(self.call, "h", str(number), name, False)
            self.met[kind, number] = made
        return self.met[kind, number]

    # Tests.

    def begin(self, entry, setup, trace):
        """What all tests of the program share. The program is being loaded at the same time."""
        self.entry, self.setup, self.tracing = entry.decode(), setup.decode("utf-8", "surrogatepass"), trace == b"1"

    def meet(self):
        """Waits until the program is loaded, and prepares the names that all tests share."""
        answer, fields = self.ask(b"L")
        self.kind = fields[0].decode()
        Opaque.touched = self.touched
        self.base = {"__name__": "__test__", "__builtins__": builtins}
        if self.kind != "missing":
            self.base[self.entry] = self.base["candidate"] = self.function(self.entry, self.kind)
        if not self.setup:
            return
        try:
            setup = Statement(self.setup, self.entry)
        except (SyntaxError, ValueError) as error:
            self.setup_fault = _line("the setup code does not compile: %s" % error)
            return
        try:
            self.test = _Test(setup)
            if setup.reaches:
                raise NeedsProgram
            # What it defines, it defines for the program as well: it runs there too.
            self.resolve(self.test, setup.assigns)
            exec(compile(setup.tree, "<setup>", "exec"), self.base)
            self.setup_unproven = self.test.unproven
        except Stop:
            raise
        except (Exception, NeedsProgram):
            # It needs the program, or fails here: then all tests run where the program is.
            self.whole = True

    def resolve(self, test, sets):
        """Finds what the test takes from the program besides its entry point, and whether it `sets` something of the program's."""
        names = [name for name in test.statement.free if name not in self.base] + sets
        if not names:
            return
        answer, fields = self.ask(b"N", "\n".join(names).encode())
        kinds = fields[0].decode().split("\n") if answer == b"N" else []
        if len(kinds) != len(names):
            return
        for name, kind in zip(names, kinds):
            what, _, home = kind.partition(":")
            if name in sets:
                if what in ("value", "function", "callable", "class", "builtin"):
                    # It sets a variable of the program's, or a built-in name that the program uses.
                    raise NeedsProgram
                continue
            if what == "module" and home in _DATA_MODULES:
                # Known by other names than their own (`np`).
                self.base[name] = sys.modules[home]
            elif what == "module" and home == name and _is_stdlib(home):
                self.base[name] = __import__(home)
            elif what == "import" and _is_stdlib(home) and hasattr(__import__(home, fromlist=[name]), name):
                self.base[name] = getattr(__import__(home, fromlist=[name]), name)
            elif what == "function":
                self.base[name] = self.function(name, kind)
                test.unproven = True
            elif what not in ("missing", "builtin"):
                raise NeedsProgram

    def judge(self, source):
        """Runs one test; returns the fields of its outcome: verdict, exception name, error line, got, unproven, whether
        this process may serve another program, and where the verdict is to come from the program's process the one that counts
        if the test fails there too, with its exception name and line."""
        self.test = None
        outcome = self.outcome(source)
        settled = outcome[0] in ("passed", "wrong", "exception", "assertion")
        self.clean = self.clean and settled and not self.setup and self.test.leaves_nothing()
        return outcome[:5] + ("1" if self.clean else "",) + outcome[5:]

    def statement(self, text):
        """The test of this text; one that leaves nothing behind may have been taken apart for an earlier program."""
        known = self.statements.get((text, self.entry))
        if known is None:
            known = Statement(text, self.entry)
            if known.closed and len(text) <= _SHORT:
                if len(self.statements) >= _STATEMENTS:
                    self.statements.clear()
                self.statements[text, self.entry] = known
        return known

    def outcome(self, source):
        """What came of one test."""
        text = source.decode("utf-8", "surrogatepass")
        try:
            test = _Test(self.statement(text))
        except (SyntaxError, ValueError) as error:
            return "invalid", "", _line("it does not compile: %s" % error), "", ""
        try:
            if not self.kind:
                self.meet()
        except Stop:
            self.kind = ""
            return "stopped", "", "", "", ""
        if self.setup_fault:
            return "invalid", "", self.setup_fault, "", ""
        self.test = test
        if self.whole or self.kind == "class" or test.statement.reaches:
            return self.beside(test)
        test.unproven = self.setup_unproven
        names = dict(self.base)
        known, main = self.base, sys.modules["__main__"]
        self.met = {}
        failure = None
        Opaque.among = Opaque.mixed = Opaque.weighed = False
        try:
            self.base = names
            self.resolve(test, test.statement.sets)
            if not test.statement.closed:
                # What looks for the tests of a script looks there (`unittest.main`).
                names = _as_main(names)
            exec(test.statement.code, names)
        except NeedsProgram:
            test.needs_program = True
        except Stop:
            return "stopped", "", "", "", ""
        except Malformed as error:
            return "forged", "", "the program's process sent a malformed value: %s" % error, "", ""
        except BaseException as error:
            failure = error
        finally:
            self.base, sys.modules["__main__"] = known, main
        if _is_good_end(failure) and test.asked and not any(failure is error for error in test.errors):
            failure = None
        try:
            return self.settled(test, failure)
        except NeedsProgram:
            # Something of ours has looked closer at a stand-in than at its type.
            return self.beside(test)

    def settled(self, test, failure):
        """The outcome of a test that has run to its end, or to a failure."""
        if test.needs_program:
            return self.beside(test)
        got = _repr(test.calls[0], test.shared) if len(test.calls) == 1 else ""
        tail = (got, "1" if test.unproven else "")
        # Where the program's objects are compared with one another or shown, and with nothing else, no expected value stands on
        # either side.
        trusted = (Opaque.among or test.statement.shows) and not Opaque.mixed
        for value in test.opaque:
            if value.compares and not trusted:
                line = "returned an object of the class %s, for which the program has written the comparison" % value.name
                return ("wrong", "", line) + tail
        if failure is not None and Opaque.weighed and any(value.apart for value in test.opaque):
            # What such an object would say of its equality with something else is known, and not asked.
            return self.failed(test, failure) + tail
        if test.opaque:
            return self.beside(test)
        if (failure is None or isinstance(failure, SystemExit)) and test.statement.calls and not test.asked:
            return ("invalid", "", "it never comes to call the program") + tail
        if failure is None:
            # A value that comes twice is two objects here, whatever it was there.
            if test.stand_ins and test.statement.asks_type:
                return self.beside(test)
            if test.statement.asks_identity and (len(test.calls) > 1 or test.statement.asks_other and not test.keeps_identity()):
                return self.beside(test)
            return ("passed", "", "") + tail
        verdict = self.failed(test, failure)
        if test.is_inexact(failure) or test.statement.asks_identity and test.calls:
            return self.beside(test, verdict, tail)
        return verdict + tail

    def beside(self, test, verdict=("", "", ""), tail=("", "")):
        """Has the test run in the program's process, which must share its built-in names with it where it `reaches` for them."""
        reaches = "1" if test.statement.reaches else ""
        return ("program", tail[0], test.statement.invocation() or "", reaches, tail[1]) + verdict

    def own_fault(self, test, error):
        """What is wrong with the test itself, where it fails before it has asked anything of the program: then no answer of a
        program's could have changed that. A stand-in that was looked at in another way is none of the test's faults."""
        if test.calls or test.errors or not isinstance(error, Exception) or self.kind == "missing":
            return ""
        name, _, text = describe(error)
        free, own = test.statement.free, (self.entry, "candidate")
        if isinstance(error, NameError):
            missing = [one for one in free if one not in own and "'%s'" % one in text]
            if missing:
                return "it names %s, which neither the program nor its setup defines" % missing[0]
        if isinstance(error, (AssertionError, AttributeError, TypeError)) and (
            test.unproven or any(one in free for one in own)
        ):
            return ""
        return _line("it fails before it calls the program: " + ("%s: %s" % (name, text) if text else name))

    def failed(self, test, error):
        fault = self.own_fault(test, error)
        if fault:
            return "invalid", "", fault
        name, _, text = describe(error)
        if isinstance(error, NameError) and self.kind == "missing":
            # The name that the tests give to whatever is to be written says nothing to its author.
            text = text.replace("'candidate'", "'%s'" % self.entry)
        if any(error is known for known in test.errors):
            kind = "memory" if name == "MemoryError" else "exception"
            return kind, name, _line("%s: %s" % (name, text) if text else name)
        if isinstance(error, MemoryError):
            return "memory", name, "the returned value does not fit into the judge's memory"
        node = failing_assert(test.statement.tree, error) if isinstance(error, AssertionError) else None
        if node is None:
            kind = "assertion" if isinstance(error, AssertionError) else "exception"
            return kind, name, _line("the test raised %s: %s" % (name, text))
        got = _repr(test.calls[-1], test.shared) if test.calls else ""
        expected = expected_side(node.test, self.entry)
        if expected is not None and got:
            return "wrong", "", "expected %s, got %s" % difference(expected, test.calls[-1], got, test.shared)
        compared = any(isinstance(part, (ast.Compare, ast.Call)) for part in ast.walk(node.test))
        line = "%s is false" % _line(ast.unparse(node.test)) + (", the call returned %s" % got if got else "")
        return "wrong" if compared else "assertion", "", line


def _as_main(names):
    """These names as those of the module that runs."""
    module = types.ModuleType("__main__")
    module.__dict__.update(names, __name__="__main__")
    sys.modules["__main__"] = module
    return module.__dict__


def _is_good_end(error):
    """Whether a script that ends by this ends well."""
    return isinstance(error, SystemExit) and error.code in (None, 0)


def _holds_nan(value):
    pending, most = [value], 10_000
    while pending and most:
        part, most = pending.pop(), most - 1
        # A stand-in is not asked for its class.
        kind = type(part)
        if issubclass(kind, (list, tuple, set, frozenset, collections.deque)):
            pending.extend(part)
        elif issubclass(kind, dict):
            pending.extend(part)
            pending.extend(part.values())
        elif issubclass(kind, (float, complex)) and part != part or kind.__name__ == "Decimal" and part.is_nan():
            return True
    return False


def _come_apart(calls):
    """Whether the program may have seen several objects where one was given to it here in several places, or a NaN, which equals
    itself alone. Containers stay one, and so does what an interpreter has once."""
    pending, most, seen = [value for args, kwargs in calls for value in (*args, *kwargs.values())], 10_000, set()
    while pending and most:
        part, most = pending.pop(), most - 1
        kind = type(part)
        if kind is float and part != part:
            return True
        if id(part) in seen:
            if kind not in KINDS:
                return True
            continue
        if not _is_one(part, kind):
            seen.add(id(part))
        if issubclass(kind, (list, tuple, set, frozenset, collections.deque)):
            pending.extend(part)
        elif issubclass(kind, dict):
            pending.extend(part)
            pending.extend(part.values())
    return False


def _is_one(value, kind):
    """Whether an interpreter has this value once."""
    if kind is int:
        return -6 < value < 257
    return kind in _SINGLE or kind in (str, bytes) and len(value) < 2 or kind is tuple and not value


def _is_stdlib(home):
    return home in _STDLIB if _STDLIB is not None else home in sys.modules and home != "__main__"


def _invocation(name, args, kwargs):
    parts = [_repr(arg) for arg in args] + ["%s=%s" % (key, _repr(value)) for key, value in kwargs.items()]
    return "%s(%s)" % (name, ", ".join(parts))


def _rebuild(name, bases, text):
    """An exception like the one that the program raised: its class where that is built in, else one of that name."""
    nearest = next((_ERRORS[base] for base in bases.split("\n") if base in _ERRORS), Exception)
    if name == nearest.__name__:
        cls = nearest
    else:
        try:
            cls = type(name, (nearest,), {})
        except (TypeError, ValueError):
            cls = nearest
    try:
        error = cls(text) if text else cls()
        if str(error) != text:
            error = type(name, (nearest,), {"__str__": lambda self: text})(text)
        return error
    except Exception:
        pass
    # Some classes want more arguments: UnicodeDecodeError at its setting up, groups of exceptions when they are made.
    for more in ((), (text or name, [Exception(text)])):
        try:
            error = cls.__new__(cls, *more)
            error.args = (text,)
            return error
        except Exception:
            continue
    # Never the error of this attempt, which a test may be waiting for.
    return Exception(text)


def serve(fd):
    """Announces itself, then judges tests until there are no more."""
    statements = {}
    comparer = Comparer(fd, statements)
    send(fd, b"G")
    while True:
        if comparer.waiting:
            kind, fields = b"J", comparer.waiting.popleft()
        else:
            kind, fields = receive(fd)
        if kind == b"B":
            comparer = Comparer(fd, statements)
            comparer.begin(*fields)
        elif kind == b"J":
            send(fd, b"O", *[field.encode("utf-8", "replace") for field in comparer.judge(*fields)])
