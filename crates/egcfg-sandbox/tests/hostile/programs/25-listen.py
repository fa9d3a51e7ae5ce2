#| title: listens
#| verdict: passed
#| test: assert f(1) == []
#| needs: network-denied
#| stops: network-denied, landlock
import socket

def f(x):
    done = []
    for family, address in ((socket.AF_INET, ("0.0.0.0", 0)), (socket.AF_INET6, ("::", 0)), (socket.AF_UNIX, "\0@MARK@"), (socket.AF_UNIX, "@MARK@")):
        try:
            listener = socket.socket(family)
            listener.bind(address)
            listener.listen()
            done.append(address)
        except OSError:
            pass
    return done
