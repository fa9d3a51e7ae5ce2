#| title: an answer that depends on an address
#| verdict: passed | wrong answer
#| again: any
#| stops: nothing
def f(x):
    return 2 if id(object()) // 16 % 2 else 3
