#| title: containers that contain themselves
#| traced: 2000
#| verdict: passed
#| stops: trace-renderer
def f(x):
    a = []
    a.append(a)
    d = {}
    d["d"] = d
    t = (a, d)
    a.append(t)
    for _ in range(5):
        a = [a, a]
    return x + 1
