#include "base/pcapng.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/obj.h"

enum {
    SECTION = 0x0a0d0d0a,
    BYTE_ORDER = 0x1a2b3c4d,
    INTERFACE = 1,
    PACKET = 6,
};

enum option {
    OPT_END = 0,
    OPT_COMMENT = 1,
    OPT_IF_NAME = 2,
    OPT_PACKET_FLAGS = 2,
    OPT_IF_DESCRIPTION = 3,
    OPT_PROGRAM = 4,
    OPT_IF_TSRESOL = 9,
};

enum { INBOUND = 1, OUTBOUND = 2 }; /* epb_flags, bits 0 and 1 */

enum {
    MICROSECONDS = 6,          /* 10^-6 */
    FRAME = 12,                /* type and both lengths of a block */
    OPTION = 4 + PCAPNG_TEXT,  /* most of one, before padding */
    PACKET_HEAD = 20,          /* interface, instant, both lengths */
    OPTIONS = 3 * (OPTION + 3) /* most of all options of a block */
};

/* A block that is being written; room for it was seen to before. */
struct block {
    struct buf *to;
    uint8_t *p;
    size_t n;
};

static size_t padded(size_t n) {
    return (n + 3) & ~(size_t)3;
}

static void append(struct block *b, const void *p, size_t n) {
    if (n > 0) {
        memcpy(b->p + b->n, p, n);
    }
    b->n += n;
}

static void pad(struct block *b) {
    static const uint8_t zeros[4];
    append(b, zeros, padded(b->n) - b->n);
}

static void put32(struct block *b, uint32_t v) {
    const uint8_t bytes[] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    append(b, bytes, sizeof bytes);
}

static void put_option(struct block *b, enum option code, const void *p, size_t n) {
    put32(b, (uint32_t)code | (uint32_t)n << 16);
    append(b, p, n);
    pad(b);
}

static void put_text(struct block *b, enum option code, const char *text) {
    size_t n = strlen(text);
    put_option(b, code, text, n < PCAPNG_TEXT ? n : PCAPNG_TEXT);
}

/* Room for `body` bytes besides the options. */
static bool begin(struct block *b, struct buf *to, uint32_t type, size_t body) {
    size_t got = 0;
    size_t most = FRAME + body + OPTIONS;
    if (buf_room(to) < most) {
        return false;
    }
    *b = (struct block){.to = to, .p = buf_reserve(to, most, &got)};
    must(got == most);
    put32(b, type);
    put32(b, 0); /* its length, not known yet */
    return true;
}

static int end(struct block *b) {
    put_option(b, OPT_END, NULL, 0);
    uint32_t size = (uint32_t)b->n + 4;
    struct block length = {.p = b->p + 4};
    put32(&length, size);
    put32(b, size);
    buf_commit(b->to, b->n);
    return 0;
}

int pcapng_section(struct buf *to, const char *program) {
    enum { BODY = 16 };
    struct block b;
    if (!begin(&b, to, SECTION, BODY)) {
        return -ENOBUFS;
    }
    put32(&b, BYTE_ORDER);
    put32(&b, 1);          /* version 1.0 */
    put32(&b, UINT32_MAX); /* as long as the file is */
    put32(&b, UINT32_MAX);
    put_text(&b, OPT_PROGRAM, program);
    return end(&b);
}

int pcapng_interface(struct buf *to, enum pcapng_link link, const char *name, const char *what) {
    enum { BODY = 8 };
    static const uint8_t resolution = MICROSECONDS;
    struct block b;
    if (!begin(&b, to, INTERFACE, BODY)) {
        return -ENOBUFS;
    }
    put32(&b, (uint32_t)link);
    put32(&b, 0); /* packets of any length */
    put_text(&b, OPT_IF_NAME, name);
    put_text(&b, OPT_IF_DESCRIPTION, what);
    put_option(&b, OPT_IF_TSRESOL, &resolution, sizeof resolution);
    return end(&b);
}

int pcapng_packet(struct buf *to, const struct pcapng_packet *k) {
    struct block b;
    must(k->nprefix <= PCAPNG_PREFIX && k->size >= k->n);
    if (!begin(&b, to, PACKET, PACKET_HEAD + padded(k->nprefix + k->n))) {
        return -ENOBUFS;
    }
    put32(&b, k->interface);
    put32(&b, (uint32_t)((uint64_t)k->at.us >> 32));
    put32(&b, (uint32_t)k->at.us);
    put32(&b, (uint32_t)(k->nprefix + k->n));
    put32(&b, (uint32_t)(k->nprefix + k->size));
    append(&b, k->prefix, k->nprefix);
    append(&b, k->p, k->n);
    pad(&b);
    const uint8_t flags[] = {k->is_out ? OUTBOUND : INBOUND, 0, 0, 0};
    put_option(&b, OPT_PACKET_FLAGS, flags, sizeof flags);
    if (k->note != NULL) {
        put_text(&b, OPT_COMMENT, k->note);
    }
    return end(&b);
}
