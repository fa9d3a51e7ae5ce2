"""The operations that the pocket model's tasks are made of.

Each operation has a precise description, the lines of code that a program writes for it, and a
Python function with the same effect.  The function exists for speed alone: choosing inputs that
tell programs apart needs many evaluations, and calling it is far cheaper than compiling text.
`selfcheck.py` holds the two against each other.

Operations that share a `vague` phrase are siblings: a reader of the vague phrase cannot know which
of them is meant, and only the tests tell.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Value = Any
Constants = tuple[Any, ...]

VOWELS = "aeiouAEIOU"
# Letters whose pairs are rare in words, so that the tokenizer hardly ever joins two of them: the model
# then sees the characters of a string one by one.
LETTERS = "aeuzjx"
ALPHABET = "aaeeuuzjxAEUZJX123"
INT_LOW, INT_HIGH = -9, 20


@dataclass(frozen=True)
class Op:
    """One operation: `template` lines use {i} for the input's name, {o} for the output's, {c}, {d}."""

    name: str
    kind: str  # "list" or "str": what the operation takes
    reduces: bool  # True when it gives an int, which ends a program
    vague: str
    precise: str
    template: tuple[str, ...]
    run: Callable[..., Value]
    constants: tuple[tuple[Any, ...], ...] = field(default=())

    def draw(self, rng: random.Random) -> Constants:
        """Draw the operation's constants; two characters of one operation are never the same."""
        picked = [rng.choice(choices) for choices in self.constants]
        while len(picked) == 2 and picked[0] == picked[1]:
            picked[1] = rng.choice(self.constants[1])
        return tuple(picked)

    def describe(self, constants: Constants) -> str:
        """The precise description, constants filled in."""
        return self.precise.format(**_named(constants))

    def lines(self, source: str, target: str, constants: Constants) -> list[str]:
        """The operation's lines, indented as the body of a function."""
        shown = {key: repr(value) for key, value in _named(constants).items()}
        return ["    " + line.format(i=source, o=target, **shown) for line in self.template]


def _named(constants: Constants) -> dict[str, Any]:
    return dict(zip("cd", constants, strict=False))


def _span(low: int, high: int) -> tuple[int, ...]:
    return tuple(range(low, high + 1))


def _map(name: str, vague: str, precise: str, expression: str, run: Callable[..., Value],
         constants: tuple[tuple[Any, ...], ...] = ()) -> Op:
    each: Callable[..., Value] = lambda v, *c: [run(x, *c) for x in v]
    template = ("{o} = []", "for x in {i}:", "    y = " + expression, "    {o}.append(y)")
    return Op(name, "list", False, vague, precise, template, each, constants)


def _filter(name: str, precise: str, test: str, run: Callable[..., bool],
            constants: tuple[tuple[Any, ...], ...] = ()) -> Op:
    kept: Callable[..., Value] = lambda v, *c: [x for x in v if run(x, *c)]
    template = ("{o} = []", "for x in {i}:", "    if " + test + ":", "        {o}.append(x)")
    return Op(name, "list", False, "keep some numbers", precise, template, kept, constants)


def _text_filter(name: str, precise: str, test: str, run: Callable[..., bool],
                 constants: tuple[tuple[Any, ...], ...] = ()) -> Op:
    kept: Callable[..., Value] = lambda v, *c: "".join(x for x in v if run(x, *c))
    template = ("{o} = ''", "for x in {i}:", "    if " + test + ":", "        {o} = {o} + x")
    return Op(name, "str", False, "keep some characters", precise, template, kept, constants)


def _counter(name: str, kind: str, vague: str, precise: str, test: str, run: Callable[..., bool],
             constants: tuple[tuple[Any, ...], ...] = ()) -> Op:
    count: Callable[..., Value] = lambda v, *c: sum(1 for x in v if run(x, *c))
    template = ("{o} = 0", "for x in {i}:", "    if " + test + ":", "        {o} = {o} + 1")
    return Op(name, kind, True, vague, precise, template, count, constants)


def _plain(name: str, kind: str, vague: str, precise: str, expression: str, run: Callable[..., Value],
           constants: tuple[tuple[Any, ...], ...] = (), reduces: bool = False) -> Op:
    return Op(name, kind, reduces, vague, precise, ("{o} = " + expression,), run, constants)


def _running(values: list[int]) -> list[int]:
    total, out = 0, []
    for value in values:
        total += value
        out.append(total)
    return out


_SCALE, _SHIFT, _CHANGE = "scale each number", "shift each number", "change each number"
_ORDER, _TAKE, _SUM = "rearrange the numbers", "take some of the numbers", "summarise the numbers"
_CASE, _LETTERS = "change the case", "change some characters"
_TORDER, _TTAKE, _TSUM = "rearrange the characters", "take some of the characters", "summarise the text"
_ONE_TO_NINE = (_span(1, 9),)
_CHARS = (tuple(LETTERS),)

LIST_OPS: tuple[Op, ...] = (
    _map("add", _SHIFT, "add {c} to each number", "x + {c}", lambda x, c: x + c, _ONE_TO_NINE),
    _map("subtract", _SHIFT, "subtract {c} from each number", "x - {c}", lambda x, c: x - c, _ONE_TO_NINE),
    _map("multiply", _SCALE, "multiply each number by {c}", "x * {c}", lambda x, c: x * c, (_span(2, 9),)),
    _map("double_add", _SCALE, "double each number and add {c}", "x * 2 + {c}", lambda x, c: x * 2 + c, _ONE_TO_NINE),
    _map("square", _CHANGE, "square each number", "x * x", lambda x: x * x),
    _map("negate", _CHANGE, "negate each number", "-x", lambda x: -x),
    _map("absolute", _CHANGE, "take the absolute value of each number", "abs(x)", abs),
    _map("remainder", _CHANGE, "take each number modulo {c}", "x % {c}", lambda x, c: x % c, (_span(2, 6),)),
    _map("divide", _CHANGE, "floor-divide each number by {c}", "x // {c}", lambda x, c: x // c, (_span(2, 5),)),
    _filter("even", "keep the even numbers", "x % 2 == 0", lambda x: x % 2 == 0),
    _filter("odd", "keep the odd numbers", "x % 2 == 1", lambda x: x % 2 == 1),
    _filter("positive", "keep the positive numbers", "x > 0", lambda x: x > 0),
    _filter("negative", "keep the negative numbers", "x < 0", lambda x: x < 0),
    _filter("greater", "keep the numbers greater than {c}", "x > {c}", lambda x, c: x > c, _ONE_TO_NINE),
    _filter("less", "keep the numbers less than {c}", "x < {c}", lambda x, c: x < c, (_span(1, 12),)),
    _filter("divisible", "keep the numbers divisible by {c}", "x % {c} == 0", lambda x, c: x % c == 0, (_span(3, 5),)),
    _plain("reverse", "list", _ORDER, "reverse the numbers", "{i}[::-1]", lambda v: v[::-1]),
    _plain("sort", "list", _ORDER, "sort the numbers", "sorted({i})", sorted),
    _plain("sort_down", "list", _ORDER, "sort the numbers in descending order", "sorted({i}, reverse=True)",
           lambda v: sorted(v, reverse=True)),
    _plain("drop_first", "list", _TAKE, "drop the first number", "{i}[1:]", lambda v: v[1:]),
    _plain("drop_last", "list", _TAKE, "drop the last number", "{i}[:-1]", lambda v: v[:-1]),
    _plain("first_few", "list", _TAKE, "take the first {c} numbers", "{i}[:{c}]", lambda v, c: v[:c], (_span(2, 3),)),
    _plain("every_other", "list", _TAKE, "take every other number", "{i}[::2]", lambda v: v[::2]),
    Op("distinct", "list", False, _TAKE, "remove duplicates",
       ("{o} = []", "for x in {i}:", "    if x not in {o}:", "        {o}.append(x)"),
       lambda v: list(dict.fromkeys(v))),
    Op("running", "list", False, _CHANGE, "take the running sum",
       ("{o} = []", "r = 0", "for x in {i}:", "    r = r + x", "    {o}.append(r)"), _running),
    Op("sum", "list", True, _SUM, "return the sum", ("{o} = 0", "for x in {i}:", "    {o} = {o} + x"), sum),
    _plain("max", "list", _SUM, "return the largest number", "max({i})", max, reduces=True),
    _plain("min", "list", _SUM, "return the smallest number", "min({i})", min, reduces=True),
    _plain("length", "list", _SUM, "return how many there are", "len({i})", len, reduces=True),
    _counter("count", "list", _SUM, "count the numbers greater than {c}", "x > {c}",
             lambda x, c: x > c, (_span(0, 9),)),
    _plain("first", "list", _SUM, "return the first number", "{i}[0]", lambda v: v[0], reduces=True),
    _plain("last", "list", _SUM, "return the last number", "{i}[-1]", lambda v: v[-1], reduces=True),
)

TEXT_OPS: tuple[Op, ...] = (
    _plain("upper", "str", _CASE, "make it upper case", "{i}.upper()", str.upper),
    _plain("lower", "str", _CASE, "make it lower case", "{i}.lower()", str.lower),
    _plain("swapcase", "str", _CASE, "swap the case", "{i}.swapcase()", str.swapcase),
    Op("double", "str", False, _LETTERS, "double each character",
       ("{o} = ''", "for x in {i}:", "    y = x * 2", "    {o} = {o} + y"), lambda v: "".join(x * 2 for x in v)),
    _plain("replace", "str", _LETTERS, "replace each {c} by {d}", "{i}.replace({c}, {d})",
           lambda v, c, d: v.replace(c, d), (tuple(LETTERS), tuple(LETTERS + "kqw"))),
    _text_filter("no_vowels", "remove the vowels", "x not in 'aeiouAEIOU'", lambda x: x not in VOWELS),
    _text_filter("vowels", "keep the vowels", "x in 'aeiouAEIOU'", lambda x: x in VOWELS),
    _text_filter("without", "remove each {c}", "x != {c}", lambda x, c: x != c, _CHARS),
    _text_filter("letters", "keep the letters", "x.isalpha()", str.isalpha),
    _text_filter("digits", "keep the digits", "x.isdigit()", str.isdigit),
    _plain("reverse", "str", _TORDER, "reverse the text", "{i}[::-1]", lambda v: v[::-1]),
    _plain("sort", "str", _TORDER, "sort the characters", "''.join(sorted({i}))", lambda v: "".join(sorted(v))),
    _plain("drop_first", "str", _TTAKE, "drop the first character", "{i}[1:]", lambda v: v[1:]),
    _plain("drop_last", "str", _TTAKE, "drop the last character", "{i}[:-1]", lambda v: v[:-1]),
    _plain("first_few", "str", _TTAKE, "take the first {c} characters", "{i}[:{c}]",
           lambda v, c: v[:c], (_span(2, 4),)),
    _plain("every_other", "str", _TTAKE, "take every other character", "{i}[::2]", lambda v: v[::2]),
    _plain("length", "str", _TSUM, "return the length", "len({i})", len, reduces=True),
    _counter("count_vowels", "str", _TSUM, "count the vowels", "x in 'aeiouAEIOU'", lambda x: x in VOWELS),
    _counter("count_char", "str", _TSUM, "count each {c}", "x == {c}", lambda x, c: x == c, _CHARS),
    _counter("count_digits", "str", _TSUM, "count the digits", "x.isdigit()", str.isdigit),
)

OPS: dict[str, tuple[Op, ...]] = {"list": LIST_OPS, "str": TEXT_OPS}
SIBLINGS: dict[str, tuple[Op, ...]] = {
    op.vague: tuple(other for other in OPS[op.kind] if other.vague == op.vague) for ops in OPS.values() for op in ops
}
FUNCTION_NAMES = ("scale", "process", "convert", "compute", "apply", "transform", "build", "handle", "solve",
                  "change", "pick", "make")


def draw_input(kind: str, rng: random.Random) -> Value:
    """One argument: a short list of small ints, at times with a repeated one, or a short string."""
    if kind == "list":
        values = [rng.randint(INT_LOW, INT_HIGH) for _ in range(rng.randint(2, 5))]
        if len(values) > 2 and rng.random() < 0.3:
            values[rng.randrange(1, len(values))] = values[0]
        return values
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randint(3, 8)))
