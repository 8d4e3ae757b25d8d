#!/usr/bin/python3
"""A driver in the way of the small microcontroller libraries: writes a command, waits for one of a
few answers with a short limit, asks for everything again and again and keeps no thread.

    driver_polling.py TTY

The far end is a server of its own on 127.0.0.1, which the module is mapped to under 203.0.113.1.
Exits with 0 when everything went as it should.
"""
import random
import socket
import sys
import threading
import time

import serial

SHORT_S = 1.0  # such drivers are less patient than that, but CI machines are slow
LONG_S = 10.0


class Modem:
    def __init__(self, tty):
        self.port = serial.Serial(tty, 115200, timeout=0.01)
        self.ready = set()  # links that were announced

    def send(self, command):
        self.port.write(b'AT' + command.encode() + b'\r\n')

    def wait(self, *answers, limit=SHORT_S):
        """Reads a byte at a time until what came ends with one of the answers."""
        got = b''
        end = time.monotonic() + limit
        while time.monotonic() < end:
            got += self.port.read(1)
            for i, answer in enumerate(answers):
                if got.endswith(answer):
                    return i, got
            if got.endswith(b'\r\n') and b'+CIPRXGET: 1,' in got:
                at = got.index(b'+CIPRXGET: 1,')
                self.ready.add(int(got[at + 13:at + 14]))
                got = got[:at]
        raise TimeoutError(f'no {answers} but {got}')

    def ask(self, command, *answers, limit=SHORT_S):
        self.send(command)
        which, got = self.wait(*(answers or (b'OK\r\n', b'ERROR\r\n')), limit=limit)
        return got if which == 0 else None

    def number_behind(self, text, end=b'\r\n', limit=SHORT_S):
        self.wait(text, limit=limit)
        _, got = self.wait(end, limit=limit)
        return int(got[:-len(end)])

    def begin(self):
        for _ in range(10):
            self.send('')
            try:
                self.wait(b'OK\r\n')
                break
            except TimeoutError:
                pass
        assert self.ask('E0')
        assert self.ask('+CMEE=2')
        self.ask('+CTZR=0')  # not every module has these
        self.ask('+CTZU=1')
        assert b'READY' in self.ask('+CPIN?')
        assert 0 < int(self.ask('+CSQ').split(b': ')[1].split(b',')[0]) < 32
        for command in ('+CREG?', '+CGREG?'):
            mode, stat = self.ask(command).split(b': ')[1].split(b'\r')[0].split(b',')
            assert int(mode) == 0 and int(stat) in (1, 5)
        assert self.ask('+CGDCONT=1,"IP","internet"')
        self.ask('+CGAUTH=1,0')
        assert self.ask('+CIPMODE=0')
        assert self.ask('+CIPSENDMODE=0')
        assert self.ask('+CIPCCFG=10,0,0,0,1,0,75000')
        assert self.ask('+CIPTIMEOUT=75000,15000,15000')

    def open_network(self):
        if b'+NETOPEN: 1' not in self.ask('+NETOPEN?'):
            assert self.ask('+NETOPEN')
            assert self.number_behind(b'+NETOPEN: ') == 0
        address = self.ask('+IPADDR').split(b': ')[1].split(b'\r')[0]
        assert len(address.split(b'.')) == 4

    def connect(self, link, host, port):
        assert self.ask('+CIPRXGET=1')
        assert self.ask(f'+CIPOPEN={link},"TCP","{host}",{port}')
        return self.number_behind(f'+CIPOPEN: {link},'.encode(), limit=LONG_S)

    def write(self, link, data):
        for at in range(0, len(data), 1500):
            part = data[at:at + 1500]
            self.ask(f'+CIPSEND={link},{len(part)}', b'>')
            self.port.write(part)
            self.wait(b'OK\r\n')
            self.wait(f'+CIPSEND: {link},{len(part)},{len(part)}\r\n'.encode())

    def available(self, link):
        got = self.ask(f'+CIPRXGET=4,{link}')
        return int(got.split(f'+CIPRXGET: 4,{link},'.encode())[1].split(b'\r')[0])

    def read(self, link, count):
        self.send(f'+CIPRXGET=2,{link},{min(count, 1500)}')
        if self.wait(f'+CIPRXGET: 2,{link},'.encode(), b'ERROR\r\n')[0] == 1:
            return b''
        count = int(self.wait(b',')[1][:-1])
        self.wait(b'\r\n')
        data = self.port.read(count)
        while len(data) < count:
            data += self.port.read(count - len(data))
        self.wait(b'OK\r\n')
        return data

    def read_all(self, link, count):
        got = b''
        end = time.monotonic() + LONG_S
        while len(got) < count and time.monotonic() < end:
            n = self.available(link)
            if n > 0:
                got += self.read(link, n)
        return got

    def is_connected(self, link):
        got = self.ask('+CIPCLOSE?')
        return got.split(b'+CIPCLOSE: ')[1].split(b'\r')[0].split(b',')[link].strip() == b'1'


def serve(listener):
    """Echoes what comes; "bye" closes the connection."""
    while True:
        link, _ = listener.accept()
        got = b''
        while (data := link.recv(65536)):
            link.sendall(data)
            got += data
            if got.endswith(b'bye'):
                break
        link.close()


def main():
    listener = socket.create_server(('127.0.0.1', 0))
    port = listener.getsockname()[1]
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    modem = Modem(sys.argv[1])
    modem.begin()
    modem.open_network()
    chance = random.Random(1)
    for turn in range(3):
        link = turn
        assert modem.connect(link, '203.0.113.1', port) == 0
        assert modem.is_connected(link)
        for size in (1, 10, 100, 1499, 1500, 1501, 5000):
            data = chance.randbytes(size) if size > 100 else b'OK\r\nERROR\r\n>'[:size]
            modem.write(link, data)
            assert modem.read_all(link, len(data)) == data, size
        assert link in modem.ready
        assert modem.available(link) == 0
        assert modem.read(link, 100) == b''
        if turn == 0:
            assert modem.ask(f'+CIPCLOSE={link}')
            assert modem.number_behind(f'+CIPCLOSE: {link},'.encode()) == 0
        else:
            # The peer closes; what it sent before is still there.
            modem.write(link, b'bye')
            end = time.monotonic() + LONG_S
            while modem.is_connected(link) and time.monotonic() < end:
                pass
            assert not modem.is_connected(link)
            assert modem.read_all(link, 3) == b'bye'
    assert modem.connect(5, '203.0.113.1', 1) != 0  # nobody is there
    assert modem.connect(5, '203.0.113.1', port) == 0
    modem.write(5, b'on')
    assert modem.read_all(5, 2) == b'on'
    assert modem.ask('+NETCLOSE')
    assert modem.number_behind(b'+NETCLOSE: ') == 0
    return 0


if __name__ == '__main__':
    sys.exit(main())
