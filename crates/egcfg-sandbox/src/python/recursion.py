"""How deep a program may recurse: as deep as it could alone, although it runs above the driver's frames."""

import operator
import sys

_setrecursionlimit, _getframe, _index = sys.setrecursionlimit, sys._getframe, operator.index
_OURS = sys.getrecursionlimit()
_INT_MAX = 2 ** 31 - 1
# What `exec` takes of the limit: its caller's frame, and before 3.12 one of its own.
EXEC = 2 if sys.version_info < (3, 12) else 1


class Recursion:
    """The program's own recursion limit, which holds while it runs. The driver's frames below the program's first one come on
    top of it: the program can go as deep as it could alone, and sees its own number."""

    def __init__(self):
        self.limit, self.running, self.below = _OURS, False, 0

    def go(self, extra):
        """From here on the program runs. The caller's frame stands for that of its module, and `extra` more lie below it."""
        frames, frame = 0, _getframe(2)
        while frame is not None:
            frames, frame = frames + 1, frame.f_back
        self.running, self.below = True, frames + extra
        _setrecursionlimit(min(self.limit + self.below, _INT_MAX))

    def rest(self):
        self.running = False
        _setrecursionlimit(_OURS)

    def install(self):
        """Lets a program that asks for the limit, or sets it, have its own."""

        def getrecursionlimit():
            return self.limit

        def setrecursionlimit(limit, /):
            number = _index(limit)
            if not 1 <= number <= _INT_MAX:
                # It says what is wrong.
                _setrecursionlimit(number)
            if self.running:
                _setrecursionlimit(min(number + self.below, _INT_MAX))
            self.limit = number

        sys.getrecursionlimit, sys.setrecursionlimit = getrecursionlimit, setrecursionlimit
