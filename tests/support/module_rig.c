#include "tests/support/module_rig.h"

#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/profile.h"
#include "netstack/route.h"
#include "scenarios/peers/peers.h"

void module_rig_start(struct module_rig *r) {
    log_set_level(LOG_ERROR);
    must(uv_loop_init(&r->loop) == 0);
    r->clk = clk_new_manual();
    r->host = fake_host_new();
    r->peers = peers_new(&r->loop, r->clk);
    r->route = route_new();
    chan_init(&r->ch, "fuzz");
    chan_mem_init(&r->mem, &r->ch, r->clk);
    const struct unit_config cfg = {.profile = profile_find("sim7600e"),
                                    .name = "fuzz",
                                    .clk = r->clk,
                                    .host = fake_host_net(r->host),
                                    .chan = &r->ch};
    r->unit = unit_new(&cfg);
}

void module_rig_stop(struct module_rig *r) {
    unit_close(r->unit);
    must(fake_host_open_count(r->host) == 0);
    chan_mem_fini(&r->mem);
    chan_fini(&r->ch);
    fake_host_free(r->host);
    peers_close(r->peers);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&r->loop) == 0);
    route_free(r->route);
    clk_close(r->clk);
}
