#| title: datagrams over a socket pair, by name, to a socket in the file system
#| verdict: passed
#| test: assert f(1) == []
#| needs: network-denied
#| stops: network-denied
import socket

def f(x):
    sent = []
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        for address in ("@SENTINELS@/log", "/dev/log", "\0@DATAGRAM@"):
            for how in ("sendto", "sendmsg"):
                try:
                    left, right = socket.socketpair(socket.AF_UNIX, kind)
                    if how == "sendto":
                        left.sendto(b"hello", address)
                    else:
                        left.sendmsg([b"hello"], [], 0, address)
                    # A connected packet socket sends to its own pair whatever the address says.
                    right.setblocking(False)
                    if right.recv(16) != b"hello":
                        sent.append((int(kind), how, address))
                except BlockingIOError:
                    sent.append((int(kind), how, address))
                except OSError:
                    pass
    return sent
