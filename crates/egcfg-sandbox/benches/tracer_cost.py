"""What tracing costs, in microseconds per step, on the interpreter that runs this file.

    python3.12 crates/egcfg-sandbox/benches/tracer_cost.py

Prints, per facility: a whole traced call of a ten-line program (with and without reading the program), then steps whose locals
do not change, whose numbers change, and whose list grows. Each number is the best of several rounds; the budget is
about 5 microseconds for a step of a small function whose locals do not change.
"""

import mmap
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "driver"))

from trace_source import Program
from tracer import Budget, MemorySink, Tracer

TEN_LINES = """
def stats(values):
    total = 0
    best = None
    seen = []
    for value in values:
        total += value
        if best is None or value > best:
            best = value
        seen.append(value)
    mean = total / len(values)
    return total, best, mean
"""
UNCHANGED = """
def run(n):
    a, b, c = 1, "text", [1, 2, 3]
    for i in n:
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
        pass
"""
NUMBERS = """
def run(n):
    a = b = 0
    for i in n:
        a += i
        b = a - i
        a = b + 2
"""
GROWING = """
def run(n):
    out = []
    for i in n:
        out.append(i)
"""


def best(action, rounds=7):
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def main():
    memory = mmap.mmap(-1, 8 << 20)
    budget = dict(steps=20000, size=1 << 22, seconds=60.0)
    backends = ["settrace"] + (["monitoring"] if hasattr(sys, "monitoring") else [])
    version = "%d.%d.%d" % sys.version_info[:3]
    ready = best(lambda: Program(TEN_LINES).code)
    print("%-8s %-10s %-34s %8.1f us" % (version, "", "reading a ten-line program", ready * 1e6))
    for backend in backends:
        def trace(program, name, argument):
            namespace = {}
            exec(program.code, namespace)
            tracer = Tracer(program, MemorySink(memory), Budget(**budget), backend=backend)
            start = time.process_time()
            tracer.call(namespace[name], (argument,), {}, "call", namespace)
            return time.process_time() - start, tracer.steps

        program = Program(TEN_LINES)
        taken, steps = min(trace(program, "stats", [3, 1, 4, 1, 5]) for _ in range(50))
        print("%-8s %-10s %-34s %8.1f us (%d steps, %.1f us each)" % (
            version, backend, "a ten-line program's call", taken * 1e6, steps, taken * 1e6 / steps))
        for title, source, rounds in (
            ("step, locals unchanged", UNCHANGED, 500), ("step, numbers change", NUMBERS, 2000),
            ("step, list grows to 30", GROWING, 30),
        ):
            program = Program(source)
            taken, steps = min(trace(program, "run", range(rounds)) for _ in range(7))
            print("%-8s %-10s %-34s %8.1f us each" % (version, backend, title, taken * 1e6 / steps))


main()
