#| title: os._exit(0) at import
#| verdict: exited early (code 0)
#| stops: comparer
import os
os._exit(0)
