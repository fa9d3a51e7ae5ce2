#| title: answers before it is asked, with a guessed nonce
#| verdict: forged
#| stops: nonce
import os, struct

def frame(kind, *fields):
    body = kind + b"".join(struct.pack("<I", len(field)) + field for field in fields)
    return struct.pack("<I", len(body)) + body

def f(x):
    os.write(3, frame(b"V", b"12345678", b"\0" * 8 + b"i\1\0\0\0" + b"2"))
    return 3
