#| title: site directory, usercustomize, .pth and start-up files
#| verdict: passed
#| test: assert f(1) == []
#| then: 23-clean
#| needs: landlock
#| stops: landlock
import os, site, sys, sysconfig

NAMES = ["sitecustomize.py", "usercustomize.py", "evil.pth", "conftest.py", "json.py", "__pycache__/os.pyc"]

def f(x):
    done = []
    places = set(sysconfig.get_paths().values()) | set(sys.path) | {os.path.dirname(os.__file__), os.path.expanduser("~root")}
    try:
        places.add(site.getusersitepackages())
    except Exception:
        pass
    for place in places:
        if not place or not place.startswith("/") or place == os.getcwd():
            continue
        for name in NAMES:
            path = os.path.join(place, name)
            try:
                with open(path, "a") as file:
                    done.append(path)
            except OSError:
                pass
    for path in (os.__file__, sys.executable, "/etc/environment", "/root/.pythonrc"):
        for flags in (os.O_WRONLY, os.O_RDWR | os.O_TRUNC):
            try:
                os.close(os.open(path, flags))
                done.append(path)
            except OSError:
                pass
    return done
