#| title: ten thousand parentheses for eval
#| verdict: exception (MemoryError) | exception (SyntaxError) | exception (RecursionError) | memory exceeded | killed (signal 11)
#| stops: rlimits
def f(x):
    return eval("(" * 10000 + ")" * 10000)
