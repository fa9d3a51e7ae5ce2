#| title: an abstract socket and one in the file system
#| verdict: passed
#| test: assert f(1) == []
#| needs: network-denied
#| stops: network-denied
import socket

def f(x):
    done = []
    for address in ("\0@ABSTRACT@", "@SENTINELS@/socket", "/run/docker.sock", "/var/run/docker.sock"):
        try:
            client = socket.socket(socket.AF_UNIX)
            client.connect(address)
            done.append(address)
        except OSError:
            pass
    # A pair for datagrams is refused, too (25-datagrams); what could be done with one is tried all the same.
    for what in ("a datagram over a socket pair", "a socket pair connected anew"):
        try:
            left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            if what.startswith("a datagram"):
                left.sendto(b"hello", "\0@DATAGRAM@")
            else:
                left.connect("\0@DATAGRAM@")
            done.append(what)
        except OSError:
            pass
    return done
