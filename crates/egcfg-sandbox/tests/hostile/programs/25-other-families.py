#| title: every other family of sockets
#| verdict: passed
#| test: assert f(1) == []
#| needs: network-denied
#| stops: network-denied
import socket

def f(x):
    done = []
    for family in range(50):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                socket.socket(family, kind)
                done.append((family, kind))
            except OSError:
                pass
            if family != socket.AF_UNIX:
                try:
                    socket.socketpair(family, kind)
                    done.append((family, kind, "pair"))
                except OSError:
                    pass
    return done
