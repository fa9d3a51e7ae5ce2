#| title: text of a class of its own, in a test that sorts and joins
#| verdict: wrong answer
#| test: assert "".join(sorted(f(1))) == "ab"
#| stops: canonical-form
class S(str):
    def __lt__(self, other):
        return True
    def __eq__(self, other):
        return True
    __hash__ = str.__hash__

def f(x):
    return [S("x"), S("y")]
