#| title: a float that is close to everything
#| verdict: wrong answer
#| test: import math; assert math.isclose(f(1), 2.0)
#| stops: canonical-form
class F(float):
    def __float__(self):
        return 2.0
    def __eq__(self, other):
        return True
    def __sub__(self, other):
        return 0.0
    __rsub__ = __sub__

def f(x):
    return F(3.0)
