#| title: asks for a core file first
#| verdict: killed (signal 11)
#| stops: rlimits
import ctypes, resource

def f(x):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except ValueError:
        pass
    ctypes.string_at(0)
