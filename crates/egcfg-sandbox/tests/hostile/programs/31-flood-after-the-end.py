#| form: stdio
#| title: prints the answer, and a thread that floods the output from then on
#| stdin: "1\n"
#| stdout: "2"
#| verdict: output exceeded | timeout (*) | wrong answer
#| again: any
#| stops: output-limit
import os, threading

def flood():
    line = b"x" * 65536
    while True:
        os.write(1, line)

print(2, flush=True)
for _ in range(4):
    threading.Thread(target=flood).start()
