/* cmd_tft.c: the packet filters of AT+CGTFT (V3.00 8.2.6): checked, kept and shown, not applied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd.h"
#include "handlers.h"

struct filter {
    struct filter *next;
    int32_t cid, id, precedence;
    char *line; /* as it is read */
};

enum { CID, ID, PRECEDENCE, ADDRESS, PROTOCOL, TO_PORTS, FROM_PORTS, SPI, TOS, FLOW, DIRECTION };

/* Takes out those of a context (0: of all) with this number (0: with any). */
static void remove_filters(struct cmd *c, int32_t cid, int32_t id) {
    struct filter **at = &c->filters;
    while (*at != NULL) {
        struct filter *f = *at;
        if ((cid == 0 || f->cid == cid) && (id == 0 || f->id == id)) {
            *at = f->next;
            free(f->line);
            free(f);
        } else {
            at = &f->next;
        }
    }
}

void cmd_tft_stop(struct cmd *c) {
    remove_filters(c, 0, 0);
}

/* "1.2.3": `n` numbers up to `max`. */
static bool are_numbers(struct sv text, size_t n, int64_t max) {
    for (; n > 0; n--) {
        const char *dot = memchr(text.p, '.', text.n);
        size_t len = dot != NULL ? (size_t)(dot - text.p) : text.n;
        int64_t value = 0;
        if ((dot != NULL) != (n > 1) || sv_int(sv_slice(text, 0, len), 0, max, &value) != 0) {
            return false;
        }
        text = sv_slice(text, dot != NULL ? len + 1 : len, text.n);
    }
    return true;
}

/* As it is read: capitals without leading zeros. */
static unsigned hex_of(struct sv text) {
    uint32_t value = 0;
    must(hex_number(text, &value) == 0); /* at most 8 digits, by its row */
    return value;
}

static bool is_context(struct cmd *c, int32_t cid) {
    return setting_record_find(c->module, table_find(&at_dialect, SV("+CGDCONT")), cid) != NULL ||
           setting_record_find(c->module, table_find(&at_dialect, SV("+CGDSCONT")), cid) != NULL;
}

/* An address is of IPv4 or IPv6, with as long a mask. */
static bool is_filter(struct at_req *rq) {
    struct sv address = at_text(rq, ADDRESS);
    return at_has(rq, ID) && at_has(rq, PRECEDENCE) && is_context(cmd_of(rq), at_int(rq, CID)) &&
           (address.n == 0 || are_numbers(address, 8, 255) || are_numbers(address, 32, 255)) &&
           are_numbers(at_text(rq, TO_PORTS), 2, 65535) &&
           are_numbers(at_text(rq, FROM_PORTS), 2, 65535) && hex_is(at_text(rq, SPI)) &&
           are_numbers(at_text(rq, TOS), 2, 255) && hex_is(at_text(rq, FLOW));
}

/* The precedence is unique in a context; the filter's own one goes with it. */
static bool has_room(struct at_req *rq) {
    size_t n = 0;
    for (const struct filter *f = cmd_of(rq)->first->filters; f != NULL; f = f->next) {
        bool is_own = f->cid == at_int(rq, CID) && f->id == at_int(rq, ID);
        if (!is_own && f->cid == at_int(rq, CID) && f->precedence == at_int(rq, PRECEDENCE)) {
            return false;
        }
        n += is_own ? 0 : 1;
    }
    return n < LIMIT_FILTERS;
}

static char *line_of(struct at_req *rq) {
    char line[LIMIT_INFO];
    struct sv address = at_text(rq, ADDRESS);
    struct sv to = at_text(rq, TO_PORTS), from = at_text(rq, FROM_PORTS), tos = at_text(rq, TOS);
    int n = snprintf(line, sizeof line, "+CGTFT: %d,%d,%d,\"%.*s\",%d,%.*s,%.*s,%X,%.*s,%X",
                     (int)at_int(rq, CID), (int)at_int(rq, ID), (int)at_int(rq, PRECEDENCE),
                     SV_ARG(address), (int)at_int(rq, PROTOCOL), SV_ARG(to), SV_ARG(from),
                     hex_of(at_text(rq, SPI)), SV_ARG(tos), hex_of(at_text(rq, FLOW)));
    if (at_has(rq, DIRECTION)) {
        snprintf(line + n, sizeof line - (size_t)n, ",%d", (int)at_int(rq, DIRECTION));
    }
    return xstrdup(line);
}

static void set_filter(struct at_req *rq) {
    struct cmd *c = cmd_of(rq)->first;
    struct filter *f = xmalloc(sizeof *f);
    *f = (struct filter){.cid = at_int(rq, CID),
                         .id = at_int(rq, ID),
                         .precedence = at_int(rq, PRECEDENCE),
                         .line = line_of(rq)};
    remove_filters(c, f->cid, f->id);
    struct filter **at = &c->filters;
    while (*at != NULL && ((*at)->cid < f->cid || ((*at)->cid == f->cid && (*at)->id < f->id))) {
        at = &(*at)->next;
    }
    f->next = *at;
    *at = f;
}

static void read_filters(struct at_req *rq) {
    const struct filter *f = cmd_of(rq)->first->filters;
    if (f == NULL) {
        at_info(rq, "+CGTFT:");
    }
    for (; f != NULL; f = f->next) {
        at_info(rq, "%s", f->line);
    }
}

void cmd_cgtft(struct at_req *rq) {
    struct cmd *c = cmd_of(rq)->first;
    bool is_write = at_form_of(rq) == AT_WRITE && at_nargs(rq) > 1;
    if (is_write && (!is_filter(rq) || !has_room(rq))) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    if (is_write) {
        set_filter(rq);
    } else if (at_form_of(rq) == AT_READ) {
        read_filters(rq);
    } else {
        remove_filters(c, at_form_of(rq) == AT_WRITE ? at_int(rq, CID) : 0, 0);
    }
    at_ok(rq);
}
