#| form: stdio
#| title: standard output replaced by an object that pretends
#| stdin: "1\n"
#| stdout: "2"
#| verdict: wrong answer
#| stops: comparer
import sys

class Pretend:
    def write(self, text):
        return len(text)
    def flush(self):
        pass

sys.stdout = Pretend()
print(2)
