"""Renders values of built-in types for traces: bounded in size, and without running one byte of the program's code.
(`trace_objects` renders the rest.)

Nothing here calls `repr`, `str`, `len`, `==`, `hash`, `bool`, `isinstance` or an attribute look-up on an object whose
type is not known to be built in. Types are told apart by identity (a metaclass can make even `hash(type(x))` run program
code), fields are read through the descriptors of the base classes, and containers are walked by the iterators of exact
built-in types. What is left out is marked by `...`; addresses never appear.

Sets are shown sorted (by value where the elements are numbers or texts of one kind, else by their rendering), so
that a trace does not depend on hash seeds; sets of more than `SORT_LIMIT` elements are shown in iteration order.
"""
import _weakref
import enum
import types
from builtins import (
    Ellipsis, NotImplemented, all, bool, bytearray, bytes, complex, dict, enumerate, float, frozenset, id, int, iter, len,
    list, map, max, min, range, repr, set, slice, sorted, str, tuple, type,
)
from itertools import islice
from operator import is_

SORT_LIMIT = 1000
# Above this many bits an integer is described, not printed: its decimal form costs quadratic time.
BIG = 1 << 4096

ATOMS = (int, str, bool, type(None), float, complex, bytes, type(Ellipsis), type(NotImplemented))
ATOM_IDS = frozenset(map(id, ATOMS))
is_atom_id = ATOM_IDS.__contains__
NUMBER_IDS = frozenset(map(id, (int, bool, float)))
VIEWS = (type({}.keys()), type({}.values()), type({}.items()))

weakref_type = _weakref.ref
type_name_of = type.__dict__["__name__"].__get__
dict_items = dict.items
text_of_str = str.__str__


def type_name(kind):
    """The name of a type as an exact `str` without surrogates; kinds of function are called by what they are."""
    if kind is types.FunctionType:
        return "function"
    if kind is enum.EnumMeta:
        # Its name is another one before 3.11.
        return "EnumType"
    if kind is weakref_type:
        # And this one before 3.10.
        return "ReferenceType"
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


def any_nan(numbers):
    return not all([number == number for number in numbers])


class Values:
    """Renders values within limits: `items` per container, `string` characters per text, `nesting`, `chars` in all."""

    __slots__ = ("chars", "handlers", "items", "nesting", "path", "room", "string")

    def __init__(self, items=32, string=200, nesting=5, chars=400):
        self.items, self.string, self.nesting, self.chars = items, string, nesting, chars
        # Characters left for the value in hand, and the containers around the part in hand.
        self.room = 0
        self.path = []
        # By the identity of the exact type.
        self.handlers = {
            id(int): self.integer, id(str): self.string_text, id(bytes): self.bytes_text, id(bytearray): self.bytearray_text,
            id(list): self.list_text, id(tuple): self.tuple_text, id(dict): self.dict_text, id(set): self.set_text,
            id(frozenset): self.set_text, id(range): self.range_text, id(slice): self.slice_text,
        }
        for kind in (bool, type(None), float, complex, type(Ellipsis), type(NotImplemented)):
            self.handlers[id(kind)] = self.number
        for kind in VIEWS:
            self.handlers[id(kind)] = self.view_text

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

    # Containers.

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
        return self.dict_text_of(value, dict_items(value), nesting)

    def dict_text_of(self, value, pairs, nesting):
        """A dictionary's rendering, with its pairs in the order given."""
        for outer in self.path:
            if outer is value:
                return "{...}"
        self.path.append(value)
        try:
            return self.pairs(iter(pairs), dict.__len__(value), nesting)
        finally:
            self.path.pop()

    def view_text(self, value, nesting):
        name = type_name_of(type(value))
        if name == "dict_items":
            shown = [pair for pair in islice(value, self.items)]
        else:
            shown = list(islice(value, self.items))
        return self.guarded(value, name + "([", iter(shown), len(value), "])", nesting)

    def range_text(self, value, nesting):
        parts = [value.start, value.stop] if value.step == 1 else [value.start, value.stop, value.step]
        return "range(" + ", ".join([self.integer(part, nesting) for part in parts]) + ")"

    def slice_text(self, value, nesting):
        parts = (value.start, value.stop, value.step)
        return self.guarded(value, "slice(", iter(parts), 3, ")", nesting)
