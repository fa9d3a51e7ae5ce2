#| title: asks a socket pair for the machine's network addresses
#| verdict: passed
#| test: assert f(1) == []
#| needs: seccomp
#| stops: seccomp
import array, fcntl, socket, struct

def f(x):
    left, right = socket.socketpair()
    found = []
    room = array.array("B", bytes(4096))
    try:
        asked = fcntl.ioctl(left, 0x8912, struct.pack("iL", 4096, room.buffer_info()[0]))
        found.append(bytes(room[:struct.unpack("iL", asked)[0]]))
    except OSError:
        pass
    for index in range(1, 5):
        try:
            found.append(fcntl.ioctl(left, 0x8910, struct.pack("16si20x", b"", index))[:16])
        except OSError:
            pass
    return found
