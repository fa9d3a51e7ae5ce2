#| title: a hundred thousand calls
#| traced: 2000
#| verdict: passed
#| cut: steps
#| stops: trace-budget
def g(x):
    return x

def f(x):
    for i in range(100_000):
        g(i)
    return 2
