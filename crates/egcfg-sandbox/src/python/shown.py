"""How values and the difference between two of them are shown in a verdict's line: short, and with what matters in it."""

import ast
import collections

from _egcfg_opaque import Opaque

_GOT = 300
_ITEMS = 100_000
_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
# Of a long value, what stands around the difference.
_LONG = 120


def line(text):
    text = " ".join(text.split())
    return text if len(text) <= _GOT else text[:_GOT] + "..."


def shown(value, shared=False):
    """A bounded repr of a decoded value, which holds built-in values only. A few lists that hold one another twice have a repr
    without end; where containers are shared it is counted first."""
    Opaque.silent = True
    try:
        text = "<%s>" % type(value).__name__ if shared and _is_vast(value) else repr(value)
    except Exception:
        # Too deep, too many digits; or an object of a library's that cannot be shown.
        return "<%s>" % type(value).__name__
    finally:
        Opaque.silent = False
    return text if len(text) <= _GOT else text[:_GOT] + "..."


def _is_vast(value):
    """Whether more than `_ITEMS` values would be shown, each as often as it is met."""
    left, pending = _ITEMS, [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        if issubclass(kind, dict):
            parts = [*item.keys(), *item.values()]
        elif issubclass(kind, (list, tuple, set, frozenset, collections.deque, *_VIEWS)):
            parts = item
        else:
            continue
        left -= len(parts)
        if left < 0:
            return True
        pending.extend(parts)
    return False


def difference(node, value, got, shared):
    """What to show of the expected value, given as a node of the test, and of `value`, whose bounded repr is `got`."""
    expected = line(ast.unparse(node))
    if shared or expected != got and len(expected) <= _LONG and len(got) <= _LONG:
        return expected, got
    try:
        wanted = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return expected, got
    if expected == got and type(wanted) is not type(value):
        return "%s (%s)" % (expected, type(wanted).__name__), "%s (%s)" % (got, type(value).__name__)
    path, wanted, value = _first_difference("", wanted, value)
    if not path:
        return expected, got
    return "%s at %s" % (_short(wanted), path), _short(value)


_NOTHING = object()


def _short(value):
    text = "nothing" if value is _NOTHING else shown(value)
    return text if len(text) <= 2 * _LONG else text[:2 * _LONG] + "..."


def _first_difference(path, wanted, value):
    """Where two values differ first, and what stands there."""
    for _ in range(8):
        step = _step(wanted, value)
        if step is None:
            break
        where, wanted, value = step
        path += where
    return path, wanted, value


def _step(wanted, value):
    kind = type(wanted)
    if kind is not type(value):
        return None
    if kind is list or kind is tuple:
        for at in range(max(len(wanted), len(value))):
            left = wanted[at] if at < len(wanted) else _NOTHING
            right = value[at] if at < len(value) else _NOTHING
            if left is not right and left != right:
                return "[%d]" % at, left, right
    elif kind is dict:
        for key in [*wanted, *[key for key in value if key not in wanted]]:
            left, right = wanted.get(key, _NOTHING), value.get(key, _NOTHING)
            if left is not right and left != right:
                return "[%s]" % _short(key), left, right
    elif kind is set or kind is frozenset:
        lacking, more = wanted - value, value - wanted
        if lacking or more:
            return " (what only one of them has)", lacking or _NOTHING, more or _NOTHING
    elif kind is str and wanted != value and max(len(wanted), len(value)) > _LONG:
        at = next((at for at, (left, right) in enumerate(zip(wanted, value)) if left != right), min(len(wanted), len(value)))
        start = max(0, at - 20)
        return "[%d:]" % start, wanted[start:at + 60], value[start:at + 60]
    return None
