#| title: int 0x80
#| verdict: passed | killed (*)
#| test: assert f(1) in (0, -1, -38)
#| needs: seccomp
#| stops: seccomp
import ctypes, mmap, platform

def f(x):
    if platform.machine() != "x86_64":
        return 0
    # mov eax, 20 (getpid); int 0x80; ret
    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
    page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    return call()
