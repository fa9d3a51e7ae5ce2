#| title: not a number
#| verdict: wrong answer
#| stops: canonical-form
def f(x):
    return float("nan")
