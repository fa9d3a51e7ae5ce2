import copy
import json
import math


def _is_floats(value):
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _close(got, expected, tolerance):
    if isinstance(expected, (list, tuple)):
        return len(got) == len(expected) and all(_close(g, e, tolerance) for g, e in zip(got, expected))
    if got == expected:
        return True
    if isinstance(expected, (int, float, complex)) and isinstance(got, (int, float, complex)):
        return abs(got - expected) <= tolerance + 1e-7 * abs(expected)
    return False


def _matches(got, expected, tolerance, arguments):
    if KIND == "root":
        # Any root of the polynomial is right.
        return abs(sum(c * math.pow(got, power) for power, c in enumerate(arguments[0]))) <= tolerance
    exact = got == expected
    if KIND == "anything":
        return True
    if KIND == "zero":
        exact = exact or got == 0
    elif KIND == "pyramid":
        side, height = arguments
        slant = math.sqrt((side / 2) ** 2 + height**2)
        exact = exact or abs(got - round(side**2 + 2 * side * slant)) <= tolerance
    elif KIND == "digits":
        first, second = (str(number) for number in arguments)
        width = max(len(first), len(second))
        pairs = zip(first.zfill(width), second.zfill(width))
        exact = exact or got == sum(abs(int(a) - int(b)) for a, b in pairs)
    elif KIND == "set":
        exact = set(got) == set(expected)
    elif KIND == "presence":
        exact = (got if isinstance(got, bool) else got is not None) == (expected is not None)
    if exact:
        return True
    if tolerance == 0 and _is_floats(expected):
        tolerance = 1e-6
    return tolerance != 0 and type(got) is type(expected) and _close(got, expected, tolerance)


def _short(value):
    text = repr(value)
    return text if len(text) <= 120 else text[:120] + "..."


def _check():
    home = {"__name__": "reference"}
    exec(REFERENCE, home)
    reference = home[ENTRY]
    for number, raw in enumerate(json.loads(INPUTS), FIRST):
        arguments = SHAPE(raw)
        expected = reference(*copy.deepcopy(arguments))
        got = candidate(*copy.deepcopy(arguments))
        if not _matches(got, expected, TOLERANCE, arguments):
            raise AssertionError("%s input %d: expected %s, got %s" % (SUITE, number, _short(expected), _short(got)))


_check()
