/* A module with several ports. */
#include "emulator/unit.h"

#include <criterion/criterion.h>
#include <string.h>

#include "emulator/model/modem.h"
#include "tests/support/unit_rig.h"

static struct unit_rig rig;
static struct chan second;
static struct chan_mem second_mem;
static char text[4096];

static void start(void) {
    unit_rig_start(&rig, "sim7600e");
    chan_init(&second, "modem");
    chan_mem_init(&second_mem, &second, rig.clk);
    unit_add_port(rig.unit, CMD_MODEM, &second);
}

static void stop(void) {
    unit_rig_stop(&rig);
    chan_mem_fini(&second_mem);
    chan_fini(&second);
}

static const char *on_second(void) {
    fake_host_settle(rig.fake, rig.clk);
    text[chan_mem_get(&second_mem, text, sizeof text - 1)] = '\0';
    return text;
}

#define ask_second(command, want)                                                                  \
    do {                                                                                           \
        chan_mem_put(&second_mem, command "\r", strlen(command) + 1);                              \
        cr_assert_str_eq(on_second(), (want));                                                     \
    } while (0)

TestSuite(unit, .init = start, .fini = stop);

Test(unit, ports_answer_each_their_own) {
    chan_mem_put(&second_mem, "AT", 2);
    unit_rig_ask(&rig, "AT+CSQ", LINE("+CSQ: 22,0") OK);
    chan_mem_put(&second_mem, "E0\r", 3);
    cr_assert_str_eq(on_second(), "ATE0\r" OK);
    unit_rig_expect(&rig, "");
}

Test(unit, echo_is_the_ports_and_cmee_the_modules) {
    ask_second("AT+CMEE=2", "AT+CMEE=2\r" OK);
    unit_rig_ask(&rig, "AT+CMEE?", LINE("+CMEE: 2") OK);
}

Test(unit, catr_chooses_among_ports) {
    unit_rig_ask(&rig, "AT+CREG=1", OK);
    modem_set_registration(rig.modem, REG_SEARCHING);
    unit_rig_expect(&rig, LINE("+CREG: 2"));
    cr_assert_str_eq(on_second(), LINE("+CREG: 2"));
    unit_rig_ask(&rig, "AT+CATR=2", OK);
    modem_set_registration(rig.modem, REG_HOME);
    unit_rig_expect(&rig, "");
    cr_assert_str_eq(on_second(), LINE("+CREG: 1"));
    unit_rig_ask(&rig, "AT+CATR=3", OK);
    modem_set_registration(rig.modem, REG_SEARCHING);
    unit_rig_expect(&rig, LINE("+CREG: 2"));
    cr_assert_str_eq(on_second(), "");
}

/* A UART beside the two ports on USB. */
static struct chan uart;
static struct chan_mem uart_mem;

static void start_uart(void) {
    start();
    chan_init(&uart, "uart");
    chan_mem_init(&uart_mem, &uart, rig.clk);
    unit_add_port(rig.unit, CMD_UART, &uart);
}

static void stop_uart(void) {
    stop();
    chan_mem_fini(&uart_mem);
    chan_fini(&uart);
}

static const char *on_uart(void) {
    fake_host_settle(rig.fake, rig.clk);
    text[chan_mem_get(&uart_mem, text, sizeof text - 1)] = '\0';
    return text;
}

#define ask_uart(command, want)                                                                    \
    do {                                                                                           \
        chan_mem_put(&uart_mem, command "\r", strlen(command) + 1);                                \
        cr_assert_str_eq(on_uart(), (want));                                                       \
    } while (0)

TestSuite(unit_uart, .init = start_uart, .fini = stop_uart);

Test(unit_uart, takes_what_is_for_the_uart) {
    unit_rig_ask(&rig, "AT+CREG=1;+CATR=1", OK);
    modem_set_registration(rig.modem, REG_SEARCHING);
    unit_rig_expect(&rig, "");
    cr_assert_str_eq(on_second(), "");
    cr_assert_str_eq(on_uart(), LINE("+CREG: 2"));
}

Test(unit_uart, sleeps_with_csclk_while_dtr_is_off) {
    ask_uart("ATE0", "ATE0\r" OK);
    ask_uart("AT+CSCLK=1;+CREG=1", OK);
    chan_set_dtr(&uart, false);
    ask_uart("AT", OK);
    unit_rig_pass(&rig, CLK_S(20));
    ask_uart("AT", "");
    modem_set_registration(rig.modem, REG_SEARCHING);
    cr_assert_str_eq(on_uart(), LINE("+CREG: 2"));
    unit_rig_expect(&rig, LINE("+CREG: 2"));
    chan_mem_put(&uart_mem, "AT", 2);
    chan_set_dtr(&uart, true);
    unit_rig_pass(&rig, CLK_MS(20));
    ask_uart("AT+CSCLK=0", OK);
    chan_set_dtr(&uart, false);
    unit_rig_pass(&rig, CLK_S(20));
    ask_uart("AT", OK);
}

Test(unit_uart, while_it_sleeps_the_ports_on_usb_do_not) {
    ask_uart("AT+CSCLK=1", "AT+CSCLK=1\r" OK);
    chan_set_dtr(&uart, false);
    chan_set_dtr(&second, false);
    unit_rig_pass(&rig, CLK_S(20));
    ask_second("AT", "AT\r" OK);
}

Test(unit, with_hardware_flow_control_rts_holds_the_output) {
    unit_rig_ask(&rig, "AT+IFC=2,2", OK);
    chan_set_rts(&rig.ch, false);
    unit_rig_ask(&rig, "AT", "");
    chan_set_rts(&rig.ch, true);
    unit_rig_expect(&rig, OK);
    unit_rig_ask(&rig, "AT+IFC=0,0", OK);
    chan_set_rts(&rig.ch, false);
    unit_rig_ask(&rig, "AT", OK);
}

Test(unit, the_networks_zone_is_told_on_each_port_and_moves_the_clock_once) {
    struct nitz nitz;
    nitz_init(&nitz);
    nitz.has_time = false;
    nitz.zone = 32;
    unit_rig_ask(&rig, "AT+CTZR=1", OK);
    modem_set_network_time(rig.modem, &nitz);
    unit_rig_expect(&rig, LINE("+CTZV: 32"));
    cr_assert_str_eq(on_second(), LINE("+CTZV: 32"));
    unit_rig_ask(&rig, "AT+CCLK?", LINE("+CCLK: \"00/01/01,08:00:00+32\"") OK);
}

Test(unit, a_menu_is_the_modules_and_takes_a_reply_from_any_port) {
    ask_second("ATE0", "ATE0\r" OK);
    unit_rig_ask(&rig, "AT+CATR=3;+CUSD=1,\"*101#\"",
                 OK LINE("+CUSD: 1,\"1 Balance\r\n2 Data\",15"));
    ask_second("AT+CUSD=1,\"2\"", OK);
    unit_rig_expect(&rig, LINE("+CUSD: 0,\"500 MB are left\",15"));
}

Test(unit, a_selected_operator_is_the_modules) {
    ask_second("ATE0", "ATE0\r" OK);
    ask_second("AT+COPS=1,2,\"26201\"", OK);
    unit_rig_ask(&rig, "AT+COPS?", LINE("+COPS: 1,2,\"26201\",7") OK);
}

Test(unit, a_port_in_data_mode_leaves_the_others_alone) {
    ask_second("ATE0", "ATE0\r" OK);
    ask_second("AT+CIPMODE=1", OK);
    ask_second("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask_second("AT+CIPOPEN=0,\"TCP\",\"192.0.2.1\",80", LINE("CONNECT 115200"));
    chan_mem_put(&second_mem, "AT\r", 3);
    unit_rig_ask(&rig, "AT", OK);
    size_t n = 0;
    const uint8_t *got = fake_host_received(fake_host_link(rig.fake, 0xc0000201, 80), &n);
    cr_assert_eq(n, 3);
    cr_assert_arr_eq(got, "AT\r", 3);
    unit_rig_ask(&rig, "AT+CIPOPEN?",
                 "\r\n+CIPOPEN: 0,\"TCP\",\"192.0.2.1\",80,-1\r\n"
                 "+CIPOPEN: 1\r\n+CIPOPEN: 2\r\n+CIPOPEN: 3\r\n+CIPOPEN: 4\r\n+CIPOPEN: 5\r\n"
                 "+CIPOPEN: 6\r\n+CIPOPEN: 7\r\n+CIPOPEN: 8\r\n+CIPOPEN: 9\r\n" OK);
}

Test(unit, a_restart_is_one_of_all_ports) {
    ask_second("ATE0", "ATE0\r" OK);
    unit_rig_ask(&rig, "AT+CRESET", OK);
    unit_rig_pass(&rig, CLK_S(3));
    static const char lines[] = LINE("RDY") LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE");
    unit_rig_expect(&rig, lines);
    cr_assert_str_eq(on_second(), lines);
    ask_second("AT", "AT\r" OK);
}

Test(unit, the_card_wants_something_once_and_any_port_answers) {
    unit_rig_ask(&rig, "AT+STKFMT=0;+STK=1", OK);
    unit_rig_ask(&rig, "AT+CRESET", OK);
    unit_rig_pass(&rig, CLK_S(3));
    unit_rig_read(&rig);
    on_second();
    unit_rig_ask(&rig, "ATE0", "ATE0\r" OK);
    ask_second("ATE0", "ATE0\r" OK);
    ask_second("AT+STGR=25,2", OK LINE("+STIN: 21"));
    unit_rig_expect(&rig, LINE("+STIN: 21"));
    unit_rig_ask(&rig, "AT+STIN?", LINE("+STIN: 21") OK);
    unit_rig_pass(&rig, CLK_S(121));
    unit_rig_expect(&rig, LINE("+STIN: 25"));
    cr_assert_str_eq(on_second(), LINE("+STIN: 25"));
}

/* The supply is measured once: whichever port asked, each is told as AT+CATR has it. */
Test(unit, a_bad_supply_is_told_on_each_port) {
    ask_second("ATE0", "ATE0\r" OK);
    modem_set_supply(rig.modem, 3000);
    ask_second("AT+CVALARM=1", OK LINE("UNDER-VOLTAGE WARNNING"));
    unit_rig_expect(&rig, LINE("UNDER-VOLTAGE WARNNING"));
    ask_second("AT+CATR=2", OK);
    unit_rig_pass(&rig, CLK_S(10));
    cr_assert_str_eq(on_second(), LINE("UNDER-VOLTAGE WARNNING"));
    unit_rig_expect(&rig, "");
    ask_second("AT+CPMVT=1", OK LINE("UNDER-VOLTAGE WARNNING POWER DOWN"));
    unit_rig_pass(&rig, CLK_S(1));
    unit_rig_ask(&rig, "AT", "");
    ask_second("AT", "");
}

Test(unit, a_packet_filter_is_the_modules) {
    ask_second("ATE0", "ATE0\r" OK);
    ask_second("AT+CGDCONT=2,\"IP\",\"b\"", OK);
    ask_second("AT+CGTFT=2,1,0,\"74.125.71.99.255.255.255.255\"", OK);
    unit_rig_type(&rig, "AT+CGTFT?\r");
    cr_assert_not_null(strstr(unit_rig_read(&rig), "+CGTFT: 2,1,0,"));
}

/* What one port stores with AT&W is what each falls back on. */
Test(unit, the_stored_profile_is_the_modules) {
    ask_second("ATE0S7=9&W", "ATE0S7=9&W\r" OK);
    unit_rig_ask(&rig, "ATS7=7", OK);
    unit_rig_ask(&rig, "ATZ", OK);
    unit_rig_ask(&rig, "ATS7?", LINE("009") OK);
    unit_rig_ask(&rig, "ATS7=3&W", OK);
    ask_second("ATS7?", LINE("009") OK);
    ask_second("AT+CRESET", OK);
    unit_rig_pass(&rig, CLK_S(3));
    on_second();
    ask_second("ATS7?", LINE("003") OK);
}

/* Its start counts for all ports, its reports are on the port that asked for them. */
Test(unit, the_receiver_is_the_modules) {
    ask_second("ATE0", "ATE0\r" OK);
    ask_second("AT+CGPSPMD=2;+CGPSMD=0", OK);
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(2));
    unit_rig_read(&rig);
    on_second();
    unit_rig_ask(&rig, "ATE0", "ATE0\r" OK);
    ask_second("ATE0", "ATE0\r" OK);
    ask_second("AT+CGPS=1", LINE("ERROR"));
    ask_second("AT+CGPS=1,2", OK);
    ask_second("AT+CGPSINFO=1", OK);
    unit_rig_pass(&rig, CLK_S(1));
    unit_rig_ask(&rig, "AT+CGPS?", LINE("+CGPS: 1,2") OK);
    cr_assert_str_eq(on_second(), LINE("+CGPSINFO: ,,,,,,,,"));
    unit_rig_ask(&rig, "AT+CGPSINFO=0", OK);
    unit_rig_pass(&rig, CLK_S(5));
    cr_assert_str_eq(on_second(), "");
}

Test(unit, every_port_boots_and_has_the_timing_of_the_first) {
    stop();
    unit_rig_boot(&rig, "sim7600e", AT_TIMING_TYPICAL);
    chan_init(&second, "modem");
    chan_mem_init(&second_mem, &second, rig.clk);
    unit_add_port(rig.unit, CMD_MODEM, &second);
    ask_second("AT", "");
    unit_rig_pass(&rig, CLK_S(20));
    cr_assert_str_eq(on_second(),
                     LINE("RDY") LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
    ask_second("AT", "AT\r");
    unit_rig_pass(&rig, CLK_MS(15));
    cr_assert_str_eq(on_second(), OK);
}
