#| title: removed files in a process whose first thread has ended
#| verdict: output exceeded
#| stops: disk-limit
import ctypes, os, platform, threading, time

libc = ctypes.CDLL(None)

def fill():
    time.sleep(0.1)
    kept = []
    for _ in range(12):
        kept.append(os.open("gone", os.O_RDWR | os.O_CREAT))
        os.unlink("gone")
        os.posix_fallocate(kept[-1], 0, 8 << 20)
    time.sleep(0.4)
    os._exit(0)

def f(x):
    threading.Thread(target=fill).start()
    # Not of the process: of this thread.
    libc.syscall(60 if platform.machine() == "x86_64" else 93, 0)
