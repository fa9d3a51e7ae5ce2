#| title: calls the harness's own reply from a thread
#| verdict: forged | wrong answer
#| stops: nonce
import gc, threading

def flood():
    for found in gc.get_objects():
        if type(found).__name__ == "Server" and hasattr(found, "reply"):
            for _ in range(50):
                found.reply(b"O", b"passed!!")

def f(x):
    thread = threading.Thread(target=flood)
    thread.start()
    thread.join()
    return 3
