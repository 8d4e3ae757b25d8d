/* The automaton, cell by cell: the table below is RFC 1661 4.1 as it is printed there, without
 * this-layer-started and without the options r, p and x. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/obj.h"
#include "netstack/ppp/ppp_cp.h"

enum { PROTOCOL = 0xc021, OWN_CODE = 9 };

static struct clk *clk;
static struct ppp_cp cp;
static char heard[200];
static unsigned agreed, defaults;
static struct {
    uint8_t code, id, data[1500];
    size_t n;
} last;
static bool asks = true;
static unsigned nakked, rejected;
static uint8_t asked_value[2] = {1, 2};

static void hear(const char *what) {
    size_t n = strlen(heard);
    snprintf(heard + n, sizeof heard - n, "%s%s", n > 0 ? "," : "", what);
}

static void send(void *ctx, uint16_t protocol, const uint8_t *p, size_t n) {
    static const char *const names[] = {"?",   "scr", "sca", "scn", "scn",
                                        "str", "sta", "scj", "?",   "?"};
    (void)ctx;
    cr_assert_eq(protocol, PROTOCOL);
    cr_assert_eq(p[2] << 8 | p[3], (int)n);
    hear(names[p[0]]);
    last.code = p[0];
    last.id = p[1];
    last.n = n - 4;
    memcpy(last.data, p + 4, n - 4);
}

static void up(void *ctx) {
    (void)ctx;
    hear("tlu");
}

static void down(void *ctx) {
    (void)ctx;
    hear("tld");
}

static void finished(void *ctx) {
    (void)ctx;
    hear("tlf");
}

static void nothing(void *ctx) {
    (void)ctx;
}

static void peer_defaults(void *ctx) {
    (void)ctx;
    defaults++;
    agreed = 0;
}

static void other(void *ctx, uint8_t code, uint8_t id, const uint8_t *data, size_t n) {
    (void)ctx;
    (void)id;
    (void)data;
    (void)n;
    cr_assert_eq(code, OWN_CODE);
    hear("ser");
}

static void code_rejected(void *ctx, uint8_t code) {
    (void)ctx;
    (void)code;
}

static int ask(void *ctx, uint8_t *value) {
    (void)ctx;
    memcpy(value, asked_value, 2);
    return asks ? 2 : -1;
}

static void on_nak(void *ctx, const uint8_t *value, size_t n) {
    (void)ctx;
    nakked++;
    if (n == 2) {
        memcpy(asked_value, value, 2);
    }
}

static void on_reject(void *ctx) {
    (void)ctx;
    rejected++;
    asks = false;
}

/* Of option 1 the value 7 7 is right, others are told so; 0 0 is rejected. */
static enum ppp_verdict judge(void *ctx, const uint8_t *value, uint8_t *better) {
    (void)ctx;
    memset(better, 7, 2);
    return value[0] == 0 ? PPP_REJ : value[0] == 7 ? PPP_ACK : PPP_NAK;
}

static void agree(void *ctx, const uint8_t *value) {
    (void)ctx;
    agreed = value[0];
}

static const struct ppp_option options[] = {
    {1, 2, ask, on_nak, on_reject, judge, agree},
};

static const struct ppp_cp_ops ops = {
    .name = "test",
    .protocol = PROTOCOL,
    .options = options,
    .n_options = 1,
    .send = send,
    .up = up,
    .down = down,
    .finished = finished,
    .terminated = nothing,
    .peer_defaults = peer_defaults,
    .last_code = OWN_CODE,
    .other = other,
    .code_rejected = code_rejected,
};

static void setup(void) {
    clk = clk_new_manual();
    ppp_cp_init(&cp, &ops, NULL, clk);
}

static void teardown(void) {
    ppp_cp_fini(&cp);
    clk_close(clk);
}

TestSuite(ppp_cp, .init = setup, .fini = teardown);

static void receive(uint8_t code, uint8_t id, const char *data, size_t n) {
    uint8_t p[1500] = {code, id, (uint8_t)((n + 4) >> 8), (uint8_t)(n + 4)};
    memcpy(p + 4, data, n);
    heard[0] = '\0';
    ppp_cp_receive(&cp, p, n + 4);
}

#define RECEIVE(code, id, text) receive(code, id, text, sizeof(text) - 1)

/* A request is out and its timer runs. */
static void start(void) {
    ppp_cp_open(&cp);
    ppp_cp_up(&cp);
    heard[0] = '\0';
}

static void fire(enum ppp_cp_event event) {
    heard[0] = '\0';
    switch (event) {
    case PPP_UP:
        ppp_cp_up(&cp);
        return;
    case PPP_DOWN:
        ppp_cp_down(&cp);
        return;
    case PPP_OPEN:
        ppp_cp_open(&cp);
        return;
    case PPP_CLOSE:
        ppp_cp_close(&cp);
        return;
    case PPP_TO_PLUS:
    case PPP_TO_MINUS:
        cp.tries = event == PPP_TO_PLUS ? 3 : 0;
        clk_advance(clk, CLK_S(3));
        return;
    case PPP_RCR_PLUS:
        RECEIVE(PPP_CONF_REQ, 9, "\x01\x04\x07\x07");
        return;
    case PPP_RCR_MINUS:
        RECEIVE(PPP_CONF_REQ, 9, "\x01\x04\x05\x05");
        return;
    case PPP_RCA:
        receive(PPP_CONF_ACK, cp.request_id, (const char *)cp.options, cp.n_options);
        return;
    case PPP_RCN:
        RECEIVE(PPP_CONF_NAK, cp.request_id, "\x01\x04\x05\x05");
        return;
    case PPP_RTR:
        RECEIVE(PPP_TERM_REQ, 9, "");
        return;
    case PPP_RTA:
        RECEIVE(PPP_TERM_ACK, 9, "");
        return;
    case PPP_RUC:
        RECEIVE(77, 9, "");
        return;
    case PPP_RXJ_PLUS:
        RECEIVE(PPP_CODE_REJ, 9, "\x09");
        return;
    case PPP_RXJ_MINUS:
        RECEIVE(PPP_CODE_REJ, 9, "\x01");
        return;
    case PPP_RXR:
        RECEIVE(OWN_CODE, 9, "");
        return;
    case PPP_EVENTS:
        return;
    }
}

static const char *const table[PPP_EVENTS] = {
    /* Initial Starting Closed Stopped Closing Stopping Req-Sent Ack-Rcvd Ack-Sent Opened */
    "2  irc,scr/6  -  -  -  -  -  -  -  -",
    "-  -  0  1  0  1  1  1  1  tld/1",
    "1  1  irc,scr/6  3  5  5  6  7  8  9",
    "0  tlf/0  2  2  4  4  irc,str/4  irc,str/4  irc,str/4  tld,irc,str/4",
    "-  -  -  -  str/4  str/5  scr/6  scr/6  scr/8  -",
    "-  -  -  -  tlf/2  tlf/3  tlf/3  tlf/3  tlf/3  -",
    "-  -  sta/2  irc,scr,sca/8  4  5  sca/8  sca,tlu/9  sca/8  tld,scr,sca/8",
    "-  -  sta/2  irc,scr,scn/6  4  5  scn/6  scn/7  scn/6  tld,scr,scn/6",
    "-  -  sta/2  sta/3  4  5  irc/7  scr/6  irc,tlu/9  tld,scr/6",
    "-  -  sta/2  sta/3  4  5  irc,scr/6  scr/6  irc,scr/8  tld,scr/6",
    "-  -  sta/2  sta/3  sta/4  sta/5  sta/6  sta/6  sta/6  tld,zrc,sta/5",
    "-  -  2  3  tlf/2  tlf/3  6  6  8  tld,scr/6",
    "-  -  scj/2  scj/3  scj/4  scj/5  scj/6  scj/7  scj/8  scj/9",
    "-  -  2  3  4  5  6  6  8  9",
    "-  -  tlf/2  tlf/3  tlf/2  tlf/3  tlf/3  tlf/3  tlf/3  tld,irc,str/5",
    "-  -  2  3  4  5  6  7  8  ser/9",
};

/* The n-th cell of a row. */
static void cell_of(const char *row, unsigned n, char to[40]) {
    for (;; n--) {
        row += strspn(row, " ");
        size_t size = strcspn(row, " ");
        if (n == 0) {
            snprintf(to, 40, "%.*s", (int)size, row);
            return;
        }
        row += size;
    }
}

/* What the cell says is sent and told, without the counters: these are looked at below. */
static void split(const char *cell, char actions[40], int *next) {
    const char *slash = strchr(cell, '/');
    *next = slash != NULL ? slash[1] - '0' : cell[0] - '0';
    actions[0] = '\0';
    const char *p = cell;
    while (slash != NULL && p < slash) {
        size_t n = strcspn(p, ",/");
        if (strncmp(p, "irc", 3) != 0 && strncmp(p, "zrc", 3) != 0) {
            size_t len = strlen(actions);
            snprintf(actions + len, 40 - len, "%s%.*s", len > 0 ? "," : "", (int)n, p);
        }
        p += n + 1;
    }
}

Test(ppp_cp, every_cell_of_the_table_is_as_in_the_standard) {
    for (unsigned event = 0; event < PPP_EVENTS; event++) {
        for (unsigned state = 0; state < PPP_STATES; state++) {
            char cell[40];
            char actions[40];
            int next = 0;
            cell_of(table[event], state, cell);
            if (cell[0] == '-') {
                continue;
            }
            ppp_cp_fini(&cp);
            ppp_cp_init(&cp, &ops, NULL, clk);
            asked_value[0] = 1;
            start();
            cp.state = (enum ppp_cp_state)state;
            cp.tries = 99;
            split(cell, actions, &next);
            fire((enum ppp_cp_event)event);
            cr_assert_eq((int)cp.state, next, "event %u in %u: state %u", event, state, cp.state);
            cr_assert_str_eq(heard, actions, "event %u in %u", event, state);
            bool runs = next >= PPP_CLOSING && next <= PPP_ACK_SENT;
            bool keeps = strstr(cell, "scr") != NULL || strstr(cell, "str") != NULL;
            cr_assert(!clk_pending(&cp.restart) || runs, "event %u in %u: timer", event, state);
            cr_assert(clk_pending(&cp.restart) || !keeps, "event %u in %u: no timer", event, state);
            unsigned tries = strstr(cell, "zrc") != NULL   ? 0
                             : strstr(cell, "irc") == NULL ? cp.tries
                             : strstr(cell, "str") != NULL ? 1
                             : strstr(cell, "scr") != NULL ? 9
                                                           : 10;
            cr_assert_eq(cp.tries, tries, "event %u in %u: %u tries", event, state, cp.tries);
        }
    }
}

Test(ppp_cp, what_cannot_happen_changes_nothing) {
    RECEIVE(PPP_CONF_REQ, 1, "\x01\x04\x07\x07");
    cr_assert_eq(cp.state, PPP_INITIAL);
    cr_assert_str_eq(heard, "");
}

Test(ppp_cp, a_request_is_sent_ten_times_three_seconds_apart_and_then_given_up) {
    start();
    for (unsigned i = 1; i < 10; i++) {
        heard[0] = '\0';
        clk_advance(clk, CLK_MS(2999));
        cr_assert_str_eq(heard, "");
        clk_advance(clk, CLK_MS(1));
        cr_assert_str_eq(heard, "scr", "%u", i);
    }
    clk_advance(clk, CLK_S(3));
    cr_assert_str_eq(heard, "scr,tlf");
    cr_assert_eq(cp.state, PPP_STOPPED);
}

Test(ppp_cp, goodbye_is_said_twice) {
    start();
    ppp_cp_close(&cp);
    cr_assert_str_eq(heard, "str");
    clk_advance(clk, CLK_S(3));
    clk_advance(clk, CLK_S(3));
    cr_assert_str_eq(heard, "str,str,tlf");
}

Test(ppp_cp, the_peers_good_request_is_acknowledged_as_it_is) {
    start();
    RECEIVE(PPP_CONF_REQ, 77, "\x01\x04\x07\x08");
    cr_assert_eq(last.code, PPP_CONF_ACK);
    cr_assert_eq(last.id, 77);
    cr_assert_eq(last.n, 4);
    cr_assert_eq(memcmp(last.data, "\x01\x04\x07\x08", 4), 0);
    cr_assert_eq(agreed, 7);
    RECEIVE(PPP_CONF_REQ, 78, "");
    cr_assert_eq(last.code, PPP_CONF_ACK);
    cr_assert_eq(last.n, 0);
    cr_assert_eq(agreed, 0, "what is left out has its default");
    cr_assert_eq(defaults, 2);
}

Test(ppp_cp, a_reject_names_only_what_is_rejected_and_comes_before_any_nak) {
    start();
    RECEIVE(PPP_CONF_REQ, 3, "\x01\x04\x05\x05\x63\x02\x62\x03\x01\x01\x04\x07\x07");
    cr_assert_eq(last.code, PPP_CONF_REJ);
    cr_assert_eq(last.n, 5);
    cr_assert_eq(memcmp(last.data, "\x63\x02\x62\x03\x01", 5), 0);
}

Test(ppp_cp, a_nak_says_what_would_be_better) {
    start();
    RECEIVE(PPP_CONF_REQ, 3, "\x01\x04\x05\x05");
    cr_assert_eq(last.code, PPP_CONF_NAK);
    cr_assert_eq(last.n, 4);
    cr_assert_eq(memcmp(last.data, "\x01\x04\x07\x07", 4), 0);
}

Test(ppp_cp, an_option_of_the_wrong_size_is_rejected) {
    start();
    RECEIVE(PPP_CONF_REQ, 3, "\x01\x05\x07\x07\x07");
    cr_assert_eq(last.code, PPP_CONF_REJ);
    RECEIVE(PPP_CONF_REQ, 4, "\x01\x02");
    cr_assert_eq(last.code, PPP_CONF_REJ);
    cr_assert_eq(last.n, 2);
}

Test(ppp_cp, who_insists_is_rejected_after_five_naks) {
    start();
    for (unsigned i = 0; i < 5; i++) {
        RECEIVE(PPP_CONF_REQ, 3, "\x01\x04\x05\x05");
        cr_assert_eq(last.code, PPP_CONF_NAK);
    }
    RECEIVE(PPP_CONF_REQ, 3, "\x01\x04\x05\x05");
    cr_assert_eq(last.code, PPP_CONF_REJ);
}

Test(ppp_cp, a_peer_that_always_naks_is_not_asked_any_more) {
    start();
    for (unsigned i = 0; i < 5; i++) {
        RECEIVE(PPP_CONF_NAK, cp.request_id, "\x01\x04\x05\x05");
        cr_assert_eq(last.code, PPP_CONF_REQ);
        cr_assert_eq(last.n, 4);
    }
    cr_assert_eq(nakked, 5);
    RECEIVE(PPP_CONF_NAK, cp.request_id, "\x01\x04\x05\x05");
    cr_assert_eq(rejected, 1);
    cr_assert_eq(last.n, 0);
}

Test(ppp_cp, a_nak_of_what_was_not_asked_for_is_let_be) {
    start();
    RECEIVE(PPP_CONF_NAK, cp.request_id, "\x63\x04\x05\x05");
    cr_assert_eq(nakked, 0);
    cr_assert_str_eq(heard, "scr");
}

Test(ppp_cp, answers_to_another_request_are_none) {
    start();
    receive(PPP_CONF_ACK, (uint8_t)(cp.request_id + 1), "\x01\x04\x01\x02", 4);
    RECEIVE(PPP_CONF_ACK, cp.request_id, "\x01\x04\x01\x03");
    RECEIVE(PPP_CONF_ACK, cp.request_id, "");
    RECEIVE(PPP_CONF_REJ, cp.request_id, "\x01\x04\x01\x03");
    RECEIVE(PPP_CONF_REJ, cp.request_id, "\x63\x02");
    cr_assert_eq(cp.malformed, 5);
    cr_assert_eq(rejected, 0);
    cr_assert_eq(cp.state, PPP_REQ_SENT);
    RECEIVE(PPP_CONF_REJ, cp.request_id, "\x01\x04\x01\x02");
    cr_assert_eq(rejected, 1);
}

Test(ppp_cp, a_code_reject_does_not_cost_the_request_its_answer) {
    start();
    uint8_t id = cp.request_id;
    RECEIVE(99, 9, "what");
    cr_assert_str_eq(heard, "scj");
    cr_assert_eq(last.n, 8);
    cr_assert_eq(last.data[0], 99);
    receive(PPP_CONF_ACK, id, "\x01\x04\x01\x02", 4);
    cr_assert_eq(cp.state, PPP_ACK_RCVD);
}

Test(ppp_cp, broken_packets_are_counted_and_change_nothing) {
    static const struct {
        const char *p;
        size_t n;
    } broken[] = {
        {"", 0},
        {"\x01", 1},
        {"\x01\x01\x00", 3},
        {"\x01\x01\x00\x03", 4},         /* shorter than its head */
        {"\x01\x01\x00\x05", 4},         /* longer than it is */
        {"\x01\x01\xff\xff\x01\x04", 6}, /* much longer */
        {"\x01\x01\x00\x05\x01", 5},     /* half an option */
        {"\x01\x01\x00\x06\x01\x00", 6}, /* an option of no bytes */
        {"\x01\x01\x00\x06\x01\x01", 6}, /* of one */
        {"\x01\x01\x00\x06\x01\x03", 6}, /* longer than the packet */
        {"\x03\x01\x00\x06\x01\xff", 6}, /* in a Nak */
        {"\x07\x01\x00\x04", 4},         /* a Code-Reject of nothing */
    };
    start();
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        uint8_t *copy = xmalloc(broken[i].n + 1);
        memcpy(copy, broken[i].p, broken[i].n);
        ppp_cp_receive(&cp, copy, broken[i].n);
        free(copy);
        cr_assert_eq(cp.malformed, i + 1, "%zu", i);
        cr_assert_eq(cp.state, PPP_REQ_SENT);
        cr_assert_str_eq(heard, "");
    }
}

Test(ppp_cp, padding_behind_a_packet_is_ignored) {
    start();
    ppp_cp_receive(&cp, (const uint8_t *)"\x01\x05\x00\x04padding", 11);
    cr_assert_eq(last.code, PPP_CONF_ACK);
    cr_assert_eq(last.n, 0);
}

Test(ppp_cp, the_longest_request_gets_the_longest_reject) {
    char big[1400];
    for (size_t i = 0; i < sizeof big; i += 2) {
        big[i] = 0x63;
        big[i + 1] = 2;
    }
    start();
    receive(PPP_CONF_REQ, 1, big, sizeof big);
    cr_assert_eq(last.code, PPP_CONF_REJ);
    cr_assert_eq(last.n, sizeof big);
}
