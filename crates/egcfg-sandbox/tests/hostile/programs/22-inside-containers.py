#| title: hidden inside containers
#| verdict: wrong answer
#| test: assert [2, 3] == f(1)
#| test: assert f(1)[0] != 5
#| test: assert 2 in f(1)
#| test: assert {1} >= set(f(1))
#| test: assert f(1)
#| stops: canonical-form
class E:
    def __eq__(self, other):
        return True
    def __ne__(self, other):
        return True
    def __hash__(self):
        return 1

def f(x):
    return [E(), E()]
