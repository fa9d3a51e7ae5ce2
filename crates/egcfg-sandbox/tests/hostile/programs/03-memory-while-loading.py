#| title: a constant that does not fit
#| verdict: memory exceeded
#| stops: rlimits
x = "a" * (1 << 40)

def f(x):
    return 2
