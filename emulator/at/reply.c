/* reply.c: results and information as S3, S4, V, Q and CMEE want them (V.250 5.7, V3.00 2.2.20). */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "emulator/at/session_priv.h"
#include "emulator/at/setting.h"
#include "slots.h"

/* V.250 table 1. The module's manual shows only that OK is 0. */
static const struct {
    const char *text;
    int number;
} codes[] = {
    [REPLY_OK] = {"OK", 0},       [REPLY_CONNECT] = {"CONNECT", 1},
    [REPLY_RING] = {"RING", 2},   [REPLY_NO_CARRIER] = {"NO CARRIER", 3},
    [REPLY_ERROR] = {"ERROR", 4}, [REPLY_NO_DIALTONE] = {"NO DIALTONE", 6},
    [REPLY_BUSY] = {"BUSY", 7},   [REPLY_NO_ANSWER] = {"NO ANSWER", 8},
};

static const struct {
    enum at_err e;
    const char *text;
} errors[] = {
#define X(id, code, text) {id, text},
#include "errors.inc"
#undef X
};

const char *at_err_text(enum at_err e) {
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].e == e) {
            return errors[i].text;
        }
    }
    return NULL;
}

const char *session_eol(struct at_session *s) {
    s->eol[0] = (char)session_int(s, SLOT_S3);
    s->eol[1] = (char)session_int(s, SLOT_S4);
    s->eol[2] = '\0';
    return s->eol;
}

void reply_write(struct at_session *s, const void *p, size_t n) {
    /* Commands and unsolicited results begin only while little waits, so the bound is far. */
    if (chan_write(s->cfg.chan, p, n) != 0) {
        LOG(LOG_AT, LOG_ERROR, s->cfg.chan->name, "answer of %zu bytes dropped: output full", n);
    }
}

static bool is_verbose(const struct at_session *s) {
    return session_int(s, SLOT_V) != 0;
}

void reply_info(struct at_session *s, const void *p, size_t n, bool is_first) {
    const char *eol = session_eol(s);
    if (is_first && is_verbose(s)) {
        reply_write(s, eol, 2);
    }
    reply_write(s, p, n);
    reply_write(s, eol, 2);
}

void reply_text(struct at_session *s, const char *text) {
    if (session_int(s, SLOT_Q) == 0) {
        const char *eol = session_eol(s);
        reply_write(s, eol, 2);
        reply_write(s, text, strlen(text));
        reply_write(s, eol, 2);
    }
}

void reply_code(struct at_session *s, enum reply_code code) {
    if (is_verbose(s)) {
        reply_text(s, codes[code].text);
    } else if (session_int(s, SLOT_Q) == 0) {
        char text[8];
        int n = snprintf(text, sizeof text, "%d%c", codes[code].number, session_eol(s)[0]);
        reply_write(s, text, (size_t)n);
    }
}

void reply_final(struct at_session *s, const char *text) {
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(codes[i].text, text) == 0) {
            reply_code(s, (enum reply_code)i);
            return;
        }
    }
    reply_text(s, text);
}

const char *reply_error_text(struct at_session *s, enum at_err e, char to[LIMIT_URC_TEXT]) {
    int mode = session_int(s, SLOT_CMEE_N);
    if (e == AT_ERR_PLAIN || mode == 0) {
        return codes[REPLY_ERROR].text;
    }
    const char *family = (int)e >= 300 ? "CMS" : "CME";
    const char *words = at_err_text(e);
    if (mode == 2 && words != NULL) {
        snprintf(to, LIMIT_URC_TEXT, "+%s ERROR: %s", family, words);
    } else {
        snprintf(to, LIMIT_URC_TEXT, "+%s ERROR: %d", family, (int)e);
    }
    return to;
}
