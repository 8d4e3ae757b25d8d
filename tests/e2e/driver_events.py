#!/usr/bin/python3
"""A driver in the way of the larger stacks: one thread reads, takes lines apart, hands answers to
the command that waits and unsolicited lines to their links; data is pushed by the module.

    driver_events.py TTY

The far end is a server of its own on 127.0.0.1, which the module is mapped to under 203.0.113.1.
Exits with 0 when everything went as it should.
"""
import queue
import random
import re
import socket
import sys
import threading

import serial

LIMIT_S = 10.0
RESULTS = (b'OK', b'ERROR')


class Modem:
    def __init__(self, tty):
        self.port = serial.Serial(tty, 115200, timeout=0.5)
        self.buffer = bytearray()
        self.answers = queue.Queue()  # lines of the command under way
        self.events = queue.Queue()   # (name, numbers)
        self.data = {i: bytearray() for i in range(10)}
        self.arrived = threading.Condition()
        self.is_ending = False
        self.failed = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    # -- the reading thread --

    def take(self, count):
        while len(self.buffer) < count:
            self.buffer += self.port.read(max(1, self.port.in_waiting))
            if self.is_ending:
                raise EOFError
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def take_line(self):
        """A line, or the prompt, which has no end."""
        while True:
            at = self.buffer.find(b'\r\n')
            if at >= 0:
                return self.take(at + 2)[:-2]
            if self.buffer[:1] == b'>':
                return self.take(1)
            self.take(0)
            self.buffer += self.port.read(max(1, self.port.in_waiting))
            if self.is_ending:
                raise EOFError

    def read(self):
        try:
            while True:
                self.on_line(self.take_line())
        except EOFError:
            pass
        except Exception as e:  # shown by whoever waits
            self.failed = e

    def on_line(self, line):
        pushed = re.fullmatch(rb'\+RECEIVE,(\d),(\d+)', line)
        event = re.fullmatch(rb'\+(NETOPEN|NETCLOSE|CIPOPEN|CIPSEND|CIPCLOSE|IPCLOSE): ([\d,]+)',
                             line)
        if pushed:
            data = self.take(int(pushed[2]))
            with self.arrived:
                self.data[int(pushed[1])] += data
                self.arrived.notify_all()
        elif event:
            self.events.put((event[1].decode(), tuple(map(int, event[2].split(b',')))))
        elif line and not line.startswith(b'RECV FROM:'):
            self.answers.put(line)

    # -- the others --

    def ask(self, command, until=RESULTS):
        self.port.write(b'AT' + command.encode() + b'\r')
        lines = []
        while not lines or not (lines[-1] in until or lines[-1].startswith(b'+CME ERROR')):
            lines.append(self.answers.get(timeout=LIMIT_S))
        assert lines[-1] in (b'OK', b'>'), (command, lines)
        return lines[:-1]

    def wait_for(self, name, *numbers):
        got = self.events.get(timeout=LIMIT_S)
        assert got == (name, numbers), f'{got} instead of {name} {numbers}'

    def send(self, link, data):
        self.ask(f'+CIPSEND={link},{len(data)}', until=(b'>', b'ERROR'))
        self.port.write(data)
        assert self.answers.get(timeout=LIMIT_S) == b'OK'
        self.wait_for('CIPSEND', link, len(data), len(data))

    def receive(self, link, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.data[link]) >= count, LIMIT_S)
            data = bytes(self.data[link][:count])
            del self.data[link][:count]
        return data


def echo(link):
    while data := link.recv(65536):
        link.sendall(data)
    link.close()


def serve(listener):
    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()


def main():
    listener = socket.create_server(('127.0.0.1', 0))
    port = listener.getsockname()[1]
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    modem = Modem(sys.argv[1])
    modem.port.write(b'\x1b\x1aATE0Q0V1\r')
    while modem.answers.get(timeout=LIMIT_S) != b'OK':
        pass
    modem.ask('+CMEE=2;+CREG=0;+CGREG=0')
    assert modem.ask('+CPIN?') == [b'+CPIN: READY']
    assert re.fullmatch(rb'\+CSQ: \d+,\d+', modem.ask('+CSQ')[0])
    assert modem.ask('+CREG?;+CGREG?') == [b'+CREG: 0,1', b'+CGREG: 0,1']
    assert len(modem.ask('+CIPSRIP=1;+CIPHEAD=1;+CIPCCFG=10,0,0,1,1,0,500')) == 0
    modem.ask('+NETOPEN')
    modem.wait_for('NETOPEN', 0)
    assert modem.ask('+IPADDR')[0].startswith(b'+IPADDR: ')
    for link in range(4):
        modem.ask(f'+CIPOPEN={link},"TCP","203.0.113.1",{port}')
        modem.wait_for('CIPOPEN', link, 0)
    chance = random.Random(2)
    sent = {link: b'' for link in range(4)}
    for turn in range(100):
        link = chance.randrange(4)
        data = chance.randbytes(chance.randrange(1, 1500))
        if turn % 10 == 0:
            data = b'\r\nOK\r\n+IPCLOSE: 0,1\r\n>' + data[:1000]
        modem.send(link, data)
        sent[link] += data
        if turn % 3 == 0:
            assert modem.ask('+CSQ')[0].startswith(b'+CSQ: ')
    for link, data in sent.items():
        assert modem.receive(link, len(data)) == data, link
    for link in range(4):
        modem.ask(f'+CIPCLOSE={link}')
        modem.wait_for('CIPCLOSE', link, 0)
    modem.ask('+NETCLOSE')
    modem.wait_for('NETCLOSE', 0)
    assert modem.failed is None, modem.failed
    assert modem.events.empty() and modem.answers.empty()
    modem.is_ending = True
    modem.reader.join()
    return 0


if __name__ == '__main__':
    sys.exit(main())
