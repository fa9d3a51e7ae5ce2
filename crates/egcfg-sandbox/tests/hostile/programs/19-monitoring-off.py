#| title: takes the events of sys.monitoring away
#| traced: 2000
#| verdict: passed
#| stops: comparer
import sys

def f(x):
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        for tool in range(6):
            if monitoring.get_tool(tool) is not None:
                monitoring.set_events(tool, 0)
                monitoring.free_tool_id(tool)
    return x + 1
