#| title: exceptions without end
#| traced: 2000
#| verdict: passed
#| cut: steps
#| stops: trace-budget
def f(x):
    for i in range(20_000):
        try:
            raise ValueError("x" * 1000)
        except ValueError:
            pass
    return 2
