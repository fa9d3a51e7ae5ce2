"""Canonical, type-tagged encoding of Python values between the process that runs a program and the one that judges it.

Nothing here is pickle: a message can only name values of a fixed list of types, and decoding runs no code of the
sender's. A message is a small heap: the mutable containers (list, dict, set, ...) are numbered in the order in which
they are met and stored side by side, and every value refers to them by number, so that shared and cyclic structures
keep their shape. The same numbers let a reply name the caller's own containers: what a call did to its arguments
comes back as new contents of containers that the caller still holds.

The file is long because encoder and decoder stand side by side, kind by kind: they may only change together.

Layout (all integers little-endian u32)::

    message   = changed-count, (index, contents)*, new-count, (kind, extra)*, contents*, value
    contents  = count, item*          (dict kinds: key then value; bytearray: length, bytes)
    value     = tag, payload          (see the functions named `_e_...`)

`protocol/value.rs` checks the same grammar before anything from a candidate's process reaches the judging process.
Objects outside the list travel as a bare type name (`Opaque`), iterators and functions as a handle that stays in the
process that made them.
"""

import builtins
import collections
import datetime
import decimal
import fractions
import functools
import itertools
import operator
import struct
import types

from _egcfg_comparing import APART, OWN, Comparing, name_of
from _egcfg_opaque import Opaque

MAX_DEPTH = 100
_u32 = struct.Struct("<I").pack
_ru32 = struct.Struct("<I").unpack_from
_f64 = struct.Struct("<d").pack
_rf64 = struct.Struct("<d").unpack_from

_dict_keys, _dict_values, _dict_items = type({}.keys()), type({}.values()), type({}.items())
_dict_iter, _dict_update, _dict_clear = dict.items, dict.update, dict.clear
_ordered_items = collections.OrderedDict.items

# The mutable containers, by the byte that stands for each kind.
KINDS = {
    list: b"l", dict: b"d", set: b"s", bytearray: b"a", collections.Counter: b"C",
    collections.OrderedDict: b"O", collections.defaultdict: b"G", collections.deque: b"q",
}
# Types that may travel as values themselves (`return int`), by name.
TYPES = {
    t.__name__: t
    for t in (
        int, float, complex, bool, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, object, type,
        type(None), collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque,
        decimal.Decimal, fractions.Fraction, datetime.date, datetime.datetime, datetime.time, datetime.timedelta,
    )
}
_TYPE_NAMES = {t: name for name, t in TYPES.items()}
# Built-in functions that only compute: the same at both ends, so that they travel as values too.
_FUNCTIONS = {
    name: getattr(builtins, name)
    for name in (
        "abs", "all", "any", "ascii", "bin", "chr", "divmod", "format", "hash", "hex", "isinstance", "issubclass", "len", "max",
        "min", "oct", "ord", "pow", "repr", "round", "sorted", "sum",
    )
}
_FUNCTION_NAMES = {id(function): name for name, function in _FUNCTIONS.items()}
_ITERATORS = (
    types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())), type(iter({})),
    type(iter({}.values())), type(iter({}.items())), type(iter(set())), type(iter("")), type(iter(b"")),
    type(iter(range(0))), type(iter([].__reversed__())), itertools.chain, itertools.count, itertools.cycle,
    itertools.repeat, itertools.accumulate, itertools.compress, itertools.dropwhile, itertools.takewhile,
    itertools.islice, itertools.starmap, itertools.zip_longest, itertools.product, itertools.permutations,
    itertools.combinations, itertools.combinations_with_replacement, itertools.groupby, itertools.filterfalse,
    type(itertools.tee(())[0]), type(iter(int, 0)), type(iter(collections.deque())), type(reversed(collections.deque())),
    type(reversed({})), type(reversed({}.values())), type(reversed({}.items())), type(reversed(range(0))),
    type(iter(bytearray())), *[getattr(itertools, name) for name in ("pairwise", "batched") if hasattr(itertools, name)],
)
_CALLABLES = (
    types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial,
    type(functools.lru_cache(None)(lambda: None)), operator.itemgetter, operator.attrgetter, operator.methodcaller,
    types.MethodWrapperType, types.MethodDescriptorType, types.WrapperDescriptorType,
)


# What a profile adds: from a type to a function that gives a name and a value of the kinds above (or None), and from such a
# name to a function that makes the object anew.
EXTENSIONS, BUILDERS = {}, {}
# In the place of a factory's name: it stays with the program.
_UNKNOWN = "?"


class Malformed(Exception):
    """The bytes are not a message."""


class Unencodable(Exception):
    """An argument has no canonical form; only its type's name is known."""


class Handles:
    """The iterators and functions that stay here, by number. The same object has the same number each time."""

    __slots__ = ("items", "numbers")

    def __init__(self):
        self.items, self.numbers = [], {}

    def number(self, x):
        known = self.numbers.get(id(x))
        if known is None:
            known = self.numbers[id(x)] = len(self.items)
            self.items.append(x)
        return known


def _text(value):
    data = value.encode("utf-8", "surrogatepass")
    return _u32(len(data)) + data


class Encoder:
    """Encodes one message.

    `known` are containers that the receiver has already, in the order of their numbers. `handles` receives iterators and
    functions; without it (in arguments) they are refused, as are objects without a canonical form. `reordered` says that
    a set will come in another order at the other end.
    """

    def __init__(self, known=(), handles=None):
        self.heap = list(known)
        self.known = len(self.heap)
        self.memo = {id(container): index for index, container in enumerate(self.heap)}
        self.handles = handles
        self.reordered = False
        self.comparing = None

    def message(self, root, sent=None):
        """The message for `root`; `sent` are the contents of the known containers as they came in."""
        value = self.value(root, 0)
        changed, count = [], 0
        for index in range(self.known):
            contents = self.contents(self.heap[index])
            if sent is None or contents != sent[index]:
                changed.append(_u32(index) + KINDS[type(self.heap[index])] + contents)
                count += 1
        contents, index = [], self.known
        while index < len(self.heap):
            contents.append(self.contents(self.heap[index]))
            index += 1
        kinds = [self.kind(container) for container in self.heap[self.known:]]
        parts = [_u32(count)] + changed + [_u32(len(kinds))] + kinds + contents + [value]
        return b"".join(parts), contents

    def kind(self, container):
        kind = KINDS[type(container)]
        if kind == b"G":
            factory = container.default_factory
            name = "" if factory is None else _TYPE_NAMES.get(factory, _UNKNOWN) if type(factory) is type else _UNKNOWN
            if name == _UNKNOWN and self.handles is None:
                raise Unencodable("defaultdict")
            return kind + _text(name)
        if kind == b"q":
            return kind + (_u32(0xFFFFFFFF) if container.maxlen is None else _u32(container.maxlen))
        return kind

    def contents(self, container):
        cls = type(container)
        if cls is bytearray:
            return _u32(len(container)) + bytes(container)
        if cls is list or cls is set or cls is collections.deque:
            items = list(container)
            if cls is set and len(items) > 1 and self.handles is None and list(set(items)) != items:
                self.reordered = True
            value = self.value
            return _u32(len(items)) + b"".join([value(item, 1) for item in items])
        pairs = list(_ordered_items(container) if cls is collections.OrderedDict else _dict_iter(container))
        value = self.value
        return _u32(len(pairs)) + b"".join([value(k, 1) + value(v, 1) for k, v in pairs])

    def value(self, x, depth):
        cls = type(x)
        encode = _ENCODERS.get(cls)
        if encode is not None:
            return encode(self, x, depth)
        if cls in KINDS:
            index = self.memo.get(id(x))
            if index is None:
                index = self.memo[id(x)] = len(self.heap)
                self.heap.append(x)
            return b"@" + _u32(index)
        return self.other(x, cls)

    def other(self, x, cls):
        if issubclass(cls, type) and x in _TYPE_NAMES:
            return b"y" + _text(_TYPE_NAMES[x])
        if id(x) in _FUNCTION_NAMES:
            return b"y" + _text(_FUNCTION_NAMES[id(x)])
        if cls in EXTENSIONS:
            form = EXTENSIONS[cls](x)
            if form is not None:
                return b"X" + _text(form[0]) + self.value(form[1], 1)
        if self.handles is None:
            raise Unencodable(name_of(cls))
        if cls in _ITERATORS or cls in _CALLABLES:
            flag = b"c" if cls in _CALLABLES else b"i"
            return b"p" + flag + _u32(self.handles.number(x)) + _text(name_of(cls))
        return self.opaque(x, cls)

    def opaque(self, x, cls):
        if self.comparing is None:
            self.comparing = Comparing()
        kind, flag = self.comparing.of(x), b"2"
        if kind != OWN:
            try:
                truth = bool(x)
            except Exception:
                truth = True
            flag = b"%d" % ((3 if kind == APART else 0) + truth)
        return b"o" + flag + _text(name_of(cls))


def _e_tuple(self, x, depth):
    if depth >= MAX_DEPTH:
        raise RecursionError("values nest too deeply to be sent")
    value = self.value
    return b"t" + _u32(len(x)) + b"".join([value(item, depth + 1) for item in x])


def _e_frozenset(self, x, depth):
    return b"z" + _e_tuple(self, tuple(x), depth)[1:]


def _e_int(self, x, depth):
    data = b"%x" % x
    return b"i" + _u32(len(data)) + data


def _e_slice(self, x, depth):
    value = self.value
    return b"S" + value(x.start, depth + 1) + value(x.stop, depth + 1) + value(x.step, depth + 1)


def _e_range(self, x, depth):
    return b"r" + _e_int(self, x.start, 0) + _e_int(self, x.stop, 0) + _e_int(self, x.step, 0)


def _e_view(flag):
    def encode(self, x, depth):
        return b"k" + flag + _e_tuple(self, tuple(x), depth)[1:]

    return encode


def _ints(self, numbers):
    return b"".join([_e_int(self, n, 0) for n in numbers])


def _e_delta(self, x, depth):
    return b"e" + _ints(self, (x.days, x.seconds, x.microseconds))


def _zone(self, zone):
    if zone is None:
        return b"N"
    if type(zone) is datetime.timezone:
        offset, *name = zone.__getinitargs__()
        if not name:
            return _e_delta(self, offset, 0)
        if type(name[0]) is str:
            return b"n" + _e_delta(self, offset, 0)[1:] + _text(name[0])
    raise Unencodable("tzinfo")


def _e_datetime(self, x, depth):
    fields = (x.year, x.month, x.day, x.hour, x.minute, x.second, x.microsecond, x.fold)
    return b"M" + _ints(self, fields) + _zone(self, x.tzinfo)


def _e_time(self, x, depth):
    return b"h" + _ints(self, (x.hour, x.minute, x.second, x.microsecond, x.fold)) + _zone(self, x.tzinfo)


def _or_opaque(encode):
    def inner(self, x, depth):
        try:
            return encode(self, x, depth)
        except Unencodable:
            if self.handles is None:
                raise
            return self.opaque(x, type(x))

    return inner


_ENCODERS = {
    type(None): lambda self, x, depth: b"N",
    bool: lambda self, x, depth: b"T" if x else b"F",
    type(...): lambda self, x, depth: b"E",
    type(NotImplemented): lambda self, x, depth: b"I",
    int: _e_int,
    float: lambda self, x, depth: b"f" + _f64(x),
    complex: lambda self, x, depth: b"c" + _f64(x.real) + _f64(x.imag),
    str: lambda self, x, depth: b"s" + _text(x),
    bytes: lambda self, x, depth: b"b" + _u32(len(x)) + x,
    tuple: _e_tuple,
    frozenset: _e_frozenset,
    slice: _e_slice,
    range: _e_range,
    _dict_keys: _e_view(b"k"),
    _dict_values: _e_view(b"v"),
    _dict_items: _e_view(b"i"),
    decimal.Decimal: lambda self, x, depth: b"D" + _text(str(x)),
    fractions.Fraction: lambda self, x, depth: b"Q" + _ints(self, (x.numerator, x.denominator)),
    datetime.date: lambda self, x, depth: b"m" + _ints(self, (x.year, x.month, x.day)),
    datetime.datetime: _or_opaque(_e_datetime),
    datetime.time: _or_opaque(_e_time),
    datetime.timedelta: _e_delta,
}


class Decoder:
    """Decodes one message. `known` are containers that the sender knows by number; `remote(kind, id, name)` makes the
    stand-in for a handle. `opaque` collects every `Opaque` that was met; `odd` says that the message held more than numbers,
    text, truth values and plain containers; `reordered` that a set has another order here than where it came from."""

    def __init__(self, data, known=(), remote=None):
        self.data, self.at = data, 0
        self.heap = list(known)
        self.known = len(self.heap)
        self.remote = remote
        self.opaque = []
        self.odd = self.reordered = False
        self.spans = []

    def message(self):
        """The root value, after the known containers have taken their new contents."""
        try:
            return self._message()
        except (Malformed, RecursionError, MemoryError):
            raise
        except Exception as error:
            raise Malformed("%s: %s" % (type(error).__name__, error))

    def _message(self):
        changes = []
        for _ in range(self.u32()):
            index = self.u32()
            kind = self.take(1)
            if index >= self.known or kind != KINDS[type(self.heap[index])]:
                raise Malformed("no such container")
            # Contents may name containers that are only announced below: remember where they stand.
            changes.append((index, self.at))
            self.skip_contents(kind)
        kinds = []
        for _ in range(self.u32()):
            kinds.append(self.new_container())
        for kind in kinds:
            self.heap.append(kind)
        for container in kinds:
            start = self.at
            self.fill(container)
            self.spans.append(self.data[start:self.at])
        root = self.value(0)
        if self.at != len(self.data):
            raise Malformed("bytes after the message")
        for index, at in changes:
            self.at = at
            self.fill(self.heap[index])
        return root

    def new_container(self):
        kind = self.take(1)
        if kind == b"G":
            name = self.text()
            return collections.defaultdict(_absent_factory if name == _UNKNOWN else TYPES.get(name))
        if kind == b"q":
            limit = self.u32()
            return collections.deque(maxlen=None if limit == 0xFFFFFFFF else limit)
        for cls, byte in KINDS.items():
            if byte == kind:
                return cls()
        raise Malformed("unknown container")

    def skip_contents(self, kind):
        count = self.u32()
        if kind == b"a":
            self.take(count)
            return
        for _ in range(count * (2 if kind in b"dCOG" else 1)):
            self.value(1, skip=True)

    def fill(self, container):
        cls, count = type(container), self.u32()
        value = self.value
        if cls is bytearray:
            container[:] = self.take(count)
        elif cls is list:
            container[:] = [value(1) for _ in range(count)]
        elif cls is set:
            items = [value(1) for _ in range(count)]
            container.clear()
            container.update(items)
            if count > 1 and list(container) != items:
                self.reordered = True
        elif cls is collections.deque:
            items = [value(1) for _ in range(count)]
            container.clear()
            container.extend(items)
        else:
            pairs = [(value(1), value(1)) for _ in range(count)]
            container.clear()
            if cls is collections.OrderedDict:
                for k, v in pairs:
                    container[k] = v
            else:
                _dict_update(container, pairs)

    def take(self, n):
        at, end = self.at, self.at + n
        if end > len(self.data):
            raise Malformed("cut short")
        self.at = end
        return self.data[at:end]

    def u32(self):
        at = self.at
        if at + 4 > len(self.data):
            raise Malformed("cut short")
        self.at = at + 4
        return _ru32(self.data, at)[0]

    def text(self):
        return self.take(self.u32()).decode("utf-8", "surrogatepass")

    def integer(self):
        if self.take(1) != b"i":
            raise Malformed("not an integer")
        return int(self.take(self.u32()), 16)

    def f64(self):
        return _rf64(self.take(8))[0]

    def value(self, depth, skip=False):
        if depth > MAX_DEPTH + 2:
            raise Malformed("too deep")
        tag = self.take(1)
        if tag == b"i":
            return int(self.take(self.u32()), 16)
        if tag == b"s":
            return self.text()
        if tag == b"@":
            index = self.u32()
            return None if skip else self.heap[index]
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag == b"f":
            return self.f64()
        if tag == b"t":
            return tuple([self.value(depth + 1, skip) for _ in range(self.u32())])
        if tag == b"z":
            items = [self.value(depth + 1, skip) for _ in range(self.u32())]
            if skip:
                return None
            made = frozenset(items)
            if len(items) > 1 and list(made) != items:
                self.reordered = True
            return made
        return self.rare(tag, depth, skip)

    def rare(self, tag, depth, skip):
        self.odd = True
        if tag == b"b":
            return self.take(self.u32())
        if tag == b"c":
            return complex(self.f64(), self.f64())
        if tag == b"r":
            return range(self.integer(), self.integer(), self.integer())
        if tag == b"S":
            return slice(*[self.value(depth + 1, skip) for _ in range(3)])
        if tag == b"k":
            return self.view(depth, skip)
        if tag == b"D":
            return decimal.Decimal(self.text())
        if tag == b"Q":
            return fractions.Fraction(self.integer(), self.integer())
        if tag == b"m":
            return datetime.date(self.integer(), self.integer(), self.integer())
        if tag == b"e":
            return datetime.timedelta(self.integer(), self.integer(), self.integer())
        if tag == b"M":
            fields = [self.integer() for _ in range(8)]
            return datetime.datetime(*fields[:7], tzinfo=self.zone(), fold=fields[7])
        if tag == b"h":
            fields = [self.integer() for _ in range(5)]
            return datetime.time(*fields[:4], tzinfo=self.zone(), fold=fields[4])
        if tag == b"y":
            name = self.text()
            return TYPES[name] if name in TYPES else _FUNCTIONS[name]
        if tag == b"X":
            met, name, form = len(self.opaque), self.text(), self.value(depth + 1, skip)
            try:
                return None if skip else BUILDERS[name](form)
            except Exception:
                if len(self.opaque) == met:
                    raise
                # Made of something that has no canonical form, it has none itself.
                return self.opaque[-1]
        if tag == b"o":
            flag, name = self.take(1), self.text()
            stand_in = Opaque(name, flag)
            if not skip:
                self.opaque.append(stand_in)
            return stand_in
        if tag == b"p":
            kind, number, name = self.take(1), self.u32(), self.text()
            if skip:
                return None
            if self.remote is None:
                raise Malformed("a handle where none can be")
            return self.remote(kind, number, name)
        raise Malformed("unknown tag")

    def view(self, depth, skip):
        flag = self.take(1)
        items = [self.value(depth + 1, skip) for _ in range(self.u32())]
        if skip:
            return None
        if flag == b"k":
            return dict.fromkeys(items).keys()
        if flag == b"v":
            return dict(enumerate(items)).values()
        return dict(items).items()

    def zone(self):
        tag = self.take(1)
        if tag == b"N":
            return None
        offset = datetime.timedelta(self.integer(), self.integer(), self.integer())
        return datetime.timezone(offset) if tag == b"e" else datetime.timezone(offset, self.text())


def _absent_factory():
    """The factory of a `defaultdict` that has one of the program's own."""
    Opaque.touched()


_CONSTANTS = {b"N": None, b"T": True, b"F": False, b"E": ..., b"I": NotImplemented}
