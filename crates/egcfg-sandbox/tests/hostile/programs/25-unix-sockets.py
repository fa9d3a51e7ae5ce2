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
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        left.sendto(b"hello", "\0@DATAGRAM@")
        done.append("a datagram over a socket pair")
    except OSError:
        pass
    try:
        left.connect("\0@DATAGRAM@")
        done.append("a socket pair connected anew")
    except OSError:
        pass
    return done
