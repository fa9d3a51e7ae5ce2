#| title: a sum that takes days
#| verdict: timeout (cpu)
#| stops: clocks
def f(x):
    return sum(range(10**12))
