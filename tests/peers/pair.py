"""For a figure to compare with: pppd at both ends of a line, each in a guest of its own."""
import socket
import struct
import subprocess
import sys
import time
import threading

from guest import address, check

MIB = 1 << 20
ROLE = dict(w.split("=", 1) for w in open("/proc/cmdline").read().split() if "=" in w)["role"]
OWN, OTHER = ("10.0.0.1", "10.0.0.2") if ROLE == "server" else ("10.0.0.2", "10.0.0.1")


def serve(s):
    what, size = struct.unpack("!4sI", s.recv(8, socket.MSG_WAITALL))
    if what == b"sum ":
        while s.recv(65536):
            pass
        s.sendall(b"all")
    else:
        s.sendall(bytes(size))
    s.close()


def link():
    log = open("/tmp/pppd.log", "wb")
    subprocess.Popen(["pppd", "/dev/ttyS0", "115200", "noauth", "nodetach", "local", "nocrtscts",
                      "passive", OWN + ":" + OTHER], stdout=log, stderr=log)
    end = time.monotonic() + 30
    while not address("ppp0") and time.monotonic() < end:
        time.sleep(0.1)


def timed(what, n):
    start = time.monotonic()
    with socket.create_connection((OTHER, 8), 20) as s:
        s.sendall(struct.pack("!4sI", what, n if what == b"give" else 0))
        if what == b"sum ":
            s.sendall(bytes(n))
            s.shutdown(socket.SHUT_WR)
        got = 0
        while piece := s.recv(65536):
            got += len(piece)
    is_good = got == (n if what == b"give" else 3)
    name = "down" if what == b"give" else "up"
    check("%d MiB %s" % (n // MIB, name), is_good)
    print("figure: TCP %s %.2f MiB/s" % (name, n / MIB / (time.monotonic() - start)), flush=True)


link()
if ROLE == "server":
    listener = socket.create_server((OWN, 8))
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],)).start()
else:
    time.sleep(1)
    timed(b"sum ", 4 * MIB)
    timed(b"give", 4 * MIB)
sys.exit()
