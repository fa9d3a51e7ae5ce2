"""Renders objects for traces: what the standard library's value types hold, classes, functions, exceptions, and instances of
the program's own classes by their fields, all without running the program's code (see `trace_values`).
"""

import builtins
import collections
import datetime
import decimal
import enum
import fractions
import functools
import types
from builtins import (
    AttributeError, BaseException, KeyError, OSError, SyntaxError, UnicodeDecodeError, UnicodeEncodeError,
    UnicodeTranslateError, all, bytes, dict, float, frozenset, getattr, id, int, iter, len, list, map, object, reversed,
    set, str, tuple, type, zip,
)

from trace_values import BIG, Values, clean, dict_items, flat, text_of_str, type_name

mro_of = type.__dict__["__mro__"].__get__
type_dict_of = type.__dict__["__dict__"].__get__
type_flags_of = type.__dict__["__flags__"].__get__
# Types that a class statement made, not C code: made at run time and open to change (3.9 does not say the latter).
MADE, CLOSED = 1 << 9, 1 << 8
getset_type = type(type.__dict__["__dict__"])
member_type = type(types.FunctionType.__dict__["__closure__"])
memoised_type = type(functools.lru_cache(maxsize=None)(lambda: None))
module_dict_of = types.ModuleType.__dict__["__dict__"].__get__
function_name_of = types.FunctionType.__dict__["__name__"].__get__
exception_args_of = BaseException.__dict__["args"].__get__
numerator_of = fractions.Fraction.__dict__["_numerator"].__get__
denominator_of = fractions.Fraction.__dict__["_denominator"].__get__
ordered_items = collections.OrderedDict.items
default_factory_of = collections.defaultdict.__dict__["default_factory"].__get__
deque_maxlen_of = collections.deque.__dict__["maxlen"].__get__
# Exceptions whose `str` is composed, with the fields that it reads and that may be of any type.
COMPOSED = [
    (kind, [kind.__dict__[name] for name in names.split()])
    for kind, names in (
        (OSError, "errno strerror filename filename2"), (SyntaxError, "msg filename lineno"),
        (UnicodeDecodeError, "encoding reason"), (UnicodeEncodeError, "encoding reason"),
        (UnicodeTranslateError, "reason"), (getattr(builtins, "BaseExceptionGroup", None), "message"),
    ) if kind is not None
]
# A longer text is not put into a message.
SHORT = 4096
SAFE_REPR_IDS = frozenset(map(id, (decimal.Decimal, datetime.date, datetime.timedelta)))


class Renderer(Values):
    """Renders any value."""

    __slots__ = ()

    def __init__(self, items=32, string=200, nesting=5, chars=400):
        Values.__init__(self, items, string, nesting, chars)
        for kind, handler in (
            (types.FunctionType, self.function_text), (types.ModuleType, self.module_text),
            (types.BuiltinFunctionType, self.builtin_text), (types.MethodType, self.method_text),
            (memoised_type, self.memoised_text), (collections.OrderedDict, self.ordered_text),
            (collections.Counter, self.counter_text), (collections.defaultdict, self.default_text),
            (collections.deque, self.deque_text), (fractions.Fraction, self.fraction_text),
            (datetime.datetime, self.datetime_text), (datetime.time, self.datetime_text),
            (decimal.Decimal, self.number), (datetime.date, self.number), (datetime.timedelta, self.number),
        ):
            self.handlers[id(kind)] = handler

    # Values of the standard library.

    def ordered_text(self, value, nesting):
        # The order of an OrderedDict is found by hashing its keys: only keys with a built-in hash may be asked.
        if flat(list(dict.keys(value))):
            text = self.dict_text_of(value, ordered_items(value), nesting)
        else:
            text = self.dict_text(value, nesting)
        return "OrderedDict(" + text + ")"

    def counter_text(self, value, nesting):
        return "Counter(" + self.dict_text(value, nesting) + ")"

    def default_text(self, value, nesting):
        factory = self.write(default_factory_of(value), nesting - 1)
        return "defaultdict(" + factory + ", " + self.dict_text(value, nesting) + ")"

    def deque_text(self, value, nesting):
        limit = deque_maxlen_of(value)
        after = "])" if limit is None else f"], maxlen={limit})"
        return self.guarded(value, "deque([", iter(value), len(value), after, nesting)

    def fraction_text(self, value, nesting):
        parts = (numerator_of(value), denominator_of(value))
        return self.guarded(value, "Fraction(", iter(parts), 2, ")", nesting)

    def datetime_text(self, value, nesting):
        zone = value.tzinfo
        if zone is None or type(zone) is datetime.timezone:
            return self.number(value, nesting)
        return self.opaque_text(value, nesting)

    # Functions, modules, and what has no better description than its type.

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
        name = module_dict_of(value)
        name = name.get("__name__") if type(name) is dict and flat(list(name)) else None
        return "<Module " + clean(name) + ">" if type(name) is str else "<Module>"

    def opaque_text(self, value, _nesting):
        return "<" + type_name(type(value)) + " object>"

    # Everything else.

    def other_text(self, value, nesting):
        """Classes, enumeration members, exceptions, instances, and instances of subclasses of built-in types."""
        kind = type(value)
        mro = type_mro_of(kind)
        for base in mro:
            if base is type:
                return "<Class " + type_name(value) + ">"
        name = type_name(kind)
        if not by_class_statement(kind) and id(kind) not in SAFE_REPR_IDS:
            if any_is(mro, BaseException):
                return self.exception_text(value, name, nesting)
            if any_is(mro, tuple):
                return self.named_tuple_text(value, name, mro, nesting)
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
        else:
            text = self.composed(error, type_mro_of(kind), args)
            if text is None:
                text = self.write(args, self.nesting)
            elif len(text) > self.chars:
                text = text[: self.chars] + "..."
        return clean(text)

    def composed(self, error, mro, args):
        """The message that a built-in exception composes of its fields, where all of them are short atoms; else None."""
        for base, fields in COMPOSED:
            if any_is(mro, base):
                if base is OSError and not (len(args) == 2 and flat(args)):
                    return None
                fields = [field.__get__(error) for field in fields]
                return base.__str__(error) if flat(fields) and all(map(is_short, fields)) else None
        return None


def is_short(atom):
    kind = type(atom)
    if kind is int:
        return -BIG < atom < BIG
    return (kind is not str and kind is not bytes) or len(atom) <= SHORT


def by_class_statement(kind):
    return type_flags_of(kind) & (MADE | CLOSED) == MADE


def type_mro_of(kind):
    """A type's bases; some internal types of old versions have none before they are first used."""
    return mro_of(kind) or ()


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
        if by_class_statement(base):
            for key, found in list(type_dict_of(base).items()):
                if type(found) is member_type and type(key) is str:
                    try:
                        pairs.append((key, found.__get__(value)))
                    except AttributeError:
                        pass
    return pairs
