#| title: a hundred thousand brackets for the parser
#| verdict: exception (*) | memory exceeded | killed (signal 11)
#| stops: rlimits
import ast

def f(x):
    return ast.literal_eval("[" * 100_000)
