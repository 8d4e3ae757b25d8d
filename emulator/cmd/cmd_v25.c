/* cmd_v25.c: identity and profiles (V3.00 chapter 2). */
#include <stdio.h>
#include <string.h>

#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "handlers.h"
#include "slots.h"

static const struct profile *profile_of(struct at_req *rq) {
    return cmd_of(rq)->modem->profile;
}

void cmd_i(struct at_req *rq) {
    const struct profile *p = profile_of(rq);
    at_info(rq, "Manufacturer: %s", p->manufacturer);
    at_info(rq, "Model: %s", p->model);
    at_info(rq, "Revision: %s", p->revision_ati);
    at_info(rq, "IMEI: %s", cmd_of(rq)->modem->imei);
    at_info(rq, "+GCAP: %s", p->gcap);
    at_ok(rq);
}

static void tell(struct at_req *rq, const char *text) {
    at_info(rq, "%s", text);
    at_ok(rq);
}

void cmd_cgmi(struct at_req *rq) {
    tell(rq, profile_of(rq)->manufacturer);
}

void cmd_cgmm(struct at_req *rq) {
    tell(rq, profile_of(rq)->model);
}

void cmd_cgmr(struct at_req *rq) {
    at_info(rq, "+CGMR: %s", profile_of(rq)->revision_cgmr);
    at_ok(rq);
}

void cmd_cgsn(struct at_req *rq) {
    tell(rq, cmd_of(rq)->modem->imei);
}

void cmd_cimi(struct at_req *rq) {
    tell(rq, profile_of(rq)->imsi);
}

void cmd_gcap(struct at_req *rq) {
    at_info(rq, "+GCAP: %s", profile_of(rq)->gcap);
    at_ok(rq);
}

void cmd_amp_f(struct at_req *rq) {
    setting_factory(session_settings(at_session_of(rq)));
    setting_factory(cmd_of(rq)->module);
    at_ok(rq);
}

void cmd_amp_w(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    setting_save(session_settings(c->session));
    setting_copy_saved(session_settings(c->first->session), session_settings(c->session));
    setting_save(cmd_of(rq)->module);
    at_ok(rq);
}

void cmd_z(struct at_req *rq) {
    cmd_take_profile(cmd_of(rq));
    setting_restore(session_settings(at_session_of(rq)));
    setting_restore(cmd_of(rq)->module);
    at_ok(rq);
}

/* -- AT&V: "NAME: value;" items, broken into lines of at most this width (V3.00 2.2.17) -- */

enum { VIEW_WIDTH = 75 };

struct view {
    struct at_req *rq;
    char line[VIEW_WIDTH + 1];
    size_t n;
};

static void view_flush(struct view *v) {
    if (v->n > 0) {
        at_info(v->rq, "%.*s", (int)v->n, v->line);
        v->n = 0;
    }
}

static void view_add(struct view *v, const char *item) {
    size_t n = strlen(item);
    if (v->n > 0 && v->n + 1 + n > VIEW_WIDTH) {
        view_flush(v);
    }
    if (v->n > 0) {
        v->line[v->n++] = ' ';
    }
    n = n < VIEW_WIDTH - v->n ? n : VIEW_WIDTH - v->n;
    memcpy(v->line + v->n, item, n);
    v->n += n;
}

static void view_row(struct view *v, const struct at_cmd *row) {
    char item[LIMIT_INFO];
    /* AT&V calls the receive mode by a name of its own (field F20). */
    const char *name = strcmp(row->name, "+CIPRXGET") == 0 ? "+CIPENSRXGET" : row->name;
    size_t at = (size_t)snprintf(item, sizeof item, "%s: ", name);
    bool is_empty = true;
    for (size_t i = 0; i < row->nparams; i++) {
        const struct at_param *p = &row->params[i];
        if (p->slot == AT_NO_SLOT || (p->flags & AT_SECRET) != 0 || at + 32 > sizeof item) {
            continue;
        }
        struct setting_store *st = session_store(at_session_of(v->rq), p->slot);
        const char *comma = is_empty ? "" : ",";
        is_empty = false;
        if (p->type != AT_INT) {
            const char *text =
                p->type == AT_STR ? setting_text(st, p->slot) : p->words[setting_int(st, p->slot)];
            at += (size_t)snprintf(item + at, sizeof item - at, "%s\"%.64s\"", comma, text);
        } else {
            at += (size_t)snprintf(item + at, sizeof item - at, "%s%d", comma,
                                   (int)setting_int(st, p->slot));
        }
    }
    snprintf(item + at, sizeof item - at, ";");
    if (!is_empty) {
        view_add(v, item);
    }
}

/* Basic commands, then S parameters, then the rest, as the manual's example has them. */
static int view_group(const char *name) {
    if (name[0] == '+') {
        return 2;
    }
    return name[0] == 'S' ? 1 : 0;
}

void cmd_amp_v(struct at_req *rq) {
    struct view v = {.rq = rq};
    for (int group = 0; group <= 2; group++) {
        for (size_t i = 0; i < at_dialect.n; i++) {
            if (view_group(at_dialect.rows[i].name) == group) {
                view_row(&v, &at_dialect.rows[i]);
            }
        }
    }
    view_flush(&v);
    at_ok(rq);
}
