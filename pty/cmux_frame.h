/* cmux_frame.h: frames of the 27.010 multiplexer: bytes in, frames out, and back.
 *
 * Both options: basic (5.2: flag, length, check sequence, flag) and advanced (5.3: flags
 * and transparency). Pure, caller's memory. A frame that is broken is dropped and
 * counted, and reading goes on at the next flag inside of it, so that a torn frame costs
 * no other one.
 *
 * Not done: addresses of more than one octet (27.010 has none).
 */
#ifndef PTY_CMUX_FRAME_H
#define PTY_CMUX_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

enum cmux_option { CMUX_BASIC, CMUX_ADVANCED };

/* The control field without its poll/final bit (27.010 5.2.1.3). */
enum cmux_type {
    CMUX_UI = 0x03,
    CMUX_DM = 0x0f,
    CMUX_SABM = 0x2f,
    CMUX_DISC = 0x43,
    CMUX_UA = 0x63,
    CMUX_UIH = 0xef,
};

struct cmux_frame {
    unsigned dlci;
    bool is_command; /* the C/R bit */
    bool is_final;   /* the P/F bit */
    uint8_t type;    /* enum cmux_type, or a number that is none */
    const uint8_t *info;
    size_t n;
};

/* Flags, address, control, length, check sequence. */
enum { CMUX_FRAME_HEAD = 5, CMUX_FRAME_RAW = LIMIT_CMUX_INFO + 8 };
/* The longest a frame gets on the wire: in the advanced option each octet may become two. */
enum { CMUX_FRAME_WIRE = 2 * CMUX_FRAME_RAW };

struct cmux_decoder {
    enum cmux_option option;
    size_t info_max; /* a longer frame is dropped; at most LIMIT_CMUX_INFO */
    uint8_t raw[CMUX_FRAME_RAW];
    size_t len;
    size_t given;             /* basic: octets of `raw` that were the frame given out last */
    bool is_escaped, is_lost; /* advanced: behind 0x7D; nothing counts up to the next flag */
    uint64_t bad_fcs, too_long, torn;
};

void cmux_decoder_init(struct cmux_decoder *d, enum cmux_option option, size_t info_max);

/* Takes bytes up to the end of the next frame; returns how many. True in *has_frame: it is in
 * `out`, good until the next call. */
size_t cmux_decode(struct cmux_decoder *d, const uint8_t *p, size_t n, struct cmux_frame *out,
                   bool *has_frame);

/* The frame as it goes on the wire. is_long: the length in two octets also where one would do.
 * n is at most LIMIT_CMUX_INFO. Returns how many octets. */
size_t cmux_encode(enum cmux_option option, const struct cmux_frame *f, bool is_long,
                   uint8_t to[CMUX_FRAME_WIRE]);

#endif
