#| form: stdio
#| title: the child prints the answer
#| stdin: "1\n"
#| stdout: "2"
#| verdict: process limit | exited early (code 0)
#| stops: fork-denied
import os, time
if os.fork():
    os._exit(0)
time.sleep(0.2)
print(2)
