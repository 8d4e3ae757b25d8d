#include "pty/comport.h"

#include <string.h>

#include "base/be.h"

/* RFC 2217 2; an answer has the number of its command, and ANSWER more. */
enum command {
    SIGNATURE = 0,
    SET_BAUDRATE = 1,
    SET_DATASIZE = 2,
    SET_PARITY = 3,
    SET_STOPSIZE = 4,
    SET_CONTROL = 5,
    NOTIFY_LINESTATE = 6,
    NOTIFY_MODEMSTATE = 7,
    FLOWCONTROL_SUSPEND = 8,
    FLOWCONTROL_RESUME = 9,
    SET_LINESTATE_MASK = 10,
    SET_MODEMSTATE_MASK = 11,
    PURGE_DATA = 12,
    ANSWER = 100,
};

enum { PURGE_TO_CLIENT = 1, PURGE_FROM_CLIENT = 2, PURGE_BOTH = 3 };
enum { NOT_SENDING = 0x60 }; /* line state: its registers are empty */
enum { DELTA_SHIFT = 4, DELTA_RI = 0x04 };

static const struct {
    uint8_t option;
    bool we, they; /* which side may have it */
} options[COMPORT_OPTIONS] = {
    {TELNET_BINARY, true, true},
    {TELNET_ECHO, true, false}, /* the module's own */
    {TELNET_SGA, true, true},
    {TELNET_COM_PORT, true, true},
};

enum { BINARY = 0, COM_PORT = 3 }; /* places in the table */

void comport_init(struct comport *c, uint8_t lines, const struct comport_events *ev, void *ctx) {
    *c = (struct comport){
        .ev = ev,
        .ctx = ctx,
        .rate = 115200,
        .size = 8,
        .parity = 1,
        .stop = 1,
        .control = {[COMPORT_FLOW] = 1,
                    [COMPORT_BRK] = 6,
                    [COMPORT_DTR] = 8,
                    [COMPORT_RTS] = 11,
                    [COMPORT_FLOW_IN] = 14},
        .modem_mask = 0xff,
        .lines = lines,
    };
    telnet_decoder_init(&c->decoder);
}

static void answer(struct comport *c, uint8_t command, const void *value, size_t n) {
    uint8_t wire[TELNET_COMMAND_WIRE];
    c->ev->send(c->ctx, wire, telnet_command((uint8_t)(command + ANSWER), value, n, wire));
}

static bool is_com_port(const struct comport *c) {
    return c->we[COM_PORT] || c->they[COM_PORT];
}

static void tell_lines(struct comport *c, uint8_t deltas) {
    uint8_t state = (uint8_t)((c->lines | deltas) & c->modem_mask);
    answer(c, NOTIFY_MODEMSTATE, &state, 1);
}

/* -- which options are on -- */

/* Clients of a serial port send their bytes as they are without asking for BINARY first
 * (pyserial). */
static void choose_mode(struct comport *c) {
    bool is_nvt = c->is_telnet && !is_com_port(c);
    c->decoder.is_nvt = is_nvt && !c->they[BINARY];
    c->encoder.is_nvt = is_nvt && !c->we[BINARY];
}

static void reply(struct comport *c, uint8_t verb, uint8_t option) {
    const uint8_t wire[] = {TELNET_IAC, verb, option};
    c->ev->send(c->ctx, wire, sizeof wire);
}

/* What is so already is not answered: that is what ends a negotiation (RFC 854). */
static void negotiate(struct comport *c, uint8_t verb, uint8_t option) {
    bool is_ours = verb == TELNET_DO || verb == TELNET_DONT;
    bool is_wanted = verb == TELNET_DO || verb == TELNET_WILL;
    const uint8_t yes = is_ours ? TELNET_WILL : TELNET_DO;
    const uint8_t no = is_ours ? TELNET_WONT : TELNET_DONT;
    bool was_com_port = is_com_port(c);
    c->is_telnet = true;
    for (size_t i = 0; i < COMPORT_OPTIONS; i++) {
        bool *has = is_ours ? &c->we[i] : &c->they[i];
        if (options[i].option != option || !(is_ours ? options[i].we : options[i].they)) {
            continue;
        }
        if (*has != is_wanted) {
            *has = is_wanted;
            reply(c, is_wanted ? yes : no, option);
        }
        choose_mode(c);
        if (!was_com_port && is_com_port(c)) {
            tell_lines(c, 0);
        }
        return;
    }
    if (is_wanted) {
        reply(c, no, option);
    }
    choose_mode(c);
}

/* -- the port's commands -- */

static void set_rate(struct comport *c, const uint8_t *value, size_t n) {
    enum { SIZE = 4 };
    if (n != SIZE) {
        return;
    }
    uint32_t rate = be_get32(value);
    c->rate = rate != 0 ? rate : c->rate;
    uint8_t now[SIZE];
    be_put32(now, c->rate);
    answer(c, SET_BAUDRATE, now, SIZE);
}

/* One of few values; 0, and what there is not, only asks. */
static void set_one(struct comport *c, uint8_t command, uint8_t *to, uint8_t value, uint8_t lo,
                    uint8_t hi) {
    if (value >= lo && value <= hi) {
        *to = value;
    }
    answer(c, command, to, 1);
}

/* SET-CONTROL, by value: what it sets, or asks for. */
static const struct {
    enum comport_control of;
    bool asks;
} controls[] = {
    {COMPORT_FLOW, true},     {COMPORT_FLOW, false},    {COMPORT_FLOW, false},
    {COMPORT_FLOW, false},    {COMPORT_BRK, true},      {COMPORT_BRK, false},
    {COMPORT_BRK, false},     {COMPORT_DTR, true},      {COMPORT_DTR, false},
    {COMPORT_DTR, false},     {COMPORT_RTS, true},      {COMPORT_RTS, false},
    {COMPORT_RTS, false},     {COMPORT_FLOW_IN, true},  {COMPORT_FLOW_IN, false},
    {COMPORT_FLOW_IN, false}, {COMPORT_FLOW_IN, false}, {COMPORT_FLOW, false},
    {COMPORT_FLOW_IN, false}, {COMPORT_FLOW, false},
};

static void set_control(struct comport *c, uint8_t value) {
    enum { BREAK_ON = 5, DTR_ON = 8, RTS_ON = 11 };
    if (value >= sizeof controls / sizeof controls[0]) {
        return;
    }
    enum comport_control of = controls[value].of;
    bool is_news = !controls[value].asks && c->control[of] != value;
    if (is_news) {
        c->control[of] = value;
    }
    /* The answer comes first: what the lines lead to is told behind it. */
    answer(c, SET_CONTROL, &c->control[of], 1);
    if (!is_news) {
        return;
    }
    if (of == COMPORT_DTR) {
        c->ev->dtr(c->ctx, value == DTR_ON);
    } else if (of == COMPORT_RTS) {
        c->ev->rts(c->ctx, value == RTS_ON);
    } else if (value == BREAK_ON) {
        c->ev->brk(c->ctx);
    }
}

static void purge(struct comport *c, uint8_t value) {
    if (value >= PURGE_TO_CLIENT && value <= PURGE_BOTH) {
        c->ev->purge(c->ctx, (value & PURGE_TO_CLIENT) != 0, (value & PURGE_FROM_CLIENT) != 0);
    }
    answer(c, PURGE_DATA, &value, 1);
}

/* Those that have a value of one byte. */
static void command_of_one(struct comport *c, uint8_t command, uint8_t value) {
    static const uint8_t line_state = NOT_SENDING;
    switch (command) {
    case SET_DATASIZE:
        set_one(c, command, &c->size, value, 5, 8);
        break;
    case SET_PARITY:
        set_one(c, command, &c->parity, value, 1, 5);
        break;
    case SET_STOPSIZE:
        set_one(c, command, &c->stop, value, 1, 3);
        break;
    case SET_CONTROL:
        set_control(c, value);
        break;
    case SET_LINESTATE_MASK:
        c->line_mask = value;
        answer(c, command, &value, 1);
        if ((value & line_state) != 0) {
            answer(c, NOTIFY_LINESTATE, &(uint8_t){line_state & value}, 1);
        }
        break;
    case SET_MODEMSTATE_MASK:
        c->modem_mask = value;
        answer(c, command, &value, 1);
        break;
    case PURGE_DATA:
        purge(c, value);
        break;
    default:
        break;
    }
}

static void command(struct comport *c, const struct telnet_sign *sign) {
    static const char signature[] = "SIM7X00";
    if (!is_com_port(c)) {
        return;
    }
    switch (sign->command) {
    case SIGNATURE:
        if (sign->n == 0) { /* else it is the client's */
            answer(c, SIGNATURE, signature, sizeof signature - 1);
        }
        break;
    case SET_BAUDRATE:
        set_rate(c, sign->value, sign->n);
        break;
    case NOTIFY_LINESTATE:
        answer(c, NOTIFY_LINESTATE, &(uint8_t){NOT_SENDING}, 1);
        break;
    case NOTIFY_MODEMSTATE: /* a client that asks (pyserial's poll_modem) */
        tell_lines(c, 0);
        break;
    case FLOWCONTROL_SUSPEND:
    case FLOWCONTROL_RESUME:
        c->is_suspended = sign->command == FLOWCONTROL_SUSPEND;
        break;
    default:
        if (sign->n == 1) {
            command_of_one(c, sign->command, sign->value[0]);
        }
        break;
    }
}

void comport_rx(struct comport *c, uint8_t *p, size_t n) {
    while (n > 0) {
        struct telnet_sign sign;
        size_t ndata = 0;
        size_t used = telnet_decode(&c->decoder, p, n, p, &ndata, &sign);
        if (ndata > 0) {
            c->ev->data(c->ctx, p, ndata);
        }
        if (sign.kind == TELNET_VERB) {
            negotiate(c, sign.verb, sign.option);
        } else if (sign.kind == TELNET_COMMAND) {
            command(c, &sign);
        } else if (sign.kind == TELNET_BREAK) {
            c->ev->brk(c->ctx);
        }
        p += used;
        n -= used;
    }
}

size_t comport_tx(struct comport *c, const uint8_t *p, size_t n, uint8_t *to) {
    return telnet_encode(&c->encoder, p, n, to);
}

/* A change of RI counts when it ends, as in a UART's own register (RFC 2217 3). */
void comport_set_lines(struct comport *c, uint8_t lines) {
    uint8_t changed = c->lines ^ lines;
    uint8_t deltas = (uint8_t)(changed >> DELTA_SHIFT);
    if ((lines & COMPORT_RI) != 0) {
        deltas &= (uint8_t)~DELTA_RI;
    }
    c->lines = lines;
    if (is_com_port(c) && ((changed | deltas) & c->modem_mask) != 0) {
        tell_lines(c, deltas);
    }
}
