#| title: variables by the thousand, and with odd names
#| traced: 2000
#| verdict: passed
#| stops: trace-renderer
exec("def g():\n" + "\n".join("    v%d = %d" % (i, i) for i in range(3000)))

def f(x):
    globals()["odd\nname\x1b[2J"] = 1
    globals()["\ud800"] = 2
    ä = 3
    g()
    return x + 1
