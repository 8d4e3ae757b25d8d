#!/usr/bin/python3
"""What a driver does with a dial-up link, from inside the guest: SERVER TCP_PORT UDP_PORT SIZE."""
import socket
import sys
import time
import zlib

name, tcp_port, udp_port, size = sys.argv[1], *map(int, sys.argv[2:])


def say(what, begin, n):
    seconds = time.monotonic() - begin
    print(f'{what}: {n} bytes, {n / seconds / 1048576:.1f} MiB/s')


def block(i):
    return bytes((i * 31 + j) % 251 for j in range(4096)) if i < 8 else BLOCKS[i % 8]


BLOCKS = [block(i) for i in range(8)]


def data(n):
    for i in range(0, n, 4096):
        yield BLOCKS[i // 4096 % 8][:n - i]


def received(s):
    crc = n = 0
    while True:
        piece = s.recv(65536)
        if not piece:
            return crc, n
        crc = zlib.crc32(piece, crc)
        n += len(piece)


def main():
    server = socket.gethostbyname(name)
    try:
        socket.gethostbyname('nowhere.invalid')
        raise AssertionError('a name that is not')
    except socket.gaierror:
        pass

    # Up: the server answers with the sum when we have shut down our half.
    begin = time.monotonic()
    with socket.create_connection((server, tcp_port)) as s:
        crc = 0
        s.sendall(b'sum ')
        for piece in data(size):
            s.sendall(piece)
            crc = zlib.crc32(piece, crc)
        s.shutdown(socket.SHUT_WR)
        answer = s.makefile().read()
    assert answer == f'{crc:08x}', f'sum of what went up: {answer} for {crc:08x}'
    say('up', begin, size)

    begin = time.monotonic()
    with socket.create_connection((server, tcp_port)) as s:
        s.sendall(b'give')
        got = received(s)
    assert got == (crc, size), f'what came down: {got}'
    say('down', begin, size)

    with socket.create_connection((server, tcp_port)) as s:
        s.sendall(b'kill')
        try:
            assert s.recv(1) and False, 'a reset'
        except ConnectionResetError:
            pass
    try:
        socket.create_connection((server, tcp_port + 1), timeout=10)
        raise AssertionError('a port where nobody listens')
    except ConnectionRefusedError:
        pass

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        for n in (1, 1400, 4000):
            s.sendto(b'u' * n, (server, udp_port))
            assert s.recvfrom(65536) == (b'u' * n, (server, udp_port)), f'a datagram of {n}'


main()
