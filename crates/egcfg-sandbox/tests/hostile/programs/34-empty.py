#| title: nothing at all
#| body: json
#| verdict: exception (NameError) | exception (*)
#| stops: interpreter
[""]
