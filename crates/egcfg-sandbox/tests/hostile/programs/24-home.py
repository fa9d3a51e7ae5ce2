#| title: keys and tokens at home
#| verdict: passed
#| test: assert f(1) == []
#| needs: landlock
#| stops: landlock
import glob, os

def f(x):
    read = []
    for path in ("@HOME@/.ssh/id_ed25519", "@HOME@/.cache/huggingface/token", "@HOME@/.netrc", "/root/.ssh/id_rsa",
                 "/etc/shadow", "/etc/passwd", "/etc/hostname", "/proc/self/environ", "@SENTINELS@/sentinel"):
        try:
            read.append((path, open(path, "rb").read(100)))
        except OSError:
            pass
    read.extend(glob.glob("@HOME@/*") + glob.glob("@SENTINELS@/*") + glob.glob("/home/*") + glob.glob("/tmp/*"))
    return read
