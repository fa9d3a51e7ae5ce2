#| title: raise SystemExit at module level
#| verdict: exited early (code 0)
#| stops: comparer
def f(x):
    return 3

raise SystemExit
