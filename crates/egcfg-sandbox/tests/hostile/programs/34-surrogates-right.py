#| title: half characters where they are the right answer
#| verdict: passed
#| test: assert f(1) == "\ud800"
#| stops: canonical-form
def f(x):
    return "\ud800"
