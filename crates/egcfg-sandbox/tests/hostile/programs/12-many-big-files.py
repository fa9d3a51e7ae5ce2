#| title: files of eight megabytes without end
#| verdict: output exceeded
#| stops: disk-limit
def f(x):
    n = 0
    while True:
        with open(str(n), "wb") as file:
            file.write(bytes(8 << 20))
        n += 1
