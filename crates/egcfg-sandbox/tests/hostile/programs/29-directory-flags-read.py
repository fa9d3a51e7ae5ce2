#| title: looks for a message in the flags of its directory
#| verdict: passed
#| test: assert f(1) == 0
#| stops: seccomp
import fcntl, os, struct

def f(x):
    try:
        return struct.unpack("Q", fcntl.ioctl(os.open(".", os.O_RDONLY), 0x80086601, bytes(8)))[0] & 0xC8
    except OSError:
        return 0
