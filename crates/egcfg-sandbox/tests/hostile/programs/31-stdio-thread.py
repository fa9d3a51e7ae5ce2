#| form: stdio
#| title: prints the answer and leaves a thread behind
#| stdin: "1\n"
#| stdout: "2"
#| verdict: passed | timeout (idle)
#| stops: pidfd-kill
import threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
print(2)
