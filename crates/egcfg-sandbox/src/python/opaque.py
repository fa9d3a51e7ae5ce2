"""What stands for an object without a canonical form at the other end."""


class Opaque:
    """Stands for an object that has no canonical form: equal to nothing but itself. `compares` says that its comparison may be
    the program's, so that what it says of itself is worth nothing; `apart` that `dataclass` has written it, so that it equals
    nothing but objects of its class. `touched` is called when a test wants more of it than a comparison or its truth. `among`,
    `mixed` and `weighed` say what a test has done since they were reset: compared or combined such objects with one another, or one
    of them with something else; and compared one with something else or looked for it in a set. While `silent`, values are shown for a message, and asked nothing."""

    __slots__ = ("name", "compares", "apart", "truth")
    touched = None
    among = mixed = weighed = silent = False

    def __init__(self, name, flag):
        self.name, self.compares, self.apart = name, flag == b"2", flag in (b"3", b"4")
        self.truth = flag not in (b"0", b"3")

    def __bool__(self):
        return self.truth

    def __repr__(self):
        return "<%s object>" % self.name

    def _touch(self, /, *args, **kwargs):
        Opaque.touched()

    def __getattr__(self, name):
        if name[:2] == "__":
            # Asked for by the interpreter and its library, to find out what an object is.
            raise AttributeError(name)
        Opaque.touched()

    __getitem__ = __iter__ = __next__ = __len__ = __call__ = __enter__ = __await__ = __aiter__ = __str__ = __format__ = _touch

    def _compare(self, other):
        if self is not other and type(other) is not Opaque:
            Opaque.mixed = Opaque.weighed = True
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

    def __hash__(self):
        Opaque.weighed = True
        return id(self) >> 4
