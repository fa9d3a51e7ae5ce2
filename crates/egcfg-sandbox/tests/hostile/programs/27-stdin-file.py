#| form: stdio
#| title: a stdin/stdout program whose input file's name is taken
#| stdin: "2\n"
#| stdout: "2"
#| verdict: passed
#| stops: clean-up
import os
open("stdin", "w").write("3")
print(input())
