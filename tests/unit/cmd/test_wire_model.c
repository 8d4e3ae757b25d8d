/* What a driver sees of the wire: the note's sections 2.6, 2.7, 2.9 and 2.10 on a whole module with
 * manual time, a channel without a kernel and a fake outside world. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "base/obj.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/unit.h"
#include "tests/support/fake_host.h"

#define LINE(text) "\r\n" text "\r\n"
#define OK LINE("OK")
#define PROMPT "\r\n>"
#define OPEN_TCP "AT+CIPOPEN=0,\"TCP\",\"116.236.221.75\",8011\r"

enum { OUT_MAX = 4096, SENT_MAX = 32 };

static const struct net_addr server = {0x74ecdd4bu, 8011}; /* 116.236.221.75 */

static struct clk *clk;
static struct fake_host *fake;
static struct chan ch;
static struct chan_mem mem;
static struct unit *unit;
static char output[OUT_MAX + 1];

/* Every transmission on the wire: its instant since `begin` and whether it was lost. */
static struct {
    int64_t ms;
    bool lost;
} sent[SENT_MAX];
static size_t nsent;
static clk_mono begin;

static void on_trace(void *ctx, const struct bearer_trace *t) {
    (void)ctx;
    if (strcmp(t->what, "transmit") == 0 || strcmp(t->what, "connect") == 0) {
        must(nsent < SENT_MAX);
        sent[nsent].ms = clk_since(clk, begin).us / 1000;
        sent[nsent++].lost = t->lost;
    }
}

/* Everything that is due now. */
static void settle(void) {
    fake_host_settle(fake, clk);
}

/* What falls due meanwhile, each at its own instant. */
static void pass_us(int64_t us) {
    fake_host_pass(fake, clk, CLK_US(us));
}

static void pass_s(int64_t s) {
    pass_us(s * 1000000);
}

static void type(const char *text) {
    chan_mem_put(&mem, text, strlen(text));
    settle();
}

/* All that the DTE reads now. */
static const char *out(void) {
    size_t len = 0;
    size_t n = 0;
    do {
        settle();
        n = chan_mem_get(&mem, output + len, OUT_MAX - len);
        len += n;
    } while (n > 0);
    output[len] = '\0';
    return output;
}

#define expect(want) cr_assert_str_eq(out(), (want))
#define expect_for(text, want)                                                                     \
    do {                                                                                           \
        type(text);                                                                                \
        cr_assert_str_eq(out(), (want));                                                           \
    } while (0)

/* Silence up to the microsecond before, then this: `us` from here. */
#define expect_in_us(us, want)                                                                     \
    do {                                                                                           \
        pass_us((us)-1);                                                                           \
        expect("");                                                                                \
        pass_us(1);                                                                                \
        expect(want);                                                                              \
    } while (0)
#define expect_in_s(s, want) expect_in_us((int64_t)(s)*1000000, want)

static void start(const char *profile) {
    clk = clk_new_manual();
    fake = fake_host_new();
    chan_init(&ch, "at");
    chan_mem_init(&mem, &ch, clk);
    const struct unit_config cfg = {.profile = profile_find(profile),
                                    .name = "at",
                                    .clk = clk,
                                    .host = fake_host_net(fake),
                                    .chan = &ch};
    unit = unit_new(&cfg);
    unit_modem(unit)->bearer.on_trace = on_trace;
    expect_for("ATE0\r", "ATE0\r" OK);
}

static void stop(void) {
    unit_close(unit);
    chan_mem_fini(&mem);
    chan_fini(&ch);
    fake_host_free(fake);
    clk_close(clk);
}

static void start_opened(const char *profile) {
    start(profile);
    expect_for("AT+NETOPEN\r", OK LINE("+NETOPEN: 0"));
}

static void open_link(void) {
    expect_for(OPEN_TCP, OK LINE("+CIPOPEN: 0,0"));
}

static struct fake_link *far(void) {
    return fake_host_link(fake, server.ip, server.port);
}

static void impair(enum impair_direction dir, const char *text) {
    struct impair im = {0};
    struct sv wrong;
    cr_assert_eq(impair_parse(&im, sv_of(text), &wrong), 0, "%s", text);
    modem_impair(unit_modem(unit), dir, &im);
}

/* From the bytes behind the prompt on the trace is recorded. */
static void send_hello(const char *answer) {
    expect_for("AT+CIPSEND=0,5\r", PROMPT);
    begin = clk_now(clk);
    nsent = 0;
    expect_for("HELLO", answer);
}

static void assert_sent(const int64_t *want_ms, size_t n) {
    cr_assert_eq(nsent, n, "%zu transmissions", nsent);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(sent[i].ms, want_ms[i], "transmission %zu at %lld ms", i + 1,
                     (long long)sent[i].ms);
        cr_assert(sent[i].lost);
    }
}

#define ASSERT_SENT(...)                                                                           \
    do {                                                                                           \
        static const int64_t want_[] = {__VA_ARGS__};                                              \
        assert_sent(want_, sizeof want_ / sizeof want_[0]);                                        \
    } while (0)

static void assert_far_got(const char *want) {
    size_t n;
    const uint8_t *p = fake_host_received(far(), &n);
    cr_assert_eq(n, strlen(want), "%zu bytes", n);
    cr_assert(n == 0 || memcmp(p, want, n) == 0);
}

/* -- 2.6: the three examples -- */

static void example(const char *setting, int64_t closed_s) {
    start_opened("appnote-1.00");
    if (setting != NULL) {
        expect_for(setting, OK);
    }
    open_link();
    impair(IMPAIR_UP, "black-hole");
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    expect_in_s(closed_s, LINE("+IPCLOSE: 0, 2"));
    expect_for("AT+CIPCLOSE?\r", LINE("+CIPCLOSE: 0,0,0,0,0,0,0,0,0,0") OK);
    impair(IMPAIR_UP, "none");
    pass_s(300);
    expect("");
    assert_far_got("");
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_RESET);
}

Test(wire_model, note_2_6_first_example_six_transmissions_in_two_minutes) {
    example(NULL, 120);
    ASSERT_SENT(0, 3000, 9000, 21000, 45000, 93000);
    stop();
}

Test(wire_model, note_2_6_second_example_three_retries) {
    example("AT+CIPCCFG=3\r", 45);
    ASSERT_SENT(0, 3000, 9000, 21000);
    stop();
}

Test(wire_model, note_2_6_third_example_ten_seconds_at_least) {
    example("AT+CIPCCFG=,,,,,,10000\r", 120);
    ASSERT_SENT(0, 10000, 20000, 32000, 56000, 104000);
    stop();
}

Test(wire_model, note_2_6_both_parameters_together) {
    example("AT+CIPCCFG=2,,,,,,10000\r", 32);
    ASSERT_SENT(0, 10000, 20000);
    stop();
}

Test(wire_model, note_2_6_an_acknowledgement_within_the_steps_is_a_success) {
    start_opened("appnote-1.00");
    open_link();
    impair(IMPAIR_UP, "lose=3");
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    pass_s(20);
    expect_for("AT+CIPACK=0\r", LINE("+CIPACK: 5,0,0") OK);
    pass_s(2);
    assert_far_got("HELLO");
    expect_for("AT+CIPACK=0\r", LINE("+CIPACK: 5,5,0") OK);
    pass_s(300);
    expect("");
    cr_assert_eq(nsent, 4);
    stop();
}

Test(wire_model, note_2_6_a_change_of_cipccfg_counts_from_the_next_step) {
    start_opened("appnote-1.00");
    open_link();
    impair(IMPAIR_UP, "black-hole");
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    pass_s(4);
    expect_for("AT+CIPCCFG=2\r", OK);
    expect_in_s(17, LINE("+IPCLOSE: 0, 2"));
    ASSERT_SENT(0, 3000, 9000);
    stop();
}

Test(wire_model, the_cell_of_the_other_profile_is_quicker) {
    start_opened("sim7600e");
    expect_for("AT+CIPCCFG=3\r", OK);
    open_link();
    impair(IMPAIR_UP, "black-hole");
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    expect_in_us(2000000, LINE("+IPCLOSE: 0,2")); /* rtt below TimeoutVal: 4 * 500 ms */
    ASSERT_SENT(0, 500, 1000, 1500);
    stop();
}

/* -- sending that waits for the acknowledgement (V3.00 11.2.11) -- */

static void start_waiting(const char *timeout) {
    start_opened("appnote-1.00");
    expect_for("AT+CIPSENDMODE=1\r", OK);
    if (timeout != NULL) {
        expect_for(timeout, OK);
    }
    open_link();
}

Test(wire_model, cipsend_is_answered_when_the_acknowledgement_is_back) {
    start_waiting(NULL);
    impair(IMPAIR_UP, "latency=400");
    impair(IMPAIR_DOWN, "latency=600");
    send_hello(OK);
    expect_in_s(1, LINE("+CIPSEND: 0,5,5"));
    expect_for("AT+CIPACK=0\r", LINE("+CIPACK: 5,5,0") OK);
    stop();
}

Test(wire_model, cipsend_is_answered_with_a_late_acknowledgement) {
    start_waiting(NULL);
    impair(IMPAIR_UP, "lose=2");
    impair(IMPAIR_DOWN, "lose=1");
    send_hello(OK);
    expect_for("AT+CIPSEND=0,5\r", LINE("+CIPERROR: 8") LINE("ERROR")); /* IP_BUSY */
    pass_us(20999999);
    expect("");
    assert_far_got("HELLO");
    pass_us(1001);
    expect(LINE("+CIPSEND: 0,5,5"));
    stop();
}

Test(wire_model, cipsend_fails_with_the_link) {
    start_waiting("AT+CIPTIMEOUT=,,120000\r");
    expect_for("AT+CIPCCFG=3\r", OK);
    impair(IMPAIR_UP, "black-hole");
    send_hello(OK);
    expect_in_s(45, LINE("+CIPSEND: 0,5,-1") LINE("+IPCLOSE: 0, 2"));
    stop();
}

Test(wire_model, ciptimeout_ends_cipsend_earlier_and_the_link_lives_on) {
    start_waiting("AT+CIPTIMEOUT=,,10000\r");
    impair(IMPAIR_UP, "lose=3");
    send_hello(OK);
    expect_in_s(10, LINE("+CIPSEND: 0,5,0"));
    pass_s(12);
    expect("");
    assert_far_got("HELLO");
    expect_for("AT+CIPACK=0\r", LINE("+CIPACK: 5,5,0") OK);
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    stop();
}

Test(wire_model, of_ciptimeout_and_schedule_the_earlier_decides) {
    static const struct {
        const char *timeout, *says;
        int64_t s;
    } rows[] = {
        {"AT+CIPTIMEOUT=,,44000\r", LINE("+CIPSEND: 0,5,0"), 44},
        {"AT+CIPTIMEOUT=,,46000\r", LINE("+CIPSEND: 0,5,-1") LINE("+IPCLOSE: 0, 2"), 45},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_waiting(rows[i].timeout);
        expect_for("AT+CIPCCFG=3\r", OK);
        impair(IMPAIR_UP, "black-hole");
        send_hello(OK);
        expect_in_s(rows[i].s, rows[i].says);
        stop();
    }
}

Test(wire_model, a_closed_window_does_not_end_the_link) {
    start_waiting("AT+CIPTIMEOUT=,,120000\r");
    fake_host_window(far(), 2);
    send_hello(OK);
    expect_in_s(120, LINE("+CIPSEND: 0,5,0")); /* not confirmed as a whole */
    pass_s(600);
    expect("");
    fake_host_window(far(), SIZE_MAX);
    settle();
    assert_far_got("HELLO");
    stop();
}

/* -- CIPACK: what is known to be acknowledged -- */

Test(wire_model, cipack_lags_by_the_way_there_and_back) {
    start_opened("appnote-1.00");
    open_link();
    impair(IMPAIR_UP, "latency=500");
    impair(IMPAIR_DOWN, "latency=500");
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    pass_us(999999);
    assert_far_got("HELLO");
    expect_for("AT+CIPACK=0\r", LINE("+CIPACK: 5,0,0") OK);
    pass_us(1);
    expect_for("AT+CIPACK=0\r", LINE("+CIPACK: 5,5,0") OK);
    fake_host_send(far(), "abc", 3);
    pass_s(1);
    expect(LINE("RCV FROM:116.236.221.75:8011\r\n+IPD3") "abc");
    expect_for("AT+CIPACK=0\r", LINE("+CIPACK: 5,5,3") OK);
    stop();
}

/* -- connecting -- */

Test(wire_model, connecting_into_nothing_ends_with_the_schedule) {
    start_opened("appnote-1.00");
    expect_for("AT+CIPCCFG=3\r", OK);
    impair(IMPAIR_UP, "black-hole");
    begin = clk_now(clk);
    nsent = 0;
    expect_for(OPEN_TCP, OK);
    expect_in_s(45, LINE("+CIPOPEN: 0,10"));
    ASSERT_SENT(0, 3000, 9000, 21000);
    impair(IMPAIR_UP, "none");
    open_link();
    stop();
}

Test(wire_model, connecting_into_nothing_ends_with_ciptimeout_when_that_is_earlier) {
    start_opened("appnote-1.00");
    expect_for("AT+CIPTIMEOUT=,30000\r", OK);
    fake_host_on_connect(fake, server.ip, server.port, FAKE_SILENT);
    expect_for(OPEN_TCP, OK);
    expect_in_s(30, LINE("+CIPOPEN: 0,10"));
    stop();
}

Test(wire_model, a_lost_syn_makes_cipopen_later) {
    start_opened("appnote-1.00");
    impair(IMPAIR_UP, "lose=1");
    impair(IMPAIR_DOWN, "lose=1");
    expect_for(OPEN_TCP, OK);
    expect_in_s(9, LINE("+CIPOPEN: 0,0"));
    stop();
}

/* -- 2.9: dormancy -- */

static void close_link(void) {
    expect_for("AT+CIPCLOSE=0\r", OK LINE("+CIPCLOSE: 0,0"));
}

Test(wire_model, note_2_9_closing_tells_the_peer_unless_the_network_is_dormant) {
    start_opened("appnote-1.00");
    open_link();
    pass_us(19999999);
    close_link();
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_FIN);
    open_link();
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    pass_s(19);
    fake_host_send(far(), "x", 1);
    pass_s(19);
    out();
    close_link();
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_FIN, "traffic of both directions counts");
    open_link();
    pass_s(20);
    close_link();
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_NOTHING);
    stop();
}

static void close_dormant(enum fake_seen want) {
    open_link();
    pass_s(60);
    close_link();
    cr_assert_eq(fake_host_seen(far()), want);
}

static void power_cycle(void) {
    modem_restart(unit_modem(unit), CLK_US(0), false);
    settle();
    out();
    expect_for("ATE0\r", "ATE0\r" OK);
    expect_for("AT+NETOPEN\r", OK LINE("+NETOPEN: 0"));
}

Test(wire_model, note_2_9_cnvw_counts_from_the_next_power_cycle) {
    start_opened("appnote-1.00");
    expect_for("AT+CNVW=1341,0,\"01\"\r", OK);
    close_dormant(FAKE_SEEN_NOTHING);
    power_cycle();
    close_dormant(FAKE_SEEN_FIN);
    power_cycle();
    close_dormant(FAKE_SEEN_FIN);
    expect_for("AT+CNVW=1341,0,\"00\"\r", OK);
    close_dormant(FAKE_SEEN_FIN);
    power_cycle();
    close_dormant(FAKE_SEEN_NOTHING);
    stop();
}

Test(wire_model, a_cell_without_dormancy_always_tells_the_peer) {
    start_opened("appnote-1.00");
    unit_modem(unit)->bearer.dormancy = CLK_S(0);
    close_dormant(FAKE_SEEN_FIN);
    stop();
}

/* -- 2.10: voice calls -- */

Test(wire_model, note_2_10_in_gsm_a_voice_call_suspends_tcp) {
    start_opened("appnote-1.00");
    open_link();
    modem_set_voice_call(unit_modem(unit), true);
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    fake_host_send(far(), "abc", 3);
    pass_s(10);
    expect("");
    assert_far_got("");
    modem_set_voice_call(unit_modem(unit), false);
    pass_us(10999999);
    assert_far_got("");
    pass_us(1); /* with the fourth transmission, 21 s after the first */
    assert_far_got("HELLO");
    expect(LINE("RCV FROM:116.236.221.75:8011\r\n+IPD3") "abc");
    stop();
}

Test(wire_model, note_2_10_a_call_may_outlast_the_schedule) {
    start_opened("appnote-1.00");
    open_link();
    modem_set_voice_call(unit_modem(unit), true);
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    expect_in_s(120, LINE("+IPCLOSE: 0, 2"));
    stop();
}

Test(wire_model, note_2_10_an_idle_link_survives_a_call) {
    start_opened("appnote-1.00");
    open_link();
    modem_set_voice_call(unit_modem(unit), true);
    pass_s(3600);
    modem_set_voice_call(unit_modem(unit), false);
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    assert_far_got("HELLO");
    stop();
}

Test(wire_model, note_2_10_in_lte_tcp_goes_on_in_a_voice_call) {
    start_opened("sim7600e");
    open_link();
    modem_set_voice_call(unit_modem(unit), true);
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    assert_far_got("HELLO");
    fake_host_send(far(), "abc", 3);
    settle();
    expect(LINE("RECV FROM:116.236.221.75:8011\r\n+IPD3") "abc");
    stop();
}

/* -- data mode -- */

/* The context goes down and up again; the network takes so long to open. */
static void reopen_in_s(int64_t s) {
    modem_set_open_delay(unit_modem(unit), CLK_S(s));
    expect_for("AT+CGATT=0;+CGATT=1\r", OK);
}

Test(wire_model, note_2_7_netopen_waits_for_the_network) {
    start("sim7600e");
    reopen_in_s(20);
    expect_for("AT+CIPTIMEOUT=30000,20000,20000\r", OK);
    expect_for("AT+NETOPEN\r", OK);
    expect_in_s(20, LINE("+NETOPEN: 0"));
    stop();
}

Test(wire_model, note_2_7_netopen_gives_up_after_its_timeout) {
    start("sim7600e");
    reopen_in_s(50);
    expect_for("AT+CIPTIMEOUT=40000\r", OK);
    expect_for("AT+NETOPEN\r", OK);
    expect_in_s(40, LINE("+NETOPEN: 10"));
    expect_for("AT+NETOPEN?\r", LINE("+NETOPEN: 0") OK);
    pass_s(10);
    expect_for("AT+NETOPEN\r", OK LINE("+NETOPEN: 0"));
    stop();
}

Test(wire_model, netopen_is_answered_when_the_network_goes_while_it_opens) {
    start("sim7600e");
    reopen_in_s(50);
    expect_for("AT+NETOPEN\r", OK);
    modem_set_registration(unit_modem(unit), REG_DENIED);
    expect(LINE("+NETOPEN: 1"));
    stop();
}

/* 30 s for the network and 3 + 4 + 5 + 6 + 7 + 8 s for six queries. */
Test(wire_model, note_2_8_a_look_up_takes_63_seconds_at_most) {
    start("sim7600e");
    fake_host_break_names(fake, 1);
    expect_for("AT+CIPDNSSET=0,30000,5\r", OK);
    modem_set_open_delay(unit_modem(unit), CLK_S(30));
    expect_for("AT+CGATT=0;+CGATT=1\r", OK);
    expect_for("AT+CDNSGIP=\"www.example.com\"\r", "");
    expect_in_s(63, LINE("+CDNSGIP: 0,10") LINE("ERROR"));
    cr_assert_eq(fake_host_queries(fake), 6);
    stop();
}

Test(wire_model, note_2_8_a_network_that_does_not_open_is_waited_for_as_often_as_set) {
    start("sim7600e");
    reopen_in_s(500);
    expect_for("AT+CIPDNSSET=2,10000,5\r", OK);
    type("AT+CDNSGIP=\"www.example.com\"\r");
    expect_in_s(30, LINE("+CDNSGIP: 0,10") LINE("ERROR"));
    cr_assert_eq(fake_host_queries(fake), 0);
    stop();
}

Test(wire_model, in_data_mode_the_failure_ends_the_link_with_closed) {
    start("appnote-1.00");
    expect_for("AT+CIPMODE=1\r", OK);
    expect_for("AT+CIPCCFG=2\r", OK);
    expect_for("AT+NETOPEN\r", OK LINE("+NETOPEN: 0"));
    expect_for(OPEN_TCP, LINE("CONNECT 115200"));
    impair(IMPAIR_UP, "black-hole");
    begin = clk_now(clk);
    nsent = 0;
    type("hello");
    pass_s(1);
    int64_t first_ms = nsent > 0 ? sent[0].ms : -1;
    cr_assert_geq(first_ms, 0, "the bytes have not left within a second");
    expect("");
    pass_us(21000000 - 1000000 + first_ms * 1000 - 1);
    expect("");
    pass_us(1);
    expect(LINE("CLOSED"));
    cr_assert_eq(nsent, 3);
    expect_for("AT\r", OK);
    stop();
}

/* -- the path is the run's seed -- */

Test(wire_model, the_seed_decides_what_is_lost) {
    static int64_t runs[3][SENT_MAX];
    size_t n[3];
    for (uint64_t i = 0; i < 3; i++) {
        start_opened("appnote-1.00");
        modem_set_seed(unit_modem(unit), i / 2);
        open_link();
        impair(IMPAIR_UP, "loss=0.5");
        send_hello(OK LINE("+CIPSEND: 0,5,5"));
        for (int k = 0; k < 5; k++) {
            expect_for("AT+CIPSEND=0,1\r", PROMPT);
            type("x");
            pass_s(1);
            out();
        }
        pass_s(100);
        n[i] = nsent;
        for (size_t k = 0; k < nsent; k++) {
            runs[i][k] = sent[k].ms * 2 + sent[k].lost;
        }
        stop();
    }
    cr_assert_eq(n[0], n[1]);
    cr_assert_eq(memcmp(runs[0], runs[1], n[0] * sizeof runs[0][0]), 0);
    cr_assert(n[0] != n[2] || memcmp(runs[0], runs[2], n[0] * sizeof runs[0][0]) != 0);
}
