#| title: frames as deep as the limit allows
#| traced: 5000
#| verdict: passed | exception (RecursionError)
#| cut: depth | steps
#| stops: trace-budget
def g(n):
    return g(n - 1) + 1 if n else 0

def f(x):
    return g(600) - 598
