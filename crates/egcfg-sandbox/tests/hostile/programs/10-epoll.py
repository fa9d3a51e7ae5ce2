#| title: epoll objects and pairs of sockets
#| verdict: exception (OSError)
#| stops: rlimits
import select, socket

def f(x):
    kept = []
    while True:
        kept.append(select.epoll())
        kept.append(socket.socketpair())
