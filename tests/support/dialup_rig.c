#include "tests/support/dialup_rig.h"

#include <string.h>

#include "base/clk.h"
#include "base/obj.h"
#include "netstack/host_uv.h"
#include "netstack/route.h"

static size_t on_command(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    struct dialup_rig *r = ctx;
    size_t room = sizeof r->commands - r->n_commands;
    size_t kept = n < room ? n : room;
    (void)at;
    memcpy(r->commands + r->n_commands, p, kept);
    r->n_commands += kept;
    return n;
}

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    struct dialup_rig *r = ctx;
    (void)at;
    return dialup_rx(r->dialup, p, n);
}

static void on_drained(void *ctx) {
    struct dialup_rig *r = ctx;
    if (r->dialup != NULL) {
        dialup_drained(r->dialup);
    }
}

static const struct chan_user below = {.name = "at", .rx = on_command};
static const struct chan_user user = {.name = "ppp", .rx = on_rx, .drained = on_drained};

static void drop_link(struct dialup_rig *r) {
    dialup_free(r->dialup);
    r->dialup = NULL;
    chan_pop(&r->ch, &user, r);
}

static void on_opened(void *ctx) {
    struct dialup_rig *r = ctx;
    r->opened++;
}

static bool on_login(void *ctx, const struct auth_login *login) {
    (void)ctx;
    (void)login;
    return true;
}

static void on_closed(void *ctx, enum ppp_close why) {
    struct dialup_rig *r = ctx;
    r->closed++;
    if (r->on_closed != NULL) {
        r->on_closed(r, why);
    }
    drop_link(r);
}

static const struct dialup_events events = {on_opened, on_login, on_closed};

void dialup_rig_start(struct dialup_rig *r) {
    memset(r, 0, sizeof *r);
    must(uv_loop_init(&r->loop) == 0);
    r->clk = clk_new_manual();
    r->route = route_new();
    r->host = host_uv_new(&r->loop, r->clk, r->route);
    bearer_init(&r->bearer, r->clk, host_uv_host(r->host));
    bearer_up(&r->bearer, 0x0a719d44u);
    chan_init(&r->ch, "dialup");
    chan_mem_init(&r->mem, &r->ch, r->clk);
    chan_push(&r->ch, &below, r);
    chan_set_open(&r->ch, true);
    ppp_peer_init(&r->peer);
}

void dialup_rig_stop(struct dialup_rig *r) {
    if (r->dialup != NULL) {
        drop_link(r);
    }
    ppp_peer_fini(&r->peer);
    chan_pop(&r->ch, &below, r);
    chan_mem_fini(&r->mem);
    chan_fini(&r->ch);
    bearer_fini(&r->bearer);
    host_uv_close(r->host);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&r->loop) == 0);
    route_free(r->route);
    clk_close(r->clk);
}

void dialup_rig_connect(struct dialup_rig *r, uint64_t seed) {
    const struct dialup_config cfg = {
        .ch = &r->ch,
        .seed = seed,
        .lcp = {.echo_interval = CLK_S(10), .echo_failures = 3},
        .gate = {.loop = &r->loop,
                 .bearer = &r->bearer,
                 .route = r->route,
                 .gateway_ip = DIALUP_RIG_GATEWAY},
    };
    must(r->dialup == NULL);
    ppp_peer_fini(&r->peer);
    ppp_peer_init(&r->peer);
    r->dialup = dialup_new(&cfg, &events, r);
    must(r->dialup != NULL);
    chan_push(&r->ch, &user, r);
}
