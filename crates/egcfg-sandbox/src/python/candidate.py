"""The process that runs a program: loads it, calls its functions when asked, and sends back what came of each call.

Nothing that this process says is evidence that a test passed: it only ever sees arguments, never an expected
value, and each of its answers is checked as the message of a possible enemy. It holds no secrets and no other descriptors
than its protocol's. The one exception are tests that need objects of the program's own classes; they run here, and
their verdict is labelled as unproven.
"""

import mmap
import os
import re
import struct
import sys
import types

import trace_source as tracing_source
import tracer as tracing
import _egcfg_script as script
from _egcfg_beside import NOTE, Beside, failed_here, fault_of_setup
from _egcfg_codec import Decoder, Encoder, Handles, Malformed
from _egcfg_comparing import learn_for, name_of
from _egcfg_recursion import EXEC, Recursion

_read, _write, _exit = os.read, os.write, os._exit
_settrace = sys.settrace
_modules = sys.modules
_mro = type.__dict__["__mro__"].__get__
_u32 = struct.Struct("<I").pack
_ru32 = struct.Struct("<I").unpack_from
_BUILTIN_ERRORS = {
    name: cls for name, cls in vars(__import__("builtins")).items()
    if isinstance(cls, type) and issubclass(cls, BaseException)
}
_ERROR_NAMES = {cls: name for name, cls in _BUILTIN_ERRORS.items()}
_BaseException, _SystemExit, _SyntaxError = BaseException, SystemExit, SyntaxError
_Function, _Module, _Type = types.FunctionType, types.ModuleType, type
_str = str
_BUILTIN_NAMES, _words = frozenset(vars(__import__("builtins"))), re.compile(r"\w+").findall
_MESSAGE = 2000
# What a lock of multiprocessing meets, by the protection that it meets first.
_NO_MEMORY = (OSError, FileNotFoundError, PermissionError)
_LOCKS = (
    " (hint: no memory is shared between processes here, so locks, queues and pools of multiprocessing do not work;"
    " those of threading, queue and concurrent.futures.ThreadPoolExecutor do)"
)


def send(fd, kind, *fields):
    """Writes one frame: length, kind, then each field with its length."""
    body = kind + b"".join([_u32(len(field)) + field for field in fields])
    data = _u32(len(body)) + body
    at = 0
    while at < len(data):
        at += _write(fd, data[at:])


def receive(fd):
    """Reads one frame; ends the process when there are no more."""
    size = _ru32(_exactly(fd, 4))[0]
    body = _exactly(fd, size)
    fields, at = [], 1
    while at < size:
        end = at + 4 + _ru32(body, at)[0]
        fields.append(body[at + 4:end])
        at = end
    return body[:1], fields


def _exactly(fd, size):
    parts = []
    while size:
        part = _read(fd, size)
        if not part:
            _exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def describe(error):
    """Class name, names of its built-in ancestors and message of an exception, whatever the program did to its class."""
    cls = _Type(error)
    bases = [_ERROR_NAMES[base] for base in _mro(cls) if base in _ERROR_NAMES]
    try:
        text = _str(error)
        text = text if _Type(text) is _str else ""
    except _BaseException:
        text = ""
    if cls in _NO_MEMORY and "multiprocessing.synchronize" in _modules:
        text += _LOCKS
    return name_of(cls), bases, text[:_MESSAGE]


class Server:
    """One program and the requests about it."""

    def __init__(self, fd, trace_fd):
        self.fd, self.trace_fd = fd, trace_fd
        self.namespace, self.source, self.handles = {}, "", Handles()
        self.budget = self.buffer = self.program = self.traced = None
        self.setup, self.setup_done = "", False
        self.code, self.call = None, False
        self.recursion = Recursion()

    def rest(self):
        """From here on the driver runs."""
        _settrace(None)
        self.recursion.rest()

    def reply(self, kind, token, *fields):
        self.rest()
        send(self.fd, kind, token, *fields)

    def failed(self, token, error):
        """Reports what a program raised."""
        self.rest()
        if isinstance(error, _SystemExit):
            self.reply(b"Q", token, b"%d" % script.exit_code(error))
            return
        name, bases, text = describe(error)
        encode = lambda value: value.encode("utf-8", "replace")
        self.reply(b"E", token, encode(name), encode("\n".join(bases)), encode(text))

    # Requests, by their kind.

    def P(self, token, source, entry, setup, form, trace):
        """Loads the program."""
        # A file's byte order mark is no part of its text.
        self.source, self.entry = source.decode("utf-8", "surrogatepass").lstrip("\ufeff"), entry.decode()
        self.setup = setup.decode("utf-8", "surrogatepass")
        name = "__main__" if form == b"stdio" else "solution"
        self.module = _Module(name)
        self.namespace = self.module.__dict__
        _modules[name] = _modules["__main__"] = self.module
        script.prepare(self.module, self.source, "<program>", form == b"asserts")
        if form == b"asserts":
            learn_for(self.source)
        try:
            code = self.compile(trace)
        except (_SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            if isinstance(error, _SyntaxError):
                text = "line %s: %s" % (error.lineno, error.msg) if error.lineno else error.msg
            else:
                text = "%s: %s" % describe(error)[::2]
            return self.reply(b"S", token, text.encode("utf-8", "replace"))
        if form == b"stdio":
            # Its body may read standard input, so it runs when that is known.
            self.code, self.call = code, script.calls_entry(self.source, self.entry)
            return self.reply(b"L", token, b"script")
        try:
            self.recursion.go(EXEC)
            exec(code, self.namespace)
            if self.setup:
                # Setup code may lack names that only the tests' side has; a test that needs it says so itself.
                try:
                    exec(compile(self.setup, "<setup>", "exec"), self.namespace)
                    self.setup_done = True
                except Exception:
                    pass
        except _BaseException as error:
            return self.failed(token, error)
        script.become_main(self.namespace, name)
        self.reply(b"L", token, self.kind_of(self.entry).encode())

    def compile(self, trace):
        if trace == b"":
            return compile(self.source, "<program>", "exec", dont_inherit=True)
        self.program = tracing_source.Program(self.source, "<program>")
        steps, seconds, size, backend, instructions = trace.decode().split(",")
        self.budget = (int(steps), float(seconds), int(size), backend or None, instructions == "1")
        self.buffer = mmap.mmap(self.trace_fd, 0)
        return self.program.code

    def kind_of(self, name):
        value = self.namespace.get(name, self)
        if value is self:
            return "missing"
        if issubclass(_Type(value), _Type):
            return "class"
        if _Type(value) is _Function and value.__name__ == name:
            return "function"
        return "callable" if callable(value) else "value"

    def N(self, token, names):
        """Says what the program's names stand for: a module, something imported from one, a function, another object."""
        lines = []
        for name in names.decode().split("\n"):
            kind = self.kind_of(name)
            value = self.namespace.get(name)
            if kind == "missing" and name in _BUILTIN_NAMES and name in _words(self.source):
                # Whoever sets it where the program's own names are sets it for the program.
                kind = "builtin"
            elif _Type(value) is _Module:
                kind = "module:%s" % value.__name__
            elif kind != "missing":
                home = getattr(value, "__module__", None)
                if _Type(home) is _str and home not in ("solution", "__main__") and getattr(_modules.get(home), name, self) is value:
                    kind = "import:%s" % home
            lines.append(kind)
        self.reply(b"N", token, "\n".join(lines).encode("utf-8", "replace"))

    def C(self, token, target, which, invocation, message):
        """Calls a function of the program, or takes the next item of an iterator that it returned."""
        decoder = Decoder(message)
        args, kwargs = decoder.message()
        kwargs = dict(kwargs)
        try:
            function = self.namespace[which.decode()] if target == b"n" else self.handles.items[int(which)]
            self.recursion.go(0)
            if target == b"x":
                value = (next(function) if self.traced is None else self.traced.go_on(next, (function,)),)
            elif self.program is None:
                value = function(*args, **kwargs)
            elif target == b"h" and self.traced is not None:
                value = self.traced.go_on(function, args, kwargs)
            else:
                value = self.tracer().call(function, args, kwargs, invocation.decode(), self.namespace)
        except _BaseException as error:
            if target == b"x" and isinstance(error, StopIteration):
                value = ()
            elif isinstance(error, _SystemExit):
                return self.failed(token, error)
            else:
                # What the call did to its arguments before it raised is there to be seen, too.
                state = self.encode(decoder, None)
                name, bases, text = describe(error)
                fields = [field.encode("utf-8", "replace") for field in (name, "\n".join(bases), text)]
                return self.reply(b"E", token, *fields, state)
        try:
            data = self.encode(decoder, value)
        except RecursionError:
            # It nests deeper than a message may.
            self.rest()
            data = bytes(8) + Encoder((), self.handles).opaque(value, _Type(value))
        except _BaseException as error:
            return self.failed(token, error)
        self.reply(b"V", token, data)

    def encode(self, decoder, value):
        self.rest()
        encoder = Encoder(decoder.heap, self.handles)
        return encoder.message(value, decoder.spans)[0]

    def tracer(self):
        steps, seconds, size, backend, instructions = self.budget
        sink = tracing.MemorySink(self.buffer)
        budget = tracing.Budget(steps=steps, seconds=seconds, size=size)
        self.traced = tracing.Tracer(self.program, sink, budget, backend=backend, instructions=instructions)
        return self.traced

    def U(self, token, source, invocation):
        """Runs a test that needs the program's own objects, here, in the program's namespace. The program is asked nothing
        more after that."""
        try:
            test = Beside(source.decode("utf-8", "surrogatepass"))
        except Exception as error:
            return self.reply(b"F", token, b"test", ("%s: %s" % describe(error)[::2]).encode("utf-8", "replace"))
        namespace = self.namespace
        namespace.setdefault("candidate", namespace.get(self.entry))
        namespace[NOTE] = test.compare
        script.remember(self.source, "<program>", self.module.__dict__["__file__"])
        try:
            self.recursion.go(EXEC)
            if self.setup and not self.setup_done:
                try:
                    exec(compile(self.setup, "<setup>", "exec"), namespace)
                except Exception as error:
                    if not fault_of_setup(error):
                        raise
                    self.rest()
                    text = "its setup fails: %s: %s" % describe(error)[::2]
                    return self.reply(b"F", token, b"setup", text.encode("utf-8", "replace"))
            if self.program is not None:
                self.tracer().evaluate(test.code, namespace, invocation.decode())
            else:
                exec(test.code, namespace)
        except _BaseException as error:
            self.rest()
            if test.ended_well(error):
                return self.reply(b"O", token)
            if failed_here(error):
                return self.reply(b"F", token, b"assert", test.message(error)[:_MESSAGE].encode("utf-8", "replace"))
            return self.failed(token, error)
        self.reply(b"O", token)

    def R(self, token, expression):
        """Evaluates an expression, traced, and runs the body of a generator or coroutine that comes of it."""
        try:
            self.recursion.go(EXEC)
            value = self.tracer().evaluate(expression.decode(), self.namespace)
            script.run_body(value, self.traced)
        except _BaseException as error:
            return self.failed(token, error)
        self.reply(b"O", token)

    def I(self, token, stdin):
        """Puts the standard input in place. No line of the program has run yet: what fails here is the machine's doing."""
        try:
            fd = os.open("stdin", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            os.unlink("stdin")
            at = 0
            while at < len(stdin):
                at += os.write(fd, stdin[at:])
            os.lseek(fd, 0, os.SEEK_SET)
            os.dup2(fd, 0)
            os.close(fd)
        except OSError as error:
            return self.reply(b"H", token, _str(error).encode("utf-8", "replace"))
        self.reply(b"I", token)

    def X(self, token, patience, shows):
        """Runs the program on standard input, from its first line to its end; with `shows`, for one who reads its messages."""
        try:
            code = script.run(self, float(patience), shows == b"1")
        except _BaseException as error:
            return self.failed(token, error)
        self.reply(b"D", token, b"%d" % code)


def serve(fd, trace_fd):
    """Announces itself, then answers requests until there are no more."""
    server = Server(fd, trace_fd)
    server.recursion.install()
    # A script imports from its own folder. Behind the library here: what it leaves there must not take a module's place.
    sys.path.append(os.getcwd())
    requests = {name.encode(): getattr(server, name) for name in "PNCURIX"}
    send(fd, b"G")
    while True:
        kind, fields = receive(fd)
        requests[kind](*fields)
