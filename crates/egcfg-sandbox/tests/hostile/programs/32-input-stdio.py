#| form: stdio
#| title: input() with nothing to read
#| stdin: ""
#| stdout: "2"
#| verdict: exception (EOFError)
#| stops: closed-stdin
input("name? ")
