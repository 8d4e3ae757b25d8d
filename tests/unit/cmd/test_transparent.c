/* Data mode on a channel without a kernel, with manual time and a fake outside world. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "slots.h"
#include "tests/support/fake_host.h"

#define LINE(text) "\r\n" text "\r\n"
#define OK LINE("OK")
#define CONNECT LINE("CONNECT 115200")
#define CLOSED LINE("CLOSED")
#define NO_CARRIER LINE("NO CARRIER")
#define OPEN_TCP "AT+CIPOPEN=0,\"TCP\",\"10.0.0.1\",80"
#define OPEN_UDP "AT+CIPOPEN=0,\"UDP\",\"10.0.0.1\",5000,6000"

#define CALLER_IP 0xc0a86c05u /* 192.168.108.5 */

enum { OUT_MAX = 1 << 20, PEER_IP = 0x0a000001 };

static struct clk *clk;
static struct fake_host *fake;
static struct chan ch;
static struct chan_mem mem;
static struct profile profile;
static struct modem *modem;
static struct setting_store *settings;
static struct cmd *cmd;
static char *output;
static size_t output_len;

static const struct net_addr caller = {CALLER_IP, 57202};
static const struct net_addr caller_2 = {CALLER_IP, 57203};

/* Everything that is due now. */
static void settle(void) {
    fake_host_settle(fake, clk);
}

static void put(const void *p, size_t n) {
    chan_mem_put(&mem, p, n);
    settle();
}

static void type(const char *text) {
    put(text, strlen(text));
}

/* All that the DTE reads now. */
static const char *out(void) {
    size_t n = 0;
    output_len = 0;
    do {
        settle();
        n = chan_mem_get(&mem, output + output_len, OUT_MAX - output_len);
        output_len += n;
    } while (n > 0);
    output[output_len] = '\0';
    return output;
}

static void pass_us(int64_t us) {
    clk_advance(clk, CLK_US(us));
    settle();
}

static void pass(int64_t ms) {
    pass_us(ms * 1000);
}

#define expect(want) cr_assert_str_eq(out(), (want))
#define expect_for(text, want)                                                                     \
    do {                                                                                           \
        type(text);                                                                                \
        cr_assert_str_eq(out(), (want));                                                           \
    } while (0)

/* As the unit does it. */
static void on_context(void *ctx, unsigned cid, struct context_event *out) {
    enum { APN = 2 };
    const struct at_cmd *row = table_find(&at_dialect, SV("+CGSOCKCONT"));
    const struct setting_record *r = setting_record_find(ctx, row, (int32_t)cid);
    out->apn = r != NULL ? r->texts[APN] : NULL;
}

static void start(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    chan_init(&ch, "at");
    chan_mem_init(&mem, &ch, clk);
    profile = *profile_find("sim7600e");
    settings = setting_store_new(slot_infos, SLOT_COUNT, false);
    modem = modem_new(&profile, clk, fake_host_net(fake));
    modem_set_context(modem, on_context, settings);
    cmd = cmd_new(modem, settings, &ch, CMD_AT, NULL);
    output = xmalloc(OUT_MAX + 1);
    expect_for("ATE0\r", "ATE0\r" OK);
}

static void stop(void) {
    cmd_close(cmd);
    modem_free(modem);
    setting_store_free(settings);
    chan_mem_fini(&mem);
    chan_fini(&ch);
    fake_host_free(fake);
    clk_close(clk);
    free(output);
}

static void start_open(void) {
    start();
    expect_for("AT+CIPMODE=1\r", OK);
    expect_for("AT+NETOPEN\r", OK LINE("+NETOPEN: 0"));
}

static struct fake_link *peer(void) {
    return fake_host_link(fake, PEER_IP, 80);
}

/* In data mode on TCP, ready for an escape. */
static void start_online(void) {
    start_open();
    expect_for(OPEN_TCP "\r", CONNECT);
    pass(1000);
}

static void escape(void) {
    expect_for("+++", "");
    pass(1000);
    expect(OK);
}

static void start_escaped(void) {
    start_online();
    escape();
}

/* With ATS0=`s0` and server 0 on port 8080. */
static void start_server(const char *s0) {
    start();
    type("ATS0=");
    expect_for(s0, "");
    expect_for("\r", OK);
    expect_for("AT+CIPMODE=1\r", OK);
    expect_for("AT+NETOPEN\r", OK LINE("+NETOPEN: 0"));
    expect_for("AT+SERVERSTART=8080,0\r", OK);
}

static struct fake_link *call(const struct net_addr *from, uint16_t port) {
    struct fake_link *l = fake_host_call(fake, from, port);
    cr_assert_not_null(l, "nobody listens");
    settle();
    return l;
}

static void expect_at(struct fake_link *l, const char *want) {
    size_t n = 0;
    const uint8_t *p = fake_host_received(l, &n);
    cr_assert_eq(n, strlen(want), "%zu bytes came: %.*s", n, (int)n, p != NULL ? (char *)p : "");
    cr_assert(n == 0 || memcmp(p, want, n) == 0, "%.*s came", (int)n, p);
    fake_host_take(l, n);
}

static void say(struct fake_link *l, const char *text) {
    fake_host_send(l, text, strlen(text));
    settle();
}

/* -- bytes that tell their place -- */

static uint8_t byte_at(size_t i) {
    return (uint8_t)((i * 2654435761u) >> 13);
}

static uint8_t *pattern(size_t n) {
    uint8_t *p = xmalloc(n);
    for (size_t i = 0; i < n; i++) {
        p[i] = byte_at(i);
    }
    return p;
}

static void expect_pattern(const void *p, size_t from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(((const uint8_t *)p)[i], byte_at(from + i), "byte %zu", from + i);
    }
}

/* `n` bytes of the pattern come out, framed by these texts. */
static void expect_out(const char *before, size_t n, const char *after) {
    out();
    size_t first = strlen(before);
    cr_assert_eq(output_len, first + n + strlen(after), "%zu bytes came", output_len);
    cr_assert(memcmp(output, before, first) == 0);
    expect_pattern(output + first, 0, n);
    cr_assert_str_eq(output + first + n, after);
}

static void send_pattern(struct fake_link *l, size_t n) {
    uint8_t *p = pattern(n);
    fake_host_send(l, p, n);
    free(p);
    settle();
}

/* -- CONNECT -- */

Test(transparent, connect_has_the_shape_that_x_v_and_e_ask_for) {
    static const struct {
        const char *settings, *want;
    } shapes[] = {
        {"ATX0", LINE("CONNECT")},
        {"ATX0&E0\\V1", LINE("CONNECT")},
        {"ATX1", LINE("CONNECT 115200")},
        {"ATX2", LINE("CONNECT 115200")},
        {"ATX3", LINE("CONNECT 115200")},
        {"ATX4", LINE("CONNECT 115200")},
        {"ATX4&E1\\V0", LINE("CONNECT 115200")},
        {"AT&E0", LINE("CONNECT 150000000")},
        {"AT\\V1", LINE("CONNECT 115200 PACKET cmnet 150000 150000")},
        {"AT&E0\\V1", LINE("CONNECT 150000000 PACKET cmnet 150000 150000")},
        {"AT+IPR=9600", LINE("CONNECT 9600")},
        {"AT+IPR=0", LINE("CONNECT 115200")},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        start_open();
        expect_for("AT+CGSOCKCONT=1,\"IP\",\"cmnet\"\r", OK);
        type(shapes[i].settings);
        expect_for("\r", OK);
        type(OPEN_TCP "\r");
        cr_assert_str_eq(out(), shapes[i].want, "%s: %s", shapes[i].settings, output);
        pass(1000);
        escape();
        expect_for("ATO\r", shapes[i].want);
        stop();
    }
}

Test(transparent, connect_is_a_number_without_words) {
    static const char *const lines[] = {"ATV0\r", "ATV0&E0\r", "ATV0+IPR=9600\r", "ATV0X0\r"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        start_open();
        profile.wireless_rate = 236800;
        expect_for(lines[i], "0\r");
        expect_for(OPEN_TCP "\r", "1\r");
        stop();
    }
}

Test(transparent, refused_connect_fails) {
    start_open();
    fake_host_on_connect(fake, PEER_IP, 80, FAKE_REFUSE);
    expect_for(OPEN_TCP "\r", LINE("CONNECT FAIL"));
    expect_for("AT\r", OK);
    fake_host_on_connect(fake, PEER_IP, 80, FAKE_NO_ROUTE);
    expect_for(OPEN_TCP "\r", LINE("CONNECT FAIL"));
    fake_host_on_connect(fake, PEER_IP, 80, FAKE_ACCEPT);
    expect_for(OPEN_TCP "\r", CONNECT);
    stop();
}

Test(transparent, connect_that_times_out_fails) {
    start_open();
    fake_host_on_connect(fake, PEER_IP, 80, FAKE_SILENT);
    expect_for("AT+CIPTIMEOUT=,5000\r", OK);
    expect_for(OPEN_TCP "\r", "");
    pass(4999);
    expect("");
    pass(1);
    expect(LINE("CONNECT FAIL"));
    expect_for("ATO\r", NO_CARRIER);
    stop();
}

Test(transparent, connect_without_service_fails) {
    start();
    expect_for("AT+CIPMODE=1\r", OK);
    expect_for(OPEN_TCP "\r", LINE("CONNECT FAIL"));
    expect_for(OPEN_UDP "\r", LINE("CONNECT FAIL"));
    stop();
}

Test(transparent, connect_to_a_name_that_is_not_found_fails) {
    start_open();
    expect_for("AT+CIPOPEN=0,\"TCP\",\"nowhere.example\",80\r", LINE("CONNECT FAIL"));
    fake_host_add_name(fake, "peer.example", PEER_IP);
    expect_for("AT+CIPOPEN=0,\"TCP\",\"peer.example\",80\r", CONNECT);
    stop();
}

Test(transparent, second_open_of_the_link_fails_and_leaves_the_first_alone) {
    start_escaped();
    expect_for(OPEN_TCP "\r", LINE("CONNECT FAIL"));
    expect_for(OPEN_UDP "\r", LINE("CONNECT FAIL"));
    expect_for("ATO\r", CONNECT);
    type("abc");
    expect_at(peer(), "abc");
    stop();
}

Test(transparent, mode_is_decided_when_the_service_opens) {
    start();
    expect_for("AT+NETOPEN\r", OK LINE("+NETOPEN: 0"));
    expect_for("AT+CIPMODE=1\r", OK);
    expect_for(OPEN_TCP "\r", OK LINE("+CIPOPEN: 0,0"));
    expect_for("AT+NETCLOSE\r", OK LINE("+NETCLOSE: 0"));
    expect_for("AT+NETOPEN\r", OK LINE("+NETOPEN: 0"));
    expect_for("AT+CIPMODE=0\r", OK);
    expect_for(OPEN_TCP "\r", CONNECT);
    stop();
}

/* -- the other links -- */

Test(transparent, other_links_stay_in_command_mode_and_their_results_wait) {
    start_open();
    expect_for("AT+SERVERSTART=9090,1\r", OK);
    expect_for("AT+CIPOPEN=1,\"TCP\",\"10.0.0.2\",81\r", OK LINE("+CIPOPEN: 1,0"));
    expect_for(OPEN_TCP "\r", CONNECT);
    pass(1000);
    struct fake_link *other = fake_host_link(fake, 0x0a000002, 81);
    say(other, "first");
    struct fake_link *called = call(&caller, 9090);
    say(called, "second");
    fake_host_end(other, 0);
    say(peer(), "stream");
    expect("stream");
    expect_for("+++", "");
    pass(1000);
    expect(
        OK LINE("RECV FROM:10.0.0.2:81") "+IPD5\r\nfirst" LINE("+CLIENT: 2,1,192.168.108.5:57202")
            LINE("RECV FROM:192.168.108.5:57202") "+IPD6\r\nsecond" LINE("+IPCLOSE: 1,1"));
    expect_for("AT+CIPSEND=2,2\r", "\r\n>");
    expect_for("hi", OK LINE("+CIPSEND: 2,2,2"));
    expect_at(called, "hi");
    stop();
}

Test(transparent, callers_of_other_servers_never_get_link_0) {
    start_open();
    expect_for("AT+SERVERSTART=9090,3\r", OK);
    call(&caller, 9090);
    expect(LINE("+CLIENT: 1,3,192.168.108.5:57202"));
    stop();
}

Test(transparent, transparent_link_is_not_for_the_commands_of_the_others) {
    start_escaped();
    expect_for("AT+CIPSEND=0,5\r", LINE("+CIPERROR: 4") LINE("ERROR"));
    expect_for("AT+CIPRXGET=1\r", OK);
    say(peer(), "kept");
    expect("");
    expect_for("AT+CIPRXGET=2,0\r", LINE("+IP ERROR: Operation not supported") LINE("ERROR"));
    expect_for("AT+CIPRXGET=4,0\r", LINE("+IP ERROR: Operation not supported") LINE("ERROR"));
    expect_for("AT+CIPRXGET=0\r", OK);
    expect_for("AT+CIPRXGET=1\r", OK);
    expect_for("ATO\r", CONNECT "kept");
    stop();
}

/* -- closing -- */

Test(transparent, close_orders_its_lines_by_protocol_and_mode) {
    start_open();
    expect_for("AT+CIPOPEN=1,\"TCP\",\"10.0.0.2\",81\r", OK LINE("+CIPOPEN: 1,0"));
    expect_for("AT+CIPCLOSE=1\r", OK LINE("+CIPCLOSE: 1,0"));
    expect_for("AT+CIPOPEN=1,\"UDP\",,,6001\r", LINE("+CIPOPEN: 1,0") OK);
    expect_for("AT+CIPCLOSE=1\r", LINE("+CIPCLOSE: 1,0") OK);
    expect_for(OPEN_TCP "\r", CONNECT);
    pass(1000);
    escape();
    expect_for("AT+CIPCLOSE=0\r", OK CLOSED LINE("+CIPCLOSE: 0,0"));
    cr_assert_eq(fake_host_seen(peer()), FAKE_SEEN_FIN);
    expect_for("ATO\r", NO_CARRIER);
    expect_for(OPEN_UDP "\r", CONNECT);
    pass(1000);
    escape();
    expect_for("AT+CIPCLOSE=0\r", CLOSED LINE("+CIPCLOSE: 0,0") OK);
    expect_for("ATO\r", NO_CARRIER);
    expect_for("AT+CIPCLOSE=0\r", LINE("+CIPCLOSE: 0,4") LINE("ERROR"));
    stop();
}

Test(transparent, remote_close_comes_behind_all_data) {
    start_online();
    send_pattern(peer(), 100000);
    fake_host_end(peer(), 0);
    expect_out("", 100000, CLOSED);
    expect_for("AT\r", OK);
    expect_for("ATO\r", NO_CARRIER);
    expect_for(OPEN_TCP "\r", CONNECT);
    stop();
}

Test(transparent, remote_reset_comes_behind_the_data_that_was_received) {
    start_online();
    send_pattern(peer(), 50000);
    fake_host_end(peer(), -ECONNRESET);
    expect_out("", 50000, CLOSED);
    expect_for("AT\r", OK);
    stop();
}

Test(transparent, remote_close_waits_for_a_delayed_output_no_longer) {
    start_open();
    expect_for("AT+CIPCCFG=,500\r", OK);
    expect_for(OPEN_TCP "\r", CONNECT);
    say(peer(), "data");
    expect("");
    fake_host_end(peer(), 0);
    expect("data" CLOSED);
    pass(1000);
    expect("");
    stop();
}

/* The DTE reads nothing, so that the close cannot be told yet. */
static void close_unread(void) {
    start_online();
    send_pattern(peer(), 30000);
    fake_host_end(peer(), 0);
    settle();
}

Test(transparent, input_of_a_link_that_has_ended_is_no_command) {
    close_unread();
    type("AT+CSQ\rAT+CIPOPEN?\r");
    expect_out("", 30000, CLOSED);
    expect_for("AT\r", OK);
    stop();
}

Test(transparent, escape_from_a_link_that_has_ended_tells_the_close) {
    close_unread();
    type("+++");
    pass(1000);
    out();
    cr_assert_geq(output_len, strlen(OK CLOSED));
    cr_assert_str_eq(output + output_len - strlen(OK CLOSED), OK CLOSED);
    expect_for("ATO\r", NO_CARRIER);
    expect_for(OPEN_TCP "\r", CONNECT);
    stop();
}

Test(transparent, dtr_off_on_a_link_that_has_ended_leaves_nothing_to_resume) {
    static const char *const modes[] = {"AT&D1\r", "AT&D2\r"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        start_open();
        expect_for(modes[i], OK);
        expect_for(OPEN_TCP "\r", CONNECT);
        send_pattern(peer(), 30000);
        fake_host_end(peer(), 0);
        settle();
        chan_set_open(&ch, false);
        chan_set_open(&ch, true);
        out();
        expect_for("ATO\r", NO_CARRIER);
        expect_for(OPEN_TCP "\r", CONNECT);
        stop();
    }
}

Test(transparent, remote_close_while_escaped_is_told_at_once) {
    start_escaped();
    fake_host_end(peer(), 0);
    expect(CLOSED);
    expect_for("ATO\r", NO_CARRIER);
    stop();
}

Test(transparent, remote_reset_while_escaped_is_told_at_once) {
    start_escaped();
    fake_host_end(peer(), -ECONNRESET);
    expect(CLOSED);
    expect_for("ATO\r", NO_CARRIER);
    stop();
}

Test(transparent, data_of_a_link_that_ended_while_escaped_is_gone) {
    start_escaped();
    say(peer(), "late");
    fake_host_end(peer(), 0);
    expect(CLOSED);
    expect_for("AT+CIPRXGET=1\r", OK);
    expect_for("AT+CIPRXGET=0\r", OK);
    expect_for(OPEN_TCP "\r", CONNECT);
    say(peer(), "new");
    expect("new");
    stop();
}

Test(transparent, netclose_while_escaped_closes_the_link) {
    start_escaped();
    expect_for("AT+NETCLOSE\r", OK CLOSED LINE("+NETCLOSE: 0"));
    cr_assert_eq(fake_host_seen(peer()), FAKE_SEEN_FIN);
    expect_for("ATO\r", NO_CARRIER);
    stop();
}

Test(transparent, loss_of_the_network_in_data_mode_ends_it) {
    start_online();
    say(peer(), "before");
    modem_set_attached(modem, false);
    expect("before" CLOSED LINE("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY"));
    expect_for("ATO\r", NO_CARRIER);
    modem_set_attached(modem, true);
    expect_for("AT+NETOPEN\r", OK LINE("+NETOPEN: 0"));
    expect_for(OPEN_TCP "\r", CONNECT);
    stop();
}

Test(transparent, loss_of_the_network_while_escaped_is_told) {
    start_escaped();
    modem_set_attached(modem, false);
    expect(CLOSED LINE("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY"));
    expect_for("ATO\r", NO_CARRIER);
    stop();
}

Test(transparent, loss_of_the_network_while_connecting_fails_the_connect) {
    start_open();
    fake_host_on_connect(fake, PEER_IP, 80, FAKE_SILENT);
    expect_for(OPEN_TCP "\r", "");
    modem_set_attached(modem, false);
    expect(LINE("CONNECT FAIL") LINE("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY"));
    stop();
}

Test(transparent, session_that_ends_while_connecting_lets_the_link_go) {
    start_open();
    fake_host_on_connect(fake, PEER_IP, 80, FAKE_SILENT);
    expect_for(OPEN_TCP "\r", "");
    stop();
}

/* Stream data that could not be sent must not be run as commands when the module goes. */
Test(transparent, session_that_ends_with_unsent_data_runs_none_of_it) {
    start_online();
    uint8_t *p = pattern(66000);
    fake_host_window(peer(), 0);
    put(p, 66000);
    free(p);
    type("\rAT+CPING=\"10.0.0.1\",1\r");
    cr_assert_eq(buf_len(&mem.waiting), 0, "the line is not in the channel");
    stop();
}

/* -- the escape -- */

Test(transparent, escape_answers_exactly_1000_ms_behind_the_last_plus) {
    start_online();
    expect_for("+++", "");
    pass_us(999999);
    expect("");
    pass_us(1);
    expect(OK);
    expect_at(peer(), "");
    stop();
}

Test(transparent, escape_needs_silence_before_it) {
    start_online();
    type("x");
    pass(999);
    type("+++");
    expect_at(peer(), "x+++");
    pass(2000);
    expect("");
    stop();
}

Test(transparent, escape_needs_silence_behind_it) {
    start_online();
    type("+++");
    pass(999);
    expect_at(peer(), "");
    type("x");
    expect_at(peer(), "+++x");
    pass(5000);
    expect("");
    stop();
}

Test(transparent, gaps_of_900_ms_are_an_escape) {
    start_online();
    type("+");
    pass(899);
    type("+");
    pass(900);
    type("+");
    pass(1000);
    expect(OK);
    expect_at(peer(), "");
    stop();
}

Test(transparent, sign_whose_gap_has_run_out_goes_to_the_peer_by_itself) {
    start_online();
    type("++");
    pass(900);
    expect_at(peer(), "");
    pass_us(1);
    expect_at(peer(), "++");
    pass(5000);
    expect_at(peer(), "");
    expect("");
    stop();
}

Test(transparent, escape_in_one_read_with_data_is_data) {
    start_online();
    type("data+++");
    expect_at(peer(), "data+++");
    pass(5000);
    type("++++");
    expect_at(peer(), "++++");
    pass(5000);
    expect("");
    stop();
}

Test(transparent, bytes_right_behind_the_ok_are_a_command) {
    start_online();
    type("+++");
    pass(1000);
    type("AT+CIPCLOSE?\r");
    expect(OK LINE("+CIPCLOSE: 1,0,0,0,0,0,0,0,0,0") OK);
    expect_at(peer(), "");
    stop();
}

/* A turn of the loop that comes late: the bytes are there before the timer has run. */
Test(transparent, bytes_that_come_before_the_late_timer_are_a_command) {
    start_online();
    type("+++");
    static const char line[] = "ATI\r";
    size_t got = 0;
    uint8_t *to = chan_rx_reserve(&ch, 4, &got);
    cr_assert_eq(got, 4);
    memcpy(to, line, 4);
    chan_rx_commit(&ch, 4, (clk_mono){clk_now(clk).us + 1000000});
    out();
    cr_assert_eq(strncmp(output, OK "\r\nManufacturer: ", 22), 0, "%s", output);
    expect_at(peer(), "");
    pass(5000);
    expect("");
    stop();
}

Test(transparent, sign_that_comes_before_the_late_timer_begins_anew) {
    start_online();
    type("+");
    size_t got = 0;
    uint8_t *to = chan_rx_reserve(&ch, 3, &got);
    memcpy(to, "+++", 3);
    chan_rx_commit(&ch, 3, (clk_mono){clk_now(clk).us + 1000000});
    expect_at(peer(), "+");
    pass(2000);
    expect(OK);
    stop();
}

Test(transparent, escape_and_resume_can_be_repeated) {
    start_online();
    for (int i = 0; i < 50; i++) {
        type("data");
        say(peer(), "answer");
        expect("answer");
        pass(1000);
        escape();
        expect_at(peer(), "data");
        expect_for("ATO\r", CONNECT);
    }
    stop();
}

Test(transparent, escape_right_behind_the_connect_has_no_guard) {
    start_open();
    expect_for(OPEN_TCP "\r", CONNECT);
    pass(999);
    type("+++");
    expect_at(peer(), "+++");
    stop();
}

/* -- ATO, ATH -- */

Test(transparent, nothing_to_resume_is_no_carrier) {
    start();
    expect_for("ATO\r", NO_CARRIER);
    expect_for("ATO0\r", NO_CARRIER);
    expect_for("ATA\r", NO_CARRIER);
    expect_for("ATH\r", OK);
    stop();
}

Test(transparent, hanging_up_while_escaped_closes_the_link) {
    start_escaped();
    expect_for("ATH\r", OK CLOSED);
    cr_assert_eq(fake_host_seen(peer()), FAKE_SEEN_FIN);
    expect_for("ATO\r", NO_CARRIER);
    expect_for(OPEN_TCP "\r", CONNECT);
    stop();
}

Test(transparent, data_that_comes_while_escaped_is_kept_bounded_and_delivered) {
    start_escaped();
    send_pattern(peer(), 400000);
    cr_assert_gt(fake_host_unread(peer()), 300000u, "the peer is not held back");
    expect("");
    expect_for("AT\r", OK);
    type("ATO\r");
    expect_out(CONNECT, 400000, "");
    cr_assert_eq(fake_host_unread(peer()), 0);
    stop();
}

Test(transparent, line_feed_behind_the_cr_is_not_data) {
    start_escaped();
    expect_for("ATO\r\n", CONNECT);
    type("abc");
    expect_at(peer(), "abc");
    pass(1000);
    escape();
    expect_for("ATO\r", CONNECT);
    type("\n");
    type("\ndef");
    expect_at(peer(), "\ndef");
    pass(1000);
    escape();
    expect_for("AT+CIPCLOSE=0\r\n", OK CLOSED LINE("+CIPCLOSE: 0,0"));
    type(OPEN_TCP "\r\nghi");
    expect(CONNECT);
    expect_at(peer(), "ghi");
    stop();
}

Test(transparent, input_typed_ahead_is_data) {
    start_open();
    type(OPEN_TCP "\rGET / HTTP/1.0\r\n\r\n");
    expect(CONNECT);
    expect_at(peer(), "GET / HTTP/1.0\r\n\r\n");
    pass(1000);
    escape();
    type("ATO\rmore");
    expect(CONNECT);
    expect_at(peer(), "more");
    stop();
}

Test(transparent, input_typed_ahead_of_a_connect_that_fails_is_commands) {
    start_open();
    fake_host_on_connect(fake, PEER_IP, 80, FAKE_REFUSE);
    expect_for(OPEN_TCP "\rAT\r", LINE("CONNECT FAIL") OK);
    stop();
}

/* -- flow -- */

Test(transparent, input_waits_for_a_slow_peer_and_goes_on_when_it_takes_more) {
    start_online();
    enum { TOTAL = 300000 };
    uint8_t *p = pattern(TOTAL);
    fake_host_window(peer(), 1000);
    put(p, TOTAL);
    cr_assert_gt(buf_len(&mem.waiting), 200000u, "nothing holds the DTE back");
    size_t n = 1000;
    for (size_t step = 1; n < TOTAL; step = step * 3 + 1) {
        size_t before = n;
        fake_host_window(peer(), step);
        settle();
        expect_pattern(fake_host_received(peer(), &n), 0, n);
        size_t want = before + step < TOTAL ? before + step : TOTAL;
        cr_assert_eq(n, want, "it stalls at %zu", before);
    }
    free(p);
    stop();
}

/* Both ways at once, each side as slow as the other: no order of events may stall it. */
Test(transparent, full_duplex_traffic_never_stalls) {
    start_online();
    enum { TOTAL = 200000 };
    uint8_t *p = pattern(TOTAL);
    uint32_t lcg = 1;
    size_t put_n = 0;
    size_t sent = 0;
    size_t up = 0;
    size_t down = 0;
    fake_host_window(peer(), 0);
    for (int turn = 0; up < TOTAL || down < TOTAL; turn++) {
        cr_assert_lt(turn, 20000, "stalled at %zu up, %zu down", up, down);
        lcg = lcg * 1664525u + 1013904223u;
        size_t part = 1 + (lcg >> 8) % 5000;
        size_t n = 0;
        if ((lcg >> 30) == 0 && put_n < TOTAL) {
            n = part < TOTAL - put_n ? part : TOTAL - put_n;
            put(p + put_n, n);
            put_n += n;
        } else if ((lcg >> 30) == 1 && sent < TOTAL) {
            n = part < TOTAL - sent ? part : TOTAL - sent;
            fake_host_send(peer(), p + sent, n);
            sent += n;
        } else if ((lcg >> 30) == 2) {
            out();
            expect_pattern(output, down, output_len);
            down += output_len;
        } else {
            fake_host_window(peer(), part);
        }
        settle();
        const uint8_t *got = fake_host_received(peer(), &n);
        expect_pattern(got, up, n);
        up += n;
        fake_host_take(peer(), n);
    }
    free(p);
    stop();
}

/* The room that on_rx keeps for held signs must not be where it stops for good. */
Test(transparent, input_goes_on_from_every_amount_of_room) {
    for (size_t left = 0; left <= 8; left++) {
        start_online();
        uint8_t *p = pattern(70000);
        fake_host_window(peer(), 70000 - LIMIT_STREAM_OUT + left);
        put(p, 70000);
        size_t n = 0;
        fake_host_received(peer(), &n);
        fake_host_window(peer(), 1);
        settle();
        fake_host_window(peer(), SIZE_MAX);
        settle();
        expect_pattern(fake_host_received(peer(), &n), 0, n);
        cr_assert_eq(n, 70000, "%zu bytes with room for %zu", n, left);
        free(p);
        stop();
    }
}

Test(transparent, dte_that_does_not_read_holds_the_peer_back) {
    start_online();
    send_pattern(peer(), 400000);
    cr_assert_gt(fake_host_unread(peer()), 200000u);
    cr_assert_leq(chan_pending(&ch), 2u * LIMIT_CHAN_HIGH);
    expect_out("", 400000, "");
    stop();
}

Test(transparent, delay_collects_what_comes_meanwhile) {
    start_open();
    expect_for("AT+CIPCCFG=,100\r", OK);
    expect_for(OPEN_TCP "\r", CONNECT);
    say(peer(), "a");
    pass(60);
    say(peer(), "b");
    pass(39);
    expect("");
    pass(1);
    expect("ab");
    say(peer(), "c");
    pass(99);
    expect("");
    pass(1);
    expect("c");
    stop();
}

Test(transparent, delay_and_a_slow_dte_do_not_stall) {
    start_open();
    expect_for("AT+CIPCCFG=,100\r", OK);
    expect_for(OPEN_TCP "\r", CONNECT);
    send_pattern(peer(), 100000);
    pass(100);
    cr_assert_gt(chan_pending(&ch), 0u);
    /* The output runs empty while the next delay runs. */
    say(peer(), "x");
    size_t n = 0;
    for (int i = 0; i < 100 && n < 100001; i++) {
        out();
        n += output_len;
        pass(100);
    }
    cr_assert_eq(n, 100001);
    stop();
}

Test(transparent, delay_does_not_outlast_an_escape) {
    start_open();
    expect_for("AT+CIPCCFG=,1000\r", OK);
    expect_for(OPEN_TCP "\r", CONNECT);
    pass(1000);
    type("+++");
    pass(500);
    say(peer(), "kept");
    pass(500);
    expect(OK);
    pass(2000);
    expect("");
    expect_for("ATO\r", CONNECT "kept");
    stop();
}

/* -- UDP -- */

static void expect_datagram(const char *want) {
    struct fake_datagram d;
    cr_assert(fake_host_next_datagram(fake, &d), "no datagram");
    cr_assert_eq(d.to.ip, (uint32_t)PEER_IP);
    cr_assert_eq(d.to.port, 5000);
    cr_assert_eq(d.from_port, 6000);
    cr_assert_eq(d.n, strlen(want), "%.*s", (int)d.n, d.p);
    cr_assert_eq(memcmp(d.p, want, d.n), 0, "%.*s", (int)d.n, d.p);
}

static const struct net_addr udp_peer = {PEER_IP, 5000};

Test(transparent, what_is_typed_together_is_one_datagram) {
    struct fake_datagram d;
    start_open();
    expect_for(OPEN_UDP "\r", CONNECT);
    type("one");
    type("two\r\n");
    expect_datagram("one");
    expect_datagram("two\r\n");
    cr_assert_not(fake_host_next_datagram(fake, &d));
    stop();
}

Test(transparent, datagrams_are_no_longer_than_a_segment) {
    struct fake_datagram d;
    start_open();
    expect_for(OPEN_UDP "\r", CONNECT);
    uint8_t *p = pattern(4000);
    put(p, 4000);
    free(p);
    static const size_t sizes[] = {1460, 1460, 1080};
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        cr_assert(fake_host_next_datagram(fake, &d));
        cr_assert_eq(d.n, sizes[i]);
        expect_pattern(d.p, at, d.n);
        at += d.n;
    }
    cr_assert_not(fake_host_next_datagram(fake, &d));
    stop();
}

Test(transparent, datagrams_come_out_whole_and_in_order) {
    start_open();
    expect_for(OPEN_UDP "\r", CONNECT);
    fake_host_send_datagram(fake, &udp_peer, 6000, "one", 3);
    fake_host_send_datagram(fake, &udp_peer, 6000, "two", 3);
    expect("onetwo");
    pass(1000);
    escape();
    fake_host_send_datagram(fake, &udp_peer, 6000, "three", 5);
    expect("");
    expect_for("ATO\r", CONNECT "three");
    stop();
}

Test(transparent, escape_sends_no_datagram_and_a_failed_one_does) {
    struct fake_datagram d;
    start_open();
    expect_for(OPEN_UDP "\r", CONNECT);
    pass(1000);
    escape();
    cr_assert_not(fake_host_next_datagram(fake, &d));
    expect_for("ATO\r", CONNECT);
    pass(1000);
    type("++");
    pass(901);
    expect_datagram("++");
    stop();
}

/* -- callers -- */

Test(transparent, caller_is_answered_at_once_without_a_ring) {
    start_server("7");
    struct fake_link *l = call(&caller, 8080);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57202") CONNECT);
    say(l, "hello");
    expect("hello");
    type("there");
    expect_at(l, "there");
    pass(1000);
    escape();
    expect_for("AT+CIPOPEN?\r",
               "\r\n+CIPOPEN: 0,\"TCP\",\"192.168.108.5\",57202,0\r\n+CIPOPEN: 1\r\n+CIPOPEN: 2\r\n"
               "+CIPOPEN: 3\r\n+CIPOPEN: 4\r\n+CIPOPEN: 5\r\n+CIPOPEN: 6\r\n+CIPOPEN: 7\r\n"
               "+CIPOPEN: 8\r\n+CIPOPEN: 9\r\n" OK);
    expect_for("AT+CIPCLOSE=0\r", OK CLOSED LINE("+CIPCLOSE: 0,0"));
    expect_for("AT+SERVERSTOP=0\r", LINE("+SERVERSTOP: 0,0") OK);
    stop();
}

Test(transparent, s0_is_read_and_written_with_three_digits) {
    start();
    expect_for("ATS0?\r", LINE("000") OK);
    expect_for("ATS0=007\r", OK);
    expect_for("ATS0?\r", LINE("007") OK);
    expect_for("ATS0=255\r", OK);
    expect_for("ATS0?\r", LINE("255") OK);
    expect_for("ATS0=256\r", LINE("ERROR"));
    stop();
}

Test(transparent, caller_without_automatic_answer_waits_with_its_data) {
    static const char *const answers[] = {"ATA\r", "ATO\r"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        start_server("0");
        struct fake_link *l = call(&caller, 8080);
        expect(LINE("+CLIENT: 0,0,192.168.108.5:57202"));
        say(l, "waiting");
        pass(60000);
        expect("");
        expect_for(answers[i], CONNECT "waiting");
        type("x");
        expect_at(l, "x");
        stop();
    }
}

Test(transparent, caller_that_is_not_answered_can_be_closed) {
    start_server("0");
    struct fake_link *l = call(&caller, 8080);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57202"));
    expect_for("AT+CIPCLOSE=0\r", OK CLOSED LINE("+CIPCLOSE: 0,0"));
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_FIN);
    expect_for("ATA\r", NO_CARRIER);
    stop();
}

Test(transparent, answer_waits_for_the_command_that_is_being_typed) {
    start_server("1");
    type("AT+CI");
    call(&caller, 8080);
    expect("");
    type("PMODE?\r");
    expect(LINE("+CIPMODE: 1") OK LINE("+CLIENT: 0,0,192.168.108.5:57202") CONNECT);
    stop();
}

Test(transparent, caller_that_gives_up_before_the_answer_is_told_and_gone) {
    start_server("1");
    type("AT");
    struct fake_link *l = call(&caller, 8080);
    fake_host_end(l, 0);
    settle();
    expect_for("\r", OK LINE("+CLIENT: 0,0,192.168.108.5:57202") CLOSED);
    expect_for("ATA\r", NO_CARRIER);
    call(&caller_2, 8080);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57203") CONNECT);
    stop();
}

Test(transparent, second_caller_is_refused_while_the_link_is_taken) {
    start_server("1");
    struct fake_link *l = call(&caller, 8080);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57202") CONNECT);
    struct fake_link *second = call(&caller_2, 8080);
    expect("");
    cr_assert_neq(fake_host_seen(second), FAKE_SEEN_NOTHING);
    pass(1000);
    escape();
    second = call(&caller_2, 8080);
    cr_assert_neq(fake_host_seen(second), FAKE_SEEN_NOTHING);
    expect("");
    expect_for("ATO\r", CONNECT);
    say(l, "still here");
    expect("still here");
    stop();
}

Test(transparent, second_caller_is_refused_until_the_data_of_the_first_is_read) {
    start_server("1");
    struct fake_link *l = call(&caller, 8080);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57202") CONNECT);
    send_pattern(l, 30000);
    fake_host_end(l, 0);
    settle();
    struct fake_link *second = call(&caller_2, 8080);
    cr_assert_neq(fake_host_seen(second), FAKE_SEEN_NOTHING);
    expect_out("", 30000, CLOSED);
    call(&caller_2, 8080);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57203") CONNECT);
    stop();
}

Test(transparent, next_caller_is_taken_although_the_last_one_left_data) {
    start_server("0");
    struct fake_link *l = call(&caller, 8080);
    say(l, "never read");
    fake_host_end(l, 0);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57202") CLOSED);
    l = call(&caller_2, 8080);
    say(l, "read");
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57203"));
    expect_for("ATA\r", CONNECT "read");
    stop();
}

Test(transparent, caller_is_refused_while_the_link_is_a_client_of_its_own) {
    start_server("1");
    expect_for(OPEN_TCP "\r", CONNECT);
    struct fake_link *l = call(&caller, 8080);
    cr_assert_neq(fake_host_seen(l), FAKE_SEEN_NOTHING);
    expect("");
    stop();
}

Test(transparent, module_that_rings_answers_at_the_s0th_ring) {
    start_server("3");
    profile.server_rings = true;
    call(&caller, 8080);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57202") LINE("RING"));
    pass(4999);
    expect("");
    pass(1);
    expect(LINE("RING"));
    pass(5000);
    expect(LINE("RING") CONNECT);
    pass(60000);
    expect("");
    stop();
}

Test(transparent, module_that_rings_rings_on_until_answered) {
    start_server("0");
    profile.server_rings = true;
    call(&caller, 8080);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57202") LINE("RING"));
    for (int i = 0; i < 20; i++) {
        pass(5000);
        expect(LINE("RING"));
    }
    expect_for("ATA\r", CONNECT);
    pass(60000);
    expect("");
    stop();
}

Test(transparent, module_that_rings_stops_when_the_caller_gives_up) {
    start_server("3");
    profile.server_rings = true;
    struct fake_link *l = call(&caller, 8080);
    pass(5000);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57202") LINE("RING") LINE("RING"));
    fake_host_end(l, 0);
    expect(CLOSED);
    pass(60000);
    expect("");
    stop();
}

Test(transparent, nobody_answers_while_dtr_is_off_and_counts) {
    for (int rings = 0; rings <= 1; rings++) {
        start_server("1");
        profile.server_rings = rings != 0;
        expect_for("AT&D2\r", OK);
        chan_set_open(&ch, false);
        call(&caller, 8080);
        pass(30000);
        chan_set_open(&ch, true);
        settle();
        out();
        cr_assert_null(strstr(output, "CONNECT"), "%s", output);
        expect_for("ATA\r", CONNECT);
        stop();
    }
}

Test(transparent, caller_meets_a_closed_port_and_is_answered_when_it_opens) {
    start_server("1");
    chan_set_open(&ch, false);
    struct fake_link *l = call(&caller, 8080);
    expect(LINE("+CLIENT: 0,0,192.168.108.5:57202"));
    say(l, "early");
    chan_set_open(&ch, true);
    expect(CONNECT "early");
    stop();
}

/* -- DTR -- */

static void start_online_with(const char *setting) {
    start_open();
    type(setting);
    expect_for("\r", OK);
    expect_for(OPEN_TCP "\r", CONNECT);
    pass(1000);
}

Test(transparent, dtr_off_is_ignored_under_d0) {
    start_online_with("AT&D0");
    chan_set_dtr(&ch, false);
    type("abc");
    expect_at(peer(), "abc");
    chan_set_dtr(&ch, true);
    say(peer(), "def");
    expect("def");
    stop();
}

Test(transparent, dtr_off_escapes_under_d1) {
    start_online_with("AT&D1");
    chan_set_dtr(&ch, false);
    expect(OK);
    chan_set_dtr(&ch, true);
    expect_for("AT\r", OK);
    say(peer(), "kept");
    expect_for("ATO\r", CONNECT "kept");
    type("abc");
    expect_at(peer(), "abc");
    stop();
}

Test(transparent, dtr_off_hangs_up_under_d2) {
    start_online_with("AT&D2");
    chan_set_dtr(&ch, false);
    expect(CLOSED);
    cr_assert_eq(fake_host_seen(peer()), FAKE_SEEN_FIN);
    chan_set_dtr(&ch, true);
    expect_for("ATO\r", NO_CARRIER);
    stop();
}

Test(transparent, dtr_off_does_nothing_in_command_mode) {
    start_escaped();
    expect_for("AT&D2\r", OK);
    chan_set_dtr(&ch, false);
    chan_set_dtr(&ch, true);
    expect("");
    expect_for("ATO\r", CONNECT);
    stop();
}

Test(transparent, signs_held_when_dtr_drops_are_data) {
    static const char *const settings_[] = {"AT&D1", "AT&D2"};
    for (size_t i = 0; i < sizeof settings_ / sizeof settings_[0]; i++) {
        start_online_with(settings_[i]);
        type("ab");
        pass(1000);
        type("+++");
        chan_set_dtr(&ch, false);
        expect_at(peer(), "ab+++");
        out();
        pass(5000);
        expect("");
        stop();
    }
}

Test(transparent, last_close_under_d0_keeps_data_mode) {
    start_online_with("AT&D0");
    chan_set_open(&ch, false);
    say(peer(), "meanwhile");
    chan_set_open(&ch, true);
    expect("meanwhile");
    type("abc");
    expect_at(peer(), "abc");
    stop();
}

Test(transparent, last_close_under_d0_loses_no_input) {
    start_online_with("AT&D0");
    uint8_t *p = pattern(70000);
    fake_host_window(peer(), 0);
    put(p, 70000);
    chan_set_open(&ch, false);
    chan_set_open(&ch, true);
    fake_host_window(peer(), SIZE_MAX);
    settle();
    size_t n = 0;
    expect_pattern(fake_host_received(peer(), &n), 0, n);
    cr_assert_eq(n, 70000);
    free(p);
    stop();
}

Test(transparent, remote_close_under_d0_without_a_dte_is_told_behind_the_data) {
    start_online_with("AT&D0");
    chan_set_open(&ch, false);
    say(peer(), "last words");
    fake_host_end(peer(), 0);
    settle();
    chan_set_open(&ch, true);
    expect("last words" CLOSED);
    expect_for("AT\r", OK);
    stop();
}

Test(transparent, last_close_under_d1_escapes_without_a_word) {
    start_online_with("AT&D1");
    chan_set_open(&ch, false);
    say(peer(), "kept");
    chan_set_open(&ch, true);
    expect_for("AT\r", OK);
    expect_for("ATO\r", CONNECT "kept");
    stop();
}

Test(transparent, last_close_under_d2_hangs_up_without_a_word) {
    start_online_with("AT&D2");
    chan_set_open(&ch, false);
    settle();
    cr_assert_eq(fake_host_seen(peer()), FAKE_SEEN_FIN);
    chan_set_open(&ch, true);
    expect_for("AT\r", OK);
    expect_for("ATO\r", NO_CARRIER);
    stop();
}

Test(transparent, output_left_by_a_dte_that_is_gone_is_not_the_next_ones) {
    start_online_with("AT&D1");
    send_pattern(peer(), 30000);
    chan_set_open(&ch, false);
    chan_set_open(&ch, true);
    expect_for("AT\r", OK);
    stop();
}

Test(transparent, input_left_by_a_dte_that_is_gone_is_not_the_next_ones) {
    start_online_with("AT&D1");
    fake_host_window(peer(), 0);
    /* More than the link and the channel take: the rest is still with the transport. */
    uint8_t *p = pattern(80000);
    put(p, 80000);
    free(p);
    type("\rAT+CIPCLOSE=0\r");
    cr_assert_gt(buf_len(&mem.waiting), 0u);
    chan_set_open(&ch, false);
    chan_set_open(&ch, true);
    expect_for("AT\r", OK);
    expect_for("ATO\r", CONNECT);
    stop();
}

Test(transparent, link_is_not_opened_for_a_dte_that_has_left) {
    static const struct {
        const char *setting, *resumed;
    } cases[] = {{"AT&D1\r", NO_CARRIER}, {"AT&D2\r", NO_CARRIER}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start_open();
        expect_for(cases[i].setting, OK);
        chan_mem_put(&mem, OPEN_TCP "\r", strlen(OPEN_TCP "\r"));
        chan_set_open(&ch, false);
        settle();
        chan_set_open(&ch, true);
        settle();
        out();
        expect_for("ATO\r", cases[i].resumed);
        stop();
    }
}
