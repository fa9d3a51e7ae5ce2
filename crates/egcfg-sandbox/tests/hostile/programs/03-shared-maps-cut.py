#| title: shared memory of which one page stays mapped
#| verdict: exception (PermissionError) | exception (OSError) | memory exceeded
#| test: assert f(1) == 2
#| needs: uncounted-memory-denied
#| stops: uncounted-memory-denied
import ctypes, mmap

libc = ctypes.CDLL(None, use_errno=True)

def f(x):
    # Three times 100 MiB are within no limit of this suite.
    for _ in range(3):
        kept = mmap.mmap(-1, 100 << 20)
        kept.write(b"x" * (100 << 20))
        at = ctypes.addressof(ctypes.c_char.from_buffer(kept))
        libc.munmap(ctypes.c_void_p(at + 4096), ctypes.c_size_t((100 << 20) - 4096))
        f.kept = getattr(f, "kept", []) + [kept]
    return 2
