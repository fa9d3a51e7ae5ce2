"""What stands in the judging process for what stays with the program: its functions, and iterators and functions that it returned.

They can be called and iterated. Whoever asks more of them (a docstring, a signature, `send`) needs the program itself, and
the test is run beside it.
"""

from _egcfg_opaque import Opaque

_Function = type(lambda: None)
_get, _set = object.__getattribute__, object.__setattr__


class Stop(BaseException):
    """The supervisor has settled this test already."""


class NeedsProgram(BaseException):
    """The test needs more of the program than its values."""


class Function:
    """A function of the program's."""

    __slots__ = ("_carry", "_target", "_which", "_name", "_named")

    def __init__(self, carry, target, which, name, named):
        for slot, value in zip(Function.__slots__, (carry, target, which, name, named)):
            _set(self, slot, value)

    def __call__(self, /, *args, **kwargs):
        return _get(self, "_carry")(_get(self, "_target"), _get(self, "_which"), _get(self, "_name"), args, kwargs)

    def __getattribute__(self, name):
        # `assertRaises` asks for it, and a plain function has the name under which it was found.
        if _get(self, "_named"):
            if name in ("__name__", "__qualname__"):
                return _get(self, "_name")
            if name == "__class__":
                # `isinstance` asks for it, of every name of a module that is searched for tests.
                return _Function
        Opaque.touched()

    def __setattr__(self, name, value):
        Opaque.touched()

    def __eq__(self, other):
        # Two may stand for one function of the program's; one that it has returned may be the library's, as `math.sin`.
        if self is not other and (type(other) is Function or callable(other) and not _get(self, "_named")):
            Opaque.touched()
        return NotImplemented

    def __hash__(self):
        if not _get(self, "_named"):
            Opaque.touched()
        return object.__hash__(self)

    def __repr__(self):
        if not Opaque.silent:
            Opaque.touched()
        return "<function %s>" % _get(self, "_name")


class Items:
    """An iterator of the program's."""

    __slots__ = ("_carry", "_number")

    def __init__(self, carry, number):
        _set(self, "_carry", carry)
        _set(self, "_number", str(number))

    def __iter__(self):
        return self

    def __next__(self):
        item = _get(self, "_carry")("x", _get(self, "_number"), "next", (), {})
        if item == ():
            raise StopIteration
        return item[0]

    def __getattr__(self, name):
        if name == "__length_hint__":
            raise AttributeError(name)
        Opaque.touched()

    def __repr__(self):
        return "<iterator>"
