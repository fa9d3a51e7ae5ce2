"""Writes the steps of a trace: a frame's locals as changes against its last step, within the budget.

A step of a small function must cost a few microseconds, so the common case is short: a local whose value is the very
object of the last step, or whose snapshot still holds, is not rendered again. Only atoms and elements of flat containers
are kept for that, so that no object of the program lives longer because it was traced.
"""

import _json
import time
from builtins import dict, enumerate, len, list, object, set, str, type

from trace_objects import Renderer
from trace_source import dunder
from trace_values import type_name

CALL, LINE, RETURN, EXCEPTION = 0, 1, 2, 3
# Names of a module or class that are shown; the first ones.
NAMES_SHOWN = 100
# Stand for "no atom is known" and "as at the frame's last step".
NOTHING, UNCHANGED = object(), object()

quote = _json.encode_basestring_ascii
clock = time.monotonic


class Frame:
    """A frame of the program while it is traced (a generator's also while it is suspended)."""

    __slots__ = (
        "alive", "calling", "closing", "code", "depth", "error", "identity", "last", "lasti", "seen", "serial", "silent",
        "told", "unwinding",
    )

    def __init__(self, code, identity, depth):
        # What is known about its code object; None for the invocation.
        self.code, self.identity, self.depth = code, identity, depth
        # Name -> [atom, snapshot, text, type, alive], in order of first assignment; and how many are alive.
        self.seen = {}
        self.alive = 0
        # Its number in the trace, and the depth that the trace was told.
        self.serial = self.told = -1
        # The statement of its last line step, and where it stood when it was suspended.
        self.last = self.lasti = -1
        # Too deep to be shown; its call step is still to be written; it is being closed; an exception is on its way.
        self.silent = self.calling = self.closing = self.unwinding = False
        # The last exception, rendered.
        self.error = None


class Recorder:
    """The state of one trace and the writing of its steps."""

    def __init__(self, program, sink, budget):
        self.program, self.sink, self.budget = program, sink, budget
        self.codes, self.statements = program.codes, program.statements
        self.render = Renderer(budget.items, budget.string, budget.nesting, budget.chars)
        self.steps, self.most_steps = 0, budget.steps
        # Characters of values that may still be written; when to stop.
        self.size, self.deadline = budget.size, 0.0
        self.write = sink.write
        self.invocation, self.namespace = "", None
        # Source lines that the trace has; number of its frames.
        self.sent, self.serials = set(), 0
        self.cut = None
        self.ended = False

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

    def line_of(self, frame):
        number = frame.f_lineno
        statements = self.statements
        return statements[number] if number is not None and 0 <= number < len(statements) else 0

    def shown(self, value):
        text = self.render.text(value)
        self.size -= len(text)
        return text

    def exception(self, error):
        return "[1,%s,%s]" % (quote(type_name(type(error))), quote(self.render.message(error)))


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
