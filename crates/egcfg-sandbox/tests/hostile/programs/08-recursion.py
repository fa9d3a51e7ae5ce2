#| title: calls itself
#| verdict: exception (RecursionError)
#| stops: interpreter
def f(x):
    return f(x)
