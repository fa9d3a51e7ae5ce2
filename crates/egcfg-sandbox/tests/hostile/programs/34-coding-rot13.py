#| title: a declared encoding that is no encoding of text
#| body: json
#| verdict: passed | syntax error
#| stops: interpreter
["# coding: rot13\ndef f(x):\n    return 2\n"]
