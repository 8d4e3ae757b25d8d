#include "netstack/stream_tap.h"

#include "base/clk.h"
#include "base/tap.h"
#include "netstack/bearer.h"
#include "netstack/ippkt.h"
#include "netstack/wire_up.h"

enum { TICK_US = 4 }; /* RFC 9293 3.4.1: of the clock of initial sequence numbers */

static const char lost_note[] = "lost on its way";

void stream_tap_init(struct stream_tap *t, struct bearer *b, const struct net_addr *peer,
                     uint16_t port) {
    uint32_t isn = (uint32_t)(clk_now(b->clk).us / TICK_US);
    *t = (struct stream_tap){.bearer = b, .peer = *peer, .port = port, .isn = isn};
    t->peer_isn = isn ^ UINT32_MAX;
    if (port == 0) {
        t->port = bearer_tap_port(b);
    }
}

static uint32_t seq_of(const struct stream_tap *t, uint64_t at) {
    return t->isn + 1 + (uint32_t)at;
}

static uint32_t peer_seq_of(const struct stream_tap *t, uint64_t at) {
    return t->peer_isn + 1 + (uint32_t)at;
}

/* What the module has of the peer's. */
static uint32_t taken(const struct stream_tap *t) {
    return peer_seq_of(t, t->arrived + (t->has_fin ? 1 : 0));
}

static void tell(const struct stream_tap *t, bool is_out, struct ippkt_segment *s,
                 const char *note) {
    const struct net_addr own = {t->bearer->ip, t->port};
    uint8_t packet[IPPKT_MAX];
    if (t->bearer->tap == NULL) {
        return;
    }
    s->from = is_out ? own : t->peer;
    s->to = is_out ? t->peer : own;
    size_t n = ippkt_make_tcp(s, packet);
    size_t size = s->data != NULL ? n : n + s->n;
    const struct tap_packet k = {
        .link = TAP_IP, .is_out = is_out, .p = packet, .n = n, .size = size, .note = note};
    t->bearer->tap->packet(t->bearer->tap->ctx, &k);
}

static void tell_plain(const struct stream_tap *t, bool is_out, uint32_t seq, uint32_t ack,
                       uint8_t flags) {
    tell(t, is_out, &(struct ippkt_segment){.seq = seq, .ack = ack, .flags = flags}, NULL);
}

/* A segment without data, behind all that has passed. */
static void tell_last(const struct stream_tap *t, bool is_out, uint8_t flags) {
    if (is_out) {
        tell_plain(t, true, seq_of(t, t->sent), taken(t), flags);
    } else {
        tell_plain(t, false, taken(t), seq_of(t, t->acked), flags);
    }
}

/* -- the beginning -- */

void stream_tap_syn(const struct stream_tap *t, bool is_lost) {
    tell(t, true, &(struct ippkt_segment){.seq = t->isn, .flags = IPPKT_SYN},
         is_lost ? lost_note : NULL);
}

void stream_tap_opened(const struct stream_tap *t) {
    tell_plain(t, false, t->peer_isn, t->isn + 1, IPPKT_SYN | IPPKT_ACK);
    tell_last(t, true, IPPKT_ACK);
}

void stream_tap_refused(const struct stream_tap *t) {
    tell_plain(t, false, 0, t->isn + 1, IPPKT_RST | IPPKT_ACK);
}

void stream_tap_accepted(const struct stream_tap *t) {
    tell_plain(t, false, t->peer_isn, 0, IPPKT_SYN);
    tell_plain(t, true, t->isn, t->peer_isn + 1, IPPKT_SYN | IPPKT_ACK);
    tell_plain(t, false, t->peer_isn + 1, t->isn + 1, IPPKT_ACK);
}

/* -- data -- */

void stream_tap_out(struct stream_tap *t, uint64_t at, const uint8_t *p, size_t n, bool is_lost) {
    uint64_t end = at + (n > 0 ? n : 1);
    size_t done = 0;
    t->sent = end > t->sent ? end : t->sent;
    do {
        struct ippkt_segment s = {
            .seq = seq_of(t, at + done),
            .ack = taken(t),
            .flags = n > 0 ? IPPKT_PSH | IPPKT_ACK : IPPKT_FIN | IPPKT_ACK,
            .data = p != NULL ? p + done : NULL,
            .n = n - done < WIRE_SEGMENT ? n - done : WIRE_SEGMENT,
        };
        tell(t, true, &s, is_lost ? lost_note : NULL);
        done += WIRE_SEGMENT;
    } while (done < n);
}

void stream_tap_acked(struct stream_tap *t, uint64_t acked) {
    if (acked > t->acked) {
        t->acked = acked;
        tell_last(t, false, IPPKT_ACK);
    }
}

void stream_tap_in(struct stream_tap *t, const uint8_t *p, size_t n) {
    for (size_t done = 0; done < n; done += WIRE_SEGMENT) {
        struct ippkt_segment s = {
            .seq = peer_seq_of(t, t->arrived + done),
            .ack = seq_of(t, t->acked),
            .flags = IPPKT_PSH | IPPKT_ACK,
            .data = p + done,
            .n = n - done < WIRE_SEGMENT ? n - done : WIRE_SEGMENT,
        };
        tell(t, false, &s, NULL);
    }
    t->arrived += n;
    if (n > 0) {
        tell_last(t, true, IPPKT_ACK);
    }
}

/* -- the end -- */

void stream_tap_fin(struct stream_tap *t) {
    tell_last(t, false, IPPKT_FIN | IPPKT_ACK);
    t->has_fin = true;
    tell_last(t, true, IPPKT_ACK);
}

void stream_tap_reset(const struct stream_tap *t, bool is_out) {
    tell_last(t, is_out, IPPKT_RST | IPPKT_ACK);
}
