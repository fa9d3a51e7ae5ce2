#| form: stdio
#| title: sys.exit(0) before the answer is printed
#| stdin: "1\n"
#| stdout: "2"
#| verdict: wrong answer | exited early (code 0)
#| stops: comparer
import sys
sys.exit(0)
print(2)
