#| title: values that use up the trace's size
#| traced: 100000
#| verdict: passed
#| cut: size
#| stops: trace-budget
def f(x):
    for i in range(6000):
        a = "%d" % i * 60
        b = a + "b"
        c = [a, b]
    return 2
