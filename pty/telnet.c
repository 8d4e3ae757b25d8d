#include "pty/telnet.h"

#include <string.h>

#include "base/obj.h"

void telnet_decoder_init(struct telnet_decoder *t) {
    *t = (struct telnet_decoder){.state = TELNET_IN_DATA};
}

static bool is_verb(uint8_t c) {
    return c >= TELNET_WILL && c <= TELNET_DONT;
}

/* Data: whether the byte is one. */
static bool is_data(struct telnet_decoder *t, uint8_t c) {
    bool is_of_cr = t->is_nvt && t->is_behind_cr && c == '\0';
    t->is_behind_cr = c == '\r';
    return !is_of_cr;
}

/* The byte behind an IAC that stands between data; true: it is data itself. */
static bool take_iac(struct telnet_decoder *t, uint8_t c, struct telnet_sign *sign) {
    t->state = TELNET_IN_DATA;
    if (is_verb(c)) {
        t->verb = c;
        t->state = TELNET_IN_VERB;
    } else if (c == TELNET_SB) {
        t->nsub = 0;
        t->state = TELNET_IN_SUB;
    } else if (c == TELNET_BRK) {
        sign->kind = TELNET_BREAK;
    }
    return c == TELNET_IAC;
}

static void put_sub(struct telnet_decoder *t, uint8_t c) {
    if (t->nsub < sizeof t->sub) {
        t->sub[t->nsub] = c;
    }
    t->nsub += t->nsub <= sizeof t->sub;
}

static void end_sub(const struct telnet_decoder *t, struct telnet_sign *sign) {
    if (t->nsub >= 2 && t->nsub <= sizeof t->sub && t->sub[0] == TELNET_COM_PORT) {
        *sign = (struct telnet_sign){
            .kind = TELNET_COMMAND, .command = t->sub[1], .value = t->sub + 2, .n = t->nsub - 2};
    }
}

/* One byte; true: it is data. */
static bool take(struct telnet_decoder *t, uint8_t c, struct telnet_sign *sign) {
    switch (t->state) {
    case TELNET_IN_DATA:
        if (c == TELNET_IAC) {
            t->state = TELNET_IN_IAC;
            return false;
        }
        return is_data(t, c);
    case TELNET_IN_IAC:
        return take_iac(t, c, sign) && is_data(t, c);
    case TELNET_IN_VERB:
        t->state = TELNET_IN_DATA;
        *sign = (struct telnet_sign){.kind = TELNET_VERB, .verb = t->verb, .option = c};
        return false;
    case TELNET_IN_SUB:
        if (c == TELNET_IAC) {
            t->state = TELNET_IN_SUB_IAC;
        } else {
            put_sub(t, c);
        }
        return false;
    case TELNET_IN_SUB_IAC:
        t->state = TELNET_IN_SUB;
        if (c == TELNET_IAC) {
            put_sub(t, c);
        } else if (c == TELNET_SE) {
            t->state = TELNET_IN_DATA;
            end_sub(t, sign);
        } else {
            take_iac(t, c, sign); /* its end was lost: Telnet goes on here */
        }
        return false;
    }
    return false;
}

size_t telnet_decode(struct telnet_decoder *t, const uint8_t *p, size_t n, uint8_t *data,
                     size_t *ndata, struct telnet_sign *sign) {
    size_t used = 0;
    *ndata = 0;
    *sign = (struct telnet_sign){.kind = TELNET_NOTHING};
    while (used < n && sign->kind == TELNET_NOTHING) {
        uint8_t c = p[used++];
        if (take(t, c, sign)) {
            data[(*ndata)++] = c;
        }
    }
    return used;
}

size_t telnet_command(uint8_t command, const void *value, size_t n,
                      uint8_t to[TELNET_COMMAND_WIRE]) {
    const uint8_t *p = value;
    size_t len = 0;
    must(n <= TELNET_VALUE);
    to[len++] = TELNET_IAC;
    to[len++] = TELNET_SB;
    to[len++] = TELNET_COM_PORT;
    to[len++] = command;
    for (size_t i = 0; i < n; i++) {
        to[len++] = p[i];
        if (p[i] == TELNET_IAC) {
            to[len++] = TELNET_IAC;
        }
    }
    to[len++] = TELNET_IAC;
    to[len++] = TELNET_SE;
    return len;
}

size_t telnet_encode(struct telnet_encoder *t, const uint8_t *p, size_t n, uint8_t *to) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (t->is_nvt && t->is_behind_cr && p[i] != '\n') {
            to[len++] = '\0';
        }
        t->is_behind_cr = p[i] == '\r';
        to[len++] = p[i];
        if (p[i] == TELNET_IAC) {
            to[len++] = TELNET_IAC;
        }
    }
    return len;
}
