#| title: a power of ten million digits
#| verdict: timeout (cpu)
#| stops: clocks
def f(x):
    return pow(3, 10**9)
