#| title: opens files until there are no more
#| verdict: exception (OSError)
#| stops: rlimits
def f(x):
    kept = []
    while True:
        kept.append(open("/dev/null"))
