"""Renders values for traces: bounded in size, and without running one byte of the program's code.

Nothing here calls `repr`, `str`, `len`, `==`, `hash`, `bool`, `isinstance` or an attribute look-up on an object whose
type is not known to be built in. Types are told apart by identity (a metaclass can make even `hash(type(x))` run program
code), fields are read through the descriptors of the base classes, and containers are walked by the iterators of exact
built-in types. What is left out is marked by `...`; addresses never appear.

Sets are shown sorted (by value where the elements are numbers or texts of one kind, else by their rendering), so
that a trace does not depend on hash seeds; sets of more than `SORT_LIMIT` elements are shown in iteration order.
"""

import collections
import datetime
import decimal
import enum
import fractions
import functools
import types
from builtins import (
    BaseException, Ellipsis, NotImplemented, all, bool, bytearray, bytes, complex, dict, enumerate, filter, float, frozenset,
    id, int, iter, len, list, map, max, min, object, range, repr, reversed, set, slice, sorted, str, tuple, type, zip,
)
from itertools import islice
from operator import is_

SORT_LIMIT = 1000
# Above this many bits an integer is described, not printed: its decimal form costs quadratic time.
BIG_BITS = 4096
BIG = 1 << BIG_BITS

type_name_of = type.__dict__["__name__"].__get__
mro_of = type.__dict__["__mro__"].__get__
type_dict_of = type.__dict__["__dict__"].__get__
exception_args_of = BaseException.__dict__["args"].__get__
function_name_of = types.FunctionType.__dict__["__name__"].__get__
getset_type = type(type.__dict__["__dict__"])
member_type = type(types.FunctionType.__dict__["__closure__"])
memoised_type = type(functools.lru_cache(maxsize=None)(lambda: None))
mappingproxy_type = types.MappingProxyType
type_flags_of = type.__dict__["__flags__"].__get__
HEAP_TYPE = 1 << 9

fraction_numerator = fractions.Fraction.__dict__["_numerator"].__get__
fraction_denominator = fractions.Fraction.__dict__["_denominator"].__get__
ordered_items = collections.OrderedDict.items
default_factory_of = collections.defaultdict.__dict__["default_factory"].__get__
deque_maxlen_of = collections.deque.__dict__["maxlen"].__get__
dict_items = dict.items
text_of_str = str.__str__

ATOMS = (int, str, bool, type(None), float, complex, bytes, type(Ellipsis), type(NotImplemented))
ATOM_IDS = frozenset(map(id, ATOMS))
is_atom_id = ATOM_IDS.__contains__
NUMBER_IDS = frozenset(map(id, (int, bool, float)))
SAFE_REPR_IDS = frozenset(map(id, (decimal.Decimal, datetime.date, datetime.timedelta)))


def type_mro_of(kind):
    """A type's bases; some internal types of old versions have none before they are first used."""
    return mro_of(kind) or ()


def type_name(kind):
    """The name of a type as an exact `str` without surrogates; kinds of function are called by what they are."""
    if kind is types.FunctionType:
        return "function"
    if kind is enum.EnumMeta:
        # Its name is another one before 3.11.
        return "EnumType"
    return clean(type_name_of(kind))


def clean(text):
    """An exact `str` that any UTF-8 decoder accepts."""
    if type(text) is not str:
        text = text_of_str(text)
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def flat(items):
    """Whether all elements of an exact list or tuple are atoms."""
    return all(map(is_atom_id, map(id, map(type, items))))


class Renderer:
    """Renders values within limits: `items` per container, `string` characters per text, `nesting`, `chars` in all."""

    __slots__ = ("chars", "handlers", "items", "nesting", "path", "room", "string")

    def __init__(self, items=32, string=200, nesting=5, chars=400):
        self.items = items
        self.string = string
        self.nesting = nesting
        self.chars = chars
        self.room = 0
        self.path = []
        handlers = {id(kind): self.number for kind in (bool, type(None), float, complex, type(Ellipsis), type(NotImplemented))}
        for kind, handler in (
            (int, self.integer), (str, self.string_text), (bytes, self.bytes_text), (bytearray, self.bytearray_text),
            (list, self.list_text), (tuple, self.tuple_text), (dict, self.dict_text), (set, self.set_text),
            (frozenset, self.set_text), (range, self.range_text), (slice, self.slice_text),
            (types.FunctionType, self.function_text), (types.ModuleType, self.module_text),
            (types.BuiltinFunctionType, self.builtin_text), (memoised_type, self.memoised_text), (types.MethodType, self.method_text),
            (collections.OrderedDict, self.ordered_text), (collections.Counter, self.counter_text),
            (collections.defaultdict, self.default_text), (collections.deque, self.deque_text),
            (fractions.Fraction, self.fraction_text), (mappingproxy_type, self.opaque_text),
            (datetime.datetime, self.datetime_text), (datetime.time, self.datetime_text),
        ):
            handlers[id(kind)] = handler
        for kind in (decimal.Decimal, datetime.date, datetime.timedelta):
            handlers[id(kind)] = self.number
        for view in (type({}.keys()), type({}.values()), type({}.items())):
            handlers[id(view)] = self.view_text
        self.handlers = handlers

    def text(self, value):
        """The rendering of any value."""
        self.room = self.chars
        text = self.write(value, self.nesting)
        if len(text) > self.chars + 3:
            text = text[: self.chars] + "..."
        return text

    def entry(self, value, nothing):
        """The rendering, and what tells cheaply that it still holds, each `nothing` or None where there is none: an immutable
        value (an atom, or a tuple of atoms: the same object reads the same), a snapshot of a flat list or dictionary."""
        kind = type(value)
        if id(kind) in ATOM_IDS:
            self.room = self.chars
            return self.handlers[id(kind)](value, 1), value, None
        if kind is list:
            head = value[: self.items]
            if flat(head):
                return self.text(value), nothing, (list, len(value), head)
        elif kind is tuple:
            if len(value) <= self.items and flat(value):
                return self.text(value), value, None
        elif kind is dict and len(value) <= self.items:
            keys = list(value)
            elements = list(value.values())
            if flat(keys) and flat(elements):
                return self.text(value), nothing, (dict, keys, elements)
        return self.text(value), nothing, None

    def holds(self, value, kept):
        """Whether a snapshot of `entry` still describes `value`."""
        kind = type(value)
        if kind is not kept[0]:
            return False
        if kind is list:
            return len(value) == kept[1] and all(map(is_, value, kept[2]))
        return len(value) == len(kept[1]) and all(map(is_, value, kept[1])) and all(map(is_, value.values(), kept[2]))

    def write(self, value, nesting):
        """The rendering of a value inside another one."""
        handler = self.handlers.get(id(type(value)))
        if handler is not None:
            return handler(value, nesting)
        return self.other_text(value, nesting)

    # Atoms.

    def number(self, value, _nesting):
        text = repr(value)
        self.room -= len(text)
        return text

    def integer(self, value, _nesting):
        if -BIG < value < BIG:
            text = int.__repr__(value)
            if len(text) > self.string:
                text = text[: self.string] + "..."
        else:
            text = f"<int ... {int.bit_length(value)} bits>"
        self.room -= len(text)
        return text

    def string_text(self, value, _nesting):
        limit = max(1, min(self.string, self.room))
        text = str.__repr__(value) if len(value) <= limit else str.__repr__(value[:limit]) + "..."
        self.room -= len(text)
        return text

    def bytes_text(self, value, _nesting):
        limit = max(1, min(self.string, self.room) // 2)
        text = bytes.__repr__(value) if len(value) <= limit else bytes.__repr__(value[:limit]) + "..."
        self.room -= len(text)
        return text

    def bytearray_text(self, value, nesting):
        return "bytearray(" + self.bytes_text(bytes(value[: self.string + 1]), nesting) + ")"

    # Containers of exact built-in types.

    def inside(self, values, total, nesting):
        """The elements, comma-separated, up to the limits."""
        if nesting <= 0:
            return "..." if total else ""
        parts = []
        shown = 0
        for value in islice(values, self.items):
            if self.room <= 0:
                break
            parts.append(self.write(value, nesting - 1))
            self.room -= 2
            shown += 1
        if shown < total:
            parts.append(f"... ({total - shown} more)")
        return ", ".join(parts)

    def guarded(self, value, before, values, total, after, nesting):
        """A container's rendering, with its own occurrences inside itself shown as `...`."""
        for outer in self.path:
            if outer is value:
                return before + "..." + after
        self.path.append(value)
        try:
            return before + self.inside(values, total, nesting) + after
        finally:
            self.path.pop()

    def list_text(self, value, nesting):
        return self.guarded(value, "[", iter(value), len(value), "]", nesting)

    def tuple_text(self, value, nesting):
        return self.guarded(value, "(", iter(value), len(value), ",)" if len(value) == 1 else ")", nesting)

    def set_text(self, value, nesting):
        kind = "" if type(value) is set else "frozenset("
        if not value:
            return "set()" if not kind else "frozenset()"
        text = self.guarded(value, "{", self.ordered(value, nesting), len(value), "}", nesting)
        return kind + text + ")" if kind else text

    def ordered(self, value, nesting):
        """The elements of a set in an order that does not depend on the hash seed."""
        elements = list(value)
        if len(elements) > SORT_LIMIT:
            return elements
        kinds = set(map(id, map(type, elements)))
        if kinds <= NUMBER_IDS and not any_nan(elements) or kinds == {id(str)} or kinds == {id(bytes)}:
            return sorted(elements)
        if nesting <= 0:
            return elements
        room = self.room
        pairs = []
        for position, element in enumerate(elements):
            self.room = self.string
            pairs.append((self.write(element, nesting - 1), position))
        self.room = room
        return [elements[position] for _, position in sorted(pairs)]

    def pairs(self, pairs, total, nesting):
        if nesting <= 0:
            return "{...}" if total else "{}"
        parts = []
        shown = 0
        for key, value in islice(pairs, self.items):
            if self.room <= 0:
                break
            # A namespace made by `exec` carries all built-in names.
            hidden = type(key) is str and key == "__builtins__"
            key = self.write(key, nesting - 1)
            parts.append(key + ": " + ("..." if hidden else self.write(value, nesting - 1)))
            self.room -= 4
            shown += 1
        if shown < total:
            parts.append(f"... ({total - shown} more)")
        return "{" + ", ".join(parts) + "}"

    def dict_text(self, value, nesting):
        for outer in self.path:
            if outer is value:
                return "{...}"
        self.path.append(value)
        try:
            return self.pairs(iter(dict_items(value)), dict.__len__(value), nesting)
        finally:
            self.path.pop()

    def ordered_text(self, value, nesting):
        # The order of an OrderedDict is found by hashing its keys: only keys with a built-in hash may be asked.
        if flat(list(dict.keys(value))):
            text = self.dict_text_of(value, ordered_items(value), nesting)
        else:
            text = self.dict_text(value, nesting)
        return "OrderedDict(" + text + ")"

    def dict_text_of(self, value, pairs, nesting):
        for outer in self.path:
            if outer is value:
                return "{...}"
        self.path.append(value)
        try:
            return self.pairs(iter(pairs), dict.__len__(value), nesting)
        finally:
            self.path.pop()

    def counter_text(self, value, nesting):
        return "Counter(" + self.dict_text(value, nesting) + ")"

    def default_text(self, value, nesting):
        factory = self.write(default_factory_of(value), nesting - 1)
        return "defaultdict(" + factory + ", " + self.dict_text(value, nesting) + ")"

    def deque_text(self, value, nesting):
        limit = deque_maxlen_of(value)
        after = "])" if limit is None else f"], maxlen={limit})"
        return self.guarded(value, "deque([", iter(value), len(value), after, nesting)

    def view_text(self, value, nesting):
        name = type_name_of(type(value))
        if name == "dict_items":
            shown = [pair for pair in islice(value, self.items)]
        else:
            shown = list(islice(value, self.items))
        return self.guarded(value, name + "([", iter(shown), len(value), "])", nesting)

    # Objects.

    def range_text(self, value, nesting):
        parts = [value.start, value.stop] if value.step == 1 else [value.start, value.stop, value.step]
        return "range(" + ", ".join([self.integer(part, nesting) for part in parts]) + ")"

    def slice_text(self, value, nesting):
        parts = (value.start, value.stop, value.step)
        return self.guarded(value, "slice(", iter(parts), 3, ")", nesting)

    def fraction_text(self, value, nesting):
        parts = (fraction_numerator(value), fraction_denominator(value))
        return self.guarded(value, "Fraction(", iter(parts), 2, ")", nesting)

    def datetime_text(self, value, nesting):
        zone = value.tzinfo
        if zone is None or type(zone) is datetime.timezone:
            return self.number(value, nesting)
        return self.opaque_text(value, nesting)

    def function_text(self, value, _nesting):
        return "<Function " + clean(function_name_of(value)) + ">"

    def builtin_text(self, value, _nesting):
        return "<Function " + clean(value.__name__) + ">"

    def memoised_text(self, value, _nesting):
        name = fields_of(value, type_mro_of(type(value)))
        name = name.get("__name__") if name is not None and flat(list(name)) else None
        return "<Function " + clean(name) + ">" if type(name) is str else "<Function>"

    def method_text(self, value, _nesting):
        function = value.__func__
        if type(function) is types.FunctionType:
            return "<Method " + clean(function_name_of(function)) + ">"
        return "<Method>"

    def module_text(self, value, _nesting):
        name = types.ModuleType.__dict__["__dict__"].__get__(value)
        name = name.get("__name__") if type(name) is dict and flat(list(name)) else None
        return "<Module " + clean(name) + ">" if type(name) is str else "<Module>"

    def opaque_text(self, value, _nesting):
        return "<" + type_name(type(value)) + " object>"

    def other_text(self, value, nesting):
        """Classes, enumeration members, exceptions, instances, and instances of subclasses of built-in types."""
        kind = type(value)
        mro = type_mro_of(kind)
        for base in mro:
            if base is type:
                return "<Class " + type_name(value) + ">"
        name = type_name(kind)
        if not type_flags_of(kind) & HEAP_TYPE and id(kind) not in SAFE_REPR_IDS:
            if any_is(mro, BaseException):
                return self.exception_text(value, name, nesting)
            return "<" + name + " object>"
        fields = fields_of(value, mro)
        if fields is not None and any_is(type_mro_of(type(kind)), enum.EnumMeta) and flat(list(fields)):
            member = fields.get("_name_")
            if type(member) is str:
                return "<" + name + "." + clean(member) + ": " + self.write(fields.get("_value_"), nesting - 1) + ">"
        for base in mro:
            if base is tuple:
                return self.named_tuple_text(value, name, mro, nesting)
            if base is int:
                return name + "(" + self.integer(int.__int__(value), nesting) + ")"
            if base is str:
                return name + "(" + self.string_text(text_of_str(value), nesting) + ")"
            if base is float:
                return name + "(" + self.number(float.__float__(value), nesting) + ")"
            if base is list:
                return self.guarded(value, name + "([", list.__iter__(value), list.__len__(value), "])", nesting)
            if base is dict:
                return name + "(" + self.dict_text(value, nesting) + ")"
            if base is set or base is frozenset:
                elements = list(base.__iter__(value))
                return self.guarded(value, name + "({", self.ordered(elements, nesting), len(elements), "})", nesting)
            if base is collections.deque:
                return self.guarded(value, name + "([", base.__iter__(value), base.__len__(value), "])", nesting)
            if base is BaseException:
                return self.exception_text(value, name, nesting)
        return self.instance_text(value, name, fields, mro, nesting)

    def instance_text(self, value, name, fields, mro, nesting):
        head = "<" + name + " object"
        for outer in self.path:
            if outer is value:
                return head + " ...>"
        pairs = []
        if fields is not None:
            pairs = [pair for pair in dict_items(fields) if type(pair[0]) is str and pair[0][:2] != "__"]
        pairs.extend(slots_of(value, mro))
        if not pairs:
            return head + ">"
        if nesting <= 0:
            return head + " ...>"
        self.path.append(value)
        try:
            parts = []
            for key, field in pairs[: self.items]:
                if self.room <= 0:
                    break
                parts.append(clean(key) + "=" + self.write(field, nesting - 1))
                self.room -= len(key) + 3
            if len(parts) < len(pairs):
                parts.append("...")
            return head + " " + ", ".join(parts) + ">"
        finally:
            self.path.pop()

    def named_tuple_text(self, value, name, mro, nesting):
        length = tuple.__len__(value)
        for base in mro:
            names = type_dict_of(base)
            if base is tuple:
                break
            names = names.get("_fields") if flat(list(names)) else None
            if type(names) is tuple and len(names) == length and all([type(part) is str for part in names]):
                if nesting <= 0:
                    return name + "(...)"
                parts = []
                for part, item in zip(names, tuple.__iter__(value)):
                    if self.room <= 0:
                        parts.append("...")
                        break
                    parts.append(clean(part) + "=" + self.write(item, nesting - 1))
                    self.room -= len(part) + 3
                return name + "(" + ", ".join(parts) + ")"
        return self.guarded(value, name + "((", tuple.__iter__(value), length, "))", nesting)

    def exception_text(self, value, name, nesting):
        args = exception_args_of(value)
        return self.guarded(value, name + "(", iter(args), len(args), ")", nesting)

    def message(self, error):
        """The message of an exception, as `str` gives it where no program code is needed for that."""
        kind = type(error)
        args = exception_args_of(error)
        self.room = self.chars
        if not args:
            text = ""
        elif len(args) == 1 and type(args[0]) is str and not any_is(type_mro_of(kind), KeyError):
            text = args[0][: self.chars]
            text = text + "..." if len(args[0]) > self.chars else text
        elif len(args) == 1:
            text = self.write(args[0], self.nesting)
        elif any_is(type_mro_of(kind), OSError) and flat(args) and len(args) == 2:
            name = os_filename_of(error)
            text = f"[Errno {self.write(args[0], 1)}] {clean(args[1]) if type(args[1]) is str else self.write(args[1], 1)}"
            if type(name) is str:
                text += ": " + self.string_text(name, 1)
        elif (kind is UnicodeDecodeError or kind is UnicodeEncodeError) and flat(args) and len(args) == 5:
            text = f"{self.write(args[0], 1)} codec, position {self.write(args[2], 1)}: {self.write(args[4], 1)}"
        elif any_is(type_mro_of(kind), SyntaxError) and type(args[0]) is str:
            text = args[0][: self.chars]
        else:
            text = self.write(args, self.nesting)
        return clean(text)


def any_nan(numbers):
    return not all([number == number for number in numbers])


def any_is(kinds, wanted):
    for kind in kinds:
        if kind is wanted:
            return True
    return False


def fields_of(value, mro):
    """The instance dictionary, or None. A class may define `__dict__` itself, as a property: that one is not asked."""
    for base in mro:
        names = type_dict_of(base)
        # An exact mapping proxy over string keys: a key of another kind could bring its own `__eq__`.
        if base is not object and all([type(key) is str for key in names]) and "__dict__" in names:
            found = names["__dict__"]
            if type(found) is getset_type:
                fields = found.__get__(value)
                return fields if type(fields) is dict else None
            return None
    return None


def slots_of(value, mro):
    """Pairs of slot name and content, as far as they are set."""
    pairs = []
    for base in reversed(mro):
        if type_flags_of(base) & HEAP_TYPE:
            for key, found in list(type_dict_of(base).items()):
                if type(found) is member_type and type(key) is str:
                    try:
                        pairs.append((key, found.__get__(value)))
                    except AttributeError:
                        pass
    return pairs


from builtins import AttributeError, KeyError, OSError, SyntaxError, UnicodeDecodeError, UnicodeEncodeError  # noqa: E402

os_filename_of = OSError.__dict__["filename"].__get__
