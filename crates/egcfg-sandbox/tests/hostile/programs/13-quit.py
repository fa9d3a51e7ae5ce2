#| title: quit() where it is there, an error where it is not
#| verdict: exited early (code 0) | exception (NameError)
#| stops: comparer
quit()

def f(x):
    return 2
