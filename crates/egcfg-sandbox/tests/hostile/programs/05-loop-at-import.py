#| title: while True at module level
#| verdict: timeout (cpu)
#| stops: clocks
while True:
    pass
