#| title: catches the error and goes on
#| verdict: timeout (cpu) | timeout (wall) | memory exceeded
#| stops: rlimits, clocks
def f(x):
    kept = []
    while True:
        try:
            kept.append("x" * (64 << 20))
        except MemoryError:
            pass
