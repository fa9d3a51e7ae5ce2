"""Traces one invocation of a program and streams what happened, step by step.

This module is what the driver builds on; `trace_values.py` (rendering of values) and `trace_source.py` (the program's
statements) lie beside it and must be importable by these names. All three use only the standard library and run on
CPython 3.9 and later. Import them once in the warm interpreter; every function they need is captured at import, so a
program that replaces builtins cannot mislead them.

How the driver uses it
======================
::

    from trace_source import Program
    from tracer import Budget, FdSink, MemorySink, Tracer

    program = Program(source, "<program>")      # SyntaxError, ValueError, RecursionError, MemoryError as compile() has them
    namespace = {"__name__": "__main__", "__builtins__": builtins}
    exec(program.code, namespace)               # the definitions, untraced
    sink = MemorySink(shared)                   # or FdSink(fd); see "Where the steps go"
    tracer = Tracer(program, sink, Budget(steps=2000, seconds=2.0, size=1 << 20))
    value = tracer.call(namespace["f"], (1, 2), {}, "f(1, 2)", namespace)

One `Tracer` traces one invocation and writes one trace to its sink:

- ``tracer.call(function, args, kwargs, invocation, namespace=None)`` calls the function; returns its value, or lets its
  exception through unchanged (`SystemExit` and `KeyboardInterrupt` included).
- ``tracer.evaluate(expression, namespace, invocation=None)`` evaluates an expression (text, or a code object that
  was compiled by the driver): for invocations such as ``sorted(f([2, 1]))``.
- ``tracer.execute(namespace, invocation="<program>")`` runs the program's own module body traced: for programs whose
  work is at module level. The body shows as a call of ``<module>`` at depth 2.

``invocation`` is the text shown as the first step. ``namespace`` are the program's globals: those without leading and
trailing double underscores are the locals of the invocation's own steps. After any of the three, ``tracer.cut`` is
None or the reason for which the trace ends early, and ``tracer.steps`` the number of steps written. The trace is
complete in the sink when they return or raise; nothing has to be closed.

``Tracer(program, sink, budget=Budget(), backend=None, instructions=False, on_cut=None)``: ``backend`` forces
``"settrace"`` or ``"monitoring"`` (default: `sys.monitoring` where it exists); ``instructions`` adds a step per
byte-code instruction; ``on_cut(reason)`` is called once, after the trace is complete in the sink, when a budget is
reached. By default the program then simply goes on untraced, so that its verdict is still that of the whole run;
a driver that wants to stop instead leaves the process from ``on_cut``.

``Budget(steps=2000, seconds=5.0, size=1 << 20, depth=200, items=32, string=200, nesting=5, chars=400)``: steps of the
trace, wall seconds, total characters of rendered values, program frames shown below each other; then per value: items of a
container, characters of a string, nesting, characters in all.

Where the steps go
==================
A sink has ``write(bytes)`` and ``flush()``. Two survive a `kill -9` of the process:

- ``MemorySink(buffer, start=0, end=None)``: `buffer` is a writable shared memory map made before the fork
  (``mmap.mmap(-1, size)`` or one over a memfd of the supervisor's). Bytes ``start..start+8`` hold the number of valid
  bytes that follow (little-endian u64), updated after each step: not one step is lost. A full buffer cuts the trace
  (``size``). The preferred sink: no system call per step. `size + 256 KiB` is enough room for the default budget.
- ``FdSink(fd, steps=32, seconds=0.005)``: writes to a pipe or file after that many steps or that much time, whichever
  comes first, so that at most 32 steps are lost when the process is killed inside a long C call. The first steps are
  written at once.

`trace_decode.rs` turns the bytes into an `egcfg_task::Trace`; a stream without its end record is a cut trace.

What is traced
==============
Only the code objects of ``program.code`` (its functions, classes and so on), and only in the thread that made the call.
Library code, code that the program itself compiles, and other threads run untraced.

The normal form
===============
The same program gives the same steps on every version and with both back ends, save for what is listed here:

- Steps are counted in statements (see `trace_source`): lines inside one statement do not show, nor does a loop that lies
  wholly on one line, after its first pass. Coming by a `with` header again on the way out does not show.
- List, set and dictionary comprehensions and generator expressions belong to the statement around them: their frames
  (3.11 and older) and variables (3.12 and newer) do not show; functions that they call do.
- A generator or coroutine shows a call step each time it is entered and a return step each time it yields. The end of an
  iteration (`StopIteration` taken by `for`, `await`, `yield from`) does not show, nor does the
  closing of a generator that nobody waits for, unless that runs lines of its own.
- An exception shows once in each frame that it passes; a frame left by it has no return step.
- A frame that an exception leaves after other exceptions were handled in it is described by the last one that was
  raised there (`settrace` does not say which one it is).
- Left over: 3.9 reports no step for `pass`, `break`, `continue` and constant expressions where its compiler drops
  them, nor for the header of a `while True` that begins with one of them, and it comes by the last line of an
  `async for` once more at its end; a program that shows how a library went
  about its work (in which order `sorted` compares) shows that version's way; on 3.12 and older a dictionary that the program got from `locals()` follows the variables; a value may live
  until the next step of its frame.

The wire format
===============
ASCII lines, each a JSON array. Strings first mark definitions: ``["T", 1, backend, version, invocation]`` opens the trace,
``["S", line, text]`` defines a source line, ``["F", frame, depth, function]`` a frame (again when its depth
changes), ``["E", cut or null]`` ends it. All other arrays are steps: ``[event, frame, line, changes, removed, outcome, instruction]``,
trailing parts left out where empty; event 0 call, 1 line, 2 return, 3 exception; ``changes`` is a flat list
``name, value, type, ...`` of the locals that are new or differ from the same frame's last step; ``removed`` a list of
names; ``outcome`` is ``[0, value]`` or ``[1, exception, message]``.
"""

import _json
import _thread
import os
import sys
import time
from builtins import (
    BaseException, BlockingIOError, GeneratorExit, KeyboardInterrupt, MemoryError, OSError, RecursionError, RuntimeError,
    StopAsyncIteration, StopIteration, ValueError, compile, dict, enumerate, eval, exec, getattr, id, len, list,
    max, memoryview, min, object, reversed, set, str, type,
)

from trace_source import QUIET_ENDS, RETURNS, YIELD_FROM, YIELDS, Program, code_type, dunder
from trace_values import Renderer, clean, type_name

CALL, LINE, RETURN, EXCEPTION = 0, 1, 2, 3
FORMAT = 1
TOOL_NAME = "egcfg"
# Frames that the tracer itself needs below a program's frame, with room for a few of the library's.
HEADROOM = 80

quote = _json.encode_basestring_ascii
clock = time.monotonic
get_ident = _thread.get_ident
getframe = sys._getframe
gettrace, settrace = sys.gettrace, sys.settrace
getrecursionlimit = sys.getrecursionlimit
os_write = os.write
monitoring = getattr(sys, "monitoring", None)
if monitoring is not None:
    events = monitoring.events
    register_callback, set_events = monitoring.register_callback, monitoring.set_events
    set_local_events, get_local_events = monitoring.set_local_events, monitoring.get_local_events
    use_tool_id, free_tool_id = monitoring.use_tool_id, monitoring.free_tool_id
    get_tool, get_events = monitoring.get_tool, monitoring.get_events
VERSION = "%d.%d.%d" % sys.version_info[:3]
# Names of a module or class that are shown; the first ones.
NAMES_SHOWN = 100
NO_LOOP = (-1, -1)
BEHIND_YIELD = sys.version_info >= (3, 13)
BEFORE_YIELD = sys.version_info < (3, 11)
# Stand for "no atom is known" and "as at the frame's last step".
NOTHING, UNCHANGED = object(), object()
OWN_FILES = (
    (lambda: None).__code__.co_filename, Program.add.__code__.co_filename, Renderer.text.__code__.co_filename,
)


class Budget:
    """What a trace may take; see the module's description."""

    __slots__ = ("chars", "depth", "items", "nesting", "seconds", "size", "steps", "string")

    def __init__(self, steps=2000, seconds=5.0, size=1 << 20, depth=200, items=32, string=200, nesting=5, chars=400):
        self.steps, self.seconds, self.size, self.depth = steps, seconds, size, depth
        self.items, self.string, self.nesting, self.chars = items, string, nesting, chars


class MemorySink:
    """Writes into shared memory: eight bytes of length, then the bytes."""

    __slots__ = ("base", "buffer", "count", "limit", "position")

    def __init__(self, buffer, start=0, end=None):
        self.buffer = buffer
        # In the machine's byte order, which is little-endian wherever the sandbox runs.
        self.count = memoryview(buffer)[start:start + 8].cast("Q")
        self.base = self.position = start + 8
        # The last bytes are kept for the end record.
        self.limit = (len(buffer) if end is None else end) - 32
        self.count[0] = 0

    def write(self, data):
        """Returns False when there is no more room."""
        position = self.position
        end = position + len(data)
        if end > self.limit:
            return False
        self.buffer[position:end] = data
        self.position = end
        self.count[0] = end - self.base
        return True

    def finish(self, data):
        self.limit += 32
        self.write(data)

    def flush(self):
        pass


class FdSink:
    """Writes to a descriptor in chunks."""

    __slots__ = ("due", "fd", "held", "seconds", "steps")

    def __init__(self, fd, steps=32, seconds=0.005):
        self.fd, self.steps, self.seconds = fd, steps, seconds
        self.held = []
        self.due = 0.0

    def write(self, data):
        """Returns False when the descriptor no longer takes anything."""
        self.held.append(data)
        if len(self.held) >= self.steps or clock() >= self.due:
            return self.flush()
        return True

    def finish(self, data):
        self.held.append(data)
        self.flush()

    def flush(self):
        data = memoryview(b"".join(self.held))
        self.held = []
        try:
            while len(data):
                try:
                    data = data[os_write(self.fd, data):]
                except BlockingIOError:
                    time_sleep(0.001)
        except OSError:
            return False
        self.due = clock() + self.seconds
        return True


time_sleep = time.sleep


class Frame:
    """A frame of the program while it is traced (a generator's also while it is suspended)."""

    __slots__ = (
        "alive", "calling", "closing", "code", "depth", "error", "identity", "last", "lasti", "seen", "serial", "silent",
        "told", "tracer", "unwinding",
    )

    def __init__(self, tracer, code, identity, depth):
        self.tracer, self.code, self.identity, self.depth = tracer, code, identity, depth
        # Name -> [atom, snapshot, text, type, alive], in order of first assignment.
        self.seen = {}
        self.alive = 0
        self.serial = self.told = -1
        self.last = self.lasti = -1
        self.silent = self.calling = self.closing = self.unwinding = False
        self.error = None

    def on_event(self, frame, event, argument):
        """The local trace function of the `settrace` back end."""
        tracer = self.tracer
        if tracer.off:
            return None
        try:
            if event == "line":
                if not self.silent:
                    tracer.line(self, frame, frame.f_lineno)
            elif event == "return":
                tracer.left(self, frame, argument, unwinds(self, frame, argument))
            elif event == "exception":
                tracer.raised(self, frame, argument[1])
            elif event == "opcode":
                tracer.operation(self, frame, frame.f_lasti)
        except BaseException as error:
            tracer.failed(error)
            return None
        return self.on_event


def unwinds(rec, frame, value):
    """Whether a `return` event of `settrace` means that an exception leaves the frame."""
    if value is not None:
        return False
    if rec.code.operations[frame.f_lasti] in RETURNS:
        return False
    return rec.unwinding or not yields(rec, frame)


def yields(rec, frame):
    """Whether a frame that is being left stands at a `yield` (from 3.13 on behind it; before 3.11 in front of a
    `yield from`)."""
    last = frame.f_lasti
    operations = rec.code.operations
    if operations[last] in YIELDS:
        return True
    if BEHIND_YIELD:
        return last >= 2 and operations[last - 2] in YIELDS
    return BEFORE_YIELD and last + 2 < len(operations) and operations[last + 2] == YIELD_FROM


class Tracer:
    """Traces one invocation; see the module's description."""

    def __init__(self, program, sink, budget=None, backend=None, instructions=False, on_cut=None):
        if backend is None:
            backend = "settrace" if monitoring is None else "monitoring"
        if backend not in ("settrace", "monitoring") or (backend == "monitoring" and monitoring is None):
            raise ValueError("no tracing back end %s in Python %s" % (backend, VERSION))
        budget = Budget() if budget is None else budget
        self.program, self.sink, self.backend, self.on_cut = program, sink, backend, on_cut
        self.codes, self.statements = program.codes, program.statements
        self.withs = program.withs if sys.version_info >= (3, 10) else {}
        self.endless = program.endless
        self.render = Renderer(budget.items, budget.string, budget.nesting, budget.chars)
        self.budget, self.size, self.depth = budget, budget.size, budget.depth
        self.steps, self.most_steps = 0, budget.steps
        self.write = sink.write
        self.cut = None
        self.off = True
        self.deep = self.busy = self.ended = False
        self.stack, self.suspended, self.sent = [], {}, set()
        self.serials = 0
        self.deadline = 0.0
        self.tool = None
        self.instructions = {} if instructions else None
        self.disassemble = None
        if instructions:
            import dis
            self.disassemble = dis.get_instructions
        self.hook = self.on_call
        self.invocation, self.namespace = "", None
        self.old = None

    # What the driver calls.

    def call(self, function, args, kwargs, invocation, namespace=None):
        """Calls a function under the tracer; returns its value or lets its exception through."""
        self.begin(invocation, namespace)
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            self.end_raised(error)
            raise
        self.end_returned(value)
        return value

    def evaluate(self, expression, namespace, invocation=None):
        """Evaluates an expression (text or code object) under the tracer."""
        if type(expression) is not code_type:
            if invocation is None:
                invocation = expression
            expression = compile(expression, "<invocation>", "eval", dont_inherit=True)
        self.begin(invocation or "<expression>", namespace)
        try:
            value = eval(expression, namespace)
        except BaseException as error:
            self.end_raised(error)
            raise
        self.end_returned(value)
        return value

    def execute(self, namespace, invocation="<program>"):
        """Runs the program's module body under the tracer."""
        self.begin(invocation, namespace)
        try:
            exec(self.program.code, namespace)
        except BaseException as error:
            self.end_raised(error)
            raise
        self.end_returned(None)

    # The invocation's own steps.

    def begin(self, invocation, namespace):
        self.invocation = clean(invocation)
        self.namespace = namespace
        self.deadline = clock() + self.budget.seconds
        base, frame = 0, getframe()
        while frame is not None:
            base, frame = base + 1, frame.f_back
        room = getrecursionlimit() - base - HEADROOM
        self.limit = max(1, room)
        self.depth = max(1, min(self.depth, room // 2))
        outer = Frame(self, None, 0, 1)
        self.stack.append(outer)
        self.write(('["T",%d,"%s","%s",%s]\n' % (FORMAT, self.backend, VERSION, quote(self.invocation))).encode())
        self.off = False
        self.step(LINE, outer, 0, self.public_names())
        if self.cut is not None:
            return
        if self.backend == "settrace":
            self.old = gettrace()
            if self.instructions is not None:
                # From 3.12 on, `settrace` looks whether any frame has asked for instructions before it is called.
                getframe().f_trace_opcodes = True
            settrace(self.hook)
        else:
            self.monitor()

    def end_returned(self, value):
        self.stop()
        if self.may_end():
            self.step(RETURN, self.stack[0], 0, self.public_names(), "[0,%s]" % quote(self.shown(value)))
        self.finish()

    def end_raised(self, error):
        self.stop()
        if self.may_end():
            self.step(EXCEPTION, self.stack[0], 0, self.public_names(), self.exception(error))
        self.finish()

    def may_end(self):
        """Whether the invocation's last step belongs to the trace: not after a gap, save for one of depth."""
        return not self.ended

    def public_names(self):
        return plain_names(self.namespace)

    def shown(self, value):
        text = self.render.text(value)
        self.size -= len(text)
        return text

    def exception(self, error):
        return "[1,%s,%s]" % (quote(type_name(type(error))), quote(self.render.message(error)))

    def finish(self):
        if not self.ended:
            self.ended = True
            if self.cut is None and self.deep:
                self.cut = "depth"
            self.sink.finish(b'["E",null]\n' if self.cut is None else ('["E","%s"]\n' % self.cut).encode())
        self.stack = []
        self.suspended = {}

    # Steps.

    def step(self, event, rec, line, values, outcome=None, instruction=None):
        """Writes one step, with what changed in its frame since that frame's last one."""
        if self.ended:
            return
        if self.steps >= self.most_steps:
            return self.end_early("steps")
        if clock() > self.deadline:
            return self.end_early("time")
        self.steps += 1
        changes, removed = self.changes(rec, values)
        before = ""
        if line not in self.sent:
            self.sent.add(line)
            source = self.program.text(line) if line else self.invocation
            before = '["S",%d,%s]\n' % (line, quote(source))
        if rec.told != rec.depth:
            if rec.serial < 0:
                rec.serial = self.serials
                self.serials += 1
            rec.told = rec.depth
            name = "<module>" if rec.code is None else rec.code.name
            before += '["F",%d,%d,%s]\n' % (rec.serial, rec.depth, quote(name))
        if instruction is not None:
            tail = ",[%s],[%s],%s,%s]\n" % (changes, removed, outcome or "null", quote(instruction))
        elif outcome is not None:
            tail = ",[%s],[%s],%s]\n" % (changes, removed, outcome)
        elif removed:
            tail = ",[%s],[%s]]\n" % (changes, removed)
        elif changes:
            tail = ",[%s]]\n" % changes
        else:
            tail = "]\n"
        if not self.write(("%s[%d,%d,%d%s" % (before, event, rec.serial, line, tail)).encode()):
            self.end_early("size")
        elif self.size < 0:
            self.end_early("size")

    def changes(self, rec, values):
        """The locals that differ from the frame's last step, as the inside of a JSON list, and the names that are gone."""
        parts = []
        fresh = None
        seen = rec.seen
        render = self.render
        holds = render.holds
        count = 0
        for name, value in values.items():
            entry = seen.get(name)
            if entry is None:
                if fresh is None:
                    fresh = []
                fresh.append((name, value))
                continue
            count += 1
            if entry[0] is value or value is UNCHANGED:
                continue
            snapshot = entry[1]
            if snapshot is not None and holds(value, snapshot):
                continue
            text, entry[0], entry[1] = render.entry(value, NOTHING)
            kind = type_name(type(value))
            if not entry[4]:
                entry[4] = True
                rec.alive += 1
            elif text == entry[2] and kind == entry[3]:
                continue
            entry[2], entry[3] = text, kind
            self.size -= len(text)
            parts.append(quote(name) + "," + quote(text) + "," + quote(kind))
        removed = ""
        if count != rec.alive:
            gone = [name for name, entry in seen.items() if entry[4] and name not in values]
            for name in gone:
                entry = seen[name]
                entry[0], entry[1], entry[2], entry[4] = NOTHING, None, None, False
            rec.alive -= len(gone)
            removed = ",".join([quote(name) for name in gone])
        if fresh is not None:
            code = rec.code
            if code is not None and code.function:
                if code.hidden_names:
                    fresh = [pair for pair in fresh if pair[0] not in code.hidden_names]
                if len(fresh) > 1:
                    fresh = by_rank(fresh, code.rank)
            for name, value in fresh:
                text, atom, snapshot = render.entry(value, NOTHING)
                kind = type_name(type(value))
                seen[name] = [atom, snapshot, text, kind, True]
                rec.alive += 1
                self.size -= len(text)
                parts.append(quote(name) + "," + quote(text) + "," + quote(kind))
        return ",".join(parts), removed

    def values(self, rec, frame):
        """The locals of a frame: a mapping with exact string keys whose iteration runs no program code."""
        values = frame.f_locals
        if rec.code.function:
            return values
        return plain_names(values)

    # Events, the same for both back ends.

    def enter(self, frame, code):
        """A frame of the program begins or goes on; returns its record, or None where it is not shown."""
        if code.hidden:
            return None
        stack = self.stack
        identity = id(frame)
        depth = len(stack) + 1
        rec = None
        if code.resumable:
            rec = self.suspended.pop(identity, None)
            if rec is not None and (rec.code is not code or frame.f_lasti < rec.lasti):
                rec = None
        resumed = rec is not None
        if resumed:
            rec.depth = depth
            rec.closing = rec.unwinding = False
        else:
            rec = Frame(self, code, identity, depth)
        if stack[-1].calling:
            # It went on into another frame, as `yield from` does.
            self.resumed(stack[-1], self.values(stack[-1], frame_of(stack[-1], frame)))
        stack.append(rec)
        rec.silent = depth > self.depth + 1
        if rec.silent:
            self.deep = True
            if depth > self.limit:
                # The program is about to reach the recursion limit: it must meet it by itself, without the tracer's frames.
                self.pause()
        elif resumed:
            # Written with the next event: the closing of a suspended generator is not shown.
            rec.calling = True
        else:
            self.step(CALL, rec, code.line, self.values(rec, frame))
        return rec

    def line(self, rec, frame, number):
        """A line is about to run."""
        statements = self.statements
        if number is None or number >= len(statements):
            return
        line = statements[number]
        last = rec.last
        if line == last and not (self.endless and self.endless.get(line, NO_LOOP)[1] == number):
            return
        end = self.withs.get(line)
        if end is not None and line < last <= end:
            return
        values = frame.f_locals if rec.code.function else plain_names(frame.f_locals)
        if rec.calling:
            self.resumed(rec, values)
        if self.endless:
            self.loop_header(rec, line, last, values)
        rec.last = line
        rec.unwinding = False
        self.step(LINE, rec, line, values)

    def loop_header(self, rec, line, last, values):
        """Shows the header of an endless loop where the interpreter does not (3.9)."""
        headers = []
        first = line
        while first in self.endless and not line < last <= self.endless[first][1]:
            header = self.endless[first][0]
            headers.append(header)
            first = header
        for header in reversed(headers):
            self.step(LINE, rec, header, values)

    def resumed(self, rec, values):
        rec.calling = False
        if rec.code.shared:
            values = without_shared(values, rec)
        self.step(CALL, rec, rec.code.line, values)

    def left(self, rec, frame, value, unwinding):
        """A frame returns, yields, or is left by an exception."""
        stack = self.stack
        while stack[-1] is not rec:
            stack.pop()
            if not stack:
                raise RuntimeError("a frame was left that was never entered")
        stack.pop()
        if rec.silent:
            return
        if unwinding:
            if rec.calling and rec.closing:
                return
            if not rec.unwinding and rec.error is not None:
                self.step(EXCEPTION, rec, self.line_of(frame), self.values(rec, frame), rec.error)
            return
        values = self.values(rec, frame)
        if rec.calling:
            self.resumed(rec, values)
        if rec.code.resumable and yields(rec, frame):
            rec.lasti = frame.f_lasti - 2
            self.suspended[rec.identity] = rec
            if rec.code.shared:
                # An asynchronous comprehension may be what yields.
                values = without_shared(values, rec)
        self.step(RETURN, rec, self.line_of(frame), values, "[0,%s]" % quote(self.shown(value)))

    def raised(self, rec, frame, error):
        """An exception is raised in a frame or comes up into it."""
        if rec.silent:
            return
        kind = type(error)
        if kind is StopIteration or kind is StopAsyncIteration:
            if rec.code.operations[frame.f_lasti] in QUIET_ENDS:
                return
        rec.unwinding = True
        rec.error = self.exception(error)
        if rec.calling:
            if kind is GeneratorExit:
                rec.closing = True
                return
            self.resumed(rec, self.values(rec, frame))
        values = self.values(rec, frame)
        if rec.code.shared:
            values = without_shared(values, rec)
        self.step(EXCEPTION, rec, self.line_of(frame), values, rec.error)

    def operation(self, rec, frame, offset):
        """A byte-code instruction is about to run."""
        if rec.silent or self.instructions is None:
            return
        texts = self.instructions.get(id(rec.code))
        if texts is None:
            texts = self.instructions[id(rec.code)] = {
                i.offset: instruction_text(i) for i in self.disassemble(rec.code.code)
            }
        values = self.values(rec, frame)
        if rec.calling:
            self.resumed(rec, values)
        self.step(LINE, rec, self.line_of(frame), values, None, texts.get(offset, "?"))

    def line_of(self, frame):
        number = frame.f_lineno
        statements = self.statements
        return statements[number] if number is not None and 0 <= number < len(statements) else 0

    # Ending early.

    def end_early(self, reason):
        """A budget is used up: the trace ends here, and the program goes on."""
        if self.ended:
            return
        self.cut = reason
        self.stop()
        self.finish()
        if self.on_cut is not None:
            self.on_cut(reason)

    def pause(self):
        """Switches tracing off for good, but lets the invocation's last step be written."""
        self.cut = "depth"
        self.stop()

    def failed(self, error):
        """An exception inside the tracer. One that comes from elsewhere (a signal handler of the program's that ran while
        the tracer did) belongs to the program and goes on."""
        kind = type(error)
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        foreign = trace is not None and trace.tb_frame.f_code.co_filename not in OWN_FILES
        if foreign or kind is KeyboardInterrupt:
            self.end_early("failed")
            raise error
        if kind is RecursionError:
            self.pause()
        else:
            self.end_early("size" if kind is MemoryError else "failed")

    def stop(self):
        """Switches the back end off and notices whether the program did so before."""
        if self.off:
            return
        self.off = True
        if self.backend == "settrace":
            if self.cut is None and gettrace() is not self.hook:
                self.cut = "disabled"
            settrace(self.old)
        else:
            self.unmonitor()

    # The `settrace` back end.

    def on_call(self, frame, event, _argument):
        """The global trace function: a frame begins or goes on."""
        code = self.codes.get(id(frame.f_code))
        if code is None or self.off:
            return None
        try:
            rec = self.enter(frame, code)
        except BaseException as error:
            self.failed(error)
            return None
        if rec is None:
            return None
        if rec.silent:
            frame.f_trace_lines = False
        elif self.instructions is not None:
            # 3.13 asks for both to be set on the frame, and in this order.
            frame.f_trace = rec.on_event
            frame.f_trace_opcodes = True
        return rec.on_event

    # The `sys.monitoring` back end.

    def monitor(self):
        """Takes a tool id and asks for events: of the program's code alone where the interpreter allows it."""
        for tool in (4, 3, 2, 1, 5, 0):
            if get_tool(tool) is None:
                break
        use_tool_id(tool, TOOL_NAME)
        self.tool = tool
        self.thread = get_ident()
        self.callbacks = {
            events.PY_START: self.on_start, events.PY_RESUME: self.on_start, events.PY_THROW: self.on_throw,
            events.PY_RETURN: self.on_return, events.PY_YIELD: self.on_return, events.PY_UNWIND: self.on_unwind,
            events.LINE: self.on_line, events.RAISE: self.on_raise,
        }
        self.local = events.PY_START | events.PY_RESUME | events.PY_RETURN | events.PY_YIELD | events.LINE
        if self.instructions is not None:
            self.callbacks[events.INSTRUCTION] = self.on_instruction
            self.local |= events.INSTRUCTION
        self.everywhere = events.PY_THROW | events.PY_UNWIND | events.RAISE
        for event, callback in self.callbacks.items():
            register_callback(tool, event, callback)
        for code in self.codes.values():
            if not code.hidden:
                set_local_events(tool, code.code, self.local)
        set_events(tool, self.everywhere)

    def unmonitor(self):
        tool = self.tool
        if tool is None:
            return
        try:
            same = get_tool(tool) == TOOL_NAME and get_events(tool) == self.everywhere
            if same:
                set_events(tool, 0)
            for event, callback in self.callbacks.items():
                same = register_callback(tool, event, None) is callback and same
            for code in self.codes.values():
                if not code.hidden:
                    same = get_local_events(tool, code.code) == self.local and same
                    set_local_events(tool, code.code, 0)
            free_tool_id(tool)
        except ValueError:
            same = False
        if not same and self.cut is None:
            self.cut = "disabled"

    def on_start(self, code, _offset):
        code = self.codes.get(id(code))
        if code is None or self.off or self.busy or get_ident() != self.thread:
            return
        self.busy = True
        try:
            self.enter(getframe(1), code)
        except BaseException as error:
            self.failed(error)
        finally:
            self.busy = False

    def on_throw(self, code, offset, _error):
        if id(code) in self.codes and not self.off and not self.busy and get_ident() == self.thread:
            self.busy = True
            try:
                self.enter(getframe(1), self.codes[id(code)])
            except BaseException as error:
                self.failed(error)
            finally:
                self.busy = False

    def on_line(self, _code, number):
        if self.busy or self.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = self.current(frame)
            if rec is not None and not rec.silent:
                self.line(rec, frame, number)
        except BaseException as error:
            self.failed(error)
        finally:
            self.busy = False

    def on_return(self, _code, _offset, value):
        if self.busy or self.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = self.current(frame)
            if rec is not None:
                self.left(rec, frame, value, False)
        except BaseException as error:
            self.failed(error)
        finally:
            self.busy = False

    def on_unwind(self, code, _offset, error):
        if id(code) not in self.codes or self.busy or self.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = self.current(frame)
            if rec is not None:
                self.left(rec, frame, error, True)
        except BaseException as failure:
            self.failed(failure)
        finally:
            self.busy = False

    def on_raise(self, code, _offset, error):
        if id(code) not in self.codes or self.busy or self.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = self.current(frame)
            if rec is not None:
                self.raised(rec, frame, error)
        except BaseException as failure:
            self.failed(failure)
        finally:
            self.busy = False

    def on_instruction(self, _code, offset):
        if self.busy or self.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = self.current(frame)
            if rec is not None:
                self.operation(rec, frame, offset)
        except BaseException as error:
            self.failed(error)
        finally:
            self.busy = False

    def current(self, frame):
        """The record of a frame that is running."""
        identity = id(frame)
        stack = self.stack
        if stack[-1].identity == identity:
            return stack[-1]
        for rec in stack:
            if rec.identity == identity:
                return rec
        return None


def frame_of(rec, frame):
    """The frame of a record that is below `frame` on the stack."""
    while id(frame) != rec.identity:
        frame = frame.f_back
    return frame


def by_rank(pairs, rank):
    keyed = [(rank.get(pair[0], 1 << 20), position) for position, pair in enumerate(pairs)]
    keyed.sort()
    return [pairs[position] for _, position in keyed]


def plain_names(namespace):
    """The public names of a namespace that is an exact dictionary, with exact strings as keys."""
    if type(namespace) is not dict:
        return {}
    names = {name: value for name, value in list(namespace.items()) if type(name) is str and not dunder(name)}
    if len(names) > NAMES_SHOWN:
        # `from x import *` brings hundreds.
        names = dict(list(names.items())[:NAMES_SHOWN])
    return names


def without_shared(values, rec):
    """Locals without the variables of a comprehension that may be running in the frame: those that the function
    had before keep their last known state."""
    shared = rec.code.shared
    seen = rec.seen
    kept = {}
    for name, value in values.items():
        if name not in shared:
            kept[name] = value
        elif name in seen and seen[name][4]:
            kept[name] = UNCHANGED
    return kept


def instruction_text(instruction):
    """An instruction's name and argument, without addresses."""
    argument = instruction.argrepr
    if type(instruction.argval) is code_type:
        argument = "<Code " + instruction.argval.co_name + ">"
    return clean((instruction.opname + " " + argument).strip())
