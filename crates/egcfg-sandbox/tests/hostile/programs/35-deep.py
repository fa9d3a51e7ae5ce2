#| title: values nested deeper than the renderer may go
#| traced: 2000
#| verdict: passed
#| stops: trace-renderer
def f(x):
    a = None
    for _ in range(400):
        a = [a]
    return x + 1
