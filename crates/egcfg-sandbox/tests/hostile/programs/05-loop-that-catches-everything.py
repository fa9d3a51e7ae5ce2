#| title: a loop around a loop that catches everything
#| verdict: timeout (cpu)
#| stops: clocks
def f(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
