#| form: stdio
#| title: a stdin/stdout program that answers in escapes
#| stdin: ""
#| stdout: "2"
#| verdict: wrong answer
#| stops: clean-text
print("\x1b]0;owned\x07\x1b[2J\r2\x1b[8m")
