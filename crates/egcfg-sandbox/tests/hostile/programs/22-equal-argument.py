#| title: swaps what it was given for something that is equal to everything
#| verdict: wrong answer
#| test: a = [1]; f(a); assert a == [2]
#| stops: canonical-form
class E(int):
    def __eq__(self, other):
        return True
    __hash__ = None

def f(x):
    x[0] = E(9)
