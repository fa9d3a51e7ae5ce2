#| title: equal to everything
#| verdict: wrong answer
#| stops: canonical-form
class E:
    def __eq__(self, other):
        return True
    __ne__ = None
    __hash__ = None

def f(x):
    return E()
