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
  was compiled under another file name than the program's): for invocations such as ``sorted(f([2, 1]))``.
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
Only code whose ``co_filename`` is the program's, and only in the thread that made the call. Library code, code that the
program makes by `exec` under another file name, and other threads run untraced.
"""
