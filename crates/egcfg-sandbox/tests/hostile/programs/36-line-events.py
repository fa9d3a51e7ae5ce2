#| title: a hundred million lines
#| traced: 2000
#| verdict: timeout (cpu) | unfinished
#| cut: steps
#| stops: trace-budget
def f(x):
    for i in range(10**8):
        x += 1
        x -= 1
    return 2
