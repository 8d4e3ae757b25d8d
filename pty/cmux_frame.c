#include "pty/cmux_frame.h"

#include <string.h>

#include "base/obj.h"

enum {
    BASIC_FLAG = 0xf9,
    FLAG = 0x7e,
    ESCAPE = 0x7d,
    FLIP = 0x20, /* what an escaped octet is XORed with */
    XON = 0x11,
    XOFF = 0x13,
    EA = 0x01,
    CR = 0x02,
    FINAL = 0x10,
    FCS_GOOD = 0xcf, /* of a whole frame with its check sequence (27.010 5.2.1.6) */
    BASIC_HEAD = 4,  /* flag, address, control, length */
    SHORT_MAX = 127, /* what a length of one octet can say */
};

/* CRC-8 by x^8 + x^2 + x + 1, low bit first (27.010 B.3.5.2). */
static uint8_t fcs_add(uint8_t fcs, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        fcs ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            fcs = (uint8_t)(fcs & 1 ? fcs >> 1 ^ 0xe0 : fcs >> 1);
        }
    }
    return fcs;
}

/* UIH frames are checked by their header alone, all others as a whole (27.010 5.2.1.6). */
static bool is_header_checked(uint8_t control) {
    return (control & ~FINAL) == CMUX_UIH;
}

static uint8_t fcs_of(uint8_t control, const uint8_t *head, size_t nhead, const uint8_t *info,
                      size_t n) {
    uint8_t fcs = fcs_add(0xff, head, nhead);
    return is_header_checked(control) ? fcs : fcs_add(fcs, info, n);
}

void cmux_decoder_init(struct cmux_decoder *d, enum cmux_option option, size_t info_max) {
    must(info_max <= LIMIT_CMUX_INFO);
    *d = (struct cmux_decoder){
        .option = option, .info_max = info_max, .is_lost = option == CMUX_ADVANCED};
}

static void fill(struct cmux_frame *f, uint8_t address, uint8_t control, const uint8_t *info,
                 size_t n) {
    *f = (struct cmux_frame){
        .dlci = address >> 2,
        .is_command = (address & CR) != 0,
        .is_final = (control & FINAL) != 0,
        .type = (uint8_t)(control & ~FINAL),
        .info = info,
        .n = n,
    };
}

/* -- basic option -- */

/* Leaves what follows the first octet, from the next flag on. */
static void give_up(struct cmux_decoder *d, uint64_t *counter) {
    (*counter)++;
    const uint8_t *flag = memchr(d->raw + 1, BASIC_FLAG, d->len - 1);
    size_t skip = flag != NULL ? (size_t)(flag - d->raw) : d->len;
    d->len -= skip;
    memmove(d->raw, d->raw + skip, d->len);
}

/* Flags in a row are one; what stands in front of a flag is nothing. */
static void skip_flags(struct cmux_decoder *d) {
    size_t skip = 0;
    while (skip < d->len && d->raw[skip] != BASIC_FLAG) {
        skip++;
    }
    while (skip + 1 < d->len && d->raw[skip + 1] == BASIC_FLAG) {
        skip++;
    }
    d->len -= skip;
    memmove(d->raw, d->raw + skip, d->len);
}

/* Where the information begins and how long it is; 0: the header is not whole yet. */
static size_t basic_head(const struct cmux_decoder *d, size_t *info) {
    if (d->len < BASIC_HEAD) {
        return 0;
    }
    *info = d->raw[3] >> 1;
    if ((d->raw[3] & EA) != 0) {
        return BASIC_HEAD;
    }
    if (d->len < BASIC_HEAD + 1) {
        return 0;
    }
    *info |= (size_t)d->raw[4] << 7;
    return BASIC_HEAD + 1;
}

static bool is_whole_good(struct cmux_decoder *d, size_t head, size_t info) {
    uint8_t fcs = fcs_of(d->raw[2], d->raw + 1, head - 1, d->raw + head, info);
    return fcs_add(fcs, d->raw + head + info, 1) == FCS_GOOD;
}

/* Looks at what was collected. Returns how many more octets are needed at least; 0: there is a
 * frame, whose last flag stays to open the next one. */
static size_t basic_look(struct cmux_decoder *d, struct cmux_frame *out) {
    for (;;) {
        size_t info = 0;
        skip_flags(d);
        if (d->len >= 2 && (d->raw[1] & EA) == 0) {
            give_up(d, &d->torn);
            continue;
        }
        size_t head = basic_head(d, &info);
        if (head == 0) {
            return 1;
        }
        size_t whole = head + info + 2;
        if (info > d->info_max) {
            give_up(d, &d->too_long);
        } else if (d->len < whole) {
            return whole - d->len;
        } else if (d->raw[whole - 1] != BASIC_FLAG) {
            give_up(d, &d->torn);
        } else if (!is_whole_good(d, head, info)) {
            give_up(d, &d->bad_fcs);
        } else {
            fill(out, d->raw[1], d->raw[2], d->raw + head, info);
            d->given = whole - 1;
            return 0;
        }
    }
}

static size_t basic_decode(struct cmux_decoder *d, const uint8_t *p, size_t n,
                           struct cmux_frame *out, bool *has_frame) {
    size_t used = 0;
    d->len -= d->given;
    memmove(d->raw, d->raw + d->given, d->len);
    d->given = 0;
    for (;;) {
        size_t want = basic_look(d, out);
        if (want == 0) {
            *has_frame = true;
            return used;
        }
        if (used == n) {
            return used;
        }
        size_t take = want < n - used ? want : n - used;
        memcpy(d->raw + d->len, p + used, take);
        d->len += take;
        used += take;
    }
}

/* -- advanced option -- */

static bool advanced_frame(struct cmux_decoder *d, struct cmux_frame *out) {
    enum { HEAD = 2, LEAST = HEAD + 1 };
    size_t n = d->len;
    bool is_lost = d->is_lost;
    bool is_aborted = d->is_escaped;
    d->is_lost = false;
    d->is_escaped = false;
    d->len = 0;
    if ((n == 0 && !is_aborted) || is_lost) {
        return false;
    }
    if (n < LEAST || is_aborted || (d->raw[0] & EA) == 0) {
        d->torn++;
        return false;
    }
    size_t info = n - LEAST;
    if (info > d->info_max) {
        d->too_long++;
        return false;
    }
    uint8_t fcs = fcs_of(d->raw[1], d->raw, HEAD, d->raw + HEAD, info);
    if (fcs_add(fcs, d->raw + n - 1, 1) != FCS_GOOD) {
        d->bad_fcs++;
        return false;
    }
    fill(out, d->raw[0], d->raw[1], d->raw + HEAD, info);
    return true;
}

static void advanced_add(struct cmux_decoder *d, uint8_t c) {
    if (c == ESCAPE) {
        d->is_escaped = true;
    } else if (c == XON || c == XOFF) {
        /* Of a software flow control below; data never has them unescaped (27.010 5.3.3). */
    } else if (d->len == sizeof d->raw) {
        d->too_long += !d->is_lost;
        d->is_lost = true;
    } else {
        d->raw[d->len++] = (uint8_t)(d->is_escaped ? c ^ FLIP : c);
        d->is_escaped = false;
    }
}

static size_t advanced_decode(struct cmux_decoder *d, const uint8_t *p, size_t n,
                              struct cmux_frame *out, bool *has_frame) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] != FLAG) {
            advanced_add(d, p[i]);
        } else if (advanced_frame(d, out)) {
            *has_frame = true;
            return i + 1;
        }
    }
    return n;
}

size_t cmux_decode(struct cmux_decoder *d, const uint8_t *p, size_t n, struct cmux_frame *out,
                   bool *has_frame) {
    *has_frame = false;
    return d->option == CMUX_BASIC ? basic_decode(d, p, n, out, has_frame)
                                   : advanced_decode(d, p, n, out, has_frame);
}

/* -- out -- */

static size_t put_escaped(uint8_t *to, const uint8_t *p, size_t n) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t plain = p[i] & 0x7f;
        bool is_special = p[i] == FLAG || p[i] == ESCAPE || plain == XON || plain == XOFF;
        if (is_special) {
            to[len++] = ESCAPE;
        }
        to[len++] = (uint8_t)(is_special ? p[i] ^ FLIP : p[i]);
    }
    return len;
}

size_t cmux_encode(enum cmux_option option, const struct cmux_frame *f, bool is_long,
                   uint8_t to[CMUX_FRAME_WIRE]) {
    must(f->n <= LIMIT_CMUX_INFO && f->dlci < 64);
    uint8_t head[CMUX_FRAME_HEAD];
    size_t nhead = 0;
    head[nhead++] = (uint8_t)(f->dlci << 2 | (f->is_command ? CR : 0) | EA);
    head[nhead++] = (uint8_t)(f->type | (f->is_final ? FINAL : 0));
    if (option == CMUX_BASIC && !is_long && f->n <= SHORT_MAX) {
        head[nhead++] = (uint8_t)(f->n << 1 | EA);
    } else if (option == CMUX_BASIC) {
        head[nhead++] = (uint8_t)((f->n & SHORT_MAX) << 1);
        head[nhead++] = (uint8_t)(f->n >> 7);
    }
    uint8_t fcs = (uint8_t)(0xff - fcs_of(f->type, head, nhead, f->info, f->n));
    uint8_t flag = option == CMUX_BASIC ? BASIC_FLAG : FLAG;
    size_t len = 0;
    to[len++] = flag;
    if (option == CMUX_BASIC) {
        memcpy(to + len, head, nhead);
        len += nhead;
        if (f->n > 0) {
            memcpy(to + len, f->info, f->n);
        }
        len += f->n;
        to[len++] = fcs;
    } else {
        len += put_escaped(to + len, head, nhead);
        len += put_escaped(to + len, f->info, f->n);
        len += put_escaped(to + len, &fcs, 1);
    }
    to[len++] = flag;
    return len;
}
