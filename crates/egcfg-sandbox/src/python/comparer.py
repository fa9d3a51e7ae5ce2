"""The process that judges: a clean interpreter in which the test itself runs, and which never runs a line of the program.

The program's function is stood in for by a proxy, which sends the arguments to the program's process and gives back a value
that was rebuilt here from its canonical form. So `==`, `isclose`, `set(...)` and `except ValueError` mean what they
mean in Python, whatever the program did to its own interpreter. What the call did to the arguments is applied to them
here too. A test that needs more of the program than its functions cannot be judged this way: then it says so, and
the supervisor has it run in the program's own process under a weaker label.

One such process may serve several programs, one after the other, for as long as nothing could have stayed behind: see
`_Test.leaves_nothing`. After any other test it says so, and is replaced.

The file is long because a test's run, the stand-ins it meets and what is told of its failure know of each other.
"""

import ast
import builtins
import collections
import sys
import types

from _egcfg_candidate import describe, receive, send
from _egcfg_codec import Decoder, Encoder, Malformed, Opaque, Unencodable
from _egcfg_codec_data import MODULES as _DATA_MODULES

_GOT = 300
_ITEMS = 100_000
_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
# A process that has held a larger message is not kept: its memory would stay grown.
_LARGE = 64 << 10
_ERRORS = {
    name: cls for name, cls in vars(builtins).items() if isinstance(cls, type) and issubclass(cls, BaseException)
}
_KNOWN = frozenset(_ERRORS.values())
_STDLIB = getattr(sys, "stdlib_module_names", None)


# What a test may consist of that leaves nothing behind: expressions over literals and the program's answers, and
# built-in functions that only compute. No names are bound, nothing is imported, no attribute is touched.
_PURE_NODES = (
    ast.Module, ast.Assert, ast.Compare, ast.cmpop, ast.BoolOp, ast.boolop, ast.UnaryOp, ast.unaryop, ast.BinOp,
    ast.operator, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Call, ast.Name, ast.Load,
)
_PURE_CALLS = frozenset(
    "abs all any bool dict float frozenset int len list max min round set sorted str sum tuple".split()
)


_LOOPS = (ast.For, ast.While, ast.FunctionDef, ast.comprehension, ast.Lambda)
# So many short statements are kept for the next program, which often has the same tests.
_STATEMENTS, _SHORT = 64, 500


class _Stop(BaseException):
    """The supervisor has settled this test already."""


class _NeedsProgram(BaseException):
    """The test needs objects of the program's own."""


class _Statement:
    """A test's text: its tree and code, and what can be said of it before it runs."""

    def __init__(self, source, entry):
        self.source, self.tree = source, ast.parse(source)
        self.code = compile(self.tree, "<test>", "exec", dont_inherit=True)
        called = (entry, "candidate")
        # Whether it is of the few forms that leave nothing behind, and the names that it takes from elsewhere.
        self.closed, loads, binds, calls, loops = True, {}, set(), [], False
        for node in ast.walk(self.tree):
            kind = node.__class__
            if kind is ast.Name:
                if isinstance(node.ctx, ast.Load):
                    loads[node.id] = None
                else:
                    binds.add(node.id)
                self.closed = self.closed and (node.id in _PURE_CALLS or node.id in called)
                continue
            self.closed = self.closed and issubclass(kind, _PURE_NODES)
            if kind is ast.Call:
                if isinstance(node.func, ast.Name) and node.func.id in called:
                    calls.append(node)
            elif kind in _LOOPS:
                loops = True
            if kind is ast.arg:
                binds.add(node.arg)
            elif kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
                binds.add(node.name)
            elif kind is ast.alias:
                binds.add((node.asname or node.name).split(".")[0])
            elif kind is ast.ExceptHandler and node.name:
                binds.add(node.name)
        self.free = [name for name in loads if name not in binds and not hasattr(builtins, name)]
        # The one call that it makes, if there is one.
        self.call = calls[0] if len(calls) == 1 and not loops else None
        self.text = None

    def invocation(self):
        """The text of the one call that this test makes, or None."""
        if self.text is None and self.call is not None:
            text = ast.get_source_segment(self.source, self.call)
            self.text = text if text and "\n" not in text else ast.unparse(self.call)
        return self.text


class _Test:
    """One run of a test, and what is found out while it runs."""

    def __init__(self, statement):
        self.statement = statement
        self.calls, self.errors, self.opaque = [], [], []
        self.unproven = self.odd_values = self.shared = False

    def leaves_nothing(self):
        """Whether this test, as it went, cannot have changed anything that a later test could notice.

        Its statement is of the few forms above, the values were plain ones (`Decoder.odd`), and the exceptions that the
        program raised were built-in ones.
        """
        return self.statement.closed and not (
            self.unproven or self.odd_values or self.opaque or any(type(error) not in _KNOWN for error in self.errors)
        )


class Comparer:
    """The tests of one program."""

    def __init__(self, fd, statements):
        self.fd, self.entry, self.kind = fd, "", ""
        self.statements = statements
        self.base, self.test, self.whole, self.setup = {}, None, False, ""
        self.setup_unproven = self.tracing = False
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
            raise _Stop
        return kind, fields

    # Calls.

    def proxy(self, target, which, name):
        def proxy(*args, **kwargs):
            return self.call(target, which, name, args, kwargs)

        proxy.__name__ = proxy.__qualname__ = name
        return proxy

    def call(self, target, which, name, args, kwargs):
        test = self.test
        encoder = Encoder()
        try:
            message, _ = encoder.message((args, tuple(kwargs.items())))
        except Unencodable:
            raise _NeedsProgram
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
        try:
            return decoder.message()
        finally:
            self.test.opaque.extend(decoder.opaque)
            self.test.odd_values = self.test.odd_values or decoder.odd or len(data) > _LARGE
            # More references than containers that came with them: some stand in several places.
            if data.count(b"@") > len(decoder.heap) - decoder.known:
                self.test.shared = True

    def remote(self, kind, number, name):
        """The stand-in for an iterator or a function that the program returned."""
        if kind == b"i":
            return self.items(number)
        return self.proxy("h", str(number), name)

    def items(self, number):
        while True:
            item = self.call("x", str(number), "next", (), {})
            if item == ():
                return
            yield item[0]

    # Tests.

    def begin(self, entry, setup, trace):
        """What all tests of the program share. The program is being loaded at the same time."""
        self.entry, self.setup, self.tracing = entry.decode(), setup.decode("utf-8", "surrogatepass"), trace == b"1"

    def meet(self):
        """Waits until the program is loaded, and prepares the names that all tests share."""
        answer, fields = self.ask(b"L")
        self.kind = fields[0].decode()
        self.base = {"__name__": "__test__", "__builtins__": builtins}
        if self.kind != "missing":
            self.base[self.entry] = self.base["candidate"] = self.proxy("n", self.entry, self.entry)
        if not self.setup:
            return
        try:
            setup = _Statement(self.setup, self.entry)
            self.test = _Test(setup)
            self.resolve(self.test)
            exec(compile(setup.tree, "<setup>", "exec"), self.base)
            self.setup_unproven = self.test.unproven
        except _Stop:
            raise
        except (Exception, _NeedsProgram):
            # It needs the program, or fails here: then all tests run where the program is.
            self.whole = True

    def resolve(self, test):
        """Finds what the test takes from the program besides its entry point."""
        names = [name for name in test.statement.free if name not in self.base]
        if not names:
            return
        answer, fields = self.ask(b"N", "\n".join(names).encode())
        kinds = fields[0].decode().split("\n") if answer == b"N" else []
        if len(kinds) != len(names):
            return
        for name, kind in zip(names, kinds):
            what, _, home = kind.partition(":")
            if what == "module" and home in _DATA_MODULES:
                # Known by other names than their own (`np`).
                self.base[name] = sys.modules[home]
            elif what == "module" and home == name and _is_stdlib(home):
                self.base[name] = __import__(home)
            elif what == "import" and _is_stdlib(home) and hasattr(__import__(home, fromlist=[name]), name):
                self.base[name] = getattr(__import__(home, fromlist=[name]), name)
            elif what == "function":
                self.base[name] = self.proxy("n", name, name)
                test.unproven = True
            elif what != "missing":
                raise _NeedsProgram

    def judge(self, source):
        """Runs one test; returns the fields of its outcome: verdict, exception name, error line, got, unproven, and
        whether this process may serve another program."""
        self.test = None
        outcome = self.outcome(source)
        settled = outcome[0] in ("passed", "wrong", "exception", "assertion")
        self.clean = self.clean and settled and not self.setup and self.test.leaves_nothing()
        return outcome + ("1" if self.clean else "",)

    def statement(self, text):
        """The test of this text; one that leaves nothing behind may have been taken apart for an earlier program."""
        known = self.statements.get((text, self.entry))
        if known is None:
            known = _Statement(text, self.entry)
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
        except _Stop:
            self.kind = ""
            return "stopped", "", "", "", ""
        self.test = test
        if self.whole or self.kind == "class":
            return "program", "", test.statement.invocation() or "", "", ""
        test.unproven = self.setup_unproven
        names = dict(self.base)
        known = self.base
        try:
            self.base = names
            self.resolve(test)
            exec(test.statement.code, names)
            verdict = ("passed", "", "")
            if test.opaque:
                verdict = self.odd(test)
        except _NeedsProgram:
            return "program", "", test.statement.invocation() or "", "", ""
        except _Stop:
            return "stopped", "", "", "", ""
        except Malformed as error:
            verdict = ("forged", "", "the program's process sent a malformed value: %s" % error)
        except BaseException as error:
            verdict = self.odd(test) if test.opaque else self.failed(test, error)
        finally:
            self.base = known
        got = _repr(test.calls[0], test.shared) if len(test.calls) == 1 else ""
        return verdict + (got, "1" if test.unproven else "")

    def odd(self, test):
        """The verdict on a test that met an object without a canonical form."""
        own = [value.name for value in test.opaque if value.own]
        if own:
            return "wrong", "", "returned an object of the program's own class %s" % own[0]
        return "wrong", "", "returned an object of the type %s, which no test can compare" % test.opaque[0].name

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
        if any(error is known for known in test.errors):
            kind = "memory" if name == "MemoryError" else "exception"
            return kind, name, _line("%s: %s" % (name, text) if text else name)
        if isinstance(error, MemoryError):
            return "memory", name, "the returned value does not fit into the judge's memory"
        node = _failing_assert(test.statement.tree, error) if isinstance(error, AssertionError) else None
        if node is None:
            kind = "assertion" if isinstance(error, AssertionError) else "exception"
            return kind, name, _line("the test raised %s: %s" % (name, text))
        got = _repr(test.calls[-1], test.shared) if test.calls else ""
        expected = _expected(node.test, self.entry)
        if expected is not None and got:
            return "wrong", "", "expected %s, got %s" % (_line(expected), got)
        compared = any(isinstance(part, (ast.Compare, ast.Call)) for part in ast.walk(node.test))
        line = "%s is false" % _line(ast.unparse(node.test)) + (", the call returned %s" % got if got else "")
        return "wrong" if compared else "assertion", "", line


def _is_stdlib(home):
    return home in _STDLIB if _STDLIB is not None else home in sys.modules and home != "__main__"


def _line(text):
    text = " ".join(text.split())
    return text if len(text) <= _GOT else text[:_GOT] + "..."


def _repr(value, shared=False):
    """A bounded repr of a decoded value, which holds built-in values only. A few lists that hold one another twice have a repr
    without end; where containers are shared it is counted first."""
    if isinstance(value, types.GeneratorType):
        return "<iterator>"
    try:
        text = "<%s>" % type(value).__name__ if shared and _is_vast(value) else repr(value)
    except Exception:
        # Too deep, too many digits; or an object of a library's that cannot be shown.
        return "<%s>" % type(value).__name__
    return text if len(text) <= _GOT else text[:_GOT] + "..."


def _is_vast(value):
    """Whether more than `_ITEMS` values would be shown, each as often as it is met."""
    left, pending = _ITEMS, [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            parts = [*item.keys(), *item.values()]
        elif isinstance(item, (list, tuple, set, frozenset, collections.deque, *_VIEWS)):
            parts = item
        else:
            continue
        left -= len(parts)
        if left < 0:
            return True
        pending.extend(parts)
    return False


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


def _failing_assert(tree, error):
    """The assert statement that raised this, if one of the test's own did."""
    line, trace = None, error.__traceback__
    while trace is not None:
        inside = trace.tb_frame.f_code.co_filename == "<test>"
        line = trace.tb_lineno if inside else None
        trace = trace.tb_next
    if line is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.lineno <= line <= node.end_lineno:
            return node
    return None


def _expected(node, entry):
    """The source of what a simple `f(..) == expected` expects."""
    if not (isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Eq, ast.Is))):
        return None
    for call, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in (entry, "candidate"):
            if not any(isinstance(part, ast.Call) for part in ast.walk(other)):
                return ast.unparse(other)
    return None


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
