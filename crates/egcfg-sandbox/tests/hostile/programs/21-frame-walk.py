#| title: walks up the frames and takes what looks like the expected value
#| verdict: wrong answer
#| stops: comparer
import sys

def f(x):
    frame, seen = sys._getframe(), []
    while frame:
        seen.extend(value for value in frame.f_locals.values() if isinstance(value, (str, bytes)))
        frame = frame.f_back
    for text in seen:
        if "assert f(1)" in str(text):
            return 2
    return 3
