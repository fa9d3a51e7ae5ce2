#| title: a byte order mark before the source
#| body: json
#| verdict: passed | syntax error
#| stops: interpreter
["\ufeffdef f(x):\n    return 2\n"]
