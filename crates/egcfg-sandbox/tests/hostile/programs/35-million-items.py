#| title: a million items, and a text of ten megabytes
#| traced: 2000
#| verdict: passed
#| stops: trace-renderer
def f(x):
    a = list(range(10**6))
    b = "x" * 10**7
    c = {i: i for i in range(10**5)}
    d = 10 ** 4000
    e = [b] * 100
    return x + 1
