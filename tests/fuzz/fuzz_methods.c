/* What can be asked for at the control socket, by any bytes of a client, while a driver types and
 * time goes on: every request is answered once, and what is saved can be loaded.
 *
 * Input: lines of a client; 0xff and a byte: t a turn of the loop, c a second passes, a the driver
 * types AT, w it writes a setting, o it leaves or comes. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/obj.h"
#include "scenarios/control/control_rpc.h"
#include "scenarios/engine/director_priv.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/engine/state.h"
#include "scenarios/json/spec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/module_rig.h"

enum { MARK = 0xff, TURNS = 20 };

struct rig {
    struct module_rig m;
    struct director *director;
    struct control_rpc rpc;
};

static void on_told(void *ctx) {
    (void)ctx;
}

static void check_line(void *sink, const char *line, size_t n) {
    (void)sink;
    cJSON *message = cJSON_ParseWithLength(line, n);
    must(message != NULL &&
         (spec_get(message, "id") != NULL) != (spec_get(message, "method") != NULL));
    cJSON_Delete(message);
}

static void make_socket_path(char to[64]) {
    snprintf(to, 64, "/tmp/methods-%d", (int)getpid());
}

static void settings(void *ctx, stage_setting_fn *each, void *each_ctx) {
    unit_settings(ctx, each, each_ctx);
}

static void start_director(struct rig *r) {
    char error[SCENARIO_ERROR], path[64];
    const struct director_config cfg = {.loop = &r->m.loop,
                                        .clk = r->m.clk,
                                        .route = r->m.route,
                                        .peers = r->m.peers,
                                        .version = "fuzz",
                                        .on_stop = on_told,
                                        .on_over = on_told};
    const struct stage_world world = {.modem = unit_modem(r->m.unit),
                                      .chan = &r->m.ch,
                                      .settings = settings,
                                      .settings_ctx = r->m.unit};
    make_socket_path(path);
    must(director_new(&r->director, &cfg, error) == 0);
    must(director_listen(r->director, path) == 0);
    must(director_add(r->director, &world, error) == 0);
    control_rpc_init(&r->rpc, director_methods, r->director, check_line, NULL);
}

static void start(struct rig *r) {
    module_rig_start(&r->m);
    start_director(r);
}

static void stop(struct rig *r) {
    director_drop(r->director);
    director_stop_methods(r->director);
    must(r->rpc.call_count == 0 || r->rpc.is_over); /* nobody waits for an answer */
    control_rpc_fini(&r->rpc);
    director_close(r->director);
    module_rig_stop(&r->m);
}

static void turn(struct rig *r) {
    uint8_t bytes[4096];
    for (int i = 0; i < TURNS; i++) {
        fake_host_settle(r->m.host, r->m.clk);
        uv_run(&r->m.loop, UV_RUN_NOWAIT);
    }
    while (chan_mem_get(&r->m.mem, bytes, sizeof bytes) > 0) {
        fake_host_settle(r->m.host, r->m.clk);
    }
    control_rpc_sent(&r->rpc, r->rpc.queued);
}

static void check_saved(struct rig *r) {
    char error[SCENARIO_ERROR];
    cJSON *saved = state_scenario(r->director->stages[0]);
    char *text = cJSON_PrintUnformatted(saved);
    struct scenario *sc = scenario_parse("saved", text, strlen(text), error);
    if (sc == NULL) {
        fprintf(stderr, "%s\n%s\n", error, text);
    }
    must(sc != NULL);
    scenario_free(sc);
    cJSON_free(text);
    cJSON_Delete(saved);
}

static void act(struct rig *r, uint8_t what) {
    static const char line[] = "AT\r", setting[] = "AT+CMEE=1;+CGDCONT=2,\"IP\",\"a\"\r";
    switch (what) {
    case 't':
        turn(r);
        break;
    case 'c':
        fake_host_pass(r->m.host, r->m.clk, CLK_S(1));
        break;
    case 'a':
        chan_mem_put(&r->m.mem, line, sizeof line - 1);
        break;
    case 'w':
        chan_mem_put(&r->m.mem, setting, sizeof setting - 1);
        break;
    case 'o':
        chan_set_open(&r->m.ch, !r->m.ch.is_open);
        break;
    default:
        break;
    }
}

static void put(struct rig *r, const uint8_t *p, size_t n) {
    for (size_t at = 0; at < n && !r->rpc.is_over;) {
        size_t part = n - at < CONTROL_RPC_CHUNK ? n - at : CONTROL_RPC_CHUNK;
        if (control_rpc_is_reading(&r->rpc)) {
            control_rpc_put(&r->rpc, p + at, part);
            at += part;
        } else if (r->rpc.queued > 0) {
            control_rpc_sent(&r->rpc, r->rpc.queued);
        } else {
            return; /* it waits for the answers that it has asked for */
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rig *r = xmalloc(sizeof *r);
    start(r);
    while (size > 0) {
        const uint8_t *mark = memchr(data, MARK, size);
        size_t n = mark != NULL ? (size_t)(mark - data) : size;
        put(r, data, n);
        if (size > n + 1) {
            act(r, data[n + 1]);
        }
        n = size < n + 2 ? size : n + 2;
        data += n;
        size -= n;
    }
    turn(r);
    check_saved(r);
    stop(r);
    free(r);
    return 0;
}
