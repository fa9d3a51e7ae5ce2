#| title: an exit hidden in the value that is asked for its repr
#| verdict: wrong answer
#| stops: canonical-form
class Value(int):
    def __eq__(self, other):
        raise SystemExit(0)
    __repr__ = __hash__ = __eq__

def f(x):
    return Value(3)
