"""Traces a program that never comes back from a C loop, for the test that kills it.

Arguments: the driver's directory, the facility, "memory" or "descriptor", and the file that takes the trace.
"""

import mmap
import os
import sys
import time

sys.path.insert(0, sys.argv[1])

from trace_source import Program
from tracer import FdSink, MemorySink, Tracer

SOURCE = """
def f(n):
    total = 0
    for i in range(n):
        total += i
    pause(0.02)
    before = total
    stuck = sum(iter(int, 1))
    return stuck
"""

fd = os.open(sys.argv[4], os.O_RDWR | os.O_CREAT, 0o600)
if sys.argv[3] == "memory":
    os.ftruncate(fd, 1 << 20)
    sink = MemorySink(mmap.mmap(fd, 1 << 20))
else:
    sink = FdSink(fd)
program = Program(SOURCE)
namespace = {"pause": time.sleep}
exec(program.code, namespace)
Tracer(program, sink, backend=sys.argv[2]).call(namespace["f"], (20,), {}, "f(20)", namespace)
