"""The process that runs a program: loads it, calls its functions when asked, and sends back what came of each call.

Nothing that this process says is evidence that a test passed: it only ever sees arguments, never an expected
value, and each of its answers is checked as the message of a possible enemy. It holds no secrets and no other descriptors
than its protocol's. The one exception are tests that need objects of the program's own classes; they run here, and
their verdict is labelled as unproven.
"""

import ast
import io
import mmap
import os
import struct
import sys
import types

import trace_source as tracing_source
import tracer as tracing
from _egcfg_codec import Decoder, Encoder, Malformed, name_of

_read, _write, _exit = os.read, os.write, os._exit
_setrecursionlimit, _settrace = sys.setrecursionlimit, sys.settrace
_modules = sys.modules
_mro = type.__dict__["__mro__"].__get__
_u32 = struct.Struct("<I").pack
_ru32 = struct.Struct("<I").unpack_from
_RECURSION = sys.getrecursionlimit()
_BUILTIN_ERRORS = {
    name: cls for name, cls in vars(__import__("builtins")).items()
    if isinstance(cls, type) and issubclass(cls, BaseException)
}
_ERROR_NAMES = {cls: name for name, cls in _BUILTIN_ERRORS.items()}
_BaseException, _SystemExit, _SyntaxError = BaseException, SystemExit, SyntaxError
_AssertionError = AssertionError
_Function, _Module, _Type = types.FunctionType, types.ModuleType, type
_str = str
_MESSAGE = 2000


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
    return name_of(cls), bases, text[:_MESSAGE]


def exit_code(error):
    """The exit status that `sys.exit(x)` asks for."""
    code = error.code
    if code is None:
        return 0
    return code & 0xFF if _Type(code) is int else 1


def calls_entry(source, entry):
    """Whether the harness must call `entry`: the script defines it and does not mention it at its own top level."""
    tree = ast.parse(source)
    defined, pending = False, list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            defined = defined or node.name == entry
            continue
        if isinstance(node, ast.Name) and node.id == entry and isinstance(node.ctx, ast.Load):
            return False
        pending.extend(ast.iter_child_nodes(node))
    return defined


class Server:
    """One program and the requests about it."""

    def __init__(self, fd, trace_fd):
        self.fd, self.trace_fd = fd, trace_fd
        self.namespace, self.source, self.handles = {}, "", []
        self.budget = self.buffer = self.program = None
        self.setup, self.setup_done = "", False
        self.code, self.call = None, False

    def reply(self, kind, token, *fields):
        _settrace(None)
        _setrecursionlimit(_RECURSION)
        send(self.fd, kind, token, *fields)

    def failed(self, token, error):
        """Reports what a program raised."""
        _setrecursionlimit(_RECURSION)
        if isinstance(error, _SystemExit):
            self.reply(b"Q", token, b"%d" % exit_code(error))
            return
        name, bases, text = describe(error)
        encode = lambda value: value.encode("utf-8", "replace")
        self.reply(b"E", token, encode(name), encode("\n".join(bases)), encode(text))

    # Requests, by their kind.

    def P(self, token, source, entry, setup, form, trace):
        """Loads the program."""
        self.source, self.entry = source.decode("utf-8", "surrogatepass"), entry.decode()
        self.setup = setup.decode("utf-8", "surrogatepass")
        name = "__main__" if form == b"stdio" else "solution"
        self.module = _Module(name)
        self.namespace = self.module.__dict__
        _modules[name] = _modules["__main__"] = self.module
        try:
            code = self.compile(trace)
        except (_SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            if isinstance(error, _SyntaxError):
                text = "line %s: %s" % (error.lineno, error.msg)
            else:
                text = "%s: %s" % describe(error)[::2]
            return self.reply(b"S", token, text.encode("utf-8", "replace"))
        if form == b"stdio":
            # Its body may read standard input, so it runs when that is known.
            self.code, self.call = code, calls_entry(self.source, self.entry)
            return self.reply(b"L", token, b"script")
        try:
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
        if _Type(value) is _Function:
            return "function"
        return "callable" if callable(value) else "value"

    def N(self, token, names):
        """Says what the program's names stand for: a module, something imported from one, a function, another object."""
        lines = []
        for name in names.decode().split("\n"):
            kind = self.kind_of(name)
            value = self.namespace.get(name)
            if _Type(value) is _Module:
                kind = "module:%s" % value.__name__
            elif kind != "missing":
                home = getattr(value, "__module__", None)
                if _Type(home) is _str and home != self.module.__name__ and getattr(_modules.get(home), name, self) is value:
                    kind = "import:%s" % home
            lines.append(kind)
        self.reply(b"N", token, "\n".join(lines).encode("utf-8", "replace"))

    def C(self, token, target, which, invocation, message):
        """Calls a function of the program, or takes the next item of an iterator that it returned."""
        decoder = Decoder(message)
        args, kwargs = decoder.message()
        kwargs = dict(kwargs)
        try:
            if target == b"x":
                value = (next(self.handles[int(which)]),)
            else:
                function = self.handles[int(which)] if target == b"h" else self.namespace[which.decode()]
                if self.program is not None:
                    tracer = self.tracer()
                    value = tracer.call(function, args, kwargs, invocation.decode(), self.namespace)
                else:
                    value = function(*args, **kwargs)
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
        except _BaseException as error:
            return self.failed(token, error)
        self.reply(b"V", token, data)

    def encode(self, decoder, value):
        _settrace(None)
        _setrecursionlimit(_RECURSION)
        encoder = Encoder(decoder.heap, self.module.__name__, self.handles)
        return encoder.message(value, decoder.spans)[0]

    def tracer(self):
        steps, seconds, size, backend, instructions = self.budget
        sink = tracing.MemorySink(self.buffer)
        budget = tracing.Budget(steps=steps, seconds=seconds, size=size)
        return tracing.Tracer(self.program, sink, budget, backend=backend, instructions=instructions)

    def U(self, token, source, invocation):
        """Runs a test that needs the program's own objects, here, in the program's namespace."""
        try:
            code = compile(source.decode("utf-8", "surrogatepass"), "<test>", "exec", dont_inherit=True)
        except Exception as error:
            return self.reply(b"F", token, b"test", ("%s: %s" % describe(error)[::2]).encode("utf-8", "replace"))
        namespace = dict(self.namespace)
        namespace.setdefault("candidate", namespace.get(self.entry))
        try:
            if self.setup and not self.setup_done:
                exec(compile(self.setup, "<setup>", "exec"), namespace)
            if self.program is not None:
                self.tracer().evaluate(code, namespace, invocation.decode())
            else:
                exec(code, namespace)
        except _BaseException as error:
            frames, at = [], error.__traceback__
            while at is not None:
                frames.append(at.tb_frame.f_code.co_filename)
                at = at.tb_next
            if isinstance(error, _AssertionError) and frames and frames[-1] == "<test>":
                return self.reply(b"F", token, b"assert", _str(error)[:_MESSAGE].encode("utf-8", "replace"))
            return self.failed(token, error)
        self.reply(b"O", token)

    def R(self, token, expression):
        """Evaluates an expression, traced."""
        try:
            self.tracer().evaluate(expression.decode(), self.namespace)
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

    def X(self, token):
        """Runs the program on standard input: the whole script, then its function unless the script calls it itself."""
        sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8")
        out, code = sys.stdout, 0
        try:
            if self.program is not None and not self.call:
                self.tracer().execute(self.namespace)
            else:
                exec(self.code, self.namespace)
            if self.call and self.program is not None:
                self.tracer().call(self.namespace[self.entry], (), {}, self.entry + "()", self.namespace)
            elif self.call:
                self.namespace[self.entry]()
        except _SystemExit as error:
            code = exit_code(error)
        except _BaseException as error:
            return self.failed(token, error)
        try:
            out.flush()
            if sys.stdout is not out:
                sys.stdout.flush()
        except _BaseException as error:
            return self.failed(token, error)
        self.reply(b"D", token, b"%d" % code)


def serve(fd, trace_fd):
    """Announces itself, then answers requests until there are no more."""
    server = Server(fd, trace_fd)
    requests = {name.encode(): getattr(server, name) for name in "PNCURIX"}
    send(fd, b"G")
    while True:
        kind, fields = receive(fd)
        requests[kind](*fields)
