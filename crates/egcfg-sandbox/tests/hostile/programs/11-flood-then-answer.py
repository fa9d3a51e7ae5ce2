#| form: stdio
#| title: the right answer after a flood
#| stdin: ""
#| stdout: "2"
#| verdict: output exceeded
#| stops: output-limit
import sys
sys.stderr.write("x" * (1 << 20))
print(2)
