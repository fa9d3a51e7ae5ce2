#| title: form feeds, tabs and vertical tabs
#| body: json
#| verdict: passed
#| stops: interpreter
["\f\ndef f(x):\n\tif x:\n\t\treturn 2\n\f\n"]
