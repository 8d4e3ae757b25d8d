#!/usr/bin/python3
"""A driver that lives by its lines, on a port that has them; exits with 0 when all was right.

    client_lines.py URL-OR-TTY

The module's clock runs 20 times as fast, 203.0.113.1:80 echoes, and what AT&C, &D, +CSCLK, +IFC and
+CFGRI do is seen at DTR, RTS, DCD and RI. A path is a tty, whose lines are asked for by ioctl.
"""
import errno
import fcntl
import os
import signal
import struct
import sys
import termios
import threading
import time
import warnings

import serial

TIMES = 20
LIMIT_S = 10
SILENCE_S = 0.3
TIOCMIWAIT, TIOCGICOUNT = 0x545C, 0x545D


def until(is_so, what):
    limit = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < limit, what
        time.sleep(0.005)


class Driver:
    def __init__(self, port):
        self.port = port

    def expect(self, end):
        got = b''
        limit = time.monotonic() + LIMIT_S
        while not got.endswith(end):
            assert time.monotonic() < limit, (end, got)
            got += self.port.read(max(1, self.port.in_waiting))
        return got

    def ask(self, command, end=b'OK\r\n'):
        self.port.write(command + b'\r')
        return self.expect(end)

    def is_silent(self):
        time.sleep(SILENCE_S)
        assert self.port.in_waiting == 0, self.port.read(self.port.in_waiting)

    def echo(self, data=bytes(range(256))):
        """Through the link and back; without plus signs, which would wait for their guard."""
        data = data.replace(b'+', b'')
        self.port.write(data)
        got = b''
        limit = time.monotonic() + LIMIT_S
        while len(got) < len(data):
            assert time.monotonic() < limit, got
            got += self.port.read(len(data) - len(got))
        assert got == data, got

    def connect(self):
        self.ask(b'AT+CIPOPEN=0,"TCP","203.0.113.1",80', b'CONNECT 115200\r\n')
        self.echo()

    def escape(self):
        time.sleep(2.0 / TIMES)
        self.port.write(b'+++')
        self.expect(b'OK\r\n')


def commands(d):
    for rate in 9600, 3000000, 115200:
        d.port.baudrate = rate
        assert d.ask(b'AT') == b'AT\r\r\nOK\r\n'
    d.ask(b'ATE0')
    assert d.port.cts and d.port.dsr
    d.port.reset_input_buffer()
    d.port.reset_output_buffer()
    assert d.ask(b'AT') == b'\r\nOK\r\n'


def carrier(d):
    d.ask(b'AT&C0')
    until(lambda: d.port.cd, 'AT&C0: DCD is on')
    d.ask(b'AT&C1')
    until(lambda: not d.port.cd, 'AT&C1: DCD is off without a link')
    d.ask(b'AT+CIPMODE=1')
    d.ask(b'AT+NETOPEN', b'+NETOPEN: 0\r\n')
    d.connect()
    until(lambda: d.port.cd, 'AT&C1: DCD is on with a link')
    d.escape()


def terminal_ready(d):
    d.ask(b'AT&D1;O', b'CONNECT 115200\r\n')
    d.port.dtr = False
    d.expect(b'OK\r\n')
    d.port.dtr = True
    d.ask(b'AT')
    d.ask(b'AT&D0;O', b'CONNECT 115200\r\n')
    d.port.dtr = False
    d.echo()
    d.port.dtr = True
    d.echo()
    d.escape()
    d.ask(b'AT&D2;O', b'CONNECT 115200\r\n')
    d.port.dtr = False
    d.expect(b'CLOSED\r\n')
    until(lambda: not d.port.cd, 'DCD goes with the link')
    d.port.dtr = True
    d.ask(b'AT')
    d.connect()
    d.port.dtr = False
    d.expect(b'CLOSED\r\n')
    d.port.dtr = True


def dial(d):
    """PPP, which begins to speak right behind its CONNECT."""
    d.port.write(b'ATD*99#\r')
    until(lambda: d.port.cd, 'DCD is on with a data call')
    d.port.dtr = False
    assert b'CONNECT 115200\r\n~' in d.expect(b'NO CARRIER\r\n')
    until(lambda: not d.port.cd, 'and off when DTR has hung up')
    d.port.dtr = True
    d.ask(b'AT')


def ring(d):
    d.ask(b'AT+NETCLOSE', b'+NETCLOSE: 0\r\n')
    assert not d.port.ri
    d.ask(b'AT+CFGRI=1,6000')  # 0.3 s here
    d.ask(b'AT+NETOPEN', b'+NETOPEN: 0\r\n')
    until(lambda: d.port.ri, 'RI is raised')
    until(lambda: not d.port.ri, 'RI falls')
    d.ask(b'AT+CFGRI=0')


def sleep(d):
    d.ask(b'AT+CSCLK=1')
    d.port.dtr = False
    time.sleep(20.0 / TIMES)
    d.port.write(b'AT\r')
    d.is_silent()
    d.port.dtr = True
    time.sleep(0.1)
    d.ask(b'AT+CSCLK=0')


def flow(d):
    d.ask(b'AT+IFC=2,2')
    d.port.rts = False
    d.port.write(b'AT\r')
    d.is_silent()
    d.port.rts = True
    d.expect(b'OK\r\n')
    d.ask(b'AT+IFC=0,0')


def breaks(d):
    d.port.send_break(0.01)
    d.port.break_condition = True
    d.port.break_condition = False
    d.ask(b'AT')


def by_ioctl(d):
    fd = d.port.fd

    def lines():
        return struct.unpack('i', fcntl.ioctl(fd, termios.TIOCMGET, bytes(4)))[0]

    def counts():
        return struct.unpack('20i', fcntl.ioctl(fd, TIOCGICOUNT, bytes(80)))

    both = termios.TIOCM_DTR | termios.TIOCM_RTS
    for request, word, want in ((termios.TIOCMBIC, both, 0), (termios.TIOCMSET, both, both),
                                (termios.TIOCMSET, termios.TIOCM_RTS, termios.TIOCM_RTS),
                                (termios.TIOCMBIS, termios.TIOCM_DTR, both)):
        fcntl.ioctl(fd, request, struct.pack('i', word))
        assert lines() & both == want, (request, word, hex(lines()))
    termios.tcsendbreak(fd, 0)
    termios.tcdrain(fd)

    rng, dcd = counts()[2:4]
    change = threading.Timer(0.1, lambda: d.ask(b'AT&C0'))
    change.start()
    assert fcntl.ioctl(fd, TIOCMIWAIT, termios.TIOCM_CAR) == 0
    change.join()
    assert lines() & termios.TIOCM_CAR
    assert counts()[2:4] == (rng, dcd + 1)
    d.ask(b'AT+CFGRI=1,1000;+NETCLOSE', b'+NETCLOSE: 0\r\n')
    fcntl.ioctl(fd, TIOCMIWAIT, termios.TIOCM_RNG)
    assert counts()[2] == rng + 1
    d.ask(b'AT+CFGRI=0;&C1')

    def interrupt(*_):
        raise InterruptedError

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        fcntl.ioctl(fd, TIOCMIWAIT, termios.TIOCM_RNG)
        assert False, 'a signal ends a wait'
    except InterruptedError:
        pass

    stuck = []
    threads = [threading.Thread(target=lambda: [stuck.append(lines()) for _ in range(50)])
               for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(stuck) == 400 and len(set(stuck)) == 1

    # Somebody else's terminals are the kernel's.
    for other in os.openpty() + os.pipe():
        try:
            fcntl.ioctl(other, termios.TIOCMGET, bytes(4))
            assert False, 'has lines'
        except OSError as e:
            assert e.errno == errno.ENOTTY, e


def main():
    warnings.simplefilter('ignore')  # pyserial's own
    with serial.serial_for_url(sys.argv[1], baudrate=115200, timeout=0.05) as port:
        d = Driver(port)
        is_tty = sys.argv[1].startswith('/')  # on USB, which does not sleep
        own = by_ioctl if is_tty else sleep
        for step in commands, carrier, terminal_ready, dial, ring, flow, breaks, own:
            step(d)
    # Again, as a second driver would: the first one has left it open to the next.
    with serial.serial_for_url(sys.argv[1], baudrate=115200, timeout=0.05) as port:
        Driver(port).ask(b'ATE1')
    return 0


if __name__ == '__main__':
    sys.exit(main())
