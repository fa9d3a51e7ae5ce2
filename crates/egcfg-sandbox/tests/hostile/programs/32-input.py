#| title: input() in a function
#| verdict: exception (EOFError)
#| stops: closed-stdin
def f(x):
    return input("name? ")
