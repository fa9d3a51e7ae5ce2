#| title: breakpoint()
#| verdict: exception (*) | exited early (*) | passed
#| stops: closed-stdin
def f(x):
    breakpoint()
    return 2
