#!/usr/bin/python3
"""Opens the tty in the ways that pyserial's users do; exits with 0 when every answer was right.

    client_pyserial.py TTY
"""
import sys
import time

import serial

WAYS = [
    # First, on a tty that nobody has set yet: a pty has 8N1 only, and the C library calls a change
    # an error when none of it could be made, as right behind another client's same settings.
    {'bytesize': 7, 'parity': 'E', 'stopbits': 2},
    {},
    {'rtscts': True},
    {'dsrdtr': True},
    {'rtscts': True, 'dsrdtr': True},
    {'xonxoff': True},
    {'baudrate': 9600},
    {'baudrate': 3000000},
    {'exclusive': True},
    {'timeout': 0},
]


def ask(port, command, end=b'OK\r\n'):
    port.write(command + b'\r')
    got = b''
    limit = time.monotonic() + 10
    while not got.endswith(end) and time.monotonic() < limit:
        got += port.read(max(1, port.in_waiting))
    return got


def main():
    tty = sys.argv[1]
    for way in WAYS:
        with serial.Serial(tty, **{'baudrate': 115200, 'timeout': 1, **way}) as port:
            assert ask(port, b'AT') == b'AT\r\r\nOK\r\n', way
            assert b'+CSQ: ' in ask(port, b'AT+CSQ'), way
            port.reset_input_buffer()
            port.reset_output_buffer()
            port.send_break(0)
            assert ask(port, b'AT') == b'AT\r\r\nOK\r\n', way
    # Lines set before the open, as esptool and the like do.
    port = serial.Serial()
    port.port, port.timeout = tty, 1
    port.dtr = port.rts = False
    for _ in range(20):
        port.open()
        assert ask(port, b'AT') == b'AT\r\r\nOK\r\n'
        port.close()
    # Commands one behind the other, each with its own answer.
    with serial.Serial(tty, 115200, timeout=10) as port:
        assert ask(port, b'ATE0')
        for i in range(200):
            assert ask(port, b'AT+CMEE=%d' % (i % 3)) == b'\r\nOK\r\n'
            assert ask(port, b'AT+CMEE?') == b'\r\n+CMEE: %d\r\n\r\nOK\r\n' % (i % 3)
        assert port.readline() == b'' if port.in_waiting else True
        ask(port, b'ATE1')
    return 0


if __name__ == '__main__':
    sys.exit(main())
