#| title: no memory left for the tracer
#| traced: 100000
#| verdict: passed | memory exceeded | exception (MemoryError)
#| stops: trace-budget
def f(x):
    kept = []
    try:
        while True:
            kept.append("x" * (1 << 22))
    except MemoryError:
        pass
    y = x + 1
    kept.clear()
    return y
