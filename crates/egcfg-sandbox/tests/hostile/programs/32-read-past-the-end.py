#| form: stdio
#| title: reads past the end of its input
#| stdin: "1\n"
#| stdout: "2"
#| verdict: exception (EOFError)
#| stops: closed-stdin
a = input()
b = input()
print(2)
