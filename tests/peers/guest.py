"""What the plays of the guest have in common: checks, AT over a tty, packets."""
import os
import select
import socket
import struct
import subprocess
import termios
import time
import tty


def check(name, is_good, detail=""):
    print("check: %s: %s" % (name, "good" if is_good else "FAILED " + str(detail)), flush=True)
    return is_good


class Tty:
    def __init__(self, path):
        end = time.monotonic() + 10
        while True:
            try:
                self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                break
            except OSError:  # a multiplexer's tty whose other side is not up yet
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        tty.setraw(self.fd)
        attributes = termios.tcgetattr(self.fd)
        attributes[2] |= termios.CLOCAL
        attributes[4] = attributes[5] = termios.B115200
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)

    def close(self):
        os.close(self.fd)

    def write(self, data):
        while data:
            select.select([], [self.fd], [], 5)
            data = data[os.write(self.fd, data):]

    def until(self, wanted, seconds=5):
        got = b""
        end = time.monotonic() + seconds
        while wanted not in got and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    got += os.read(self.fd, 4096)
                except BlockingIOError:
                    pass
        return got

    def ask(self, command, wanted=b"OK\r\n", seconds=5):
        self.write(command.encode() + b"\r")
        return self.until(wanted, seconds)


def dial(tty_path, number="*99#", more=()):
    """pppd that has dialled and is up; None: it is not."""
    chat = "chat -t 10 '' AT OK ATE0 OK ATD%s CONNECT" % number
    command = ["pppd", tty_path, "115200", "connect", chat, "noauth", "nodetach", "local",
               "nocrtscts", "usepeerdns", "defaultroute", "lcp-echo-interval", "5",
               "lcp-echo-failure", "4", "maxfail", "1", *more]
    try:
        os.unlink("/etc/ppp/resolv.conf")
    except FileNotFoundError:
        pass
    log = open("/tmp/pppd.log", "wb")
    pppd = subprocess.Popen(command, stdout=log, stderr=log)
    end = time.monotonic() + 20
    while time.monotonic() < end and pppd.poll() is None:
        if address("ppp0") and os.path.exists("/etc/ppp/resolv.conf"):
            return pppd
        time.sleep(0.05)
    pppd.kill()
    pppd.wait()
    return None


def hang_up(pppd):
    pppd.terminate()
    pppd.wait(10)


def pppd_log():
    return open("/tmp/pppd.log").read()


def address(interface):
    """(own, peer) of an interface that is up, else None."""
    text = subprocess.run(["ip", "-4", "addr", "show", "dev", interface, "up"],
                          capture_output=True, text=True).stdout
    words = text.split()
    if "inet" not in words or "peer" not in words:
        return None
    return words[words.index("inet") + 1], words[words.index("peer") + 1].split("/")[0]


def ping(host, n=3):
    """How many echoes come back."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.settimeout(3)
    back = 0
    for i in range(n):
        body = struct.pack("!HH", 77, i) + b"x" * 56
        words = struct.unpack("!%dH" % ((len(body) + 4) // 2), b"\x08\0\0\0" + body)
        total = sum(words)
        total = (total >> 16) + (total & 0xffff)
        s.sendto(b"\x08\0" + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + body, (host, 0))
        try:
            packet = s.recv(2048)
            back += packet[20] == 0 and packet[28:] == body[4:]
        except socket.timeout:
            pass
    return back


def resolve(name, server):
    """The address that a name server tells, or None."""
    query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0"
    query += b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0\0\x01\0\x01"
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(query, (server, 53))
    try:
        answer = s.recv(512)
    except socket.timeout:
        return None
    return socket.inet_ntoa(answer[-4:]) if answer[7] > 0 else None


def exchange(host, port, n):
    """n bytes to a TCP echo and back; whether they are the same at the end."""
    s = socket.create_connection((host, port), 10)
    s.setblocking(False)
    block = bytes((i * 7 + (i >> 8)) & 0xff for i in range(65536))
    sent = got = 0
    end = time.monotonic() + 120
    while got < n and time.monotonic() < end:
        wants = [s] if sent < n else []
        readable, writable, _ = select.select([s], wants, [], 10)
        if writable:
            at = sent % 65536
            sent += s.send(block[at:at + min(65536 - at, n - sent)])
        if readable:
            data = s.recv(65536)
            at = got % 65536
            if not data or data != (block + block)[at:at + len(data)]:
                return False
            got += len(data)
    s.close()
    return got == n
