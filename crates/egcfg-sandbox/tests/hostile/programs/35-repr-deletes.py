#| title: a repr that deletes files and changes the answer
#| traced: 2000
#| verdict: passed
#| stops: trace-renderer
import os, shutil
answer = [2]

class R(dict):
    def __repr__(self):
        answer[0] = 3
        shutil.rmtree("@SENTINELS@", ignore_errors=True)
        return "R"
    def items(self):
        answer[0] = 3
        return []
    __iter__ = keys = values = __len__ = items

def f(x):
    r = R(a=1)
    y = [r]
    return answer[0]
