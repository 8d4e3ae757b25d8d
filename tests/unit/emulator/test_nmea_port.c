/* The port of the sentences, beside the AT port of the same module. */
#include "emulator/nmea_port.h"

#include <criterion/criterion.h>
#include <string.h>

#include "emulator/model/modem.h"
#include "emulator/model/nmea.h"
#include "tests/support/unit_rig.h"

#define NO_FIX "$GPRMC,,V,,,,,,,,,,N*53\r\n"

static struct unit_rig rig;
static struct chan port;
static struct chan_mem port_mem;
static char text[1 << 17];

static void start(void) {
    unit_rig_start(&rig, "sim7600e");
    chan_init(&port, "nmea");
    chan_mem_init(&port_mem, &port, rig.clk);
    unit_add_nmea(rig.unit, &port);
    chan_set_open(&port, true);
}

static void stop(void) {
    unit_rig_stop(&rig);
    chan_mem_fini(&port_mem);
    chan_fini(&port);
}

static const char *after(clk_dur by) {
    unit_rig_pass(&rig, by);
    text[chan_mem_get(&port_mem, text, sizeof text - 1)] = '\0';
    return text;
}

static size_t count_in(const char *in, const char *what) {
    size_t n = 0;
    for (const char *at = in; (at = strstr(at, what)) != NULL; at += strlen(what)) {
        n++;
    }
    return n;
}

/* The mask counts from the module's start on. */
static void choose(const char *setting) {
    unit_rig_type(&rig, setting);
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(2));
    unit_rig_type(&rig, "ATE0\r");
    unit_rig_read(&rig);
}

static void switch_on(void) {
    unit_rig_type(&rig, "AT+CGPS=1\r");
    unit_rig_read(&rig);
}

TestSuite(nmea_port, .init = start, .fini = stop);

Test(nmea_port, speaks_each_second_while_the_receiver_runs) {
    choose("AT+CGPSNMEA=2\r");
    cr_assert_str_eq(after(CLK_S(5)), "");
    switch_on();
    cr_assert_str_eq(after(CLK_S(3)), NO_FIX NO_FIX NO_FIX);
    unit_rig_type(&rig, "AT+CGPS=0\r");
    cr_assert_str_eq(after(CLK_S(5)), "");
}

Test(nmea_port, has_each_second_of_a_fix_once) {
    choose("AT+CGPSNMEA=2\r");
    switch_on();
    after(CLK_S(40));
    const char *got = after(CLK_S(10));
    cr_assert_eq(count_in(got, "$GPRMC,"), 10);
    cr_assert_eq(count_in(got, ",A,3113.330650,N,12121.262554,E,"), 10);
    for (int i = 1; i < 10; i++) {
        const char *line = strstr(got, "\r\n") + 2;
        cr_assert_neq(strncmp(got, line, strlen("$GPRMC,hhmmss.s")), 0, "%.30s", line);
        got = line;
    }
}

Test(nmea_port, speaks_ten_times_a_second_when_told_before_the_start) {
    choose("AT+CGPSNMEA=2;+CGPSNMEARATE=1\r");
    switch_on();
    cr_assert_eq(count_in(after(CLK_S(1)), NO_FIX), 10);
    unit_rig_ask(&rig, "AT+CGPSNMEARATE=0", OK);
    cr_assert_eq(count_in(after(CLK_S(1)), NO_FIX), 10);
}

Test(nmea_port, has_the_mask_that_the_module_has_started_with) {
    unit_rig_ask(&rig, "AT+CGPSNMEA=2", OK);
    switch_on();
    const char *got = after(CLK_S(1));
    cr_assert_neq(strstr(got, "$GPGGA,"), NULL);
    cr_assert_neq(strstr(got, "$GNGSA,"), NULL);
}

Test(nmea_port, says_nothing_to_nobody) {
    choose("AT+CGPSNMEA=2\r");
    switch_on();
    chan_set_open(&port, false);
    cr_assert_str_eq(after(CLK_S(5)), "");
    chan_set_open(&port, true);
    cr_assert_str_eq(after(CLK_S(1)), NO_FIX);
}

Test(nmea_port, loses_whole_sentences_while_nobody_reads) {
    choose("AT+CGPSNMEA=2\r");
    switch_on();
    chan_mem_stall(&port_mem, true);
    unit_rig_pass(&rig, CLK_S(10000));
    cr_assert_lt(chan_pending(&port), LIMIT_CHAN_HIGH + NMEA_TEXT);
    chan_mem_stall(&port_mem, false);
    const char *got = after(CLK_S(5));
    size_t lines = count_in(got, "\r\n");
    cr_assert_gt(lines, 5);
    cr_assert_lt(lines, 1000);
    cr_assert_eq(count_in(got, "$GPRMC,"), lines);
    for (const char *end = got; (end = strstr(end, "\r\n")) != NULL; end += 2) {
        cr_assert_eq(end[-3], '*');
    }
}

Test(nmea_port, throws_input_away) {
    choose("AT+CGPSNMEA=2\r");
    for (int i = 0; i < 1000; i++) {
        chan_mem_put(&port_mem, "AT+CGPS=1\r", strlen("AT+CGPS=1\r"));
    }
    cr_assert_str_eq(after(CLK_S(2)), "");
    cr_assert_eq(buf_len(&port.in), 0);
    cr_assert_eq(buf_len(&port_mem.waiting), 0);
    unit_rig_ask(&rig, "AT+CGPS?", LINE("+CGPS: 0,1") OK);
}

Test(nmea_port, is_silent_while_the_module_hangs) {
    choose("AT+CGPSNMEA=2\r");
    switch_on();
    modem_set_hung(rig.modem, true);
    cr_assert_str_eq(after(CLK_S(5)), "");
    modem_set_hung(rig.modem, false);
    cr_assert_str_eq(after(CLK_S(1)), NO_FIX);
}

/* -- presence -- */

static bool is_there;

static void nothing(void *ctx) {
    (void)ctx;
}

static void on_present(void *ctx, bool on) {
    (void)ctx;
    is_there = on;
    chan_set_open(&port, false);
}

Test(nmea_port, goes_and_comes_back_with_the_modules_usb) {
    static const struct chan_transport usb = {
        .kick = nothing, .room = nothing, .set_present = on_present};
    chan_set_transport(&port, &usb, NULL);
    is_there = true;
    switch_on();
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_MS(100));
    cr_assert_not(is_there);
    unit_rig_pass(&rig, CLK_S(3));
    cr_assert(is_there);
    chan_set_transport(&port, NULL, NULL);
}
