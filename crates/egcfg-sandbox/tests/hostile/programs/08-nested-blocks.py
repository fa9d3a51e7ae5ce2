#| title: a source with a long chain of unary operators
#| verdict: syntax error | memory exceeded | killed (signal 11) | exception (*) | exited early (*)
#| body: json
#| stops: rlimits
["x = ", ["-", 200000], "1\ndef f(x):\n    return 2\n"]
