#!/usr/bin/python3
"""The life of links on the wire, drawn from what sim7x00 --trace writes.

    docs/plots/wire.py draw TITLE=TRACE... >wire.svg
    docs/plots/wire.py record PROGRAM      runs the note's three examples, 60 times as fast,
                                           and writes their traces and wire.svg beside itself

Needs nothing but Python.
"""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import tty
from html import escape

# Title and the driver's command for each example of the application note, 2.6.
EXAMPLES = [
    ('AT+CIPCCFG as it comes', None, 'note-1'),
    ('AT+CIPCCFG=3', 'AT+CIPCCFG=3', 'note-2'),
    ('AT+CIPCCFG=,,,,,,10000', 'AT+CIPCCFG=,,,,,,10000', 'note-3'),
]

LEFT, RIGHT, TOP, ROW, WIDTH = 20, 30, 24, 92, 860
BAR = 14  # height


def read_trace(path):
    with open(path, encoding='utf-8') as lines:
        events = [json.loads(line) for line in lines]
    sent = [e for e in events if e['event'] in ('transmit', 'connect')]
    if not sent:
        sys.exit(f'{path}: nothing was transmitted')
    start = sent[0]['us']
    for e in events:
        e['s'] = (e['us'] - start) / 1e6
    return [e for e in events if e['s'] >= 0]


def seconds(value):
    return f'{value:.1f}'.removesuffix('.0')


def draw_row(events, y, x):
    """Bars for waits, circles for transmissions, a cross for the failure."""
    ends = [e['s'] for e in events if e['event'] in ('failed', 'acknowledged')]
    for e in events:
        if 'wait_us' not in e:
            continue
        wait = e['wait_us'] / 1e6
        until = min([e['s'] + wait] + [s for s in ends if s > e['s']])
        yield (f'<rect class="wait" x="{x(e["s"]):.1f}" y="{y - BAR / 2}" '
               f'width="{x(until) - x(e["s"]):.1f}" height="{BAR}"/>')
        middle = (x(e['s']) + x(until)) / 2
        yield f'<text class="small" x="{middle:.1f}" y="{y + 24}">{seconds(wait)}</text>'
    for e in events:
        if e['event'] in ('transmit', 'connect'):
            kind = 'lost' if e['lost'] else 'through'
            yield f'<circle class="{kind}" cx="{x(e["s"]):.1f}" cy="{y}" r="5"/>'
        elif e['event'] == 'failed':
            cx = x(e['s'])
            yield (f'<path class="end" d="M{cx - 6:.1f} {y - 6}l12 12m0 -12l-12 12"/>'
                   f'<text class="small" x="{cx:.1f}" y="{y - 12}">{seconds(e["s"])} s</text>')
        elif e['event'] == 'acknowledged':
            yield f'<path class="ack" d="M{x(e["s"]):.1f} {y - 9}v18"/>'


def draw(rows):
    rows = [(title, read_trace(path)) for title, path in rows]
    last = max(e['s'] + e.get('wait_us', 0) / 1e6 for _, events in rows for e in events)
    step = next(s for s in (0.1, 0.5, 1, 5, 10, 20, 60, 600, 1e9) if last / s <= 14)
    height = TOP + ROW * len(rows) + 64
    bottom = TOP + ROW * len(rows)

    def x(s):
        return LEFT + s * (WIDTH - LEFT - RIGHT) / last

    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">'
    yield ('<style>text{font:13px sans-serif;fill:#222}.small{font-size:11px;text-anchor:middle}'
           '.wait{fill:#cfe0f2}.through{fill:#1f5fa8;stroke:#1f5fa8;stroke-width:2}'
           '.lost{fill:#fff;stroke:#1f5fa8;stroke-width:2}'
           '.end{stroke:#b02020;stroke-width:3;fill:none}.ack{stroke:#208040;stroke-width:3}'
           '.axis{stroke:#999}</style>')
    yield f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    for i in range(int(last / step) + 1):
        at = x(i * step)
        yield f'<path class="axis" stroke-dasharray="1 4" d="M{at:.1f} {TOP}V{bottom}"/>'
        yield f'<text class="small" x="{at:.1f}" y="{bottom + 16}">{seconds(i * step)}</text>'
    yield f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>'
    for i, (title, events) in enumerate(rows):
        y = TOP + ROW * i + 52
        yield f'<text x="{LEFT}" y="{y - 30}">{escape(title)}</text>'
        yield from draw_row(events, y, x)
    y = bottom + 44
    yield (f'<circle class="lost" cx="{LEFT + 6}" cy="{y - 4}" r="5"/>'
           f'<text x="{LEFT + 18}" y="{y}">transmission, lost (full: it got through)</text>'
           f'<rect class="wait" x="{LEFT + 280}" y="{y - 11}" width="24" height="{BAR}"/>'
           f'<text x="{LEFT + 310}" y="{y}">wait, seconds of modem time</text>'
           f'<path class="end" d="M{LEFT + 520} {y - 10}l12 12m0 -12l-12 12"/>'
           f'<text x="{LEFT + 540}" y="{y}">failure: the link is closed</text>')
    yield '</svg>'


class Driver:
    """A driver at the module's tty."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        self.heard = b''

    def ask(self, text, answer):
        os.write(self.fd, text.encode())
        while answer.encode() not in self.heard:
            if not select.select([self.fd], [], [], 30)[0]:
                sys.exit(f'no {answer!r} after {text!r}, only {self.heard!r}')
            self.heard += os.read(self.fd, 4096)
        self.heard = self.heard.split(answer.encode(), 1)[1]


def record_one(program, setting, trace):
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
        probe.close()
        link = os.path.join(folder, 'modem')
        daemon = subprocess.Popen(
            [program, '--link', link, '--profile', 'appnote-1.00', '--clock', 'x60', '--trace',
             trace, '--listen', f'8080=127.0.0.1:{port}', '--impair', 'up:black-hole'],
            stdout=subprocess.PIPE)
        daemon.stdout.readline()
        driver = Driver(link)
        driver.ask('ATE0\r', 'OK\r\n')
        if setting:
            driver.ask(setting + '\r', 'OK\r\n')
        driver.ask('AT+NETOPEN\r', '+NETOPEN: 0\r\n')
        driver.ask('AT+SERVERSTART=8080,0\r', 'OK\r\n')
        with socket.create_connection(('127.0.0.1', port)):
            driver.ask('', '+CLIENT: 0,0,')
            driver.ask('AT+CIPSEND=0,5\r', '>')
            driver.ask('HELLO', '+IPCLOSE: 0, 2\r\n')
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()


def record(program):
    here = os.path.dirname(os.path.abspath(__file__))
    rows = []
    for title, setting, name in EXAMPLES:
        trace = os.path.join(here, name + '.jsonl')
        record_one(program, setting, trace)
        rows.append((title, trace))
    with open(os.path.join(here, 'wire.svg'), 'w', encoding='utf-8') as svg:
        svg.write('\n'.join(draw(rows)) + '\n')


def main(args):
    if len(args) == 2 and args[0] == 'record':
        record(args[1])
    elif len(args) >= 2 and args[0] == 'draw':
        rows = [arg.rsplit('=', 1) if '=' in arg else (arg, arg) for arg in args[1:]]
        print('\n'.join(draw(rows)))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(sys.argv[1:])
