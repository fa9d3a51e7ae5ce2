#| title: more lines than the budget has, and an end
#| traced: 500
#| verdict: passed
#| cut: steps
#| stops: trace-budget
def f(x):
    total = 0
    for i in range(20_000):
        total += 1
    return 2
