#| form: stdio
#| title: the right answer, then os._exit(0): all that a script has to do
#| stdin: "1\n"
#| stdout: "2"
#| verdict: passed
#| stops: comparer
import os
print(2, flush=True)
os._exit(0)
