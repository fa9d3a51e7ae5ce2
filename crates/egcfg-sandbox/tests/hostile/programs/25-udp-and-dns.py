#| title: UDP, and a question to a name server
#| verdict: passed
#| test: assert f(1) == []
#| needs: network-denied
#| stops: network-denied
import socket

def f(x):
    done = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            done.append(socket.socket(family, socket.SOCK_DGRAM).sendto(b"hello", (address, @UDP@)))
        except OSError:
            pass
    try:
        done.append(socket.gethostbyname("leak.example.invalid"))
    except OSError:
        pass
    return done
