#| title: asks which pages of a shared file are in memory
#| verdict: passed
#| test: assert f(1) == []
#| needs: shared-objects-denied
#| stops: shared-objects-denied
import ctypes, mmap, os

libc = ctypes.CDLL(None, use_errno=True)

def f(x):
    told = []
    fd = os.open(os.__file__, os.O_RDONLY)
    room = bytearray(4096)
    try:
        os.preadv(fd, [room], 0, os.RWF_NOWAIT)
        told.append("preadv2")
    except BlockingIOError:
        told.append("preadv2")
    except OSError:
        pass
    # Without a question among its flags it goes on.
    if os.preadv(fd, [room], 0) < 100:
        told.append("preadv reads nothing")
    return told
