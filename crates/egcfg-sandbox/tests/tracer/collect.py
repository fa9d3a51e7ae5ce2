"""Traces every program of a file with one facility and prints, per program, a line of JSON: its name and the trace's bytes.

Arguments: the driver's directory, the file of programs, the facility, and optionally "instructions".
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

from trace_source import Program
from tracer import Tracer


class Kept:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data
        return True

    def finish(self, data):
        self.data += data

    def flush(self):
        pass


def programs(path):
    with open(path, encoding="utf-8") as file:
        parts = file.read().split("\n=== ")[1:]
    for part in parts:
        head, _, source = part.partition("\n")
        name, call, *needed = head.split(" | ")
        if not needed or sys.version_info >= (3, int(needed[0].partition(".")[2])):
            yield name, call, source + "\n"


def main():
    instructions = sys.argv[4:] == ["instructions"]
    for name, call, source in programs(sys.argv[2]):
        program = Program(source)
        namespace = {"__name__": "solution"}
        sink = Kept()
        tracer = Tracer(program, sink, backend=sys.argv[3], instructions=instructions)
        try:
            if call == "-":
                tracer.execute(namespace)
            else:
                exec(program.code, namespace)
                tracer.evaluate(call, namespace)
        except Exception:
            pass
        print(json.dumps({"name": name, "wire": sink.data.decode("ascii")}))


main()
