#| title: a sparse file of a terabyte
#| verdict: exception (OSError)
#| stops: rlimits
def f(x):
    with open("sparse", "wb") as file:
        file.seek(1 << 40)
        file.write(b"x")
        file.flush()
