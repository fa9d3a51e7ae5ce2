"""Turns the events of either facility into the steps of the normal form (see `tracer`)."""

import sys
from builtins import GeneratorExit, RuntimeError, StopAsyncIteration, StopIteration, id, len, reversed, type

from trace_source import QUIET_ENDS, RETURNS, YIELD_FROM, YIELDS, code_type
from trace_steps import CALL, EXCEPTION, LINE, RETURN, Frame, Recorder, plain_names, quote, without_shared
from trace_values import clean

NO_LOOP = (-1, -1)
BEHIND_YIELD = sys.version_info >= (3, 13)
BEFORE_YIELD = sys.version_info < (3, 11)


class Events(Recorder):
    """What happens in the program's frames, in order."""

    def __init__(self, program, sink, budget, instructions):
        Recorder.__init__(self, program, sink, budget)
        self.withs = program.withs if sys.version_info >= (3, 10) else {}
        self.endless = program.endless
        # Frames that run, the invocation's first; suspended ones by the identity of their frame objects.
        self.stack, self.suspended = [], {}
        # Frames shown below each other; frames after which the program is left alone.
        self.depth = self.limit = budget.depth
        self.deep = False
        # Code object -> offset -> text, where instructions are wanted.
        self.instructions = {} if instructions else None
        if instructions:
            import dis
            self.disassemble = dis.get_instructions

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
            rec = Frame(code, identity, depth)
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
        if rec.code.phantoms and frame.f_lasti in rec.code.phantoms:
            return
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


def frame_of(rec, frame):
    """The frame of a record that is below `frame` on the stack."""
    while id(frame) != rec.identity:
        frame = frame.f_back
    return frame


def instruction_text(instruction):
    """An instruction's name and argument, without addresses."""
    argument = instruction.argrepr
    if type(instruction.argval) is code_type:
        argument = "<Code " + instruction.argval.co_name + ">"
    return clean((instruction.opname + " " + argument).strip())
