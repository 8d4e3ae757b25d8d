/* cmd_stk.c: the card's application: what it wants is told, and answered (V3.00 chapter 7). Whether
 * it runs, and in which form it is told, is as AT+STK and AT+STKFMT were at the module's start. The
 * card is the module's: the first session keeps what it wants, every port hears of it and may
 * answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "handlers.h"
#include "slots.h"

enum { STIN_END = 81 }; /* the session is over; in PDU form only */
enum { STGR_END = 81, STGR_USER_END = 83, STGR_BACK = 84 };
enum { PATIENCE_S = 120 }; /* V3.00 7.2.1 */

/* The manual writes the type's hexadecimal digits. */
static unsigned number_of(unsigned type) {
    return type / 16 * 10 + type % 16;
}

static const struct toolkit_step *wanted(const struct cmd *c) {
    return toolkit_wants(&c->first->stk.toolkit);
}

static void tell(struct cmd *c, unsigned number) {
    urc_post(c->session, URC_EVENT, "+STIN: %u", number);
}

static void tell_all(struct cmd *c, unsigned number) {
    char text[16];
    snprintf(text, sizeof text, "+STIN: %u", number);
    const struct urc_event e = {.text = text};
    bus_post(&c->modem->bus, TOPIC_URC, &e);
}

static void on_patience_over(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    toolkit_start(&c->stk.toolkit);
    tell_all(c, number_of(TOOLKIT_MENU));
}

/* Of the first session. */
static void await_answer(struct cmd *c) {
    if (wanted(c)->type == TOOLKIT_MENU) {
        clk_stop(c->modem->clk, &c->stk.patience);
    } else {
        clk_start(c->modem->clk, &c->stk.patience, CLK_S(PATIENCE_S), on_patience_over, c);
    }
}

void cmd_stk_start(struct cmd *c) {
    if (c != c->first) {
        return;
    }
    c->stk.is_on = setting_int(c->module, SLOT_STK_VALUE) == 1;
    c->stk.is_pdu = setting_int(c->module, SLOT_STKFMT_VALUE) == 1;
    cmd_stk_stop(c);
    if (c->stk.is_on && c->modem->sim.state == SIM_READY) {
        toolkit_start(&c->stk.toolkit);
    }
}

void cmd_stk_stop(struct cmd *c) {
    clk_stop(c->modem->clk, &c->stk.patience);
    toolkit_stop(&c->stk.toolkit);
}

/* Each port says so behind its own lines. */
void cmd_stk_card_ready(struct cmd *c) {
    if (c == c->first && c->stk.is_on) {
        toolkit_start(&c->stk.toolkit);
        await_answer(c);
    }
    if (c->first->stk.is_on) {
        tell(c, number_of(TOOLKIT_MENU));
    }
}

/* -- what is told -- */

void cmd_stin(struct at_req *rq) {
    at_info(rq, "+STIN: %u", number_of(wanted(cmd_of(rq))->type));
    at_ok(rq);
}

static void tell_pdu(struct at_req *rq, const char *name, const struct toolkit_step *s) {
    uint8_t pdu[TOOLKIT_PDU];
    char hex[2 * TOOLKIT_PDU + 1];
    size_t n = toolkit_pdu(s, pdu);
    hex_print(pdu, n, hex);
    at_info(rq, "%s: %u,0,%zu,\"%s\"", name, number_of(s->type), n, hex);
    at_ok(rq);
}

enum { UCS2_TEXT = 4 * TOOLKIT_TITLE + 1 };

static const char *ucs2_of(const char *text, char to[UCS2_TEXT]) {
    size_t n = strlen(text);
    to[0] = '\0';
    for (size_t i = 0; i < n && i < TOOLKIT_TITLE; i++) {
        snprintf(to + 4 * i, 5, "%04X", (unsigned)(unsigned char)text[i]);
    }
    return to;
}

static void tell_items(struct at_req *rq, const struct toolkit_step *s) {
    char text[UCS2_TEXT];
    for (size_t i = 0; i < toolkit_items(s); i++) {
        at_info(rq, "+STGI: %u,%zu,%zu,\"%s\"", number_of(s->type), i + 1,
                2 * strlen(s->items[i].text), ucs2_of(s->items[i].text, text));
    }
}

/* No step has help, none prefers a soft key, and what is typed is shown. */
static void tell_decoded(struct at_req *rq, const struct toolkit_step *s) {
    enum { YES_OR_NO = 1, DIGITS = 2, BY_USER = 1 };
    char text[UCS2_TEXT];
    size_t n = 2 * strlen(s->text);
    ucs2_of(s->text, text);
    switch ((enum toolkit_type)s->type) {
    case TOOLKIT_TEXT:
        at_info(rq, "+STGI: 21,0,%d,%zu,\"%s\"", BY_USER, n, text);
        break;
    case TOOLKIT_KEY:
        at_info(rq, "+STGI: 22,%d,0,%zu,\"%s\"", YES_OR_NO, n, text);
        break;
    case TOOLKIT_INPUT:
        at_info(rq, "+STGI: 23,%d,%u,%u,0,1,%zu,\"%s\"", DIGITS, s->most, s->least, n, text);
        break;
    case TOOLKIT_SELECT:
        at_info(rq, "+STGI: 24,0,0,0,%zu,\"%s\",%zu", n, text, toolkit_items(s));
        break;
    case TOOLKIT_MENU:
        at_info(rq, "+STGI: 25,0,0,%zu,\"%s\",%zu", n, text, toolkit_items(s));
        break;
    case TOOLKIT_NOTHING:
        break;
    }
    tell_items(rq, s);
    at_ok(rq);
}

/* The menu can always be asked for; else what is wanted (guess). */
void cmd_stgi(struct at_req *rq) {
    const struct cmd *c = cmd_of(rq)->first;
    unsigned number = (unsigned)at_int(rq, 0);
    const struct toolkit_step *s = number == number_of(TOOLKIT_MENU) ? toolkit_menu() : wanted(c);
    if (wanted(c)->type == TOOLKIT_NOTHING || number != number_of(s->type)) {
        at_fail(rq, AT_ERR_PLAIN);
    } else if (c->stk.is_pdu) {
        tell_pdu(rq, "+STGI", s);
    } else {
        tell_decoded(rq, s);
    }
}

void cmd_stsm(struct at_req *rq) {
    const struct cmd *c = cmd_of(rq)->first;
    if (wanted(c)->type == TOOLKIT_NOTHING || !c->stk.is_pdu) {
        at_fail(rq, AT_ERR_PLAIN);
    } else {
        tell_pdu(rq, "+STSM", toolkit_menu());
    }
}

/* -- what is answered -- */

static void end_answer(struct at_req *rq, int rc) {
    if (rc < 0) {
        at_fail(rq, AT_ERR_PLAIN);
    } else {
        struct cmd *c = cmd_of(rq)->first;
        bool is_end = rc == 0 && c->stk.is_pdu;
        at_ok(rq);
        tell_all(c, is_end ? STIN_END : number_of(wanted(c)->type));
        await_answer(c);
    }
}

static int answer_decoded(struct at_req *rq, struct toolkit *t) {
    unsigned number = (unsigned)at_int(rq, 0);
    unsigned type = toolkit_wants(t)->type;
    int64_t item = 0;
    if (number == STGR_END || number == STGR_BACK) {
        return number == STGR_BACK ? toolkit_go_back(t) : toolkit_end(t);
    }
    if (number == STGR_USER_END) { /* V3.00 7.2.3 */
        return type == TOOLKIT_KEY || type == TOOLKIT_INPUT ? -1 : toolkit_end(t);
    }
    if (number != number_of(type)) {
        return -1;
    }
    switch ((enum toolkit_type)type) {
    case TOOLKIT_TEXT:
        return toolkit_confirm(t);
    case TOOLKIT_KEY:
    case TOOLKIT_INPUT:
        return toolkit_enter(t, at_text(rq, 1));
    case TOOLKIT_SELECT:
    case TOOLKIT_MENU:
        return sv_int(at_text(rq, 1), 1, UINT8_MAX, &item) == 0 ? toolkit_choose(t, (unsigned)item)
                                                                : -1;
    case TOOLKIT_NOTHING:
        break;
    }
    return -1;
}

/* The length in front of it counts digits, as in the examples. -E...: it does not, or no bytes. */
static int parse_pdu(struct at_req *rq, uint8_t to[TOOLKIT_PDU]) {
    struct sv text = at_text(rq, 1);
    return text.n == (size_t)at_int(rq, 0) ? hex_parse(text, to, TOOLKIT_PDU) : -EINVAL;
}

void cmd_stgr(struct at_req *rq) {
    struct cmd *c = cmd_of(rq)->first;
    uint8_t pdu[TOOLKIT_PDU];
    if (!c->stk.is_pdu) {
        end_answer(rq, answer_decoded(rq, &c->stk.toolkit));
        return;
    }
    int n = parse_pdu(rq, pdu);
    end_answer(rq, n < 0 ? n : toolkit_response(&c->stk.toolkit, pdu, (size_t)n));
}

void cmd_stenv(struct at_req *rq) {
    struct cmd *c = cmd_of(rq)->first;
    uint8_t pdu[TOOLKIT_PDU];
    int n = c->stk.is_pdu ? parse_pdu(rq, pdu) : -1;
    end_answer(rq, n < 0 ? n : toolkit_envelope(&c->stk.toolkit, pdu, (size_t)n));
}
