#| title: a repr that never ends
#| traced: 2000
#| verdict: passed
#| stops: trace-renderer
class R:
    def __repr__(self):
        while True:
            pass
    __str__ = __repr__

def f(x):
    r = [R()]
    y = x + 1
    return y
