#| title: a repr that raises, exits and prints
#| traced: 2000
#| verdict: passed
#| stops: trace-renderer
import os, sys

class R:
    def __repr__(self):
        raise BaseException
    @property
    def __class__(self):
        os._exit(0)
    @property
    def __dict__(self):
        os._exit(0)
    def __getattribute__(self, name):
        os._exit(0)
    def __len__(self):
        os._exit(0)
    __iter__ = __eq__ = __hash__ = __bool__ = __len__

class Meta(type):
    def __repr__(cls):
        os._exit(0)
    def __getattribute__(cls, name):
        os._exit(0)

class S(metaclass=Meta):
    pass

def f(x):
    r = R()
    s = S()
    t = [r, s]
    u = {1: r, 2: s}
    return x + 1
