"""The driver under test: a meter that reports readings to its server."""

SERVER = '"198.51.100.7",9000'


class Meter:
    def __init__(self, port):
        self.port = port
        self.has_link = False
        self.connects = 0

    def _line(self):
        line = b''
        while not line.strip():
            line = self.port.read_until(b'\n')
            if not line:
                raise TimeoutError
        return line.decode().strip()

    def _await(self, wanted):
        """False: an error, or the link has gone."""
        while True:
            line = self._line()
            if line.startswith('+IPCLOSE: 0,'):
                self.has_link = False
            if line.startswith(wanted):
                return True
            if line == 'ERROR' or not self.has_link and wanted == 'ack':
                return False

    def _ask(self, command, wanted):
        self.port.write(command.encode() + b'\r')
        return self._await(wanted)

    def _connect(self):
        self.connects += 1
        self.has_link = self._ask(f'AT+CIPOPEN=0,"TCP",{SERVER}', '+CIPOPEN: 0,0')
        return self.has_link

    def start(self):
        return self._ask('ATE0', 'OK') and self._ask('AT+NETOPEN', '+NETOPEN: 0')

    def report(self, reading):
        """Whether the server has acknowledged it; over a new link if need be."""
        data = f'reading {reading}\n'.encode()
        for _ in range(3):
            if not self.has_link and not self._connect():
                continue
            self.port.write(f'AT+CIPSEND=0,{len(data)}\r'.encode())
            if not self.port.read_until(b'>').endswith(b'>'):
                return False
            self.port.write(data)
            if self._await('ack'):
                return True
        return False
