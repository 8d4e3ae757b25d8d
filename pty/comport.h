/* comport.h: the far side of a serial port that is reached by Telnet (RFC 2217): negotiates,
 * answers the port's commands, keeps its settings and tells of its lines.
 *
 * It never begins a negotiation: a client that speaks no Telnet gets its bytes as they are, but
 * for an FF, which is two on the wire. Settings of the line (rate, size, parity, stop bits, and
 * which flow control the server is to use on its side) are kept and answered, and have no effect:
 * between this and the module there is no wire on which the two could differ.
 *
 * Borrows: the events and their context.
 * Calls back: from comport_rx and comport_set_lines only. An event in the middle of data comes
 *          between what stands in front of it and what stands behind.
 * Bounds:  what n bytes lead to is at most COMPORT_ANSWERS * n + TELNET_COMMAND_WIRE bytes, without
 *          the data that the module makes of it.
 */
#ifndef PTY_COMPORT_H
#define PTY_COMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pty/telnet.h"

enum { COMPORT_ANSWERS = 4 };

/* Lines towards the client, as RFC 2217 has their bits. */
enum comport_line {
    COMPORT_CTS = 0x10,
    COMPORT_DSR = 0x20,
    COMPORT_RI = 0x40,
    COMPORT_DCD = 0x80,
};

struct comport_events {
    void (*data)(void *ctx, const uint8_t *p, size_t n);
    void (*send)(void *ctx, const uint8_t *p, size_t n); /* answers and news, as they go out */
    void (*dtr)(void *ctx, bool on);
    void (*rts)(void *ctx, bool on);
    void (*brk)(void *ctx);                                     /* a break begins */
    void (*purge)(void *ctx, bool to_client, bool from_client); /* what waits is thrown away */
};

/* What SET-CONTROL sets: the newest value of each. */
enum comport_control { COMPORT_FLOW, COMPORT_BRK, COMPORT_DTR, COMPORT_RTS, COMPORT_FLOW_IN };
enum { COMPORT_CONTROLS = COMPORT_FLOW_IN + 1 };

enum { COMPORT_OPTIONS = 4 };

struct comport {
    const struct comport_events *ev;
    void *ctx;
    struct telnet_decoder decoder;
    struct telnet_encoder encoder;
    bool we[COMPORT_OPTIONS], they[COMPORT_OPTIONS]; /* by the table of options */
    bool is_telnet;    /* the client has said something that is no data */
    bool is_suspended; /* it wants no data now */
    uint32_t rate;     /* bit/s */
    uint8_t size, parity, stop;
    uint8_t control[COMPORT_CONTROLS];
    uint8_t line_mask, modem_mask;
    uint8_t lines; /* enum comport_line, as they are */
};

/* Of a client that has just come: DTR and RTS are on. */
void comport_init(struct comport *c, uint8_t lines, const struct comport_events *ev, void *ctx);

/* Bytes from the client; `p` is written over. */
void comport_rx(struct comport *c, uint8_t *p, size_t n);

/* Data for the client, at most 2 * n + 1 bytes. Returns how many. */
size_t comport_tx(struct comport *c, const uint8_t *p, size_t n, uint8_t *to);

void comport_set_lines(struct comport *c, uint8_t lines);

#endif
