"""Runs a test beside the program, in the program's own namespace: where it needs what only that process has.

Nothing that happens here is proof; the verdict is labelled so.
"""

import ast

_repr, _str, _Type = repr, str, type
_BaseException, _AssertionError, _SystemExit = BaseException, AssertionError, SystemExit
_GOT = 300
NOTE = "__egcfg_compare__"


class Beside:
    """One test, and the two sides of the last comparison that it asserted."""

    def __init__(self, source):
        tree = ast.parse(source, "<test>")
        lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.ends = [(node.lineno, node.end_lineno) for node in ast.walk(tree) if _ends(node, lines)]
        self.sides = None
        self.code = compile(_Asserts().visit(tree), "<test>", "exec", dont_inherit=True)

    def compare(self, kind, left, right):
        """What stands in for `left == right` in an assert."""
        same = left == right if kind == "==" else left is right
        # What is equal is let go at once, as it would be after a comparison.
        self.sides = None if same is True else (left, right)
        return same

    def message(self, error):
        """What to say of an assert that failed."""
        text = ""
        try:
            text = _str(error)
        except _BaseException:
            pass
        if self.sides is None or text:
            return text
        left, right = [_shown(side) for side in self.sides]
        return "expected %s, got %s" % (right, left)


    def ended_well(self, error):
        """Whether it has ended itself so, by a statement of its own for that, as `unittest.main()` does where it has run a test."""
        if _Type(error) is not _SystemExit or error.code not in (None, 0):
            return False
        line, result, at = 0, None, error.__traceback__
        while at is not None:
            name = at.tb_frame.f_code.co_filename
            if name == "<program>":
                return False
            if name == "<test>":
                line = at.tb_lineno
            result = getattr(at.tb_frame.f_locals.get("self"), "result", result)
            at = at.tb_next
        ran = result is None or hasattr(result, "testsRun") and result.testsRun > len(result.skipped)
        return ran and any(first <= line <= last for first, last in self.ends)


class _Asserts(ast.NodeTransformer):
    """Has `assert a == b` remember both sides."""

    def visit_Assert(self, node):
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Eq, ast.Is)):
            kind = "==" if isinstance(test.ops[0], ast.Eq) else "is"
            call = ast.Call(
                func=ast.Name(id=NOTE, ctx=ast.Load()), args=[ast.Constant(value=kind), test.left, test.comparators[0]],
                keywords=[],
            )
            node.test = ast.copy_location(call, test)
            ast.fix_missing_locations(node)
        return node


def _shown(value):
    try:
        text = _repr(value)
        text = text if _Type(text) is _str else "<%s>" % _Type(value).__name__
    except _BaseException:
        text = "<%s>" % _Type(value).__name__
    return text if len(text) <= _GOT else text[:_GOT] + "..."


def _files(error):
    """The files of the code that an exception has come through, from the outermost on."""
    names, at = [], error.__traceback__
    while at is not None:
        names.append(at.tb_frame.f_code.co_filename)
        at = at.tb_next
    return names


def failed_here(error):
    """Whether an assert of the test's own raised this."""
    return isinstance(error, _AssertionError) and _files(error)[-1:] == ["<test>"]


# Of what stands in the parentheses of an end, only these run no code of a program's.
_INERT = (ast.Constant, ast.Name, ast.List, ast.Tuple, ast.keyword, ast.expr_context)


def _ends(node, lines):
    """Whether a statement of a test does nothing but end it, and has its lines for itself: what else is called or compared there
    could be the program's and end the test in its place."""
    call = node.exc if isinstance(node, ast.Raise) else getattr(node, "value", None) if isinstance(node, ast.Expr) else None
    func = call.func if isinstance(call, ast.Call) else call if isinstance(node, ast.Raise) else None
    if isinstance(node, ast.Raise):
        named = isinstance(func, ast.Name) and func.id == "SystemExit" and node.cause is None
    elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        named = (func.value.id, func.attr) in (("sys", "exit"), ("unittest", "main"))
    else:
        named = isinstance(func, ast.Name) and func.id in ("exit", "quit")
    if not named:
        return False
    given = [*call.args, *call.keywords] if isinstance(call, ast.Call) else []
    if not all(isinstance(part, _INERT) for one in given for part in ast.walk(one)):
        return False
    before = lines[node.lineno - 1].encode("utf-8", "surrogatepass")[:node.col_offset]
    after = lines[node.end_lineno - 1].encode("utf-8", "surrogatepass")[node.end_col_offset:].strip()
    return not before.strip() and after[:1] in (b"", b"#")


def fault_of_setup(error):
    """Whether setup code fails whatever the program is. One that lacks a name, or a thing of it, may want it from the program."""
    lacks = isinstance(error, (NameError, AttributeError, TypeError))
    return isinstance(error, Exception) and not lacks and "<program>" not in _files(error)
