#include "tests/support/ppp_peer.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/be.h"
#include "base/obj.h"

enum { LCP = 0xc021, IPCP = 0x8021, PAP = 0xc023, CHAP = 0xc223, IP = 0x21 };
enum { REQ = 1, ACK, NAK, REJ, TERM, TERM_ACK, PROTO_REJ = 8, ECHO, ECHO_REPLY };
enum { OUT_MAX = 1 << 20 };

void ppp_peer_init(struct ppp_peer *p) {
    static const uint8_t addresses[18] = {3, 6, 0, 0, 0, 0, 129, 6, 0, 0, 0, 0, 131, 6};
    static const uint8_t request[] = {2, 6, 0, 0, 0, 0, 5, 6, 1, 2, 3, 4, 7, 2, 8, 2};
    *p = (struct ppp_peer){.user = "u", .password = "p", .n_lcp_request = sizeof request};
    memcpy(p->addresses, addresses, sizeof addresses);
    memcpy(p->lcp_request, request, sizeof request);
    hdlc_rx_init(&p->rx);
    p->rx.accm = 0;
    hdlc_tx_init(&p->tx);
    buf_init(&p->out, OUT_MAX);
}

void ppp_peer_fini(struct ppp_peer *p) {
    buf_fini(&p->out);
}

static bool is_lcp_up(const struct ppp_peer *p) {
    return p->lcp.is_acked && p->lcp.has_acked;
}

void ppp_peer_say(struct ppp_peer *p, uint16_t protocol, const void *bytes, size_t n) {
    struct hdlc_tx full;
    hdlc_tx_init(&full);
    int err = hdlc_tx_frame(protocol == LCP || !is_lcp_up(p) ? &full : &p->tx, protocol, bytes, n,
                            &p->out);
    must(err == 0);
}

static void say(struct ppp_peer *p, uint16_t protocol, uint8_t code, uint8_t id, const void *data,
                size_t n) {
    uint8_t packet[HDLC_PAYLOAD_MAX] = {code, id};
    be_put16(packet + 2, (uint16_t)(n + 4));
    memcpy(packet + 4, data, n);
    ppp_peer_say(p, protocol, packet, n + 4);
}

bool ppp_peer_is_up(const struct ppp_peer *p) {
    return is_lcp_up(p) && p->ipcp.is_acked && p->ipcp.has_acked && !p->is_terminated;
}

uint32_t ppp_peer_ip(const struct ppp_peer *p, unsigned which) {
    return be_get32(p->addresses + 6 * which + 2);
}

void ppp_peer_poke(struct ppp_peer *p) {
    if (!p->lcp.is_acked) {
        say(p, LCP, REQ, ++p->lcp.id, p->lcp_request, p->n_lcp_request);
    }
    if (is_lcp_up(p) && p->auth == PAP && !p->is_let_in) {
        uint8_t data[64] = {(uint8_t)strlen(p->user)};
        size_t n = 1u + data[0];
        memcpy(data + 1, p->user, data[0]);
        data[n++] = (uint8_t)strlen(p->password);
        memcpy(data + n, p->password, data[n - 1]);
        say(p, PAP, REQ, 1, data, n + strlen(p->password));
    }
    if (is_lcp_up(p) && (p->auth == 0 || p->is_let_in) && !p->ipcp.is_acked) {
        uint8_t request[sizeof p->addresses];
        size_t n = 0;
        for (unsigned i = 0; i < 3; i++) {
            memcpy(request + n, p->addresses + 6 * (size_t)i, 6);
            n += p->gives_up[i] ? 0 : 6;
        }
        say(p, IPCP, REQ, ++p->ipcp.id, request, n);
    }
}

/* -- theirs -- */

static void on_lcp_request(struct ppp_peer *p, uint8_t id, const uint8_t *o, size_t n) {
    static const uint8_t pap[] = {3, 4, 0xc0, 0x23};
    static const uint8_t chap[] = {3, 5, 0xc2, 0x23, 5};
    p->auth = 0;
    p->tx.accm = HDLC_ACCM_ALL;
    for (size_t at = 0; at + 1 < n && o[at + 1] >= 2; at += o[at + 1]) {
        if (o[at] == 3 && at + 3 < n) {
            p->auth = be_get16(o + at + 2);
        }
        if (o[at] == 2 && at + 5 < n) {
            p->tx.accm = be_get32(o + at + 2);
        }
    }
    if (p->auth != 0 && p->no_pap && p->no_chap) {
        bool is_pap = p->auth == PAP;
        say(p, LCP, REJ, id, is_pap ? pap : chap, is_pap ? sizeof pap : sizeof chap);
    } else if (p->auth == PAP && p->no_pap) {
        say(p, LCP, NAK, id, chap, sizeof chap);
    } else if (p->auth == CHAP && p->no_chap) {
        say(p, LCP, NAK, id, pap, sizeof pap);
    } else {
        p->lcp.has_acked = true;
        p->is_let_in = false;
        p->ipcp = (struct ppp_peer_layer){.id = p->ipcp.id};
        say(p, LCP, ACK, id, o, n);
    }
}

static void on_nak(struct ppp_peer *p, uint16_t protocol, bool is_reject, const uint8_t *o,
                   size_t n) {
    p->naks += !is_reject;
    p->rejects += is_reject;
    for (size_t at = 0; at + 1 < n && o[at + 1] >= 2; at += o[at + 1]) {
        for (size_t own = 0; protocol == IPCP && own < sizeof p->addresses; own += 6) {
            if (p->addresses[own] == o[at] && o[at + 1] == 6 && at + 6 <= n) {
                memcpy(p->addresses + own, o + at, 6);
                p->gives_up[own / 6] |= is_reject;
            }
        }
    }
}

static void on_control(struct ppp_peer *p, uint16_t protocol, const uint8_t *b, size_t n) {
    struct ppp_peer_layer *l = protocol == LCP ? &p->lcp : &p->ipcp;
    bool is_first_ack = !l->is_acked;
    switch (b[0]) {
    case REQ:
        if (protocol == LCP) {
            on_lcp_request(p, b[1], b + 4, n);
        } else {
            l->has_acked = true;
            say(p, protocol, ACK, b[1], b + 4, n);
        }
        break;
    case ACK:
        l->is_acked = b[1] == l->id;
        break;
    case NAK:
    case REJ:
        on_nak(p, protocol, b[0] == REJ, b + 4, n);
        ppp_peer_poke(p);
        return;
    case TERM:
        p->is_terminated |= protocol == LCP;
        say(p, protocol, TERM_ACK, b[1], "", 0);
        return;
    case TERM_ACK:
        p->is_terminate_acked = true;
        return;
    case PROTO_REJ:
        p->protocol_rejects++;
        return;
    case ECHO:
        say(p, LCP, ECHO_REPLY, b[1], "\0\0\0", 4);
        return;
    case ECHO_REPLY:
        p->echoes++;
        return;
    default:
        return;
    }
    if (protocol == LCP && is_lcp_up(p) && (is_first_ack || b[0] == REQ)) {
        ppp_peer_poke(p);
    }
}

static void on_auth(struct ppp_peer *p, uint16_t protocol, const uint8_t *b, size_t n) {
    if (protocol == CHAP && b[0] == 1 && n >= 17) {
        p->challenges++;
        if (p->is_shy) {
            return;
        }
        uint8_t text[64] = {b[1]};
        uint8_t answer[17 + 16] = {16};
        size_t n_password = strlen(p->password);
        memcpy(text + 1, p->password, n_password);
        memcpy(text + 1 + n_password, b + 5, 16);
        must(EVP_Digest(text, 17 + n_password, answer + 1, NULL, EVP_md5(), NULL) == 1);
        memcpy(answer + 17, p->user, strlen(p->user));
        say(p, CHAP, 2, b[1], answer, 17 + strlen(p->user));
        return;
    }
    uint8_t good = protocol == CHAP ? 3 : 2;
    p->is_refused |= b[0] == good + 1;
    if (b[0] == good) {
        p->is_let_in = true;
        ppp_peer_poke(p);
    }
}

static void on_frame(struct ppp_peer *p, const struct hdlc_frame *f) {
    size_t size = f->n >= 4 ? be_get16(f->payload + 2) : 0;
    if (f->protocol == IP) {
        p->packets++;
        p->n_packet = f->n;
        memcpy(p->packet, f->payload, f->n);
        if (p->on_packet != NULL) {
            p->on_packet(p->ctx, f->payload, f->n);
        }
    } else if (size < 4 || size > f->n) {
        return;
    } else if (f->protocol == LCP || f->protocol == IPCP) {
        on_control(p, f->protocol, f->payload, size - 4);
    } else if (f->protocol == PAP || f->protocol == CHAP) {
        on_auth(p, f->protocol, f->payload, size - 4);
    }
}

void ppp_peer_rx(struct ppp_peer *p, const uint8_t *bytes, size_t n) {
    while (n > 0) {
        struct hdlc_frame f;
        bool has_frame = false;
        size_t used = hdlc_rx_feed(&p->rx, bytes, n, &f, &has_frame);
        if (has_frame) {
            on_frame(p, &f);
        }
        bytes += used;
        n -= used;
    }
}
