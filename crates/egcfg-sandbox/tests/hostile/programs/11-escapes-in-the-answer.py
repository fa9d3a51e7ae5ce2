#| title: terminal escapes in the value that it returns
#| verdict: wrong answer
#| stops: clean-text
def f(x):
    return "\x1b]0;owned\x07\x1b[2J\u202e"
