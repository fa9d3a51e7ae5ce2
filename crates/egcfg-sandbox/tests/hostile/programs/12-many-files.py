#| title: files without end
#| verdict: output exceeded
#| stops: disk-limit
def f(x):
    n = 0
    while True:
        open(str(n), "w").close()
        n += 1
