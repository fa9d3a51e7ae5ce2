#| title: a constant expression that takes for ever, at import
#| verdict: timeout (cpu) | memory exceeded
#| stops: clocks
n = 7
big = n ** (n ** (n ** 3))

def f(x):
    return 2
