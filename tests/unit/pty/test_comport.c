#include <criterion/criterion.h>
#include <string.h>

#include "base/rng.h"
#include "pty/comport.h"

enum { SEEN = 65536 };

static struct comport port;
static uint8_t sent[SEEN];
static size_t nsent;
static char happened[SEEN]; /* data, and one letter an event */
static size_t nhappened;

static void happen(const void *p, size_t n) {
    cr_assert_leq(nhappened + n, sizeof happened);
    memcpy(happened + nhappened, p, n);
    nhappened += n;
}

static void on_data(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    happen(p, n);
}

static void on_send(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    cr_assert_leq(nsent + n, sizeof sent);
    memcpy(sent + nsent, p, n);
    nsent += n;
}

static void on_dtr(void *ctx, bool on) {
    (void)ctx;
    happen(on ? "D" : "d", 1);
}

static void on_rts(void *ctx, bool on) {
    (void)ctx;
    happen(on ? "R" : "r", 1);
}

static void on_break(void *ctx) {
    (void)ctx;
    happen("B", 1);
}

static void on_purge(void *ctx, bool to_client, bool from_client) {
    (void)ctx;
    happen(to_client ? "<" : "", to_client);
    happen(from_client ? ">" : "", from_client);
}

static const struct comport_events events = {
    .data = on_data,
    .send = on_send,
    .dtr = on_dtr,
    .rts = on_rts,
    .brk = on_break,
    .purge = on_purge,
};

#define BYTES(text) (text), sizeof(text) - 1
#define COM(bytes) "\xff\xfa\x2c" bytes "\xff\xf0"
#define WILL_COM "\xff\xfb\x2c"
#define DO_COM "\xff\xfd\x2c"
#define LINES "\x30" /* CTS, DSR */

static void say(const void *p, size_t n) {
    uint8_t bytes[SEEN];
    cr_assert_leq(n, sizeof bytes);
    nsent = 0;
    nhappened = 0;
    memcpy(bytes, p, n);
    comport_rx(&port, bytes, n);
}

static void is_sent(const void *want, size_t n) {
    cr_assert_eq(nsent, n, "%zu bytes instead of %zu", nsent, n);
    cr_assert_arr_eq(sent, want, n);
}

static void is_heard(const void *want, size_t n) {
    cr_assert_eq(nhappened, n, "%.*s", (int)nhappened, happened);
    cr_assert_arr_eq(happened, want, n);
}

static void start(void) {
    comport_init(&port, COMPORT_CTS | COMPORT_DSR, &events, NULL);
}

static void start_com(void) {
    start();
    say(BYTES(WILL_COM));
}

Test(comport, an_option_is_agreed_to_once_and_what_is_not_known_is_refused) {
    start();
    say(BYTES(WILL_COM));
    is_sent(BYTES(DO_COM COM("\x6b" LINES)));
    say(BYTES(WILL_COM));
    is_sent("", 0);
    say(BYTES(DO_COM "\xff\xfd\x00\xff\xfb\x00\xff\xfd\x03\xff\xfb\x03\xff\xfd\x01"));
    is_sent(BYTES(WILL_COM "\xff\xfb\x00\xff\xfd\x00\xff\xfb\x03\xff\xfd\x03\xff\xfb\x01"));
    say(BYTES("\xff\xfb\x01\xff\xfd\x18\xff\xfb\x1f\xff\xfc\x18\xff\xfe\x18"));
    is_sent(BYTES("\xff\xfe\x01\xff\xfc\x18\xff\xfe\x1f"));
    say(BYTES("\xff\xfe\x00\xff\xfc\x00\xff\xfe\x00"));
    is_sent(BYTES("\xff\xfc\x00\xff\xfe\x00"));
}

Test(comport, without_telnet_bytes_pass_as_they_are) {
    uint8_t wire[16];
    start();
    say(BYTES("AT\r\0"));
    is_heard(BYTES("AT\r\0"));
    cr_assert_eq(comport_tx(&port, (const uint8_t *)"AT\rB", 4, wire), 4);
}

Test(comport, a_terminal_has_its_line_ends_until_binary_or_a_port_is_agreed_on) {
    uint8_t wire[16];
    start();
    say(BYTES("\xff\xfd\x03"
              "AT\r\0"));
    is_heard(BYTES("AT\r"));
    cr_assert_eq(comport_tx(&port, (const uint8_t *)"\rB", 2, wire), 3);
    say(BYTES("\xff\xfb\x00"
              "AT\r\0"));
    is_heard(BYTES("AT\r\0"));
    cr_assert_eq(comport_tx(&port, (const uint8_t *)"\rB", 2, wire), 3);
    say(BYTES("\xff\xfd\x00"));
    cr_assert_eq(comport_tx(&port, (const uint8_t *)"\rB", 2, wire), 2);
    start();
    say(BYTES(WILL_COM "AT\r\0"));
    is_heard(BYTES("AT\r\0"));
}

/* Command, its answer, what happens. */
static const struct {
    const char *wire;
    size_t n;
    const char *answer;
    size_t nanswer;
    const char *heard;
} commands[] = {
    {BYTES(COM("\x00")), BYTES(COM("\x64SIM7X00")), ""},
    {BYTES(COM("\x00pyserial")), BYTES(""), ""},
    {BYTES(COM("\x01\x00\x00\x00\x00")), BYTES(COM("\x65\x00\x01\xc2\x00")), ""},
    {BYTES(COM("\x01\x00\x00\x25\x80")), BYTES(COM("\x65\x00\x00\x25\x80")), ""},
    {BYTES(COM("\x01\x00\x00\x00\x00")), BYTES(COM("\x65\x00\x00\x25\x80")), ""},
    {BYTES(COM("\x01\x00")), BYTES(""), ""},
    {BYTES(COM("\x02\x00")), BYTES(COM("\x66\x08")), ""},
    {BYTES(COM("\x02\x07")), BYTES(COM("\x66\x07")), ""},
    {BYTES(COM("\x02\x04")), BYTES(COM("\x66\x07")), ""},
    {BYTES(COM("\x03\x03")), BYTES(COM("\x67\x03")), ""},
    {BYTES(COM("\x03\x06")), BYTES(COM("\x67\x03")), ""},
    {BYTES(COM("\x04\x02")), BYTES(COM("\x68\x02")), ""},
    {BYTES(COM("\x05\x00")), BYTES(COM("\x69\x01")), ""},
    {BYTES(COM("\x05\x03")), BYTES(COM("\x69\x03")), ""},
    {BYTES(COM("\x05\x13")), BYTES(COM("\x69\x13")), ""},
    {BYTES(COM("\x05\x00")), BYTES(COM("\x69\x13")), ""},
    {BYTES(COM("\x05\x0d")), BYTES(COM("\x69\x0e")), ""},
    {BYTES(COM("\x05\x12")), BYTES(COM("\x69\x12")), ""},
    {BYTES(COM("\x05\x14")), BYTES(""), ""},
    {BYTES(COM("\x05\x07")), BYTES(COM("\x69\x08")), ""},
    {BYTES(COM("\x05\x08")), BYTES(COM("\x69\x08")), ""}, /* no news */
    {BYTES(COM("\x05\x09")), BYTES(COM("\x69\x09")), "d"},
    {BYTES(COM("\x05\x07")), BYTES(COM("\x69\x09")), ""},
    {BYTES(COM("\x05\x08")), BYTES(COM("\x69\x08")), "D"},
    {BYTES(COM("\x05\x0c")), BYTES(COM("\x69\x0c")), "r"},
    {BYTES(COM("\x05\x0b")), BYTES(COM("\x69\x0b")), "R"},
    {BYTES(COM("\x05\x04")), BYTES(COM("\x69\x06")), ""},
    {BYTES(COM("\x05\x05")), BYTES(COM("\x69\x05")), "B"},
    {BYTES(COM("\x05\x06")), BYTES(COM("\x69\x06")), ""},
    {BYTES("\xff\xf3"), BYTES(""), "B"},
    {BYTES(COM("\x06")), BYTES(COM("\x6a\x60")), ""},
    {BYTES(COM("\x0a\x00")), BYTES(COM("\x6e\x00")), ""},
    {BYTES(COM("\x0a\x20")), BYTES(COM("\x6e\x20") COM("\x6a\x20")), ""},
    {BYTES(COM("\x07")), BYTES(COM("\x6b" LINES)), ""},
    {BYTES(COM("\x0b\x10")), BYTES(COM("\x6f\x10")), ""},
    {BYTES(COM("\x07")), BYTES(COM("\x6b\x10")), ""},
    {BYTES(COM("\x0c\x01")), BYTES(COM("\x70\x01")), "<"},
    {BYTES(COM("\x0c\x02")), BYTES(COM("\x70\x02")), ">"},
    {BYTES(COM("\x0c\x03")), BYTES(COM("\x70\x03")), "<>"},
    {BYTES(COM("\x0c\x04")), BYTES(COM("\x70\x04")), ""},
    {BYTES(COM("\x63")), BYTES(""), ""},
    {BYTES("a" COM("\x05\x09") "b"), BYTES(COM("\x69\x09")), "adb"}, /* in order */
};

Test(comport, each_command_is_answered_and_acts) {
    start_com();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        say(commands[i].wire, commands[i].n);
        cr_assert_eq(nsent, commands[i].nanswer, "command %zu", i);
        is_sent(commands[i].answer, commands[i].nanswer);
        is_heard(commands[i].heard, strlen(commands[i].heard));
    }
}

Test(comport, before_the_option_is_agreed_on_there_are_no_commands) {
    start();
    say(BYTES(COM("\x05\x09")));
    is_sent("", 0);
    is_heard("", 0);
}

Test(comport, a_client_can_have_it_stop_and_go_on) {
    start_com();
    say(BYTES(COM("\x08")));
    cr_assert(port.is_suspended);
    say(BYTES(COM("\x09")));
    cr_assert_not(port.is_suspended);
}

Test(comport, lines_are_told_when_they_change_and_are_asked_for) {
    start_com();
    nsent = 0;
    comport_set_lines(&port, COMPORT_CTS | COMPORT_DSR);
    is_sent("", 0);
    comport_set_lines(&port, COMPORT_CTS | COMPORT_DSR | COMPORT_DCD);
    is_sent(BYTES(COM("\x6b\xb8")));
    nsent = 0;
    comport_set_lines(&port, COMPORT_CTS | COMPORT_DSR | COMPORT_DCD | COMPORT_RI);
    is_sent(BYTES(COM("\x6b\xf0")));
    nsent = 0;
    comport_set_lines(&port, COMPORT_CTS | COMPORT_DSR | COMPORT_DCD);
    is_sent(BYTES(COM("\x6b\xb4"))); /* its end is a mark of its own */
    say(BYTES(COM("\x0b\x40")));
    nsent = 0;
    comport_set_lines(&port, COMPORT_CTS | COMPORT_DSR);
    is_sent("", 0);
    comport_set_lines(&port, COMPORT_CTS | COMPORT_DSR | COMPORT_RI);
    is_sent(BYTES(COM("\x6b\x40")));
}

Test(comport, in_pieces_of_any_size_it_says_the_same) {
    static const char wire[] =
        "A" WILL_COM COM("\x01\xff\xff\x00\x00\x01") "T\xff\xff" COM("\x05\x09")
            COM("\x0b\xff\xff") "\r" COM("\x0c\x03") "\xff\xf3" COM("\x05\x08");
    uint8_t want[256];
    start();
    say(BYTES(wire));
    size_t nwant = nsent;
    memcpy(want, sent, nsent);
    is_heard(BYTES("AT\xff"
                   "d\r<>BD"));
    for (size_t cut = 0; cut <= sizeof wire; cut++) { /* the last: byte by byte */
        uint8_t bytes[sizeof wire - 1];
        memcpy(bytes, wire, sizeof bytes);
        start();
        nsent = nhappened = 0;
        for (size_t i = 0; i < sizeof bytes; i++) {
            size_t part = cut == sizeof wire ? 1 : i < cut ? cut - i : sizeof bytes - i;
            comport_rx(&port, bytes + i, part);
            i += part - 1;
        }
        is_sent(want, nwant);
        is_heard(BYTES("AT\xff"
                       "d\r<>BD"));
    }
}

Test(comport, what_is_sent_stays_within_its_bound) {
    struct rng rng = rng_stream(1, "comport");
    static const uint8_t likely[] = {0xff, 0xfa, 0xf0, 0xfb, 0xfd, 0x2c, 0, 1, 5, 7, 9, 11, 100};
    start_com();
    for (size_t turn = 0; turn < 2000; turn++) {
        uint8_t bytes[256];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = likely[rng_below(&rng, sizeof likely)];
        }
        nsent = nhappened = 0;
        comport_rx(&port, bytes, sizeof bytes);
        cr_assert_leq(nsent, COMPORT_ANSWERS * sizeof bytes + TELNET_COMMAND_WIRE);
    }
}
