#| title: an answer nested a hundred thousand deep
#| verdict: wrong answer | exception (RecursionError) | memory exceeded
#| stops: canonical-form
def f(x):
    value = ()
    for _ in range(100_000):
        value = (value,)
    return value
