"""pppd dials, and all that goes over its link."""
import socket
import struct
import subprocess
import time
import zlib

from guest import address, check, dial, exchange, hang_up, ping, pppd_log, resolve, Tty

PORT = "/dev/ttyS0"
SERVER = "10.9.8.7"
MIB = 1 << 20


def name_servers():
    words = open("/etc/ppp/resolv.conf").read().split()
    return words[1::2]


def datagrams():
    """The last one in fragments."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    for n in (1, 1400, 4000):
        s.sendto(b"u" * n, (SERVER, 8))
        if s.recvfrom(65536) != (b"u" * n, (SERVER, 8)):
            return False
    return True


def upload(n):
    """Ends its half, and the server tells the sum of what came."""
    block = bytes(range(256)) * 256
    with socket.create_connection((SERVER, 8), 10) as s:
        s.sendall(struct.pack("!4sI", b"sum ", 0))
        for _ in range(n // 65536):
            s.sendall(block)
        s.shutdown(socket.SHUT_WR)
        return s.makefile().read() == "%08x" % zlib.crc32(block * (n // 65536))


def download(n):
    with socket.create_connection((SERVER, 8), 10) as s:
        s.sendall(struct.pack("!4sI", b"give", n))
        crc = got = 0
        while piece := s.recv(65536):
            crc = zlib.crc32(piece, crc)
            got += len(piece)
    return got == n and crc == zlib.crc32(bytes(range(256)) * (n // 256))


def is_reset():
    with socket.create_connection((SERVER, 8), 10) as s:
        s.sendall(struct.pack("!4sI", b"kill", 0))
        try:
            s.recv(1)
        except ConnectionResetError:
            return True
    return False


def timed(what, run, mib):
    start = time.monotonic()
    check("%d MiB %s" % (mib, what), run(mib * MIB))
    print("figure: TCP %s %.1f MiB/s" % (what, mib / (time.monotonic() - start)), flush=True)


def whole_link():
    pppd = dial(PORT, more=["debug", "+ipv6"])
    if not check("LCP and IPCP come up", pppd is not None, pppd_log()):
        return
    own, peer = address("ppp0")
    check("the address is the context's", own == "10.71.155.118", own)
    check("two name servers", len(name_servers()) == 2, name_servers())
    check("ping of the gateway", ping(peer) == 3)
    check("a name of the world", resolve("server.test", name_servers()[0]) == SERVER)
    check("a name that does not exist", resolve("nobody.test", name_servers()[1]) is None)
    check("UDP", datagrams())
    timed("up, and a half-close", upload, 16)
    timed("down", download, 4)  # which a guest reads slowly, whoever writes
    check("both ways at once", exchange(SERVER, 7, MIB))
    check("a reset", is_reset())
    try:
        socket.create_connection((SERVER, 9), 5)
        check("a refused connect", False)
    except ConnectionRefusedError:
        check("a refused connect", True)
    hang_up(pppd)
    log = pppd_log()
    check("VJ is rejected", "rcvd [IPCP ConfRej id=0x1 <compress VJ" in log, log)
    check("IPv6CP is unknown", "rcvd [LCP ProtRej" in log, log)
    tty = Tty(PORT)
    check("AT behind the hang-up", b"OK" in tty.ask("AT"))
    tty.close()


def logins():
    tty = Tty(PORT)
    check("an APN with a login", b"OK" in tty.ask('AT+CGDCONT=2,"IP","closed.test"'))
    tty.close()
    with open("/etc/ppp/pap-secrets", "w") as f:
        f.write("anna * right *\nberta * wrong *\n")
    with open("/etc/ppp/chap-secrets", "w") as f:
        f.write("anna * right *\nberta * wrong *\n")
    for name, more, is_good in (
            ("CHAP", ["user", "anna", "refuse-pap"], True),
            ("PAP", ["user", "anna", "refuse-chap", "refuse-mschap", "refuse-mschap-v2"], True),
            ("CHAP with a wrong password", ["user", "berta", "refuse-pap"], False),
            ("PAP with a wrong password", ["user", "berta", "refuse-chap"], False),
            ("a peer without a name", ["refuse-chap", "refuse-pap"], False)):
        pppd = dial(PORT, "*99***2#", more)
        check(name, (pppd is not None) == is_good, pppd_log())
        if pppd is not None:
            hang_up(pppd)


def redial():
    good = 0
    for _ in range(10):
        pppd = dial(PORT)
        if pppd is None:
            break
        good += ping(address("ppp0")[1], 1)
        hang_up(pppd)
    check("ten links, one after the other", good == 10, pppd_log())


def module_ends_it():
    """The module's other port takes the context away: pppd hears a Terminate-Request."""
    pppd = dial(PORT)
    tty = Tty("/dev/ttyS1")
    tty.ask("AT+CGACT=0,1")
    try:
        pppd.wait(10)
        check("the network hangs up", "LCP terminated by peer" in pppd_log(), pppd_log())
    except subprocess.TimeoutExpired:
        check("the network hangs up", False, pppd_log())
        pppd.kill()
    tty.close()


def asked_meanwhile():
    pppd = dial(PORT)
    tty = Tty("/dev/ttyS1")
    tty.ask("ATE0")
    answers = [b"+CSQ: " in tty.ask("AT+CSQ") for _ in range(20)]
    check("the other port answers meanwhile", all(answers), answers)
    check("and the link goes on", exchange(SERVER, 7, MIB))
    tty.close()
    hang_up(pppd)


whole_link()
logins()
redial()
asked_meanwhile()
module_ends_it()
