#| title: __builtins__ of the module edited
#| verdict: wrong answer
#| stops: comparer
__builtins__ = {"__import__": None}

def f(x):
    return 3
