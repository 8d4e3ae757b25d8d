/* What the Bluetooth devices around the module do, as actions, and what the port shows of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/stage_rig.h"

static struct stage_rig r;

#define ask(text, want) stage_rig_ask(&r, text, want)
#define expect(want) stage_rig_expect(&r, want)
#define MAC "00:11:22:33:44:55"

static void act(const char *action) {
    const char *why = NULL;
    int err = stage_rig_do(&r, action, &why);
    cr_assert_eq(err, 0, "%s: %s", action, why);
}

static void cannot(const char *action, int err, const char *want) {
    const char *why = NULL;
    cr_assert_eq(stage_rig_do(&r, action, &why), err, "%s", action);
    cr_assert_str_eq(why, want);
}

static void pass(int ms) {
    stage_rig_pass(&r, CLK_MS(ms));
}

static void start(void) {
    stage_rig_start(&r);
    ask("AT+BTPOWER=1", OK);
}

static void stop(void) {
    stage_rig_stop(&r);
}

TestSuite(act_bluetooth, .init = start, .fini = stop);

static void pair(void) {
    ask("AT+BTIOCAP=3", LINE("+BTIOCAP: 1") OK);
    act("{\"bt-device\": {\"mac\": \"" MAC "\", \"name\": \"phone\", \"spp\": true}}");
    act("{\"bt-pair\": \"" MAC "\"}");
    pass(500);
    expect(LINE("+BTPAIR: 1, phone, " MAC));
}

Test(act_bluetooth, a_device_appears_changes_and_leaves) {
    act("{\"bt-device\": {\"mac\": \"" MAC "\", \"name\": \"meter\", \"rssi\": 99}}");
    ask("AT+BTSCAN=1,0,6", OK);
    pass(600);
    const char *lines = stage_rig_read(&r);
    cr_assert_not_null(strstr(lines, LINE("+BTSCAN: 0, 6, meter, " MAC ", 99")), "%s", lines);
    act("{\"bt-device\": {\"mac\": \"" MAC "\", \"gone\": true}}");
    cannot("{\"bt-device\": {\"mac\": \"" MAC "\", \"gone\": true}}", -ENOENT,
           "there is no such device in the air");
}

Test(act_bluetooth, a_device_asks_to_be_paired_and_answers_as_it_is_told) {
    act("{\"bt-device\": {\"mac\": \"" MAC
        "\", \"name\": \"a\", \"code\": \"0000\", \"pin\": true}}");
    act("{\"bt-pair\": \"" MAC "\"}");
    pass(0);
    expect(LINE("+BTPAIRING: 6, a, " MAC));
    cannot("{\"bt-pair\": \"" MAC "\"}", -EBUSY, "something of this kind is under way");
    ask("AT+BTPAIR=6,1,1234", OK LINE("+BTPAIR: 0"));
    act("{\"bt-pair\": \"" MAC "\"}");
    pass(0);
    expect(LINE("+BTPAIRING: 6, a, " MAC));
    ask("AT+BTPAIR=6,1,0000", OK);
    pass(500);
    expect(LINE("+BTPAIR: 1, a, " MAC));
    ask("AT+BTUNPAIR=1", OK LINE("+BTUNPAIR: 1"));
    act("{\"bt-device\": {\"mac\": \"" MAC "\", \"name\": \"b\", \"answer\": \"refuse\"}}");
    act("{\"bt-pair\": \"" MAC "\"}");
    pass(0);
    expect(LINE("+BTPAIRING: 1, b, " MAC ", 123456"));
    ask("AT+BTPAIR=1,1", OK);
    pass(500);
    expect(LINE("+BTPAIR: 0"));
    act("{\"bt-device\": {\"mac\": \"" MAC "\", \"name\": \"c\", \"answer\": \"none\"}}");
    act("{\"bt-pair\": \"" MAC "\"}");
    pass(0);
    expect(LINE("+BTPAIRING: 1, c, " MAC ", 123456"));
    ask("AT+BTPAIR=1,1", OK);
    pass(29999);
    expect("");
    pass(1);
    expect(LINE("+BTPAIR: 0"));
}

Test(act_bluetooth, the_serial_link_carries_text_both_ways) {
    pair();
    cannot("{\"bt-connect\": {\"mac\": \"" MAC "\", \"over\": \"spp\"}}", -ECONNREFUSED,
           "the module does not take it");
    ask("AT+BTSPPSRV=1", OK LINE("+BTSPPSRV: 1"));
    act("{\"bt-connect\": {\"mac\": \"" MAC "\", \"over\": \"spp\"}}");
    expect(LINE("+BTSPPCONN: 1, 990, " MAC));
    act("{\"bt-send\": \"123abc\"}");
    expect(LINE("+BTSPPRECV: 12,003100320033006100620063"));
    act("{\"bt-send\": \"\\u00e9\\u20ac\\ud83d\\ude00\"}");
    expect(LINE("+BTSPPRECV: 8,00E920ACD83DDE00"));
    stage_listen(r.stage, true);
    stage_rig_events(&r);
    ask("AT+BTSPPSEND=00E920ACD83DDE000041", OK LINE("+BTSPPSEND: 1"));
    const char *events = stage_rig_events(&r);
    cr_assert_not_null(
        strstr(events,
               "bluetooth: what sent, mac " MAC
               ", number 0, limit 0, text \\xc3\\xa9\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80A\n"),
        "%s", events);
    act("{\"bt-disconnect\": \"spp\"}");
    expect(LINE("+BTSPPCONN: 0"));
    cannot("{\"bt-send\": \"x\"}", -ENOTCONN, "there is no link");
}

Test(act_bluetooth, rules_match_who_did_what) {
    static const char rule[] =
        "{\"on\": \"bluetooth\", \"match\": {\"what\": \"paired\", \"mac\": \"" MAC
        "\", \"number\": 0}, \"do\": [{\"urc\": \"matched\"}]}";
    cr_assert_eq(stage_rig_rule(&r, rule), 0);
    cr_assert_eq(stage_rig_rule(&r,
                                "{\"on\": \"audio.changed\", \"match\": {\"job\": \"record-wav\"}, "
                                "\"do\": [{\"urc\": \"recorded\"}]}"),
                 0);
    cr_assert_eq(stage_rig_rule(&r, "{\"on\": \"update.check\", \"match\": {\"version\": \"2\"}, "
                                    "\"do\": [{\"error\": 5}]}"),
                 0);
    ask("AT+CREC=1,\"E:/a.wav\"", LINE("+CREC: 1") OK LINE("recorded"));
    ask("AT+CSCFOTA=\"a\",\"b\",\"c\",\"d\",\"2\"", OK LINE("+CSCFOTA: 5"));
    ask("AT+BTIOCAP=3", LINE("+BTIOCAP: 1") OK);
    act("{\"bt-device\": {\"mac\": \"" MAC "\", \"name\": \"phone\"}}");
    act("{\"bt-pair\": \"" MAC "\"}");
    pass(500);
    expect(LINE("+BTPAIR: 1, phone, " MAC) LINE("matched"));
}

#define TEN "aaaaaaaaaa"
#define UNITS "0061006100610061006100610061006100610061"

Test(act_bluetooth, long_text_comes_in_lines_of_100_bytes) {
    pair();
    ask("AT+BTSPPCONN=1,1", OK);
    pass(500);
    expect(LINE("+BTSPPCONN: 1, 990, " MAC));
    act("{\"bt-send\": \"" TEN TEN TEN TEN TEN "b\"}");
    expect(LINE("+BTSPPRECV: 98," UNITS UNITS UNITS UNITS "006100610061006100610061006100610061")
               LINE("+BTSPPRECV: 4,00610062"));
}

Test(act_bluetooth, a_client_reads_and_writes_what_the_host_serves) {
    cannot("{\"bt-read\": 13}", -ENOTCONN, "there is no link");
    ask("AT+BTGATTREG=1;+BTGATTCREDB;+BTGATTCRESRV=34A3",
        LINE("+BTGATTREG: 1") LINE("+BTGATTCREDB: 1") LINE("+BTGATTCRESRV: 1") OK);
    ask("AT+BTGATTCRECHAR=34567,2,16;+BTGATTCRECHAR=34A5,8,16",
        LINE("+BTGATTCRECHAR: 1,0X4567,13") LINE("+BTGATTCRECHAR: 1,0X34A5,15") OK);
    ask("AT+BTGATTCRECHAR=34A6,16,16;+BTGATTCRECHAR=34A7,32,16",
        LINE("+BTGATTCRECHAR: 1,0X34A6,17") LINE("+BTGATTCRECHAR: 1,0X34A7,19") OK);
    ask("AT+BTGATTSRVADD;+BTGATTACT", LINE("+BTGATTSRVADD: 1") LINE("+BTGATTACT: 1") OK);
    act("{\"bt-device\": {\"mac\": \"68:68:79:6D:75:26\"}}");
    act("{\"bt-connect\": {\"mac\": \"68:68:79:6D:75:26\", \"over\": \"gatt\"}}");
    expect(LINE("+BTGATTCONN: 1, 68:68:79:6D:75:26"));
    act("{\"bt-read\": 13}");
    expect(LINE("+BTGATTREADIND: 13,22"));
    cannot("{\"bt-read\": 13}", -EBUSY, "something of this kind is under way");
    ask("AT+BTGATTREADCFM=0,1234567890123456789012",
        LINE("+BTGATTREADCFM: 1") OK LINE("+BTGATTREADIND: 13,22"));
    ask("AT+BTGATTREADCFM=0,12345678901234567890123", LINE("ERROR"));
    ask("AT+BTGATTREADCFM=0,123456", LINE("+BTGATTREADCFM: 1") OK);
    act("{\"bt-write\": {\"handle\": 15, \"bytes\": {\"hex\": \"DB12C8\"}}}");
    expect(LINE("+BTGATTWRIND: 15,DB12C8"));
    ask("AT+BTGATTWRCFM=0", LINE("+BTGATTWRCFM: 1") OK);
    cannot("{\"bt-write\": {\"handle\": 13, \"bytes\": \"x\"}}", -EACCES,
           "the characteristic does not take it");
    ask("AT+BTGATTNOTIFY=17,34567", LINE("+BTGATTNOTIFY: 1") OK);
    ask("AT+BTGATTSENDIND=19,34567", LINE("+BTGATTSENDIND: 1") OK);
    ask("AT+BTGATTSENDIND=17,34567", LINE("+BTGATTSENDIND: 0") OK);
    act("{\"bt-disconnect\": \"gatt\"}");
    expect(LINE("+BTGATTCONN: 0, 68:68:79:6D:75:26"));
}

Test(act_bluetooth, who_is_paired_stays_so_through_a_restart) {
    pair();
    ask("AT+BTSPPCONN=1,1", OK);
    pass(500);
    act("{\"restart\": {\"off\": \"1s\"}}");
    pass(3000);
    stage_rig_read(&r);
    stage_rig_type(&r, "ATE0\r");
    stage_rig_read(&r);
    ask("AT+BTPOWER?", LINE("+BTPOWER: 0") OK);
    ask("AT+BTSPPCONN?", LINE("+BTSPPCONN: 0") OK);
    ask("AT+BTPAIRED?", OK LINE("+BTPAIRED: 1, 1, phone, " MAC));
}

Test(act_bluetooth, addresses_and_codes_are_checked) {
    static const char *const wrong[] = {
        "{\"bt-pair\": \"\"}",
        "{\"bt-pair\": \"00:11:22:33:44:5\"}",
        "{\"bt-pair\": \"00:11:22:33:44:55:\"}",
        "{\"bt-pair\": \"00:11:22:33:44:5g\"}",
        "{\"bt-device\": {\"mac\": \"" MAC "\", \"code\": \"12a\"}}",
        "{\"bt-device\": {\"mac\": \"" MAC "\", \"code\": \"12345678901234567\"}}",
        "{\"bt-device\": {\"name\": \"x\"}}",
        "{\"bt-connect\": {\"mac\": \"" MAC "\"}}",
        "{\"bt-disconnect\": \"both\"}",
        "{\"bt-read\": 0}",
        "{\"bt-write\": {\"handle\": 13}}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char parts[256];
        snprintf(parts, sizeof parts, "\"timeline\": [{\"at\": \"1s\", \"do\": [%s]}]", wrong[i]);
        cr_assert_not_null(stage_rig_refused(&r, parts), "%s", wrong[i]);
    }
}
