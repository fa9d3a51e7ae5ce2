#| title: a megabyte at a time, touched
#| verdict: memory exceeded
#| stops: rlimits
def f(x):
    kept = []
    while True:
        kept.append(bytearray(b"x" * (1 << 20)))
