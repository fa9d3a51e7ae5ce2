#| title: locale, zone, directory, names of the machine
#| verdict: passed
#| again: same
#| test: assert f(1) == ("UTC", "utf-8", [], "1,234.5")
#| stops: environment
import locale, os, sys, time

def f(x):
    return (time.tzname[0], sys.getfilesystemencoding(), os.listdir("."), format(1234.5, ","))
