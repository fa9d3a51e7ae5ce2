#| title: leaves a message in the flags of its directory, which is used again
#| verdict: passed
#| test: assert f(1) == []
#| then: 29-directory-flags-read
#| needs: seccomp
#| stops: seccomp
import fcntl, os, struct

def f(x):
    done = []
    fd = os.open(".", os.O_RDONLY)
    # Written at once, no times kept, not saved; and the attributes of a project.
    for request, data in ((0x40086602, struct.pack("Q", 0xC8)), (0x401C5820, struct.pack("IIIII8x", 0, 0, 0, 7, 0))):
        try:
            fcntl.ioctl(fd, request, data)
            done.append(request)
        except OSError:
            pass
    return done
