#| title: a null byte in the source
#| body: json
#| verdict: syntax error
#| stops: interpreter
["def f(x):\n    return 2\n\u0000\n"]
