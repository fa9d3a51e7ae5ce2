"""Traces one invocation of a program and streams what happened, step by step.

This module is what the driver builds on. It needs the modules `trace_values` and `trace_objects` (rendering of
values), `trace_source` (the program's statements), `trace_sinks`, `trace_steps`, `trace_events` and `trace_backends`, in
this order of import. All use the standard library only and run on CPython 3.9 and later. Import them once in the warm
interpreter: every function they need is captured at import, so that a program that replaces builtins cannot mislead
them.

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
- ``tracer.go_on(function, args, kwargs)`` continues the trace of the last invocation with another call: of an iterator's next
  step, so that the body of a generator shows, or of a function that was returned.
- ``tracer.execute(namespace, invocation="<program>")`` runs the program's own module body traced: for programs whose
  work is at module level. The body shows as a call of ``<module>`` at depth 2.

``invocation`` is the text shown as the first step. ``namespace`` are the program's globals: those without leading and
trailing double underscores are the locals of the invocation's own steps. After any of them, ``tracer.cut`` is
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
- Left over: 3.9 reports no step for `pass`, `break`, `continue` and constant expressions where its compiler drops them, nor
  for the header of a `while True` that begins with one of them, and it comes by the last line of an `async for` once
  more at its end. A program that shows how a library goes about its work (in which order `sorted` compares) shows
  that version's way. On 3.12 and older a dictionary that the program got from `locals()` follows the variables, and a
  value may live until the next step of its frame.

The wire format
===============
ASCII lines, each a JSON array. Strings first mark definitions: ``["T", 1, backend, version, invocation]`` opens the
trace, ``["S", line, text]`` defines a source line, ``["F", frame, depth, function]`` a frame (again when its depth
changes), ``["E", cut or null]`` ends it. All other arrays are steps:
``[event, frame, line, changes, removed, outcome, instruction]``, trailing parts left out where empty. Event 0 is a call, 1
a line, 2 a return, 3 an exception; ``changes`` is a flat list ``name, value, type, ...`` of the locals that are new or
differ from the same frame's last step; ``removed`` a list of names; ``outcome`` is ``[0, value]`` or
``[1, exception, message]``.
"""
import sys
from builtins import (
    BaseException, KeyboardInterrupt, MemoryError, RecursionError, ValueError, compile, eval, exec, max, min, type,
)

import trace_backends
import trace_events
import trace_objects
import trace_source
import trace_steps
import trace_values
from trace_backends import Monitoring, Settrace, monitoring
from trace_sinks import Budget, FdSink, MemorySink
from trace_source import Program, code_type
from trace_steps import EXCEPTION, LINE, RETURN, Frame, clock, plain_names, quote
from trace_values import clean

__all__ = ("Budget", "FdSink", "MemorySink", "Program", "Tracer")

FORMAT = 1
# Frames that the tracer itself needs below a program's frame, with room for a few of the library's.
HEADROOM = 80
VERSION = "%d.%d.%d" % sys.version_info[:3]
OWN_FILES = (
    (lambda: None).__code__.co_filename, trace_backends.unwinds.__code__.co_filename,
    trace_backends.Settrace.start.__code__.co_filename, trace_steps.by_rank.__code__.co_filename,
    trace_source.operations.__code__.co_filename, trace_values.clean.__code__.co_filename,
    trace_objects.fields_of.__code__.co_filename,
)

getframe, getrecursionlimit = sys._getframe, sys.getrecursionlimit


class Tracer(trace_events.Events):
    """Traces one invocation; see the module's description."""

    def __init__(self, program, sink, budget=None, backend=None, instructions=False, on_cut=None):
        if backend is None:
            backend = "settrace" if monitoring is None else "monitoring"
        if backend not in ("settrace", "monitoring") or (backend == "monitoring" and monitoring is None):
            raise ValueError("no tracing back end %s in Python %s" % (backend, VERSION))
        trace_events.Events.__init__(self, program, sink, Budget() if budget is None else budget, instructions)
        self.backend, self.on_cut = backend, on_cut
        self.off = True
        # What a trace that goes on needs of the one that has ended: its first frame, suspended ones, the time left.
        self.kept = None
        self.facility = Settrace(self) if backend == "settrace" else Monitoring(self)

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

    def go_on(self, function, args=(), kwargs=None):
        """Calls a function as a part of the last invocation, whose trace it continues: the next step of an iterator that was
        returned, a call of a function that was."""
        if not self.ended or self.cut is not None or not self.sink.reopen():
            return function(*args, **(kwargs or {}))
        self.stack, self.suspended, left = self.kept
        self.deadline = clock() + left
        self.ended = self.off = False
        self.facility.start()
        try:
            return function(*args, **(kwargs or {}))
        finally:
            self.stop()
            self.finish()

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
        outer = Frame(None, 0, 1)
        self.stack.append(outer)
        self.write(('["T",%d,"%s","%s",%s]\n' % (FORMAT, self.backend, VERSION, quote(self.invocation))).encode())
        self.off = False
        self.step(LINE, outer, 0, self.public_names())
        if self.cut is not None:
            return
        self.facility.start()

    def end_returned(self, value):
        self.stop()
        if not self.ended:
            self.step(RETURN, self.stack[0], 0, self.public_names(), "[0,%s]" % quote(self.shown(value)))
        self.finish()

    def end_raised(self, error):
        self.stop()
        if not self.ended:
            self.step(EXCEPTION, self.stack[0], 0, self.public_names(), self.exception(error))
        self.finish()

    def public_names(self):
        return plain_names(self.namespace)

    def finish(self):
        if not self.ended:
            self.ended = True
            if self.cut is None and self.deep:
                self.cut = "depth"
            self.sink.finish(b'["E",null]\n' if self.cut is None else ('["E","%s"]\n' % self.cut).encode())
            self.kept = self.stack[:1], self.suspended, max(0.0, self.deadline - clock())
        self.stack = []
        self.suspended = {}

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
        if not self.facility.stop() and self.cut is None:
            self.cut = "disabled"
