/* The multiplexer against a DTE made of its own frames. */
#include "pty/cmux.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "tests/support/cmux_dte.h"

enum { DTE_FRAMES = 4096 };

/* What stands on each DLCI: echoes, or takes nothing. */
struct stand {
    struct chan *ch;
    bool is_stuck;
    bool is_dtr_off;
    size_t taken;
    unsigned opens, closes;
};

static struct clk *clk;
static struct chan phys;
static struct chan_mem mem;
static struct cmux *mux;
static struct stand stands[LIMIT_CMUX_DLCIS + 1];
static unsigned ends;
static char below[256]; /* what came in plain */
static enum cmux_option option;
static struct cmux_decoder dte;

static size_t below_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)ctx;
    (void)at;
    strncat(below, (const char *)p, n);
    return n;
}

static const struct chan_user below_user = {.name = "at", .rx = below_rx};

static size_t stand_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    struct stand *s = ctx;
    (void)at;
    if (s->is_stuck || chan_is_busy(s->ch)) {
        return 0;
    }
    cr_assert_eq(chan_write(s->ch, p, n), 0);
    s->taken += n;
    return n;
}

static void stand_drained(void *ctx) {
    struct stand *s = ctx;
    chan_pump(s->ch);
}

static void stand_event(void *ctx, enum chan_event event) {
    struct stand *s = ctx;
    if (event == CHAN_DTR_OFF || event == CHAN_DTR_ON) {
        s->is_dtr_off = event == CHAN_DTR_OFF;
    }
}

static const struct chan_user stand_user = {
    .name = "stand", .rx = stand_rx, .drained = stand_drained, .event = stand_event};

static void on_open(void *ctx, unsigned dlci, struct chan *ch) {
    (void)ctx;
    stands[dlci].ch = ch;
    stands[dlci].opens++;
    chan_push(ch, &stand_user, &stands[dlci]);
}

static void on_close(void *ctx, unsigned dlci) {
    (void)ctx;
    stands[dlci].closes++;
    chan_pop(stands[dlci].ch, &stand_user, &stands[dlci]);
}

static void on_end(void *ctx) {
    (void)ctx;
    ends++;
}

static void start(struct cmux_quirks quirks) {
    clk = clk_new_manual();
    chan_init(&phys, "at");
    chan_push(&phys, &below_user, below);
    chan_mem_init(&mem, &phys, clk);
    memset(stands, 0, sizeof stands);
    ends = 0;
    below[0] = '\0';
    const struct cmux_config cfg = {.phys = &phys,
                                    .clk = clk,
                                    .quirks = quirks,
                                    .on_open = on_open,
                                    .on_close = on_close,
                                    .on_end = on_end};
    mux = cmux_new(&cfg);
    const struct cmux_mode mode = {.option = option, .info_max = 128, .send_max = 64, .t2_ms = 300};
    chan_push(&phys, cmux_user(mux, &mode), mux);
    cmux_decoder_init(&dte, option, LIMIT_CMUX_INFO);
}

static void plain(void) {
    option = CMUX_BASIC;
    start((struct cmux_quirks){0});
}

static void finish(void) {
    cmux_free(mux);
    chan_pop(&phys, &below_user, below);
    chan_mem_fini(&mem);
    chan_fini(&phys);
    clk_close(clk);
}

static void put_raw(const void *p, size_t n) {
    chan_mem_put(&mem, p, n);
}

static void put_type(unsigned dlci, uint8_t type, const void *info, size_t n) {
    uint8_t wire[CMUX_FRAME_WIRE];
    put_raw(wire, cmux_dte_frame(option, dlci, type, (struct sv){info, n}, wire));
}

static void put(unsigned dlci, const char *text) {
    put_type(dlci, CMUX_UIH, text, strlen(text));
}

#define PUT_MESSAGE(text) put_type(0, CMUX_UIH, (text), sizeof(text) - 1)

/* The frames that have come, one a line: "1 UIH text". */
static const char *got(void) {
    static char text[1 << 20];
    static uint8_t wire[1 << 20];
    static const struct {
        uint8_t type;
        const char *name;
    } names[] = {{CMUX_UA, "UA"}, {CMUX_DM, "DM"}, {CMUX_UIH, "UIH"}, {CMUX_DISC, "DISC"}};
    size_t len = 0;
    size_t n = chan_mem_get(&mem, wire, sizeof wire);
    text[0] = '\0';
    for (size_t at = 0; at < n;) {
        struct cmux_frame f;
        bool has_frame = false;
        at += cmux_decode(&dte, wire + at, n - at, &f, &has_frame);
        if (!has_frame) {
            continue;
        }
        const char *name = "?";
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            name = names[i].type == f.type ? names[i].name : name;
        }
        len += (size_t)snprintf(text + len, sizeof text - len, "%u %s", f.dlci, name);
        for (size_t i = 0; i < f.n; i++) {
            bool is_hex = f.dlci == 0 || f.info[i] < ' ' || f.info[i] > '~';
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    is_hex ? " %02x" : (i == 0 ? " %c" : "%c"), f.info[i]);
        }
        len += (size_t)snprintf(text + len, sizeof text - len, "\n");
    }
    cr_assert_eq(dte.bad_fcs + dte.torn + dte.too_long, 0);
    return text;
}

static void open_all(void) {
    put_type(0, CMUX_SABM, NULL, 0);
    put_type(1, CMUX_SABM, NULL, 0);
    put_type(2, CMUX_SABM, NULL, 0);
    cr_assert_str_eq(got(), "0 UA\n1 UA\n2 UA\n");
}

TestSuite(cmux, .init = plain, .fini = finish);

Test(cmux, dlcis_are_opened_used_and_closed) {
    open_all();
    cr_assert_eq(stands[1].opens, 1);
    put(1, "AT");
    put(2, "ATI");
    cr_assert_str_eq(got(), "1 UIH AT\n2 UIH ATI\n");
    put_type(1, CMUX_DISC, NULL, 0);
    cr_assert_str_eq(got(), "1 UA\n");
    cr_assert_eq(stands[1].closes, 1);
    put_type(1, CMUX_SABM, NULL, 0);
    put(1, "x");
    cr_assert_str_eq(got(), "1 UA\n1 UIH x\n");
    cr_assert_str_eq(stands[1].ch->name, "at/dlci1");
}

Test(cmux, what_is_not_open_and_what_there_is_not_gets_dm) {
    put_type(0, CMUX_SABM, NULL, 0);
    put(1, "AT");
    put_type(3, CMUX_DISC, NULL, 0);
    put_type(LIMIT_CMUX_DLCIS + 1, CMUX_SABM, NULL, 0);
    cr_assert_str_eq(got(), "0 UA\n1 DM\n3 DM\n5 DM\n");
}

Test(cmux, opening_twice_keeps_what_stands_there) {
    open_all();
    put_type(1, CMUX_SABM, NULL, 0);
    cr_assert_str_eq(got(), "1 UA\n");
    cr_assert_eq(stands[1].opens, 1);
}

Test(cmux, msc_is_answered_and_told_back_once) {
    open_all();
    PUT_MESSAGE("\xe3\x05\x07\x0d");
    cr_assert_str_eq(got(), "0 UIH e1 05 07 0d\n0 UIH e3 05 07 0d\n");
    PUT_MESSAGE("\xe3\x05\x07\x0d");
    cr_assert_str_eq(got(), "0 UIH e1 05 07 0d\n");
    chan_set_dcd(stands[1].ch, true);
    chan_set_ri(stands[1].ch, true);
    cr_assert_str_eq(got(), "0 UIH e3 05 07 8d\n0 UIH e3 05 07 cd\n");
}

Test(cmux, lines_of_the_dte_arrive) {
    open_all();
    PUT_MESSAGE("\xe3\x05\x0b\x09");
    cr_assert(stands[2].is_dtr_off);
    cr_assert_not(stands[1].is_dtr_off);
    PUT_MESSAGE("\xe3\x05\x0b\x0d");
    cr_assert_not(stands[2].is_dtr_off);
}

Test(cmux, fc_of_the_dte_stops_one_dlci_and_fcoff_all) {
    open_all();
    PUT_MESSAGE("\xe3\x05\x07\x0f");
    got();
    put(1, "one");
    put(2, "two");
    cr_assert_str_eq(got(), "2 UIH two\n");
    PUT_MESSAGE("\xe3\x05\x07\x0d");
    cr_assert_str_eq(got(), "0 UIH e1 05 07 0d\n1 UIH one\n");
    PUT_MESSAGE("\x63\x01");
    put(1, "three");
    put(2, "four");
    cr_assert_str_eq(got(), "0 UIH 61 01\n");
    PUT_MESSAGE("\xa3\x01");
    cr_assert_str_eq(got(), "0 UIH a1 01\n1 UIH three\n2 UIH four\n");
}

Test(cmux, test_psc_rls_rpn_and_pn_are_answered_and_others_named) {
    put_type(0, CMUX_SABM, NULL, 0);
    got();
    PUT_MESSAGE("\x23\x07xyz");
    PUT_MESSAGE("\x43\x01");
    PUT_MESSAGE("\x53\x05\x07\x01");
    PUT_MESSAGE("\x93\x03\x07");
    PUT_MESSAGE("\x83\x11\x01\x00\x07\x0a\x40\x00\x03\x02");
    PUT_MESSAGE("\xd3\x05\x07\x01");
    PUT_MESSAGE("\x0b\x01");
    cr_assert_str_eq(got(), "0 UIH 21 07 78 79 7a\n"
                            "0 UIH 41 01\n"
                            "0 UIH 51 05 07 01\n"
                            "0 UIH 91 11 07 07 03 00 11 13 00 00\n"
                            "0 UIH 81 11 01 00 07 0a 40 00 03 02\n"
                            "0 UIH 11 03 d3\n"
                            "0 UIH 11 03 0b\n");
}

Test(cmux, several_messages_may_share_a_frame_and_a_cut_one_is_left) {
    put_type(0, CMUX_SABM, NULL, 0);
    got();
    PUT_MESSAGE("\x43\x01\x23\x03z\x23\x09zz");
    cr_assert_str_eq(got(), "0 UIH 41 01\n0 UIH 21 03 7a\n");
}

Test(cmux, pn_bounds_the_frames_that_are_sent) {
    put_type(0, CMUX_SABM, NULL, 0);
    PUT_MESSAGE("\x83\x11\x01\x00\x07\x0a\x04\x00\x03\x02");
    put_type(1, CMUX_SABM, NULL, 0);
    got();
    put(1, "abcdefghij");
    cr_assert_str_eq(got(), "1 UIH abcd\n1 UIH efgh\n1 UIH ij\n");
}

Test(cmux, cld_and_disc_of_0_lead_back_to_plain) {
    open_all();
    PUT_MESSAGE("\xc3\x01");
    cr_assert_str_eq(got(), "0 UIH c1 01\n");
    cr_assert_eq(ends, 1);
    cr_assert_eq(stands[1].closes + stands[2].closes, 2);
    put_raw("AT\r", 3);
    cr_assert_str_eq(below, "AT\r");
    const struct cmux_mode mode = {.info_max = 31, .send_max = 31, .t2_ms = 300};
    chan_push(&phys, cmux_user(mux, &mode), mux);
    open_all();
    put_type(0, CMUX_DISC, NULL, 0);
    cr_assert_str_eq(got(), "0 UA\n");
    cr_assert_eq(ends, 2);
}

Test(cmux, what_stands_behind_cld_in_one_write_is_plain) {
    uint8_t wire[CMUX_FRAME_WIRE + 8];
    size_t n = cmux_dte_frame(option, 0, CMUX_UIH, SV("\xc3\x01"), wire);
    memcpy(wire + n, "AT\r", 3);
    put_type(0, CMUX_SABM, NULL, 0);
    put_raw(wire, n + 3);
    cr_assert_str_eq(below, "AT\r");
}

Test(cmux, the_dte_that_leaves_ends_it) {
    open_all();
    chan_set_open(&phys, false);
    cr_assert_eq(ends, 1);
    cr_assert_not(cmux_is_on(mux));
    cr_assert_eq(stands[1].closes, 1);
}

Test(cmux, our_own_close_down_waits_for_its_answer_or_t2) {
    open_all();
    cmux_stop(mux);
    cr_assert_str_eq(got(), "0 UIH c3 01\n");
    cr_assert_eq(ends, 0);
    PUT_MESSAGE("\xc1\x01");
    cr_assert_eq(ends, 1);
    const struct cmux_mode mode = {.info_max = 31, .send_max = 31, .t2_ms = 300};
    chan_push(&phys, cmux_user(mux, &mode), mux);
    cmux_stop(mux);
    clk_advance(clk, CLK_MS(299));
    cr_assert_eq(ends, 1);
    clk_advance(clk, CLK_MS(1));
    cr_assert_eq(ends, 2);
}

/* Ten times what the stash holds: the others go on until it is full, nothing is lost after. */
Test(cmux, a_dlci_that_is_not_read_stops_the_dte_and_loses_nothing) {
    enum { MANY = 10 * LIMIT_CMUX_STASH / 100 };
    char line[101];
    memset(line, 'x', 100);
    line[100] = '\0';
    open_all();
    stands[1].is_stuck = true;
    size_t i = 0;
    for (; phys.in.len == 0 && mem.waiting.len == 0 && i < MANY; i++) {
        put(1, line);
    }
    cr_assert_lt(i, MANY);
    cr_assert_not_null(strstr(got(), "0 UIH e3 05 07 0f\n"), "told with FC");
    put(2, "AT");
    cr_assert_str_eq(got(), "", "the whole channel waits now");
    stands[1].is_stuck = false;
    chan_pump(stands[1].ch);
    size_t echoed = 0;
    bool has_gone_on = false, has_other = false;
    for (int round = 0; round < 10000 && echoed < i * 100; round++) {
        clk_advance(clk, CLK_MS(1));
        const char *frames = got();
        has_gone_on = has_gone_on || strstr(frames, "0 UIH e3 05 07 0d\n") != NULL;
        has_other = has_other || strstr(frames, "2 UIH AT\n") != NULL;
        for (const char *x = frames; *x != '\0'; x++) {
            echoed += *x == 'x';
        }
    }
    cr_assert_eq(echoed, i * 100);
    cr_assert(has_gone_on && has_other);
}

/* The DTE does not read at all: what it sends is not taken any more, and memory stays bounded. */
Test(cmux, a_dte_that_never_reads_is_not_served_for_ever) {
    put_type(0, CMUX_SABM, NULL, 0);
    for (int i = 0; i < 20000; i++) {
        PUT_MESSAGE("\x23\x15xyzxyzxyz\x79");
    }
    cr_assert_leq(chan_pending(&phys), LIMIT_CHAN_OUT);
    cr_assert_gt(mem.waiting.len, 0);
    cr_assert_not_null(strstr(got(), "0 UIH 21 15"));
}

Test(cmux, senders_take_turns) {
    open_all();
    char text[8192];
    memset(text, 'a', sizeof text);
    cr_assert_eq(chan_write(stands[1].ch, text, sizeof text), 0);
    memset(text, 'b', sizeof text);
    cr_assert_eq(chan_write(stands[2].ch, text, sizeof text), 0);
    const char *frames = got();
    const char *first = strchr(frames, 'b');
    cr_assert_not_null(first);
    cr_assert_lt(first - frames, 6000, "the second does not wait for all of the first");
    size_t a = 0, b = 0;
    for (const char *x = frames; *x != '\0'; x++) {
        a += *x == 'a';
        b += *x == 'b';
    }
    cr_assert_eq(a, sizeof text);
    cr_assert_eq(b, sizeof text);
}

Test(cmux_quirks, msc_first_silence_and_long_lengths, .fini = finish) {
    option = CMUX_BASIC;
    start(
        (struct cmux_quirks){.is_msc_first = true, .ignores_cld = true, .has_long_lengths = true});
    put_type(1, CMUX_SABM, NULL, 0);
    uint8_t wire[64];
    size_t n = chan_mem_get(&mem, wire, sizeof wire);
    cr_assert_gt(n, 7);
    cr_assert_eq(wire[3], 0);
    cr_assert_eq(wire[4], 0);
    for (size_t at = 0; at < n;) {
        struct cmux_frame f;
        bool has_frame = false;
        at += cmux_decode(&dte, wire + at, n - at, &f, &has_frame);
        if (has_frame && f.type == CMUX_UIH) {
            cr_assert_arr_eq(f.info, "\xe3\x05\x07\x0d", 4);
        }
    }
    PUT_MESSAGE("\xc3\x01");
    cr_assert_str_eq(got(), "");
    cr_assert_eq(ends, 1);
}

Test(cmux_advanced, a_session_in_the_advanced_option, .fini = finish) {
    option = CMUX_ADVANCED;
    start((struct cmux_quirks){0});
    open_all();
    put(1, "}~\x11\x13 and so on");
    cr_assert_str_eq(got(), "1 UIH }~ 11 13 and so on\n");
    PUT_MESSAGE("\xc3\x01");
    cr_assert_str_eq(got(), "0 UIH c1 01\n");
    cr_assert_eq(ends, 1);
}

/* -- a whole session, cut and spoiled -- */

static size_t session(uint8_t *to) {
    static const struct {
        unsigned dlci;
        uint8_t type;
        const char *info;
    } steps[] = {
        {0, CMUX_SABM, ""},     {1, CMUX_SABM, ""},
        {2, CMUX_SABM, ""},     {0, CMUX_UIH, "\xe3\x05\x07\x0d"},
        {1, CMUX_UIH, "AT\r"},  {2, CMUX_UIH, "ATI\r"},
        {1, CMUX_UIH, "more"},  {0, CMUX_UIH, "\x23\x07xyz"},
        {1, CMUX_DISC, ""},     {1, CMUX_SABM, ""},
        {1, CMUX_UIH, "again"},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct sv info = sv_of(steps[i].info);
        n += cmux_dte_frame(option, steps[i].dlci, steps[i].type, info, to + n);
    }
    return n;
}

static const char session_answers[] = "0 UA\n1 UA\n2 UA\n0 UIH e1 05 07 0d\n0 UIH e3 05 07 0d\n"
                                      "1 UIH AT 0d\n2 UIH ATI 0d\n1 UIH more\n"
                                      "0 UIH 21 07 78 79 7a\n1 UA\n1 UA\n1 UIH again\n";

Test(cmux_session, any_pieces_give_the_same) {
    uint8_t wire[1024];
    for (option = CMUX_BASIC; option <= CMUX_ADVANCED; option++) {
        size_t n = session(wire);
        for (size_t piece = 1; piece <= 7; piece++) {
            start((struct cmux_quirks){0});
            for (size_t at = 0; at < n; at += piece) {
                put_raw(wire + at, n - at < piece ? n - at : piece);
            }
            cr_assert_str_eq(got(), session_answers);
            finish();
        }
    }
}

/* Whatever was spoiled, the next start is a clean one. */
Test(cmux_session, any_spoiled_octet_leaves_a_multiplexer_that_works) {
    uint8_t wire[1024];
    for (option = CMUX_BASIC; option <= CMUX_ADVANCED; option++) {
        size_t n = session(wire);
        for (size_t at = 0; at < n; at++) {
            for (unsigned flip = 1; flip < 256; flip += 2) {
                start((struct cmux_quirks){0});
                wire[at] ^= (uint8_t)flip;
                put_raw(wire, n);
                wire[at] ^= (uint8_t)flip;
                put_raw("\xf9\x7e", 2);
                got();
                put_type(0, CMUX_SABM, NULL, 0);
                put_type(2, CMUX_SABM, NULL, 0);
                put(2, "AT");
                cr_assert(strstr(got(), "2 UIH AT\n") != NULL, "octet %zu ^ %02x", at, flip);
                finish();
            }
        }
    }
}
