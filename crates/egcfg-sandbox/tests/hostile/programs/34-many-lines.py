#| title: two hundred thousand lines
#| body: json
#| verdict: passed | timeout (cpu) | memory exceeded | syntax error
#| stops: clocks
[["x = 1\n", 200000], "def f(x):\n    return 2\n"]
