#| title: a source that takes the compiler long
#| verdict: timeout (cpu) | memory exceeded | exception (*) | killed (*)
#| stops: clocks, rlimits
def f(x):
    while True:
        compile("x = [" + "1," * 200_000 + "]", "s", "exec")
