#| title: generators that feed each other
#| traced: 2000
#| verdict: passed
#| cut: steps
#| stops: trace-budget
def count(n):
    for i in range(n):
        yield i

def double(items):
    for item in items:
        yield 2 * item

def f(x):
    return sum(double(double(count(5000)))) and 2
