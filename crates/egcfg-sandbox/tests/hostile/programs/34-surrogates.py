#| title: escapes of half characters
#| verdict: wrong answer
#| stops: canonical-form
def f(x):
    return "\ud800\udfff" + chr(0xdc80)
