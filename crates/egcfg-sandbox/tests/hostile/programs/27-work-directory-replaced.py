#| title: moves its own directory away and puts another in its place
#| verdict: passed
#| test: assert f(1) == []
#| stops: landlock, work-directory
import os

def f(x):
    done, here = [], os.getcwd()
    for attempt in (
        lambda: os.rename(here, here + "-moved"), lambda: os.rmdir(here), lambda: os.mkdir(here + "x"),
        lambda: os.rename("../lock", "lock"), lambda: os.unlink("../lock"), lambda: open("../lock", "w"),
    ):
        try:
            attempt()
            done.append("done")
        except OSError:
            pass
    return done
