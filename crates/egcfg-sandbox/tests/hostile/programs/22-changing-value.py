#| title: another value each time it is looked at
#| verdict: wrong answer
#| stops: canonical-form
class Changing(int):
    looks = 0
    def __int__(self):
        Changing.looks += 1
        return 2
    __index__ = __int__
    def __eq__(self, other):
        Changing.looks += 1
        return Changing.looks > 1

def f(x):
    return Changing(3)
