import os

import pytest

from meter import Meter


def test_the_module_answers(modem):
    assert '+CSQ: ' in modem.ask('AT+CSQ')


@pytest.mark.modem(scenario='server_resets.json')
def test_a_reading_that_was_lost_is_sent_again(modem):
    meter = Meter(modem.port)
    assert meter.start()
    assert meter.report(17)
    assert meter.connects == 2


# -- faults while it runs --

@pytest.mark.modem(scenario='server.json')
def test_a_link_that_is_reset_between_readings_is_opened_again(modem):
    meter = Meter(modem.port)
    assert meter.start()
    assert meter.report(1)
    modem.control.do(reset={'link': 0})
    modem.wait_for('+IPCLOSE: 0,3\r\n')
    meter.has_link = False
    assert meter.report(2)


def test_a_pulled_card_is_an_error_and_comes_back(modem):
    assert '+CPIN: READY' in modem.ask('AT+CPIN?')
    modem.control.do(sim='absent')
    modem.wait_for('\r\n+CPIN: SIM REMOVED\r\n')
    modem.ask('AT+CPIN?', end='\r\n+CME ERROR: 10\r\n')
    modem.control.do(sim='ready')
    assert '+CPIN: READY' in modem.ask('AT+CPIN?')


def test_a_lost_network_is_announced(modem):
    modem.ask('AT+CREG=1')
    modem.control.do(network='lost')
    modem.wait_for('\r\n+CREG: 2\r\n')
    modem.control.do(network='found')
    modem.wait_for('\r\n+CREG: 1\r\n')


# -- time by hand: as long as one likes, and no test waits --

@pytest.mark.modem(clock='manual')
def test_a_tty_that_vanishes_is_opened_again(modem):
    modem.ask('AT')
    modem.control.do(vanish='5s')
    with pytest.raises(OSError):
        while modem.port.read():
            pass
    modem.port.close()
    modem.control.advance('4999ms')
    assert not os.path.exists(modem.link)
    modem.control.advance('1ms')
    modem.port = modem.open()
    modem.ask('AT')


@pytest.mark.modem(scenario='server.json', clock='manual')
def test_a_silent_name_server_is_given_up_after_33_seconds(modem):
    modem.ask('AT+CIPDNSSET=0,30000,5')  # six queries: 3, 4, 5, 6, 7 and 8 s
    modem.port.write(b'AT+CDNSGIP="meters.example"\r')
    modem.wait_for('AT+CDNSGIP="meters.example"\r')  # the echo: it is under way
    modem.control.advance('32999ms')
    assert modem.port.in_waiting == 0
    modem.control.advance('1ms')
    modem.wait_for('\r\nERROR\r\n')
