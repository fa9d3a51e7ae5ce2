#| form: stdio
#| title: os._exit(0) after half an answer
#| stdin: "1\n"
#| stdout: "2\n3"
#| verdict: exited early (code 0) | wrong answer
#| stops: comparer
import os
print(2, flush=True)
os._exit(0)
