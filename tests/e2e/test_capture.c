/* What --pcap and capture.start write, as tshark reads it. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/cmux_dte.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/ppp_peer.h"
#include "tests/support/raw_ip.h"

enum { OUTPUT_MAX = 1 << 18, BULK = 4000 };

static struct daemon d;
static struct dte t;
static char output[OUTPUT_MAX];

TestSuite(e2e_capture, .timeout = 60);

/* What a shell command prints; the daemon's folder is its own. */
static __attribute__((format(printf, 1, 2))) const char *shell(const char *fmt, ...) {
    char command[1024];
    size_t n = (size_t)snprintf(command, sizeof command, "cd %s && ", d.folder);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command + n, sizeof command - n, fmt, ap);
    va_end(ap);
    FILE *from = popen(command, "r");
    cr_assert_not_null(from);
    output[fread(output, 1, sizeof output - 1, from)] = '\0';
    int status = pclose(from);
    cr_assert_eq(status, 0, "%s: %d, %s", command, status, output);
    return output;
}

#define TSHARK                                                                                     \
    "tshark -r all.pcapng --disable-protocol http -o ip.check_checksum:TRUE "                      \
    "-o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE 2>/dev/null "

static void start(struct far_end *far) {
    far_listen(far, FAR_ECHO);
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:*=127.0.0.1:%u", far->port);
    daemon_option(&d, "--pcap", "%s/all.pcapng", d.folder);
    daemon_option(&d, "--control", "%s/control", d.folder);
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0", "OK\r\n");
}

static void stop(struct far_end *far) {
    dte_close(&t);
    far_stop(far);
    daemon_stop(&d);
}

static void open_link(void) {
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 0,0\r\n");
}

/* Out and back again. */
static void echo(const uint8_t *p, size_t n) {
    uint8_t back[BULK];
    dte_say(&t, "AT+CIPSEND=0,%zu", n);
    dte_expect(&t, ">");
    dte_send(&t, p, n);
    for (size_t got = 0; got < n;) {
        size_t more = dte_pushed(&t, back + got, sizeof back - got);
        cr_assert_arr_eq(back + got, p + got, more);
        got += more;
    }
}

/* All that `tshark -z follow,tcp,raw` has of one side: the other's lines are indented. */
static size_t followed(bool is_back, uint8_t *to, size_t size) {
    size_t n = 0;
    char *save = NULL;
    for (char *line = strtok_r(output, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        const char *hex = line + (line[0] == '\t');
        if ((line[0] == '\t') != is_back || hex[strspn(hex, "0123456789abcdef")] != '\0') {
            continue;
        }
        for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
            const char pair[] = {hex[0], hex[1], '\0'};
            must(n < size);
            to[n++] = (uint8_t)strtoul(pair, NULL, 16);
        }
    }
    return n;
}

static void expect_good_packets(void) {
    cr_assert_str_eq(shell(TSHARK "-Y '_ws.malformed || ip.checksum.status == 0 ||"
                                  " tcp.checksum.status == 0 || udp.checksum.status == 0 ||"
                                  " tcp.analysis.flags'"),
                     "");
}

Test(e2e_capture, a_links_bytes_are_followed_both_ways) {
    static uint8_t sent[2 * 1460 + 7], got[2 * sizeof sent];
    struct far_end far;
    struct pattern p;
    pattern_init(&p, 3);
    pattern_fill(&p, sent, sizeof sent);
    start(&far);
    open_link();
    for (size_t done = 0; done < sizeof sent; done += 1460) {
        echo(sent + done, sizeof sent - done < 1460 ? sizeof sent - done : 1460);
    }
    dte_ask(&t, "AT+CIPCLOSE=0", "+CIPCLOSE: 0,0\r\n");
    for (int back = 0; back < 2; back++) {
        shell(TSHARK "-q -z follow,tcp,raw,0");
        cr_assert_eq(followed(back == 1, got, sizeof got), sizeof sent, "side %d", back);
        cr_assert_arr_eq(got, sent, sizeof sent);
    }
    expect_good_packets();
    cr_assert_not_null(strstr(shell(TSHARK "-Y tcp.flags.fin==1"), "80 [FIN, ACK]"));
    stop(&far);
}

/* Says what the driver has to say, and hears a byte. */
static void hear(struct ppp_peer *peer) {
    uint8_t byte = 0;
    dte_send(&t, buf_data(&peer->out), buf_len(&peer->out));
    buf_clear(&peer->out);
    dte_read(&t, &byte, 1);
    ppp_peer_rx(peer, &byte, 1);
}

static void ping_gateway(struct ppp_peer *peer) {
    static const uint8_t echo_request[] = {8, 0, 0xf7, 0xfd, 0, 1, 0, 1};
    uint8_t packet[IPPKT_MAX];
    uint32_t own = ppp_peer_ip(peer, 0);
    size_t n =
        raw_ip_make(packet, IPPKT_ICMP, own, own ^ 1, 1, 0, echo_request, sizeof echo_request);
    ppp_peer_say(peer, 0x0021, packet, n);
    while (peer->packets == 0) {
        hear(peer);
    }
}

Test(e2e_capture, a_dial_up_and_what_it_carries) {
    struct far_end far;
    struct ppp_peer peer;
    start(&far);
    dte_ask(&t, "ATD*99#", "CONNECT");
    dte_expect(&t, "\r\n");
    ppp_peer_init(&peer);
    ppp_peer_poke(&peer);
    while (!ppp_peer_is_up(&peer)) {
        hear(&peer);
        if (peer.lcp.is_acked && peer.lcp.has_acked && peer.ipcp.id == 0) {
            ppp_peer_poke(&peer);
        }
    }
    ping_gateway(&peer);
    ppp_peer_fini(&peer);
    const char *text = shell(TSHARK "-T fields -e frame.interface_name -e _ws.col.Protocol "
                                    "-e _ws.col.Info");
    cr_assert_not_null(strstr(text, "ppp0@at\tPPP LCP\tConfiguration Request"));
    cr_assert_not_null(strstr(text, "ppp0@at\tPPP LCP\tConfiguration Ack"));
    cr_assert_not_null(strstr(text, "ppp0@at\tPPP IPCP\tConfiguration Ack"));
    cr_assert_not_null(strstr(text, "ppp0@at\tICMP\tEcho (ping) request"));
    cr_assert_not_null(strstr(text, "ppp0@at\tICMP\tEcho (ping) reply"));
    text = shell(TSHARK "-Y 'frame.packet_flags_direction==1'");
    cr_assert_not_null(strstr(text, "(ping) request"));
    cr_assert_null(strstr(text, "(ping) reply"));
    expect_good_packets();
    stop(&far);
}

static void put_frame(unsigned dlci, uint8_t type, const char *info) {
    uint8_t wire[CMUX_FRAME_WIRE];
    dte_send(&t, wire, cmux_dte_frame(CMUX_BASIC, dlci, type, sv_of(info), wire));
}

Test(e2e_capture, virtual_ports_of_the_multiplexer) {
    struct far_end far;
    start(&far);
    dte_ask(&t, "AT+CMUX=0", "OK\r\n");
    put_frame(0, CMUX_SABM, "");
    put_frame(1, CMUX_SABM, "");
    put_frame(2, CMUX_SABM, "");
    put_frame(2, CMUX_UIH, "AT+CSQ\r");
    dte_expect(&t, "+CSQ: ");
    dte_expect(&t, "OK");
    const char *text = shell(TSHARK "-T fields -e frame.interface_name -e mux27010.direction "
                                    "-e mux27010.address.dlciaddress -e mux27010.control.frametype "
                                    "-e mux27010.checksum_correct");
    cr_assert_str_eq(text, "mux0@at\t0x00\t0\t0x2f,0x2f\t1\n" /* SABM, UA */
                           "mux0@at\t0x01\t0\t0x63,0x63\t1\n"
                           "mux0@at\t0x00\t1\t0x2f,0x2f\t1\n"
                           "mux0@at\t0x01\t1\t0x63,0x63\t1\n"
                           "mux0@at\t0x00\t2\t0x2f,0x2f\t1\n"
                           "mux0@at\t0x01\t2\t0x63,0x63\t1\n"
                           "mux0@at\t0x00\t2\t0xef,0xef\t1\n"   /* UIH: the command, */
                           "mux0@at\t0x01\t2\t0xef,0xef\t1\n"); /* its answer */
    expect_good_packets();
    stop(&far);
}

Test(e2e_capture, it_begins_and_ends_when_it_is_told_to) {
    struct far_end far;
    const char *ctl = getenv("SIM7X00CTL");
    start(&far);
    open_link();
    cr_assert_not_null(strstr(shell("! %s -s control capture start b.pcapng 2>&1", ctl),
                              "a capture is running already"));
    cr_assert_str_eq(shell("%s -s control capture stop", ctl), "packets: 3\n");
    cr_assert_not_null(strstr(shell("! %s -s control capture stop 2>&1", ctl), "no capture"));
    echo((const uint8_t *)"nobody", 6);
    shell("%s -s control capture start b.pcapng", ctl);
    echo((const uint8_t *)"HELLO", 5);
    const char *text = shell("tshark -r b.pcapng -T fields -e tcp.len -e data.text 2>/dev/null");
    cr_assert_not_null(strstr(text, "5\t"));
    cr_assert_null(strstr(text, "6\t"));
    struct stat st;
    char path[128];
    snprintf(path, sizeof path, "%s/b.pcapng", d.folder);
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    stop(&far);
}
