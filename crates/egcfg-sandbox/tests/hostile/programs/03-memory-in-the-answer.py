#| title: an answer that is larger than what may be sent
#| verdict: memory exceeded | forged | wrong answer | timeout (*) | exception (*)
#| stops: message-limit
def f(x):
    return ["x" * 50_000_000, "y" * 50_000_000]
