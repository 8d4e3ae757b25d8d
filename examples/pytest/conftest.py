"""The fixture `modem`: a module of one's own for every test.

    @pytest.mark.modem(scenario='server_closes.json', clock='manual')
    def test_it(modem):
        modem.port              a pyserial port
        modem.control           the control socket: do(...), advance(...), call(...)

The verdict of the scenario is part of the test, and a test that fails shows the dialogue.
"""
import json
import os
import pathlib
import socket
import subprocess

import pytest
import serial

HERE = pathlib.Path(__file__).parent
SIM7X00 = os.environ.get('SIM7X00', str(HERE / '../../build/sim7x00'))
LIMIT_S = 10  # of everything that is waited for


class Control:
    """JSON-RPC 2.0 over a Unix socket, a message a line."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect(str(path))
        self.answers = self.socket.makefile('r', encoding='utf-8')
        self.number = 0

    def call(self, method, **params):
        self.number += 1
        request = {'jsonrpc': '2.0', 'id': self.number, 'method': method, 'params': params}
        self.socket.sendall(json.dumps(request).encode() + b'\n')
        answer = json.loads(self.answers.readline())
        if 'error' in answer:
            raise RuntimeError(f'{method}: {answer["error"]["message"]}')
        return answer['result']

    def do(self, **action):
        """As a scenario has it: do(reset={'link': 0}), do(sim='absent')."""
        self.call('do', action=action)

    def advance(self, by):
        """A manual clock goes on; when this returns, what it brought has been written."""
        self.call('clock.advance', by=by)

    def close(self):
        self.answers.close()
        self.socket.close()


class Modem:
    def __init__(self, folder, scenario, options):
        self.link = str(folder / 'modem')
        control = folder / 'control'
        self.process = subprocess.Popen(
            [SIM7X00, '--link', self.link, '--control', str(control), '--scenario', str(scenario),
             *options], stdout=subprocess.PIPE, text=True)
        self.control = self.port = None
        try:
            # The tty and the socket are there when the daemon has said so.
            assert self.process.stdout.readline(), 'the daemon did not start'
            self.control = Control(control)
            self.port = self.open()
        except BaseException:
            self.close()
            raise

    def open(self):
        return serial.Serial(self.link, timeout=LIMIT_S)

    def wait_for(self, text):
        """All up to the end of this text."""
        got = self.port.read_until(text.encode()).decode()
        assert got.endswith(text), f'no {text!r}, but {got!r}'
        return got

    def ask(self, command, end='\r\nOK\r\n'):
        self.port.write(command.encode() + b'\r')
        return self.wait_for(end)

    def judge(self):
        """The run ends: what has not come by now is missing."""
        self.control.do(stop=True)
        return self.control.call('verdict')

    def close(self):
        for thing in (self.port, self.control):
            if thing is not None:
                thing.close()
        self.process.terminate()
        self.process.stdout.close()
        try:
            return self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture
def modem(request, tmp_path):
    marker = request.node.get_closest_marker('modem')
    wanted = marker.kwargs if marker else {}
    if 'scenario' in wanted:
        scenario = HERE / wanted['scenario']
    else:  # without expectations: it is there for the dialogue
        scenario = tmp_path / 'scenario.json'
        scenario.write_text(json.dumps({'name': request.node.name, 'start': 'load'}))
    thing = Modem(tmp_path, scenario, ['--clock', wanted.get('clock', 'real')])
    try:
        yield thing
        if not getattr(request.node, 'has_failed', False):
            verdict = thing.judge()
            assert verdict['passed'], '\n' + verdict['report']
    finally:
        status = thing.close()
    assert status == 0, f'the daemon ended with {status}'


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == 'call':
        item.has_failed = report.failed
        thing = item.funcargs.get('modem')
        if report.failed and thing is not None:
            report.sections.append(('the modem', thing.control.call('verdict')['report']))


def pytest_configure(config):
    config.addinivalue_line('markers', 'modem(scenario, clock): what the fixture `modem` plays')
