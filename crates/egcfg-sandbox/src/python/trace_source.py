"""What the tracer knows about a program before it runs: its lines, which statement each line belongs to, and its code objects.

The interpreters disagree on the lines inside one statement (a call over several lines, a comprehension), so a trace
counts statements: every line of a simple statement, and of a compound statement's header, stands for the
line on which it starts. A decorated definition stands on its `def` or `class` line.
"""

import ast
import opcode
import sys
from builtins import (
    MemoryError, RecursionError, all, bytes, compile, enumerate, frozenset, getattr, id, isinstance, len,
    list, max, min, range, set, sorted, tuple, type, zip,
)

SOURCE_LIMIT = 400
COMPREHENSIONS = frozenset(("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"))
CO_OPTIMIZED, CO_VARARGS, CO_VARKEYWORDS = 1, 4, 8
# Generators, coroutines and asynchronous generators.
CO_RESUMABLE = 0x20 | 0x80 | 0x200
code_type = type((lambda: None).__code__)


def operations(*names):
    """The numbers of those of the named byte-code operations that this interpreter has."""
    return frozenset([opcode.opmap[name] for name in names if name in opcode.opmap])


RETURNS = operations("RETURN_VALUE", "RETURN_CONST", "RETURN_GENERATOR")
YIELDS = operations("YIELD_VALUE", "YIELD_FROM", "ASYNC_GEN_WRAP")
# Where a StopIteration is the quiet end of a loop or of an awaited object, not an exception of the program's.
QUIET_ENDS = operations("FOR_ITER", "YIELD_FROM", "SEND", "END_SEND", "CLEANUP_THROW", "END_ASYNC_FOR", "GET_ANEXT")
# Of 3.10 and 3.11: what stands where a `case` is left, on the line of a statement that does not run.
LEAVINGS = operations("NOP", "POP_TOP", "JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD")
LEAVES_CASES = (3, 10) <= sys.version_info < (3, 12)
YIELD_FROM = opcode.opmap.get("YIELD_FROM")
LOAD_FAST_AND_CLEAR = opcode.opmap.get("LOAD_FAST_AND_CLEAR")


class Code:
    """What the tracer knows about a code object."""

    __slots__ = (
        "code", "function", "hidden", "hidden_names", "line", "name", "operations", "phantoms", "rank", "resumable", "shared",
    )

    def __init__(self, code, statements, headers, cases=()):
        self.code = code
        self.name = code.co_name
        self.hidden = code.co_name in COMPREHENSIONS
        self.function = bool_of(code.co_flags & CO_OPTIMIZED)
        self.resumable = bool_of(code.co_flags & CO_RESUMABLE)
        first = code.co_firstlineno
        self.line = headers.get(first, statements[first] if 0 <= first < len(statements) else first)
        self.operations = code.co_code
        count = code.co_argcount + code.co_kwonlyargcount
        count += bool_of(code.co_flags & CO_VARARGS) + bool_of(code.co_flags & CO_VARKEYWORDS)
        names = code.co_varnames + code.co_cellvars + code.co_freevars
        self.rank = {}
        for position, name in enumerate(names):
            if name not in self.rank:
                self.rank[name] = position
        self.hidden_names = frozenset([name for name in names if name[:1] == "." or dunder(name)])
        self.shared = self.comprehension_names()
        # Offsets at which a line is reported that does not run.
        self.phantoms = phantoms(code, cases) if cases else ()

    def comprehension_names(self):
        """Variables of comprehensions that live in this frame (3.12 and later); while one runs, they are not the
        function's own."""
        names = set()
        if LOAD_FAST_AND_CLEAR is not None:
            data = self.operations
            local = self.code.co_varnames + tuple([n for n in self.code.co_cellvars if n not in self.code.co_varnames])
            for at in range(0, len(data), 2):
                if data[at] == LOAD_FAST_AND_CLEAR and data[at + 1] < len(local):
                    names.add(local[data[at + 1]])
        return frozenset(names)


def phantoms(code, cases):
    """Where the compiler left jumps and the like on the line of a statement inside a `case` that begins elsewhere."""
    import dis

    lines, real, hollow = {}, set(), []
    for start, end, line in code.co_lines():
        for at in range(start, end, 2):
            lines[at] = line
    size = len(code.co_code)
    bounds = sorted({*[start for start, _, _ in code.co_lines()], *dis.findlabels(code.co_code), size})
    for start, end in zip(bounds, bounds[1:]):
        line = lines.get(start)
        if all([code.co_code[at] in LEAVINGS for at in range(start, end, 2)]):
            hollow.append((start, line))
        else:
            real.add(line)
    return frozenset([start for start, line in hollow if line in real and line in cases])


def bool_of(flag):
    return 1 if flag else 0


def dunder(name):
    return name[:2] == "__" and name[-2:] == "__"


class Program:
    """A compiled program. `code` is its module's code object; raises what `compile` raises."""

    def __init__(self, source, filename="<program>"):
        if type(source) is bytes:
            source = source.decode("utf-8", "surrogateescape")
        self.source = source
        self.filename = filename
        self.code = compile(source, filename, "exec", dont_inherit=True)
        self.lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.statements = list(range(len(self.lines) + 2))
        self.headers = {}
        # Line of a `with` header -> last line of its body: leaving the block comes by the header again (3.10+).
        self.withs = {}
        # 3.9 reports no line for the header of `while True`: first line of the body -> (header, end of that statement).
        self.endless = {}
        # Lines of `match` statements, where their bounds are reported wrongly.
        self.cases = set()
        try:
            self.survey(ast.parse(source, filename))
        except (RecursionError, MemoryError):
            pass
        self.codes = {}
        self.add(self.code)

    def survey(self, tree):
        """Fills the maps above in one walk over the statements."""
        pending = [tree.body]
        statements = self.statements
        old = sys.version_info < (3, 10)
        while pending:
            for node in pending.pop():
                start, end = node.lineno, node.end_lineno
                body = getattr(node, "body", None)
                if type(body) is list and body:
                    decorators = getattr(node, "decorator_list", None)
                    top = start
                    if decorators:
                        top = min([decorator.lineno for decorator in decorators])
                        self.headers[top] = start
                    first = body[0]
                    inner = getattr(first, "decorator_list", None)
                    end = max(start, (inner[0].lineno if inner else first.lineno) - 1)
                    pending.append(body)
                    if isinstance(node, (ast.With, ast.AsyncWith)):
                        self.withs[start] = node.end_lineno
                    elif old and isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value:
                        self.endless[first.lineno] = (start, first.end_lineno)
                    for more in (getattr(node, "orelse", None), getattr(node, "finalbody", None)):
                        if more:
                            pending.append(more)
                    for handler in getattr(node, "handlers", None) or ():
                        self.fill(handler.lineno, max(handler.lineno, handler.body[0].lineno - 1), handler.lineno)
                        pending.append(handler.body)
                    self.fill(top, end, start)
                elif getattr(node, "cases", None):
                    if LEAVES_CASES:
                        self.cases.update(range(start, end + 1))
                    self.fill(start, node.cases[0].pattern.lineno - 1, start)
                    for case in node.cases:
                        line = case.pattern.lineno
                        self.fill(line, max(line, case.body[0].lineno - 1), line)
                        pending.append(case.body)
                elif end != start:
                    self.fill(start, end, start)
        return statements

    def fill(self, start, end, line):
        for position in range(start, min(end, len(self.statements) - 1) + 1):
            self.statements[position] = line

    def add(self, code):
        """Registers a code object and those inside it; returns what is known about it."""
        pending = [code]
        while pending:
            inner = pending.pop()
            if id(inner) not in self.codes:
                self.codes[id(inner)] = Code(inner, self.statements, self.headers, self.cases)
                pending.extend([const for const in inner.co_consts if type(const) is code_type])
        return self.codes[id(code)]

    def text(self, line):
        """A source line by its number, without its end; long ones are cut."""
        if not 0 < line <= len(self.lines):
            return ""
        text = self.lines[line - 1].rstrip()
        if len(text) > SOURCE_LIMIT:
            text = text[:SOURCE_LIMIT] + "..."
        return text.encode("utf-8", "replace").decode("utf-8")
