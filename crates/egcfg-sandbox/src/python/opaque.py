"""Objects without a canonical form: what stands for one at the other end, and whether its class compares itself."""

import os
import sys
import types

_type_name = type.__dict__["__name__"].__get__


class Opaque:
    """Stands for an object that has no canonical form: equal to nothing but itself. `compares` says that its class has code of
    the program's for comparing it, so that what it says of itself is worth nothing. `touched` is called when a test wants
    more of it than a comparison or its truth. `among` and `mixed` say what a test has compared since they were reset: such
    objects with one another, or one of them with something else."""

    __slots__ = ("name", "compares", "truth")
    touched = None
    among = mixed = False

    def __init__(self, name, compares, truth):
        self.name, self.compares, self.truth = name, compares, truth

    def __bool__(self):
        return self.truth

    def __repr__(self):
        return "<%s object>" % self.name

    def _touch(self, *args, **kwargs):
        Opaque.touched()

    def __getattr__(self, name):
        if name[:2] == "__":
            # Asked for by the interpreter and its library, to find out what an object is.
            raise AttributeError(name)
        Opaque.touched()

    __getitem__ = __iter__ = __next__ = __len__ = __call__ = __enter__ = __await__ = __aiter__ = __str__ = __format__ = _touch

    def _compare(self, other):
        if self is not other and type(other) is not Opaque:
            Opaque.mixed = True
            return NotImplemented
        # The program's process will say; until then the test goes on.
        Opaque.among = True
        return True

    def _combine(self, other):
        if type(other) is not Opaque:
            Opaque.mixed = True
            return NotImplemented
        Opaque.among = True
        return self

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _compare
    __add__ = __sub__ = __mul__ = __matmul__ = __truediv__ = __floordiv__ = __mod__ = __and__ = __or__ = __xor__ = _combine
    __hash__ = object.__hash__


# How a class may be compared or turned into what is compared. Where the program has written one of these itself, its
# objects say of themselves what they like.
_COMPARING = frozenset((
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__bool__", "__class__", "__int__", "__index__",
    "__float__", "__complex__", "__abs__", "__round__", "__sub__", "__rsub__", "__add__", "__radd__", "__getattribute__",
))
_mro_of = type.__dict__["__mro__"].__get__
_dict_of = type.__dict__["__dict__"].__get__
_LIBRARY = tuple({
    folder + "/" for folder in (sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__)) if folder
})
_heap_type = lambda cls: type.__dict__["__flags__"].__get__(cls) & (1 << 9)


def compares_itself(cls):
    """Whether a class has code of the program's for comparing its objects. What C code or the library wrote is not the
    program's, nor is the `__eq__` that `dataclass` makes."""
    try:
        for kind in (cls, type(cls)):
            for base in _mro_of(kind):
                if not _heap_type(base):
                    continue
                names = _dict_of(base)
                for name in _COMPARING & names.keys():
                    if not _of_the_library(names[name], name, names):
                        return True
    except Exception:
        return True
    return False


def _of_the_library(found, name, names):
    while type(found) in (staticmethod, classmethod):
        found = found.__func__
    if found is None and name == "__hash__" or type(found) in (types.WrapperDescriptorType, types.MethodDescriptorType):
        return True
    if type(found) is not types.FunctionType:
        return False
    file = found.__code__.co_filename
    if file == "<string>":
        return "__dataclass_params__" in names and name in ("__eq__", "__hash__", "__lt__", "__le__", "__gt__", "__ge__")
    return file.startswith(_LIBRARY) or file.startswith("<frozen ")


def name_of(cls):
    """The name of a class, whatever its metaclass says."""
    try:
        name = _type_name(cls)
        return name if type(name) is str else "object"
    except Exception:
        return "object"
