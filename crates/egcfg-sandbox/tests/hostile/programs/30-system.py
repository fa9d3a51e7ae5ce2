#| title: system() of the C library, popen, spawn
#| verdict: passed
#| test: assert f(1) == []
#| stops: fork-denied, exec-denied
import ctypes, os

def f(x):
    os.system("echo x > made")
    ctypes.CDLL(None).system(b"echo x > made-too")
    for attempt in (lambda: os.popen("echo x > made-again").read(), lambda: os.spawnv(os.P_WAIT, "/bin/sh", ["sh", "-c", "echo x > m"]),
                    lambda: os.posix_spawn("/bin/true", ["true"], {})):
        try:
            attempt()
        except OSError:
            pass
    return os.listdir(".")
