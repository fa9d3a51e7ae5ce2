"""What can be said of a test's text before it runs: whether it leaves anything behind, which call it makes, and whether it reaches
the program by another way than its values."""

import ast
import builtins

# What a test may consist of that leaves nothing behind: expressions over literals and the program's answers, and
# built-in functions that only compute. No names are bound, nothing is imported, no attribute is touched.
_PURE_NODES = (
    ast.Module, ast.Assert, ast.Compare, ast.cmpop, ast.BoolOp, ast.boolop, ast.UnaryOp, ast.unaryop, ast.BinOp,
    ast.operator, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Call, ast.Name, ast.Load,
)
_PURE_CALLS = frozenset(
    "abs all any bool dict float frozenset int len list max min round set sorted str sum tuple".split()
)
# Of these, the ones whose value may depend on the order of a set.
_ORDERED_CALLS = frozenset("dict list str tuple sum".split())
_CATCHING = (ast.ExceptHandler, ast.With, ast.AsyncWith, ast.ClassDef)
_LOOPS = (ast.For, ast.While, ast.FunctionDef, ast.comprehension, ast.Lambda)

# Names, attributes and modules by which a test reaches the process that the program runs in, or is reached from there: its
# streams, its random numbers, its files, what it was made of.
_NAMES = frozenset((
    "open", "input", "globals", "patch", "redirect_stdout", "redirect_stderr", "SystemExit", "__builtins__", "MagicMock",
    "seed", "signature", "getsource", "catch_warnings", "localcontext", "getcontext", "setcontext", "chdir", "environ",
    "monkeypatch", "capsys", "caplog", "tmp_path", "Path", "TemporaryDirectory", "NamedTemporaryFile", "mkdtemp",
    "get_type_hints", "getLogger", "gc", "__file__", "filterwarnings", "simplefilter", "Thread", "ThreadPoolExecutor",
    "to_thread", "testmod",
))
_ATTRIBUTES = frozenset((
    "stdout", "stderr", "stdin", "__stdout__", "seed", "setstate", "patch", "environ", "putenv", "chdir", "modules",
    "setrecursionlimit", "settrace", "exists", "isfile", "isdir", "listdir", "read_text", "write_text", "unlink",
    "redirect_stdout", "redirect_stderr", "catch_warnings", "getcontext", "setcontext", "localcontext", "signature",
    "getsource", "argv", "excepthook", "assertLogs", "assertWarns", "getLogger", "MagicMock", "setlocale", "_getframe", "get_objects",
    "filterwarnings", "simplefilter", "set_int_max_str_digits", "testmod", "run_docstring_examples", "to_thread",
    "run_in_executor",
)) | {"__doc__", "__annotations__", "__defaults__", "__kwdefaults__", "__code__", "__dict__", "__wrapped__", "__module__"}
_MODULES = frozenset(("mock", "unittest.mock", "builtins", "solution", "__main__", "tempfile", "inspect", "logging", "gc", "pathlib",
    # One answer at a time comes from the program, and which thread asked, its own functions alone can see.
    "threading", "_thread", "concurrent", "concurrent.futures", "multiprocessing", "multiprocessing.pool", "multiprocessing.dummy",
))


# Functions that set an attribute of their first argument, or give what sets it.
_SETTING = frozenset(("setattr", "delattr", "vars"))


class Statement:
    """A test's text: its tree and code, and what can be said of it before it runs."""

    def __init__(self, source, entry):
        self.source, self.tree = source, ast.parse(source)
        self.code = compile(self.tree, "<test>", "exec", dont_inherit=True)
        called = (entry, "candidate")
        # Whether it is of the few forms that leave nothing behind, and the names that it takes from elsewhere.
        self.closed, loads, binds, calls, loops = True, {}, set(), [], False
        # The names whose attributes it sets, and those that it imports.
        patched, imported = set(), set()
        # Whether it reaches the program otherwise, asks which object one is or is not, or may see the order of a set.
        self.reaches = self.asks_identity = self.asks_other = self.sees_order = False
        # Whether it may wait for an exception, and whether it asks for the type of something.
        self.catches = self.asks_type = False
        for node in ast.walk(self.tree):
            kind = node.__class__
            if kind is ast.Name:
                if isinstance(node.ctx, ast.Load):
                    loads[node.id] = None
                else:
                    binds.add(node.id)
                self.closed = self.closed and (node.id in _PURE_CALLS or node.id in called)
                self.sees_order = self.sees_order or node.id in _ORDERED_CALLS
                continue
            self.closed = self.closed and issubclass(kind, _PURE_NODES)
            if kind is ast.Call:
                if isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1:
                    self.asks_type = True
                    self.reaches = self.reaches or isinstance(node.args[0], ast.Name) and node.args[0].id in called
                if isinstance(node.func, ast.Name) and node.func.id in _SETTING and node.args:
                    # `setattr(time, ...)`, `vars(time)[...] = ...`
                    patched.add(_root(node.args[0]))
                if isinstance(node.func, ast.Name) and node.func.id in called:
                    calls.append(node)
            elif kind is ast.Compare:
                if _asks_identity(node):
                    self.asks_identity = True
                    self.asks_other = self.asks_other or any(isinstance(op, ast.IsNot) for op in node.ops)
            elif kind in _LOOPS:
                loops = True
            if kind is ast.Attribute:
                self.reaches = self.reaches or node.attr in _ATTRIBUTES
                if not isinstance(node.ctx, ast.Load):
                    patched.add(_root(node.value))
            elif kind is ast.arg:
                binds.add(node.arg)
            elif kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
                binds.add(node.name)
            elif kind in (ast.Import, ast.ImportFrom):
                self.reaches = self.reaches or _imports(node)
            elif kind is ast.alias:
                imported.add((node.asname or node.name).split(".")[0])
            elif kind is ast.ExceptHandler and node.name:
                binds.add(node.name)
            if kind in _CATCHING:
                self.catches = True
            elif kind is ast.Global:
                self.reaches = True
        # A module is one for the program and for its test.
        self.reaches = self.reaches or bool(patched - binds - {""})
        binds |= imported
        self.reaches = self.reaches or any(name in _NAMES and name not in called for name in loads)
        self.asks_identity = self.asks_identity or "id" in loads
        self.shows = _shows(self.tree)
        self.sees_order = self.sees_order or not self.closed
        # What it binds where the program's own names are.
        self.assigns = [] if self.closed else _assigned_at_the_top(self.tree)
        self.sets = self.assigns + _defined_at_the_top(self.tree)
        self.free = [name for name in loads if name not in binds and not hasattr(builtins, name)]
        # Whether it calls the program by name, if it comes to that; and the one call that it makes, if there is one.
        self.calls = bool(calls)
        self.call = calls[0] if len(calls) == 1 and not loops else None
        self.text = None

    def invocation(self):
        """The text of the one call that this test makes, or None."""
        if self.text is None and self.call is not None:
            text = ast.get_source_segment(self.source, self.call)
            self.text = text if text and "\n" not in text else ast.unparse(self.call)
        return self.text


def _root(node):
    """The name that a chain of attributes begins with, as `os` of `os.path`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _defined_at_the_top(tree):
    """The functions and classes, and what is imported by a name of the test's choice."""
    names, pending = {}, list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names[node.name] = None
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname, None) for alias in node.names if alias.asname)
        elif isinstance(node, ast.stmt):
            pending.extend(ast.iter_child_nodes(node))
    return list(names)


def _assigned_at_the_top(tree):
    """The names that statements give a value, outside of functions and classes."""
    names, pending = {}, list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names[node.id] = None
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.comprehension)):
            pending.extend(ast.iter_child_nodes(node))
    return list(names)


def _asks_identity(node):
    """Whether a comparison asks for one object among several; there is one `None` only, and one class of a name."""
    sides = [node.left, *node.comparators]
    for op, left, right in zip(node.ops, sides, sides[1:]):
        if isinstance(op, (ast.Is, ast.IsNot)) and not (_is_single(left) or _is_single(right)):
            return True
    return False


def _shows(tree):
    """Whether a test asks how an object shows itself. What it says when it fails asks nothing."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FormattedValue) and node.conversion in (ord("a"), ord("r")):
            return True
        if isinstance(node, ast.Name) and node.id in ("repr", "ascii"):
            return True
        pending.extend((node.test,) if isinstance(node, ast.Assert) else ast.iter_child_nodes(node))
    return False


def _is_single(node):
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1
    if isinstance(node, ast.Name):
        return isinstance(getattr(builtins, node.id, None), type)
    return isinstance(node, ast.Constant) or isinstance(node, ast.Attribute) and node.attr == "__class__"


def _imports(node):
    if isinstance(node, ast.ImportFrom):
        names = {node.module or "", *["%s.%s" % (node.module, alias.name) for alias in node.names]}
        return bool(names & _MODULES) or any(alias.name in _NAMES for alias in node.names)
    return any(alias.name in _MODULES for alias in node.names)


def failing_assert(tree, error):
    """The assert statement that raised this, if one of the test's own did."""
    line, trace = None, error.__traceback__
    while trace is not None:
        inside = trace.tb_frame.f_code.co_filename == "<test>"
        line = trace.tb_lineno if inside else None
        trace = trace.tb_next
    if line is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.lineno <= line <= node.end_lineno:
            return node
    return None


def expected_side(node, entry):
    """What a simple `f(..) == expected` expects, as a node."""
    if not (isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Eq, ast.Is))):
        return None
    for call, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in (entry, "candidate"):
            if not any(isinstance(part, ast.Call) for part in ast.walk(other)):
                return other
    return None
