#| title: by way of numpy
#| verdict: memory exceeded | exception (ModuleNotFoundError) | exception (ImportError)
#| stops: rlimits
def f(x):
    import numpy
    return int(numpy.ones(1 << 31).sum())
