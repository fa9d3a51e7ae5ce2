#| title: bytes that are no text
#| verdict: output exceeded
#| stops: output-limit
import os

def f(x):
    while True:
        os.write(1, b"\xff\xfe\x00\xed\xa0\x80" * 4096)
