#| title: names that trip a clean-up
#| verdict: wrong answer
#| stops: clean-up
import os

def f(x):
    for name in ("a\nb", "n" * 255, "-rf", "*", " ", "\x7f", "\udcff\udcfe", "..x", "~", "$HOME", "lock", ".egcfg-1"):
        open(name, "w").close()
        os.makedirs("d" + name[:200] + "/e/f", exist_ok=True)
    return os.listdir(".")
