"""The two facilities that report what a program does: `sys.settrace`, and `sys.monitoring` from 3.12 on.

Each has `start` and `stop`; `stop` says whether the facility was left alone by the program until then.
"""

import _thread
import sys
from builtins import BaseException, ValueError, getattr, id

from trace_events import unwinds

TOOL_NAME = "egcfg"

get_ident = _thread.get_ident
getframe = sys._getframe
gettrace, settrace = sys.gettrace, sys.settrace
monitoring = getattr(sys, "monitoring", None)
if monitoring is not None:
    events = monitoring.events
    register_callback, set_events = monitoring.register_callback, monitoring.set_events
    set_local_events, get_local_events = monitoring.set_local_events, monitoring.get_local_events
    use_tool_id, free_tool_id = monitoring.use_tool_id, monitoring.free_tool_id
    get_tool, get_events = monitoring.get_tool, monitoring.get_events


class Settrace:
    """`sys.settrace`: a global trace function for calls, a local one per frame."""

    def __init__(self, tracer):
        self.tracer = tracer
        self.hook = self.on_call
        self.old = None

    def start(self):
        self.old = gettrace()
        if self.tracer.instructions is not None:
            # From 3.12 on, `settrace` looks whether any frame has asked for instructions before it is called.
            getframe().f_trace_opcodes = True
        settrace(self.hook)

    def stop(self):
        undisturbed = gettrace() is self.hook
        settrace(self.old)
        return undisturbed

    def on_call(self, frame, _event, _argument):
        """The global trace function: a frame begins or goes on."""
        tracer = self.tracer
        code = tracer.codes.get(id(frame.f_code))
        if code is None or tracer.off:
            return None
        try:
            rec = tracer.enter(frame, code)
        except BaseException as error:
            tracer.failed(error)
            return None
        if rec is None:
            return None
        local = Local(tracer, rec).on_event
        if rec.silent:
            frame.f_trace_lines = False
        elif tracer.instructions is not None:
            # 3.13 asks for both to be set on the frame, and in this order.
            frame.f_trace = local
            frame.f_trace_opcodes = True
        return local


class Local:
    """The local trace function of a frame."""

    __slots__ = ("rec", "tracer")

    def __init__(self, tracer, rec):
        self.tracer, self.rec = tracer, rec

    def on_event(self, frame, event, argument):
        tracer = self.tracer
        if tracer.off:
            return None
        rec = self.rec
        try:
            if event == "line":
                if not rec.silent:
                    tracer.line(rec, frame, frame.f_lineno)
            elif event == "return":
                tracer.left(rec, frame, argument, unwinds(rec, frame, argument))
            elif event == "exception":
                tracer.raised(rec, frame, argument[1])
            elif event == "opcode":
                tracer.operation(rec, frame, frame.f_lasti)
        except BaseException as error:
            tracer.failed(error)
            return None
        return self.on_event


class Monitoring:
    """`sys.monitoring`: callbacks that get no frame, are called in every thread, and may be called inside each other."""

    def __init__(self, tracer):
        self.tracer = tracer
        self.busy = False
        self.thread = get_ident()
        self.tool = None
        self.callbacks = {
            events.PY_START: self.on_start, events.PY_RESUME: self.on_start, events.PY_THROW: self.on_throw,
            events.PY_RETURN: self.on_return, events.PY_YIELD: self.on_return, events.PY_UNWIND: self.on_unwind,
            events.LINE: self.on_line, events.RAISE: self.on_raise,
        }
        # Events asked for in the program's code alone, and those that the interpreter gives for all code only.
        self.local = events.PY_START | events.PY_RESUME | events.PY_RETURN | events.PY_YIELD | events.LINE
        self.everywhere = events.PY_THROW | events.PY_UNWIND | events.RAISE
        if tracer.instructions is not None:
            self.callbacks[events.INSTRUCTION] = self.on_instruction
            self.local |= events.INSTRUCTION

    def start(self):
        for tool in (4, 3, 2, 1, 5, 0):
            if get_tool(tool) is None:
                break
        use_tool_id(tool, TOOL_NAME)
        self.tool = tool
        for event, callback in self.callbacks.items():
            register_callback(tool, event, callback)
        for code in self.tracer.codes.values():
            if not code.hidden:
                set_local_events(tool, code.code, self.local)
        set_events(tool, self.everywhere)

    def stop(self):
        tool = self.tool
        if tool is None:
            return True
        try:
            same = get_tool(tool) == TOOL_NAME and get_events(tool) == self.everywhere
            if same:
                set_events(tool, 0)
            for event, callback in self.callbacks.items():
                same = register_callback(tool, event, None) is callback and same
            for code in self.tracer.codes.values():
                if not code.hidden:
                    same = get_local_events(tool, code.code) == self.local and same
                    set_local_events(tool, code.code, 0)
            free_tool_id(tool)
        except ValueError:
            same = False
        return same

    def on_start(self, code, _offset):
        code = self.tracer.codes.get(id(code))
        if code is None or self.busy or self.tracer.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            self.tracer.enter(getframe(1), code)
        except BaseException as error:
            self.tracer.failed(error)
        finally:
            self.busy = False

    def on_throw(self, code, _offset, _error):
        code = self.tracer.codes.get(id(code))
        if code is None or self.busy or self.tracer.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            self.tracer.enter(getframe(1), code)
        except BaseException as error:
            self.tracer.failed(error)
        finally:
            self.busy = False

    def on_line(self, _code, number):
        tracer = self.tracer
        if self.busy or tracer.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = tracer.current(frame)
            if rec is not None and not rec.silent:
                tracer.line(rec, frame, number)
        except BaseException as error:
            tracer.failed(error)
        finally:
            self.busy = False

    def on_return(self, _code, _offset, value):
        if self.busy or self.tracer.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = self.tracer.current(frame)
            if rec is not None:
                self.tracer.left(rec, frame, value, False)
        except BaseException as error:
            self.tracer.failed(error)
        finally:
            self.busy = False

    def on_unwind(self, code, _offset, _error):
        if id(code) not in self.tracer.codes or self.busy or self.tracer.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = self.tracer.current(frame)
            if rec is not None:
                self.tracer.left(rec, frame, None, True)
        except BaseException as error:
            self.tracer.failed(error)
        finally:
            self.busy = False

    def on_raise(self, code, _offset, raised):
        if id(code) not in self.tracer.codes or self.busy or self.tracer.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = self.tracer.current(frame)
            if rec is not None:
                self.tracer.raised(rec, frame, raised)
        except BaseException as error:
            self.tracer.failed(error)
        finally:
            self.busy = False

    def on_instruction(self, _code, offset):
        if self.busy or self.tracer.off or get_ident() != self.thread:
            return
        self.busy = True
        try:
            frame = getframe(1)
            rec = self.tracer.current(frame)
            if rec is not None:
                self.tracer.operation(rec, frame, offset)
        except BaseException as error:
            self.tracer.failed(error)
        finally:
            self.busy = False
