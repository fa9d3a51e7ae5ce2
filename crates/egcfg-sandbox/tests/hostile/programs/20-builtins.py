#| title: len, isinstance, type and str say yes to everything
#| verdict: wrong answer
#| stops: comparer
import builtins
builtins.len = builtins.isinstance = builtins.type = builtins.str = builtins.repr = lambda *a: True

def f(x):
    return 3
