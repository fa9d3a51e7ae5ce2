#| title: one line of ten megabytes
#| body: json
#| verdict: passed
#| stops: interpreter
["x = '", ["a", 10000000], "'\ndef f(x):\n    return 2\n"]
