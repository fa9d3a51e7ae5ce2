#| title: a declared encoding that nobody knows
#| body: json
#| verdict: passed | syntax error
#| stops: interpreter
["# -*- coding: nonsense-8 -*-\ndef f(x):\n    return 2\n"]
