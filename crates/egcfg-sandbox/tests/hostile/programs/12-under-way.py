#| title: removed files whose descriptors are under way in a socket
#| verdict: exception (PermissionError)
#| needs: network-denied
#| stops: network-denied
import os, socket, time

def f(x):
    left, right = socket.socketpair()
    for _ in range(12):
        fd = os.open("gone", os.O_RDWR | os.O_CREAT)
        os.unlink("gone")
        os.posix_fallocate(fd, 0, 8 << 20)
        socket.send_fds(left, [b"x"], [fd])
        os.close(fd)
    time.sleep(0.4)
    return 2
