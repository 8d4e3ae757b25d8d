/* methods.c: what can be asked for at the control socket. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/director_priv.h"
#include "scenarios/engine/rule.h"
#include "scenarios/engine/state.h"
#include "scenarios/json/spec.h"
#include "scenarios/verdict/expect.h"
#include "scenarios/verdict/report.h"

static struct director *of(void *ctx) {
    struct director *d;
    CAST_OBJ(d, ctx, DIRECTOR_MAGIC);
    return d;
}

struct stage *director_stage(struct director *d, struct control_call *call,
                             const struct cJSON *params) {
    int number = spec_int(params, "modem", 0);
    if ((size_t)number < d->nstages) {
        return d->stages[number];
    }
    control_error(call, CONTROL_BAD_PARAMS, "modem: found %d, allowed: 0 to %zu", number,
                  d->nstages - 1);
    return NULL;
}

/* Done, or why not. */
static void answer(struct control_call *call, int err, const char *why) {
    if (err == 0) {
        control_result(call, NULL);
    } else {
        control_error(call, CONTROL_REFUSED, "%s", why != NULL ? why : strerror(-err));
    }
}

/* -- what goes with all -- */

static const struct spec modem_spec = {.type = SPEC_INT, .lo = 0, .hi = 999};
static const struct spec flag_spec = {.type = SPEC_BOOL};
static const struct spec name_spec = {.type = SPEC_TEXT, .lo = 1, .hi = 64};
static const struct spec text_spec = {.type = SPEC_TEXT, .hi = LIMIT_JSON};
static const struct spec file_path_spec = {.type = SPEC_TEXT, .hi = 4096};
static const struct spec by_spec = {.type = SPEC_DURATION, .hi = 86400 * 366.0};
static const struct spec part_spec = {.type = SPEC_WORD, .words = state_parts};

#define MODEM_KEY                                                                                  \
    { "modem", &modem_spec, "Number of the module (0).", 0 }
#define PARAMS(id, ...)                                                                            \
    static const struct spec_key id##_keys[] = {__VA_ARGS__, {0}};                                 \
    static const struct spec id##_params = {                                                       \
        .type = SPEC_OBJECT, .name = "params", .keys = id##_keys}

PARAMS(modem, MODEM_KEY);
PARAMS(state, MODEM_KEY, {"part", &part_spec, "Only this one.", 0});
PARAMS(do, MODEM_KEY, {"action", &action_spec, "As a scenario has it.", SPEC_REQUIRED});
PARAMS(rule_add, MODEM_KEY, {"rule", &rule_spec, "As a scenario has it.", SPEC_REQUIRED});
PARAMS(rule_remove, MODEM_KEY, {"name", &name_spec, "Which.", SPEC_REQUIRED});
PARAMS(advance, {"by", &by_spec, "How long.", SPEC_REQUIRED});
#define PORT_KEY                                                                                   \
    { "port", &name_spec, "Its name, or its tty, whichever module's (the AT port).", 0 }
PARAMS(port, MODEM_KEY, PORT_KEY);
PARAMS(lines, MODEM_KEY, PORT_KEY, {"dtr", &flag_spec, "The driver's DTR.", 0},
       {"rts", &flag_spec, "Its RTS.", 0}, {"break", &flag_spec, "Whether a break begins.", 0});
PARAMS(change, MODEM_KEY, PORT_KEY, {"dcd", &flag_spec, "Whether DCD counts (yes).", 0},
       {"ri", &flag_spec, "Whether the end of RI counts (yes).", 0});
PARAMS(capture_start, {"file", &file_path_spec, "Its path.", SPEC_REQUIRED});
PARAMS(load, MODEM_KEY, {"file", &file_path_spec, "For messages.", 0},
       {"text", &text_spec, "The scenario.", SPEC_REQUIRED});
PARAMS(verdict, MODEM_KEY, {"wait", &flag_spec, "Answer when it is there.", 0});

/* -- looking -- */

static void on_version(void *ctx, struct control_call *call, const struct cJSON *params) {
    (void)params;
    struct director *d = of(ctx);
    struct cJSON *result = cJSON_CreateObject();
    cJSON_AddStringToObject(result, "version", d->cfg.version);
    cJSON_AddNumberToObject(result, "modems", (double)d->nstages);
    control_result(call, result);
}

static void on_state(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct director *d = of(ctx);
    const struct stage *st = director_stage(d, call, params);
    if (st != NULL) {
        struct cJSON *json = state_json(st, spec_text(params, "part", NULL));
        cJSON_AddNumberToObject(json, "time", (double)clk_now(d->cfg.clk).us / 1e6);
        control_result(call, json);
    }
}

static void on_save(void *ctx, struct control_call *call, const struct cJSON *params) {
    const struct stage *st = director_stage(of(ctx), call, params);
    if (st != NULL) {
        control_result(call, state_scenario(st));
    }
}

/* -- doing -- */

static void on_do(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct stage *st = director_stage(of(ctx), call, params);
    if (st == NULL) {
        return;
    }
    const struct cJSON *action = spec_get(params, "action");
    /* As a list of one, which is what is checked in a file; the request's other keys are none of
     * it. */
    struct cJSON one = *action;
    one.next = NULL;
    const struct cJSON list = {.type = cJSON_Array, .child = &one};
    const char *why = NULL;
    const struct cJSON *bad = action_misfit(&list, NULL, &why);
    if (bad != NULL) {
        control_error(call, CONTROL_BAD_PARAMS, "action.%s: %s", bad->string, why);
        return;
    }
    int err = stage_do(st, action, &why);
    answer(call, err, why);
}

static void on_rule_add(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct stage *st = director_stage(of(ctx), call, params);
    if (st == NULL) {
        return;
    }
    const struct cJSON *rule = spec_get(params, "rule");
    const char *why = NULL;
    const struct cJSON *bad = action_misfit(spec_get(rule, "do"), spec_text(rule, "on", ""), &why);
    if (bad != NULL) {
        control_error(call, CONTROL_BAD_PARAMS, "rule.do: %s: %s", bad->string, why);
        return;
    }
    int err = stage_add_rule(st, rule);
    answer(call, err,
           err == -EEXIST ? "there is a rule of this name already" : "there are too many rules");
}

static void on_rule_list(void *ctx, struct control_call *call, const struct cJSON *params) {
    const struct stage *st = director_stage(of(ctx), call, params);
    if (st != NULL) {
        struct cJSON *result = cJSON_CreateObject();
        cJSON_AddItemToObject(result, "rules", stage_rules(st));
        control_result(call, result);
    }
}

static void on_rule_remove(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct stage *st = director_stage(of(ctx), call, params);
    if (st != NULL) {
        answer(call, stage_remove_rule(st, spec_text(params, "name", "")),
               "there is no rule of this name");
    }
}

/* -- time -- */

/* From one timer to the next, with a turn of the loop for each, in which what it brought is written
 * and what depends on that is started. The loop does not wait meanwhile. */
static void on_idle(uv_idle_t *idle) {
    struct director *d = of(idle->data);
    int64_t left = d->until.us - clk_now(d->cfg.clk).us;
    int64_t next = clk_next_due(d->cfg.clk).us;
    if (left > 0 || next == 0) {
        d->is_written = false;
        clk_advance(d->cfg.clk, (clk_dur){next >= 0 && next < left ? next : left});
        return;
    }
    if (!d->is_written) {
        d->is_written = true;
        return;
    }
    uv_idle_stop(idle);
    struct control_call *call = d->advanced;
    d->advanced = NULL;
    struct cJSON *result = cJSON_CreateObject();
    cJSON_AddNumberToObject(result, "time", (double)clk_now(d->cfg.clk).us / 1e6);
    control_result(call, result);
}

static void on_advance(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct director *d = of(ctx);
    if (!clk_is_manual(d->cfg.clk)) {
        control_error(call, CONTROL_REFUSED, "the clock runs by itself: start with --clock manual");
        return;
    }
    if (d->advanced != NULL) {
        control_error(call, CONTROL_BUSY, "it is being advanced already");
        return;
    }
    d->advanced = call;
    d->until.us = clk_now(d->cfg.clk).us + spec_dur(params, "by", CLK_US(0)).us;
    uv_idle_start(d->idle, on_idle);
}

/* -- scenarios -- */

/* What a module is given when it is made. */
static bool is_same_module(const struct profile *now, struct scenario *sc) {
    const struct profile *p = scenario_profile(sc, now);
    return strcmp(p->name, now->name) == 0 && strcmp(p->manufacturer, now->manufacturer) == 0 &&
           strcmp(p->model, now->model) == 0 && strcmp(p->revision_cgmr, now->revision_cgmr) == 0 &&
           strcmp(p->imei, now->imei) == 0 && strcmp(p->iccid, now->iccid) == 0 &&
           strcmp(p->imsi, now->imsi) == 0 && strcmp(p->ip, now->ip) == 0;
}

/* st NULL: all stages. */
static void forget_waiting(struct director *d, const struct stage *st, const char *why) {
    for (struct verdict_call **at = &d->waiting; *at != NULL;) {
        struct verdict_call *w = *at;
        if (st != NULL && w->stage != st) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        control_error(w->call, CONTROL_REFUSED, "%s", why);
        free(w);
    }
}

static void on_load(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct director *d = of(ctx);
    struct stage *st = director_stage(d, call, params);
    if (st == NULL) {
        return;
    }
    const char *file = spec_text(params, "file", "scenario");
    const char *text = spec_text(params, "text", "");
    char error[SCENARIO_ERROR];
    struct scenario *sc = scenario_parse(file, text, strlen(text), error);
    if (sc == NULL) {
        control_error(call, CONTROL_BAD_PARAMS, "%s", error);
        return;
    }
    if (!is_same_module(stage_world(st)->modem->profile, sc)) {
        scenario_free(sc);
        control_error(call, CONTROL_REFUSED,
                      "%s: another module, card or address than runs here: these cannot be changed "
                      "any more, start with --scenario",
                      file);
        return;
    }
    forget_waiting(d, st, "another scenario was loaded");
    if (director_load(d, st, sc, file, error) != 0) {
        control_error(call, CONTROL_REFUSED, "%s", error);
        return;
    }
    control_result(call, NULL);
}

static void tell_verdict(struct control_call *call, struct stage *st) {
    struct expect *e = stage_expect(st);
    struct cJSON *result = cJSON_CreateObject();
    bool is_over = expect_is_over(e);
    cJSON_AddStringToObject(result, "name", scenario_name(stage_scenario(st)));
    cJSON_AddBoolToObject(result, "over", is_over);
    cJSON_AddBoolToObject(result, "passed", is_over && expect_has_passed(e));
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    must(to != NULL);
    report_text(to, expect_report(e, scenario_name(stage_scenario(st))));
    fclose(to);
    cJSON_AddStringToObject(result, "report", text);
    free(text);
    control_result(call, result);
}

void director_tell_verdict(struct director *d, struct stage *st) {
    for (struct verdict_call **at = &d->waiting; *at != NULL;) {
        struct verdict_call *w = *at;
        if (w->stage != st) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        tell_verdict(w->call, st);
        free(w);
    }
}

/* Clients that have gone: their answers go to nobody. */
static void drop_unwanted(struct director *d) {
    for (struct verdict_call **at = &d->waiting; *at != NULL;) {
        struct verdict_call *w = *at;
        if (control_is_wanted(w->call)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        control_result(w->call, NULL);
        free(w);
    }
}

static void on_verdict(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct director *d = of(ctx);
    struct stage *st = director_stage(d, call, params);
    if (st == NULL) {
        return;
    }
    if (stage_expect(st) == NULL) {
        control_error(call, CONTROL_REFUSED, "no scenario is loaded");
        return;
    }
    if (spec_flag(params, "wait", false) && !expect_is_over(stage_expect(st))) {
        /* Bounded by what the clients that are there may have open. */
        drop_unwanted(d);
        struct verdict_call *w = xmalloc(sizeof *w);
        *w = (struct verdict_call){d->waiting, call, st};
        d->waiting = w;
        return;
    }
    tell_verdict(call, st);
}

static void on_stop(void *ctx, struct control_call *call, const struct cJSON *params) {
    (void)params;
    struct director *d = of(ctx);
    control_result(call, NULL);
    d->cfg.on_stop(d->cfg.ctx);
}

/* -- captures -- */

static void on_capture_start(void *ctx, struct control_call *call, const struct cJSON *params) {
    struct director *d = of(ctx);
    int err = d->cfg.on_capture_start(d->cfg.ctx, spec_text(params, "file", ""));
    answer(call, err, err == -EALREADY ? "a capture is running already" : NULL);
}

static void on_capture_stop(void *ctx, struct control_call *call, const struct cJSON *params) {
    (void)params;
    struct director *d = of(ctx);
    uint64_t packets = 0;
    int err = d->cfg.on_capture_stop(d->cfg.ctx, &packets);
    if (err != 0) {
        answer(call, err,
               err == -ENOENT ? "no capture is running"
                              : "the file could not be written any more; the log says why");
        return;
    }
    struct cJSON *result = cJSON_CreateObject();
    cJSON_AddNumberToObject(result, "packets", (double)packets);
    control_result(call, result);
}

/* -- the table -- */

const struct control_method director_methods[] = {
    {"version", on_version, "What runs here.", NULL},
    {"state", on_state, "What the module is like just now.", &state_params},
    {"do", on_do, "An action, as a scenario has it.", &do_params},
    {"rule.add", on_rule_add, "A rule, as a scenario has it, acts from now on.", &rule_add_params},
    {"rule.list", on_rule_list, "The rules and how often they have fired.", &modem_params},
    {"rule.remove", on_rule_remove, "A rule acts no more.", &rule_remove_params},
    {"clock.advance", on_advance, "A manual clock goes on; answers when all is done and written.",
     &advance_params},
    {"ports", lines_ports, "The ports of the module, and where a driver finds them.",
     &modem_params},
    {"lines.get", lines_get, "The lines of a port, and how often they have changed.", &port_params},
    {"lines.set", lines_set, "Sets the driver's lines, which a pty does not have.", &lines_params},
    {"lines.wait", lines_wait, "Answers as lines.get when DCD changes, or RI ends.",
     &change_params},
    {"load", on_load, "Plays this scenario; one that was playing ends.", &load_params},
    {"save", on_save, "A scenario that begins where the module is now.", &modem_params},
    {"verdict", on_verdict, "Whether the scenario has passed, and the report.", &verdict_params},
    {"capture.start", on_capture_start, "Packets of all modules go to this pcapng file.",
     &capture_start_params},
    {"capture.stop", on_capture_stop, "No more of them; answers how many did.", NULL},
    {"stop", on_stop, "The daemon ends.", NULL},
    {NULL, NULL, NULL, NULL},
};

static void on_subscribed(void *ctx, bool any) {
    struct director *d = of(ctx);
    for (size_t i = 0; i < d->nstages; i++) {
        stage_listen(d->stages[i], any);
    }
}

void director_start_methods(struct director *d) {
    d->idle = xmalloc(sizeof *d->idle);
    must(uv_idle_init(d->cfg.loop, d->idle) == 0);
    d->idle->data = d;
    control_on_subscribed(d->control, on_subscribed);
}

static void on_idle_closed(uv_handle_t *handle) {
    free(handle);
}

void director_stop_methods(struct director *d) {
    forget_waiting(d, NULL, "the daemon ends");
    if (d->advanced != NULL) {
        control_error(d->advanced, CONTROL_REFUSED, "the daemon ends");
        d->advanced = NULL;
    }
    if (d->idle != NULL) {
        uv_close((uv_handle_t *)d->idle, on_idle_closed);
        d->idle = NULL;
    }
}
