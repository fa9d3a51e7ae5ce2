#| title: an exit of a class of its own, code -1
#| verdict: exited early (*)
#| stops: comparer
class Leave(SystemExit):
    code = 0

def f(x):
    raise Leave(-1)
