#define _GNU_SOURCE /* memmem */
/* A driver at the far end of a channel, a user below that stands for command state. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/limits.h"
#include "tests/support/dialup_rig.h"
#include "tests/support/raw_ip.h"

enum { IP = 0x0021, LCP = 0xc021 };

static struct dialup_rig rig;
static char tail[100]; /* of what the driver has read, the newest */

static void say_no_carrier(struct dialup_rig *r, enum ppp_close why) {
    static const char text[] = "\r\nNO CARRIER\r\n";
    (void)why;
    chan_write(&r->ch, text, sizeof text - 1);
}

static void setup(void) {
    dialup_rig_start(&rig);
    rig.on_closed = say_no_carrier;
    dialup_rig_connect(&rig, 0);
}

static void teardown(void) {
    dialup_rig_stop(&rig);
}

TestSuite(dialup, .init = setup, .fini = teardown, .timeout = 60);

/* The driver reads what is there; its end of PPP too. */
static size_t driver_reads(void) {
    static uint8_t got[1 << 17];
    size_t n = chan_mem_get(&rig.mem, got, sizeof got);
    ppp_peer_rx(&rig.peer, got, n);
    size_t keep = n < sizeof tail - 1 ? n : sizeof tail - 1;
    if (n > 0) {
        memcpy(tail, got + n - keep, keep);
        tail[keep] = '\0';
    }
    return n;
}

static void settle(void) {
    for (size_t more = 1; more > 0;) {
        clk_advance(rig.clk, CLK_US(0));
        more = driver_reads() + buf_len(&rig.peer.out);
        chan_mem_put(&rig.mem, buf_data(&rig.peer.out), buf_len(&rig.peer.out));
        buf_clear(&rig.peer.out);
    }
}

static void dial(void) {
    ppp_peer_poke(&rig.peer);
    settle();
    cr_assert_eq(rig.opened, 1);
}

static void ping(size_t n) {
    uint8_t icmp[IPPKT_MAX] = {8, 0, 0, 0, 0x12, 0x34, 0, 1};
    uint8_t packet[IPPKT_MAX];
    size_t size =
        raw_ip_make(packet, IPPKT_ICMP, rig.bearer.ip, DIALUP_RIG_GATEWAY, 0, 0, icmp, 8 + n);
    ppp_peer_say(&rig.peer, IP, packet, size);
}

Test(dialup, a_driver_dials_and_pings_the_gateway) {
    dial();
    ping(56);
    settle();
    cr_assert_eq(rig.peer.packets, 1);
    cr_assert_eq(rig.peer.packet[20], 0, "an Echo-Reply");
    struct ppp_counts counts;
    dialup_counts(rig.dialup, &counts);
    cr_assert_eq(counts.packets_in, 1);
    cr_assert_eq(counts.packets_out, 1);
}

Test(dialup, after_goodbye_come_its_ack_no_carrier_and_command_state) {
    dial();
    ppp_peer_say(&rig.peer, LCP, "\x05\x09\x00\x04", 4);
    buf_put(&rig.peer.out, "AT\r", 3);
    settle();
    cr_assert(rig.peer.is_terminate_acked);
    cr_assert_eq(rig.closed, 1);
    size_t n = strlen("\r\nNO CARRIER\r\n");
    const char *end = memmem(tail, sizeof tail, "\r\nNO CARRIER\r\n", n);
    cr_assert_not_null(end);
    cr_assert_eq(end[-1], '~', "the Ack is before it");
    chan_pump(&rig.ch);
    cr_assert_eq(rig.n_commands, 3);
    cr_assert_eq(memcmp(rig.commands, "AT\r", 3), 0);
}

Test(dialup, a_driver_that_does_not_read_is_waited_for_and_gets_everything) {
    enum { PINGS = 40 };
    dial();
    chan_mem_stall(&rig.mem, true);
    for (unsigned i = 0; i < PINGS; i++) {
        ping(1400);
    }
    chan_mem_put(&rig.mem, buf_data(&rig.peer.out), buf_len(&rig.peer.out));
    buf_clear(&rig.peer.out);
    clk_advance(rig.clk, CLK_US(0));
    cr_assert_leq(chan_pending(&rig.ch), LIMIT_CHAN_HIGH + 2048);
    chan_mem_stall(&rig.mem, false);
    settle();
    cr_assert_eq(rig.peer.packets, PINGS);
}

Test(dialup, in_command_state_the_link_is_silent_and_goes_on_afterwards) {
    dial();
    dialup_set_paused(rig.dialup, true);
    ping(10);
    chan_mem_put(&rig.mem, buf_data(&rig.peer.out), buf_len(&rig.peer.out));
    buf_clear(&rig.peer.out);
    clk_advance(rig.clk, CLK_S(1000));
    cr_assert_eq(driver_reads(), 0);
    cr_assert_eq(rig.closed, 0);
    dialup_set_paused(rig.dialup, false);
    settle();
    cr_assert_eq(rig.peer.packets, 1);
}

Test(dialup, a_peer_with_another_mru_gets_another_gate) {
    static const uint8_t mru[] = {1, 4, 0x02, 0x00};
    dial();
    memcpy(rig.peer.lcp_request, mru, sizeof mru);
    rig.peer.n_lcp_request = sizeof mru;
    rig.peer.lcp.is_acked = false;
    ppp_peer_poke(&rig.peer);
    settle();
    cr_assert_eq(rig.opened, 2);
    ping(56);
    settle();
    cr_assert_eq(rig.peer.packets, 1);
}

Test(dialup, our_goodbye_ends_it_too) {
    dial();
    dialup_close(rig.dialup);
    settle();
    cr_assert(rig.peer.is_terminated);
    cr_assert_eq(rig.closed, 1);
}
