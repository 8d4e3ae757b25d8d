/* telnet.h: Telnet as a stream of bytes (RFC 854): data, negotiations and the serial port's own
 * commands (RFC 2217) apart, and put together again.
 *
 * Pure, caller's memory. What is not known is skipped, what is broken is dropped up to where Telnet
 * itself goes on.
 */
#ifndef PTY_TELNET_H
#define PTY_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum telnet_byte {
    TELNET_SE = 240,
    TELNET_BRK = 243,
    TELNET_SB = 250,
    TELNET_WILL = 251,
    TELNET_WONT = 252,
    TELNET_DO = 253,
    TELNET_DONT = 254,
    TELNET_IAC = 255,
};

enum telnet_option {
    TELNET_BINARY = 0,    /* RFC 856 */
    TELNET_ECHO = 1,      /* RFC 857 */
    TELNET_SGA = 3,       /* RFC 858: no go-ahead */
    TELNET_COM_PORT = 44, /* RFC 2217 */
};

enum {
    TELNET_VALUE = 64, /* longest value of a port's command; a signature; longer ones are dropped */
    TELNET_COMMAND_WIRE = 6 + 2 * TELNET_VALUE, /* the longest a command gets */
};

struct telnet_sign {
    enum telnet_kind {
        TELNET_NOTHING,
        TELNET_VERB,    /* WILL, WONT, DO or DONT */
        TELNET_BREAK,   /* the key of a terminal */
        TELNET_COMMAND, /* of the port, with its value */
    } kind;
    uint8_t verb, option;
    uint8_t command;
    const uint8_t *value; /* good until the next call */
    size_t n;
};

struct telnet_decoder {
    enum telnet_state {
        TELNET_IN_DATA,
        TELNET_IN_IAC,
        TELNET_IN_VERB,
        TELNET_IN_SUB,
        TELNET_IN_SUB_IAC,
    } state;
    uint8_t verb;
    uint8_t sub[2 + TELNET_VALUE]; /* option, command, value */
    size_t nsub;                   /* may have counted beyond its end */
    bool is_nvt;                   /* a NUL behind a CR is the CR's */
    bool is_behind_cr;
};

void telnet_decoder_init(struct telnet_decoder *t);

/* Takes bytes up to the end of the next sign; returns how many. The data in front of it go to
 * `data`, which may be `p`: *ndata bytes. */
size_t telnet_decode(struct telnet_decoder *t, const uint8_t *p, size_t n, uint8_t *data,
                     size_t *ndata, struct telnet_sign *sign);

/* A command of the port as it goes on the wire; n is at most TELNET_VALUE. Returns its length. */
size_t telnet_command(uint8_t command, const void *value, size_t n,
                      uint8_t to[TELNET_COMMAND_WIRE]);

struct telnet_encoder {
    bool is_nvt; /* a CR that no LF follows is followed by a NUL */
    bool is_behind_cr;
};

/* Data as they go on the wire, at most 2 * n + 1 bytes. Returns how many. */
size_t telnet_encode(struct telnet_encoder *t, const uint8_t *p, size_t n, uint8_t *to);

#endif
