#!/usr/bin/python3
"""Does what docs/tutorial.md says: takes its driver, its scenario and its script out of the page;
the first run must fail, and the one with the fix pass.

    tutorial.py DIR     where sim7x00 is
"""
import os
import re
import subprocess
import sys
import tempfile

LIMIT_S = 120
root = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
with open(os.path.join(root, 'docs', 'tutorial.md'), encoding='utf-8') as page:
    text = page.read()


def block(kind):
    return re.search(rf'^```{kind}\n(.*?)^```', text, re.M | re.S).group(1)


def mended(driver, diff):
    """The driver after a diff of one hunk."""
    hunk = [line for line in diff.splitlines(True) if not line.startswith(('---', '+++', '@@'))]
    old = ''.join(line[1:] for line in hunk if line[0] != '+')
    assert driver.count(old) == 1, 'the diff does not fit the driver'
    return driver.replace(old, ''.join(line[1:] for line in hunk if line[0] != '-'))


def run(folder, driver, verdict):
    files = {'driver.py': driver, 'ci.sh': block('sh'),
             'network-closed.json': block('json scenario')}
    for name, content in files.items():
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
            f.write(content)
    path = f'{os.path.abspath(sys.argv[1])}:/usr/bin:{os.environ["PATH"]}'
    done = subprocess.run(['sh', 'ci.sh', 'network-closed.json'], cwd=folder, text=True,
                          capture_output=True, timeout=LIMIT_S, env={**os.environ, 'PATH': path})
    print(done.stdout, done.stderr)
    assert done.returncode == (0 if verdict == 'PASS' else 1), f'status {done.returncode}'
    assert f'\n{verdict} The network closes' in done.stdout, f'no {verdict}'


with tempfile.TemporaryDirectory() as here:
    run(here, block('python'), 'FAIL')
    run(here, mended(block('python'), block('diff')), 'PASS')
