#!/usr/bin/python3
"""A session as `sim7x00ctl watch` shows it, as a picture.

    docs/plots/watch.py draw <WATCHED >watch.svg   what `sim7x00ctl --color watch` has printed
    docs/plots/watch.py record BUILD               plays a session with the programs of the folder
                                                   BUILD and writes watch.svg beside itself

Needs nothing but Python.
"""
import os
import re
import select
import subprocess
import sys
import tempfile
import tty
from html import escape

LINE, CHAR, MARGIN, SIZE = 19, 8.1, 16, 13.5
COLORS = {'': '#d8dee9', '2': '#7b8494', '1': '#ffffff', '31': '#ff6b6b', '32': '#8fd67f',
          '34': '#7aa8f0', '35': '#d3a3e8', '36': '#6fd3e3', '1;31': '#ff6b6b', '1;35': '#e6b8f7'}
SGR = re.compile(r'\033\[([0-9;]*)m')

# What the driver says, what it waits for; a list: what is done to the module meanwhile.
SESSION = [
    ('AT+CSQ\r', 'OK'),
    ('AT+NETOPEN\r', '+NETOPEN: 0'),
    ('AT+CIPOPEN=0,"TCP","116.236.221.75",8011\r', '+CIPOPEN: 0,0'),
    ('AT+CIPSEND=0,5\r', '>'),
    ('HELLO', '+IPD5\r\nHELLO'),
    (['signal', 'rssi=3'], None),
    (['reset', 'link=0'], '+IPCLOSE: 0,3'),
    ('AT+CIPSEND=0,5\r', 'ERROR'),
    ('ATD*99#\r', '\x7e\xff'),
]


def parts(line):
    """(color, text) of a line of the terminal."""
    color = ''
    for i, piece in enumerate(SGR.split(line)):
        if i % 2 == 1:
            color = '' if piece == '0' else piece
        elif piece:
            yield color, piece


def draw(text):
    lines = text.rstrip('\n').split('\n')
    plain = [SGR.sub('', line) for line in lines]
    width = int(max(len(line) for line in plain) * CHAR + 2 * MARGIN)
    height = len(lines) * LINE + 2 * MARGIN
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" font-family="DejaVu Sans Mono, Menlo, Consolas, '
           f'monospace" font-size="{SIZE}">')
    yield f'<title>{escape("sim7x00ctl watch")}</title>'
    yield f'<rect width="{width}" height="{height}" rx="8" fill="#1b1f27"/>'
    for n, line in enumerate(lines):
        y = MARGIN + (n + 1) * LINE - 5
        x = 0
        for color, piece in parts(line):
            weight = ' font-weight="bold"' if color.startswith('1') else ''
            yield (f'<text x="{MARGIN + x * CHAR:.1f}" y="{y}" fill="{COLORS[color]}"{weight} '
                   f'textLength="{len(piece) * CHAR:.1f}" xml:space="preserve">'
                   f'{escape(piece)}</text>')
            x += len(piece)
    yield '</svg>'


def play(fd, ctl):
    for said, awaited in SESSION:
        if isinstance(said, list):
            subprocess.run([*ctl, *said], check=True)
        else:
            os.write(fd, said.encode())
        got = b''
        while awaited and awaited.encode('latin-1') not in got:
            if not select.select([fd], [], [], 10)[0]:
                sys.exit(f'{said!r}: no {awaited!r} in {got!r}')
            got += os.read(fd, 4096)


def record(build):
    with tempfile.TemporaryDirectory() as folder:
        link, control = os.path.join(folder, 'modem'), os.path.join(folder, 'control')
        daemon = subprocess.Popen(
            [os.path.join(build, 'sim7x00'), '--quick-start', '--link', link, '--control', control],
            stdout=subprocess.PIPE, text=True)
        while not daemon.stdout.readline().startswith('at: '):
            pass
        ctl = [os.path.join(build, 'sim7x00ctl'), '-s', control]
        watch = subprocess.Popen([*ctl, '--color', 'watch'], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True)
        fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(fd)
        # The first line that is seen says that it has begun.
        while not select.select([watch.stdout], [], [], 0.1)[0]:
            os.write(fd, b'AT\r')
        while select.select([fd], [], [], 0.3)[0]:
            os.read(fd, 4096)
        play(fd, ctl)
        os.close(fd)
        subprocess.run([*ctl, 'stop'], check=True)
        text = watch.communicate()[0]
        daemon.wait()
    start = text.rindex('\n', 0, text.index('-> AT+CSQ')) + 1
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'watch.svg'), 'w',
              encoding='utf-8') as f:
        f.writelines(line + '\n' for line in draw(text[start:]))


if sys.argv[1:2] == ['draw']:
    print('\n'.join(draw(sys.stdin.read())))
elif sys.argv[1:2] == ['record'] and len(sys.argv) == 3:
    record(sys.argv[2])
else:
    sys.exit(__doc__)
