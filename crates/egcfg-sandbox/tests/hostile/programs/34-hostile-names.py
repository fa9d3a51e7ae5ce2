#| title: names of the harness and of the test as names of its own
#| verdict: passed
#| stops: comparer
candidate = check = __test__ = _egcfg = None
__name__ = "elsewhere"
__file__ = __spec__ = None

def f(x):
    return 2
