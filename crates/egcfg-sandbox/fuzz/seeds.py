"""Writes the seeds of the fuzz targets with the real driver: what an honest child sends.

Usage: python3 seeds.py  (in this directory; the seeds are kept in the repository, so this is needed after a change of
a format only)
"""

import os
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
DRIVER = os.path.join(HERE, "..", "src", "python")
MODULES = (
    ("trace_values", "trace_values.py"), ("trace_objects", "trace_objects.py"), ("trace_source", "trace_source.py"),
    ("trace_sinks", "trace_sinks.py"), ("trace_steps", "trace_steps.py"), ("trace_events", "trace_events.py"),
    ("trace_backends", "trace_backends.py"), ("tracer", "tracer.py"), ("_egcfg_comparing", "comparing.py"), ("_egcfg_opaque", "opaque.py"),
    ("_egcfg_codec", "codec.py"),
    ("_egcfg_recursion", "recursion.py"), ("_egcfg_script", "script.py"), ("_egcfg_beside", "beside.py"), ("_egcfg_candidate", "candidate.py"),
)
VALUES = (
    "None", "[1, -255, 'a', 2.5, 1j, b'x', True, ...]", "{'k': [1], (1, 2): {3}, 'deep': [[[[[]]]]]}",
    "collections.Counter('hello')", "collections.OrderedDict([(1, 2)])", "collections.defaultdict(list, {1: [2]})",
    "collections.deque([1, 2], 3)", "bytearray(b'abc')", "frozenset({1})", "range(3)", "slice(1, None)", "{1: 2}.keys()",
    "decimal.Decimal('1.50')", "fractions.Fraction(1, 3)", "datetime.datetime(2020, 1, 2, 3, 4, 5)",
    "datetime.timedelta(1, 2, 3)", "int", "float('nan')", "object()", "iter([1])", "'\\ud800'", "10 ** 400", "cycle()",
)
PROGRAM = "def f(n):\n    m = [n]\n    for i in range(3):\n        m.append(i * n)\n    del i\n    if n > 2:\n        raise KeyError('k')\n    return m\n"


def load():
    for name, file in MODULES:
        module = types.ModuleType(name)
        sys.modules[name] = module
        with open(os.path.join(DRIVER, file)) as source:
            exec(compile(source.read(), file, "exec"), module.__dict__)


def cycle():
    value = [1]
    value.append(value)
    return value


def save(target, name, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def main():
    load()
    import collections, datetime, decimal, fractions
    import _egcfg_candidate as candidate
    import tracer
    from _egcfg_codec import Encoder, Handles

    names = dict(collections=collections, datetime=datetime, decimal=decimal, fractions=fractions, cycle=cycle)
    stream = b""
    for number, text in enumerate(VALUES):
        message, _ = Encoder(handles=Handles()).message(eval(text, names))
        save("values", "value-%02d" % number, b"\0" + message)
        ours, theirs = os.pipe()
        candidate.send(theirs, b"V", b"12345678", message)
        stream += os.read(ours, 1 << 16)
        os.close(ours)
        os.close(theirs)
    known = [[1], {}]
    save("values", "changed", b"\x80" + Encoder(known, handles=Handles()).message(known, [b"\2\0\0\0i\1\0\0\0001i\1\0\0\0002", b"\0\0\0\0"])[0])
    save("frames", "stream", b"\x2f" + stream)
    save("frames", "greeting", b"\x0f" + b"\1\0\0\0G")
    save("frames", "too-long", b"\x04" + stream[:200])
    for backend in ["settrace"] + (["monitoring"] if hasattr(sys, "monitoring") else []):
        for argument in (2, 3):
            buffer = bytearray(1 << 16)
            program = tracer.Program(PROGRAM, "<program>") if hasattr(tracer, "Program") else None
            if program is None:
                import trace_source
                program = trace_source.Program(PROGRAM, "<program>")
            space = {}
            exec(program.code, space)
            traced = tracer.Tracer(program, tracer.MemorySink(memoryview(buffer)), tracer.Budget(steps=100, seconds=5.0, size=1 << 15), backend=backend)
            try:
                traced.call(space["f"], (argument,), {}, "f(%d)" % argument, space)
            except KeyError:
                pass
            size = int.from_bytes(buffer[:8], "little")
            save("traces", "%s-%d" % (backend, argument), bytes(buffer[8:8 + size]))


main()
