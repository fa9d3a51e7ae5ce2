#| title: says nothing more, but stays
#| verdict: exited early (*) | timeout (*) | killed (*) | exception (*)
#| stops: pidfd-kill
import socket, time

def f(x):
    socket.socket(fileno=3).shutdown(socket.SHUT_RDWR)
    time.sleep(60)
