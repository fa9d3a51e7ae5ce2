#| title: a generator where a list is asked for
#| verdict: wrong answer
#| test: assert f(1) == [2]
#| stops: canonical-form
def f(x):
    yield 2
