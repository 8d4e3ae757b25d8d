#include "netstack/ipdns.h"

#include <errno.h>
#include <string.h>

#include "base/be.h"
#include "base/sv.h"
#include "netstack/net.h"

enum {
    HEAD = 12,
    IS_ANSWER = 0x80,
    OPCODE = 0x78,
    RECURSION = 1,
    CLASS_IN = 1,
    TTL_S = 60,
    RECORD_HEAD = 12,
    POINTER_TO_QUESTION = 0xc00c,
};

/* Labels from `at` on as text; returns the size on the wire, 0: broken. */
static size_t read_name(const uint8_t *p, size_t n, char to[LIMIT_NAME + 1]) {
    size_t at = 0;
    size_t len = 0;
    bool is_text = true;
    while (at < n && p[at] != 0) {
        size_t label = p[at];
        if (label > LIMIT_LABEL || at + 1 + label >= n || at + 1 + label >= IPDNS_NAME_WIRE) {
            return 0;
        }
        if (len > 0) {
            to[len++] = '.';
        }
        for (size_t i = 0; i < label; i++) {
            is_text &= p[at + 1 + i] > ' ' && p[at + 1 + i] < 127 && p[at + 1 + i] != '.';
        }
        memcpy(to + len, p + at + 1, label);
        len += label;
        at += 1 + label;
    }
    to[is_text ? len : 0] = '\0';
    return at < n ? at + 1 : 0;
}

int ipdns_parse(struct ipdns_question *q, const uint8_t *p, size_t n) {
    *q = (struct ipdns_question){0};
    if (n < HEAD || (p[2] & IS_ANSWER) != 0) {
        return -EINVAL;
    }
    q->id = be_get16(p);
    q->wants_recursion = (p[2] & RECURSION) != 0;
    if ((p[2] & OPCODE) != 0) {
        return IPDNS_NOT_DONE;
    }
    size_t name = read_name(p + HEAD, n - HEAD, q->name);
    if (be_get16(p + 4) != 1 || name == 0 || n - HEAD < name + 4) {
        return IPDNS_FORMAT_ERROR;
    }
    q->n_wire = name + 4;
    memcpy(q->wire, p + HEAD, q->n_wire);
    q->type = be_get16(q->wire + name);
    return be_get16(q->wire + name + 2) == CLASS_IN ? 0 : IPDNS_REFUSED;
}

int ipdns_reverse(const struct ipdns_question *q, uint32_t *ip) {
    static const char suffix[] = ".in-addr.arpa";
    size_t n = strlen(q->name);
    size_t tail = sizeof suffix - 1;
    uint32_t turned = 0;
    if (q->type != IPDNS_PTR || n <= tail ||
        !sv_eq_nocase(sv_of(q->name + n - tail), sv_of(suffix)) ||
        net_parse_ip((struct sv){q->name, n - tail}, &turned) != 0) {
        return -EINVAL;
    }
    *ip = turned << 24 | (turned & 0xff00) << 8 | (turned >> 8 & 0xff00) | turned >> 24;
    return 0;
}

size_t ipdns_answer(const struct ipdns_question *q, int code, uint8_t out[IPDNS_ANSWER_MAX]) {
    memset(out, 0, HEAD);
    be_put16(out, q->id);
    out[2] = (uint8_t)(IS_ANSWER | (q->wants_recursion ? RECURSION : 0));
    out[3] = (uint8_t)(0x80 | code); /* recursion is available */
    be_put16(out + 4, q->n_wire > 0);
    memcpy(out + HEAD, q->wire, q->n_wire);
    return HEAD + q->n_wire;
}

/* An answer with one record of n bytes, which the caller puts at its end. */
static size_t answer_record(const struct ipdns_question *q, size_t n, uint8_t *out) {
    size_t at = ipdns_answer(q, IPDNS_OK, out);
    uint8_t *r = out + at;
    be_put16(out + 6, 1);
    be_put16(r, POINTER_TO_QUESTION);
    be_put16(r + 2, q->type);
    be_put16(r + 4, CLASS_IN);
    be_put16(r + 6, 0);
    be_put16(r + 8, TTL_S);
    be_put16(r + 10, (uint16_t)n);
    return at + RECORD_HEAD + n;
}

size_t ipdns_answer_ip(const struct ipdns_question *q, uint32_t ip, uint8_t out[IPDNS_ANSWER_MAX]) {
    size_t n = answer_record(q, 4, out);
    be_put32(out + n - 4, ip);
    return n;
}

size_t ipdns_answer_name(const struct ipdns_question *q, const char *name,
                         uint8_t out[IPDNS_ANSWER_MAX]) {
    uint8_t wire[IPDNS_NAME_WIRE + 2];
    size_t n = 0;
    if (!net_is_name(sv_of(name))) {
        return ipdns_answer(q, IPDNS_NO_NAME, out);
    }
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        wire[n++] = (uint8_t)label;
        memcpy(wire + n, name, label);
        n += label;
        name += label + (name[label] == '.');
    }
    wire[n++] = 0;
    size_t size = answer_record(q, n, out);
    memcpy(out + size - n, wire, n);
    return size;
}
