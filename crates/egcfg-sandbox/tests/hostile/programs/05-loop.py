#| title: while True
#| verdict: timeout (cpu)
#| stops: clocks
def f(x):
    while True:
        pass
