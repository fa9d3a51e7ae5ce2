#| form: stdio
#| title: prints more after its end
#| stdin: "1\n"
#| stdout: "2"
#| verdict: passed | wrong answer
#| stops: pidfd-kill
import sys, threading, time

def late():
    time.sleep(0.5)
    print("late", flush=True)

threading.Thread(target=late).start()
print(2, flush=True)
