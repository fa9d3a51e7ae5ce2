#| form: stdio
#| title: the right answer, then os._exit(0) before anybody asks
#| stdin: "1\n"
#| stdout: "2"
#| verdict: exited early (code 0)
#| stops: comparer
import os
print(2, flush=True)
os._exit(0)
