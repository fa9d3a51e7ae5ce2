#| title: tabs and blanks mixed
#| body: json
#| verdict: syntax error | exception (TabError)
#| stops: interpreter
["def f(x):\n        y = 2\n\treturn y\n"]
