#| title: a source of nested parentheses
#| verdict: syntax error | memory exceeded | killed (signal 11) | exception (*) | exited early (*)
#| body: json
#| stops: rlimits
["x = ", ["(", 100000], "1", [")", 100000], "\ndef f(x):\n    return 2\n"]
