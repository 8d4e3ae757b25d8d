/* lines.c: the ports of a module and their lines at the control socket. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/obj.h"
#include "scenarios/engine/director_priv.h"
#include "scenarios/json/spec.h"

static struct director *of(void *ctx) {
    struct director *d;
    CAST_OBJ(d, ctx, DIRECTOR_MAGIC);
    return d;
}

/* -- which port -- */

static void each_port(const struct stage *st, stage_port_fn *each, void *ctx) {
    const struct stage_world *w = stage_world(st);
    if (w->ports != NULL) {
        w->ports(w->ports_ctx, each, ctx);
    } else {
        each(ctx, &(struct stage_port){w->chan->name, "", "", w->chan});
    }
}

struct search {
    const char *port; /* name or tty; "": the first */
    struct chan *found;
};

static void compare(void *ctx, const struct stage_port *port) {
    struct search *s = ctx;
    bool is_meant =
        *s->port == '\0' || strcmp(s->port, port->name) == 0 || strcmp(s->port, port->tty) == 0;
    if (s->found == NULL && is_meant) {
        s->found = port->chan;
    }
}

/* NULL: there is none, which has been answered. A tty says by itself whose it is. */
static struct chan *find(struct director *d, struct control_call *call,
                         const struct cJSON *params) {
    const struct stage *st = director_stage(d, call, params);
    struct search s = {.port = spec_text(params, "port", "")};
    if (st == NULL) {
        return NULL;
    }
    if (s.port[0] != '/') {
        each_port(st, compare, &s);
    }
    for (size_t i = 0; s.port[0] == '/' && i < d->nstages; i++) {
        each_port(d->stages[i], compare, &s);
    }
    if (s.found == NULL) {
        control_error(call, CONTROL_BAD_PARAMS, "port: there is no %s", s.port);
    }
    return s.found;
}

static void add_port(void *ctx, const struct stage_port *port) {
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "port", port->name);
    cJSON_AddStringToObject(json, "at", port->at);
    cJSON_AddStringToObject(json, "tty", port->tty);
    cJSON_AddBoolToObject(json, "open", port->chan->is_open);
    cJSON_AddItemToArray(ctx, json);
}

void lines_ports(void *ctx, struct control_call *call, const struct cJSON *params) {
    const struct stage *st = director_stage(of(ctx), call, params);
    if (st != NULL) {
        struct cJSON *result = cJSON_CreateObject();
        each_port(st, add_port, cJSON_AddArrayToObject(result, "ports"));
        control_result(call, result);
    }
}

/* -- the lines -- */

/* CTS and DSR are on as long as there is a port. */
static void tell(struct control_call *call, const struct chan *ch) {
    struct cJSON *result = cJSON_CreateObject();
    cJSON_AddBoolToObject(result, "dtr", ch->is_open && !ch->is_dtr_off);
    cJSON_AddBoolToObject(result, "rts", ch->is_open && !ch->is_rts_off);
    cJSON_AddBoolToObject(result, "cts", true);
    cJSON_AddBoolToObject(result, "dsr", true);
    cJSON_AddBoolToObject(result, "dcd", ch->is_dcd_on);
    cJSON_AddBoolToObject(result, "ri", ch->is_ri_on);
    cJSON_AddNumberToObject(result, "dcd_changes", ch->dcd_changes);
    cJSON_AddNumberToObject(result, "ri_ends", ch->ri_ends);
    cJSON_AddNumberToObject(result, "breaks", ch->breaks);
    control_result(call, result);
}

void lines_get(void *ctx, struct control_call *call, const struct cJSON *params) {
    const struct chan *ch = find(of(ctx), call, params);
    if (ch != NULL) {
        tell(call, ch);
    }
}

void lines_set(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct chan *ch = find(of(ctx), call, params);
    if (ch == NULL) {
        return;
    }
    if (!ch->is_open) {
        control_error(call, CONTROL_REFUSED, "no driver has the tty open");
        return;
    }
    chan_set_dtr(ch, spec_flag(params, "dtr", !ch->is_dtr_off));
    chan_set_rts(ch, spec_flag(params, "rts", !ch->is_rts_off));
    if (spec_flag(params, "break", false)) {
        chan_break(ch);
    }
    tell(call, ch);
}

/* -- waiting for a change -- */

/* Answered, unless it goes on waiting. */
static bool serve(const struct lines_call *w) {
    bool is_news = (w->dcd && w->chan->dcd_changes != w->dcd_changes) ||
                   (w->ri && w->chan->ri_ends != w->ri_ends);
    if (!control_is_wanted(w->call)) {
        control_result(w->call, NULL);
    } else if (is_news) {
        tell(w->call, w->chan);
    } else if (!w->chan->is_open) {
        control_error(w->call, CONTROL_REFUSED, "no driver has the tty open");
    } else {
        return false;
    }
    return true;
}

static void serve_all(void *ctx) {
    struct director *d = of(ctx);
    for (struct lines_call **at = &d->watching; *at != NULL;) {
        struct lines_call *w = *at;
        if (serve(w)) {
            *at = w->next;
            free(w);
        } else {
            at = &w->next;
        }
    }
}

void lines_wait(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct director *d = of(ctx);
    struct chan *ch = find(d, call, params);
    if (ch == NULL) {
        return;
    }
    struct lines_call *w = xmalloc(sizeof *w);
    *w = (struct lines_call){
        .next = d->watching,
        .call = call,
        .chan = ch,
        .dcd = spec_flag(params, "dcd", true),
        .ri = spec_flag(params, "ri", true),
        .dcd_changes = ch->dcd_changes,
        .ri_ends = ch->ri_ends,
    };
    d->watching = w;
    chan_on_lines(ch, serve_all, d);
    serve_all(d); /* also those of clients that have gone: bounded by those that are there */
}

static void unwatch(void *ctx, const struct stage_port *port) {
    (void)ctx;
    chan_on_lines(port->chan, NULL, NULL);
}

void lines_forget(struct director *d) {
    while (d->watching != NULL) {
        struct lines_call *w = d->watching;
        d->watching = w->next;
        control_error(w->call, CONTROL_REFUSED, "the daemon ends");
        free(w);
    }
    for (size_t i = 0; i < d->nstages; i++) {
        each_port(d->stages[i], unwatch, NULL);
    }
}
