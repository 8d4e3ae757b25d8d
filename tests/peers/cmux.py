"""n_gsm of the kernel as the initiator of the multiplexer."""
import fcntl
import os
import struct

from guest import address, check, dial, exchange, hang_up, ping, pppd_log, Tty

PORT = "/dev/ttyS0"
N_GSM0710, N_TTY = 21, 0
TIOCSETD = 0x5423
# struct gsm_config: adaption, encapsulation, initiator, t1, t2, t3, n2, mru, mtu, k, i, unused[8]
GSM_CONFIG = "11I8I"
CLOSE_DOWN = (b"\xf9\x03\xef\x05\xc3\x01\xf2\xf9", b"\x7e\x03\xef\xc3\x01\x70\x7e")


def ioctl_number(direction, number, size):
    return direction << 30 | size << 16 | ord("G") << 8 | number


def multiplex(option, n1):
    tty = Tty(PORT)
    tty.ask("ATE0")
    started = tty.ask("AT+CMUX=%d,0,5,%d" % (option, n1))
    fcntl.ioctl(tty.fd, TIOCSETD, struct.pack("i", N_GSM0710))
    size = struct.calcsize(GSM_CONFIG)
    config = bytearray(fcntl.ioctl(tty.fd, ioctl_number(2, 0, size), bytes(size)))
    values = list(struct.unpack(GSM_CONFIG, config))
    values[0], values[1], values[2] = 1, option, 1
    values[7] = values[8] = n1
    fcntl.ioctl(tty.fd, ioctl_number(1, 1, size), struct.pack(GSM_CONFIG, *values))
    return tty, started


def play(option, n1):
    name = ("basic" if option == 0 else "advanced") + ", N1 %d: " % n1
    tty, started = multiplex(option, n1)
    check(name + "it starts", b"OK" in started, started)
    one = Tty("/dev/gsmtty1")
    check(name + "AT on the first port", b"OK" in one.ask("AT"))
    pppd = dial("/dev/gsmtty2")
    if check(name + "PPP on the second", pppd is not None, pppd_log()):
        check(name + "ping", ping(address("ppp0")[1]) == 3)
        answers = []
        child = os.fork()
        if child == 0:
            os._exit(0 if exchange("10.9.8.7", 7, 1 << 20) else 1)
        while True:
            answers.append(b"+CSQ: " in one.ask("AT+CSQ"))
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid != 0:
                break
        check(name + "1 MiB over TCP and back", status == 0, status)
        check(name + "AT meanwhile, %d times" % len(answers), all(answers))
        hang_up(pppd)
    one.close()
    fcntl.ioctl(tty.fd, TIOCSETD, struct.pack("i", N_TTY))
    tty.write(CLOSE_DOWN[option])  # which the kernel leaves to others
    tty.until(b"\xf9" if option == 0 else b"\x7e")
    check(name + "plain AT behind it", b"OK" in tty.ask("AT"))
    tty.close()


play(0, 127)
play(0, 1400)  # frames of 1500, its bound, are dropped by kernels since the mend of CVE-2024-36016
play(1, 512)
