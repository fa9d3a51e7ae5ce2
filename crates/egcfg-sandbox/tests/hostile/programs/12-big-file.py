#| title: one big file
#| verdict: exception (OSError)
#| stops: rlimits
def f(x):
    with open("big", "wb") as file:
        while True:
            file.write(bytes(1 << 20))
