#| title: parks descriptors in a socket
#| verdict: exception (PermissionError) | exception (OSError) | exception (TimeoutError) | exception (BlockingIOError)
#| stops: network-denied, rlimits
import os, socket

def f(x):
    left, right = socket.socketpair()
    left.setblocking(False)
    while True:
        fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(8)]
        socket.send_fds(left, [b"x"], fds)
        for fd in fds:
            os.close(fd)
