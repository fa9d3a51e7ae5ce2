"""Whether what a program returned may be compared at all: its comparison must be the interpreter's or the library's own.

A program can give its classes any comparison, and any file name, mark or attribute that a library's would have. So nothing of that
kind counts. What counts is that a function is the very object which a class of the library held before a line of the program
ran, in code that has not changed since, and that the class is one whose objects are equal where what they hold is equal. What
they hold is looked at too: a pair with an object in it that claims to be equal to everything claims the same.
"""

import _weakref
import builtins
import gc
import re
import sys
import types

_type_name = type.__dict__["__name__"].__get__
_mro_of = type.__dict__["__mro__"].__get__
_dict_of = type.__dict__["__dict__"].__get__
_flags_of = type.__dict__["__flags__"].__get__
_subclasses_of = type.__subclasses__
_referents, _modules = gc.get_referents, sys.modules
_Function, _Wrapper, _Method = types.FunctionType, types.WrapperDescriptorType, types.MethodDescriptorType
_C_MADE = (_Wrapper, _Method)
_Reference, _Proxies = _weakref.ReferenceType, (_weakref.ProxyType, _weakref.CallableProxyType)
_referred = _Reference.__call__
_HEAP = 1 << 9
_builtins = vars(builtins)

# How a class may be compared or turned into what is compared. Where the program has written one of these itself, its
# objects say of themselves what they like.
_COMPARING = frozenset((
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__bool__", "__class__", "__int__", "__index__",
    "__float__", "__complex__", "__abs__", "__round__", "__sub__", "__rsub__", "__add__", "__radd__", "__getattribute__",
))
# Of these, the ones that `dataclass` writes.
_GENERATED = frozenset(("__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"))
_ORDERING = _GENERATED - {"__hash__"}
# Libraries whose objects are equal where what they hold is equal. Not all are: those for testing have some that equal everything.
_STRUCTURAL = {
    "argparse", "collections", "_collections_abc", "_weakrefset", "datetime", "_pydatetime", "decimal", "_pydecimal", "enum",
    "fractions", "functools", "inspect", "ipaddress", "numbers", "optparse", "pathlib", "sympy", "types", "typing", "uuid", "weakref",
}
# Of those, the ones that are loaded for a program which imports them, before it runs.
_import_lines = re.compile(r"^[ \t]*(?:import|from)[ \t][^\n]*", re.M).findall
_loaded_ahead = re.compile(r"\b(?:argparse|inspect|ipaddress|optparse|pathlib|sympy|uuid)\b").findall
# Never such a library, also where it is loaded ahead: its objects may equal everything.
_NEVER = {"unittest", "test", "mock", "pytest", "_pytest"}
# Methods that a class of the program's may override without a say in how the library's `__eq__` goes.
_HARMLESS = frozenset((
    "__init__", "__repr__", "__str__", "__format__", "__setitem__", "__delitem__", "__setattr__", "__call__", "__init_subclass__",
    "append", "extend", "insert", "add", "discard", "remove", "update", "push", "pop", "popitem", "clear", "setdefault", "copy",
))
_DESCRIPTIONS = frozenset((
    "__module__", "__qualname__", "__doc__", "__annotations__", "__slots__", "__dict__", "__weakref__", "__firstlineno__",
    "__static_attributes__", "__parameters__", "__orig_bases__", "__abstractmethods__", "_abc_impl", "__annotate__",
    "__annotate_func__", "__annotations_cache__",
))
# More than so many objects are not looked through.
_MANY = 200_000

# Classes of such libraries that were there before the program, by id: the class and what it held then.
_known = {}
# What an object of a class of the library's holds, where the collector does not know; by the class's id.
CONTENTS = {}
# Libraries whose objects hold what is compared in objects that are not compared themselves.
_DEEP = set()

# What can be said of a class: the interpreter compares its objects by identity; or by what they hold; `dataclass` may have written
# the comparison, by which an object equals nothing but one of its class; the program may have written it.
BY_IDENTITY, BY_CONTENTS, APART, OWN = range(4)


def trust(names, deep=False):
    """Has the objects of these libraries, by their outermost modules' names, count as equal where what they hold is; `deep`ly where
    they hold it in objects that are not compared themselves."""
    names = set(names) - _NEVER
    _STRUCTURAL.update(names)
    if deep:
        _DEEP.update(names)


def learn():
    """Notes what the classes that are loaded hold. Before a line of the program has run."""
    seen, pending = set(), [object]
    while pending:
        cls = pending.pop()
        if id(cls) in seen:
            continue
        seen.add(id(cls))
        pending.extend(_subclasses_of(cls))
        if id(cls) not in _known and _flags_of(cls) & _HEAP and _home(cls) in _STRUCTURAL:
            _known[id(cls)] = _Known(cls)


def learn_for(source):
    """Notes those of the libraries, too, that a program is going to load."""
    lines = _import_lines(source) if "import" in source else ()
    if "__import__" in source or "import_module" in source:
        # It names them somewhere.
        lines = [source]
    fresh = [name for line in lines for name in _loaded_ahead(line) if name not in _modules]
    for name in fresh:
        try:
            __import__(name)
        except Exception:
            # The program will see it for itself.
            pass
    if fresh:
        learn()


class _Known:
    """A class of the library's as it was before the program ran."""

    __slots__ = ("cls", "held", "written")

    def __init__(self, cls):
        self.cls, self.held = cls, dict(_dict_of(cls))
        # Its comparisons in Python: the code of each, and what the names in it stand for.
        self.written = {
            name: (value.__code__, _meaning(value)) for name, value in self.held.items()
            if name in _COMPARING and type(value) is _Function
        }
        if not self.written:
            self.held = {name: value for name, value in self.held.items() if name in _COMPARING}

    def still(self, name, found):
        """Whether this is the comparison that it held, in the code that it had."""
        if name not in self.held or self.held[name] is not found:
            return False
        return name not in self.written or self.written[name] == (found.__code__, _meaning(found))

    def is_whole(self):
        """Whether nothing of it was put in the place of something else."""
        now = _dict_of(self.cls)
        return all(now.get(name, self) is value for name, value in self.held.items())


def _meaning(function):
    """What the names in a function's code stand for, by identity."""
    names = function.__globals__
    return [id(names.get(name, _builtins.get(name))) for name in function.__code__.co_names]


def _home(cls):
    home = _dict_of(cls).get("__module__")
    return home.partition(".")[0] if type(home) is str else ""


class Comparing:
    """What was found out of classes. For as long as no line of the program runs."""

    __slots__ = ("classes",)

    def __init__(self):
        self.classes = {}

    def of(self, x):
        """What can be said of an object with all that has a part in comparing it."""
        worst, seen, pending = BY_IDENTITY, set(), [x]
        try:
            while pending:
                item = pending.pop()
                if id(item) in seen:
                    continue
                seen.add(id(item))
                if len(seen) > _MANY:
                    return OWN
                kind = self.kind(type(item))
                if kind == OWN:
                    return OWN
                worst = max(worst, kind)
                if kind == BY_CONTENTS:
                    pending.extend(_contents(item))
        except Exception:
            return OWN
        return worst

    def kind(self, cls):
        known = self.classes.get(id(cls))
        if known is None:
            known = self.classes[id(cls)] = cls, _kind(cls)
        return known[1]


def _contents(x):
    found = _referents(x)
    for base in _mro_of(type(x)):
        if id(base) in CONTENTS:
            found.extend(CONTENTS[id(base)](x))
        elif base is _Reference:
            found.append(_referred(x))
    return found


def _kind(cls):
    if cls is _Proxies[0] or cls is _Proxies[1]:
        # They compare as what they stand for.
        return OWN
    generated = False
    for kind in (cls, type(cls)):
        for base in _mro_of(kind):
            if _flags_of(base) & _HEAP:
                found = _comparing(base)
                if found == OWN:
                    return OWN
                generated = generated or found == APART
    if generated:
        return APART
    mro = _mro_of(cls)
    written = [base for base in mro if id(base) in _known and _ORDERING & _known[id(base)].written.keys()]
    if written and not _adds_only(mro, written):
        return OWN
    if next(base for base in mro if "__eq__" in _dict_of(base)) is not object:
        return BY_CONTENTS
    return BY_CONTENTS if any(id(base) in CONTENTS or _home(base) in _DEEP for base in mro) else BY_IDENTITY


def _comparing(cls):
    """Whose the comparisons are that one class itself has."""
    names, known, result = _dict_of(cls), _known.get(id(cls)), BY_IDENTITY
    for name in _COMPARING & names.keys():
        found = names[name]
        if known is not None and known.still(name, found):
            continue
        if found is None and name == "__hash__" or _is_inherited(cls, name, found):
            continue
        if type(found) in _C_MADE and found.__objclass__ is cls and found.__name__ == name:
            continue
        if "__dataclass_params__" not in names or name not in _GENERATED:
            return OWN
        # Whoever wrote it: an object of such a class is never asked whether it equals one of another.
        result = APART
    return result


def _is_inherited(cls, name, found):
    """Whether a class only repeats what a base has under the same name (`__hash__ = object.__hash__`)."""
    for base in _mro_of(cls)[1:]:
        if _dict_of(base).get(name) is found:
            known = _known.get(id(base))
            return not _flags_of(base) & _HEAP or known is not None and known.still(name, found)
    return False


def _is_ours(cls):
    return not _flags_of(cls) & _HEAP or id(cls) in _known


def _adds_only(mro, written):
    """Whether the program leaves alone what a comparison of the library's, written in Python, may ask of an object."""
    if not all(_known[id(base)].is_whole() for base in written):
        return False
    ours = [base for base in mro if _is_ours(base)]
    taken = set().union(*[_dict_of(base).keys() for base in ours if base is not object])
    for cls in mro:
        if _is_ours(cls):
            continue
        for name, value in _dict_of(cls).items():
            if name in _DESCRIPTIONS or name in _HARMLESS:
                continue
            if name in taken or name in ("__getattr__", "__missing__") or type(value) is not _Function:
                return False
    return True


def name_of(cls):
    """The name of a class, whatever its metaclass says."""
    try:
        name = _type_name(cls)
        return name if type(name) is str else "object"
    except Exception:
        return "object"
