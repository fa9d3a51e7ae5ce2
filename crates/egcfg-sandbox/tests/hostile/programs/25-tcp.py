#| title: a TCP connection to a service of this machine
#| verdict: passed
#| test: assert f(1) == []
#| needs: network-denied
#| stops: network-denied, landlock
import socket

def f(x):
    done = []
    for address in (("127.0.0.1", @PORT@), ("localhost", @PORT@), ("169.254.169.254", 80), ("::1", @PORT@)):
        try:
            socket.create_connection(address, 0.2).send(b"hello")
            done.append(address)
        except OSError:
            pass
    return done
