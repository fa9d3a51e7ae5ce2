#| title: an int that is equal to everything
#| verdict: wrong answer
#| stops: canonical-form
class E(int):
    def __eq__(self, other):
        return True
    __hash__ = int.__hash__

def f(x):
    return E(3)
