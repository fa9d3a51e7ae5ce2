#| title: lines that end in carriage returns
#| body: json
#| verdict: passed
#| stops: interpreter
["def f(x):\r    y = 2\r    return y\r"]
