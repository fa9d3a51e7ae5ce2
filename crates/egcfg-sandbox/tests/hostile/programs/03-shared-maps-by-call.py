#| title: the other ways to shared memory without a name
#| verdict: passed
#| test: assert f(1) == []
#| needs: uncounted-memory-denied, landlock
#| stops: uncounted-memory-denied, landlock
import ctypes, mmap, os

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]

def f(x):
    got = []
    # Shared, and shared with the flags checked; the descriptor that nobody looks at may be any.
    for flags in (0x21, 0x23):
        for fd in (-1, 0, 3):
            if libc.mmap(None, 1 << 20, 3, flags, fd, 0) != ctypes.c_void_p(-1).value:
                got.append((flags, fd))
    for path in ("/dev/zero", "/dev/shm/x"):
        try:
            mmap.mmap(os.open(path, os.O_RDWR | (os.O_CREAT if "shm" in path else 0)), 1 << 20)
            got.append(path)
        except OSError:
            pass
    # One's own memory is there as ever.
    mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).write(b"x")
    return got
