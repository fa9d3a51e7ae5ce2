#| title: an AssertionError that nobody catches by its name
#| verdict: wrong answer
#| stops: comparer
import builtins

class AssertionError(Exception):
    pass

builtins.AssertionError = AssertionError

def f(x):
    return 3
