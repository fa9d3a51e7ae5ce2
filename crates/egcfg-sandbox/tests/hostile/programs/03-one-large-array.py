#| title: eight gigabytes at once
#| verdict: memory exceeded
#| stops: rlimits
def f(x):
    return len(bytearray(8 << 30))
