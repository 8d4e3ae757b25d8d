#include "tests/support/acts.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/model/sockets.h"

const struct net_addr acts_server = {0x74ecdd4bu, 8011}; /* of the note: 116.236.221.75 */
const struct net_addr acts_caller = {0x0a000001u, 40000};
static const uint16_t listen_port = 8080;

void acts_start(struct acts *a) {
    a->nended = 0;
    log_set_level(LOG_ERROR);
    a->clk = clk_new_manual();
    a->host = fake_host_new();
    fake_host_add_name(a->host, "a.example", acts_server.ip);
    fake_host_add_ping(a->host, acts_server.ip, 20000);
    chan_init(&a->ch, "fuzz");
    const struct unit_config cfg = {
        .profile = profile_find("sim7600e"),
        .name = "fuzz",
        .clk = a->clk,
        .host = fake_host_net(a->host),
        .chan = &a->ch,
    };
    a->unit = unit_new(&cfg);
    chan_mem_init(&a->mem, &a->ch, a->clk);
}

void acts_stop(struct acts *a) {
    unit_close(a->unit);
    must(fake_host_open_count(a->host) == 0);
    fake_host_free(a->host);
    chan_mem_fini(&a->mem);
    chan_fini(&a->ch);
    clk_close(a->clk);
}

static void read_all(struct acts *a) {
    uint8_t rest[4096];
    while (chan_mem_get(&a->mem, rest, sizeof rest) > 0) {
        continue;
    }
}

static void run_network(struct acts *a) {
    while (fake_host_run(a->host)) {
        continue;
    }
}

/* -- the outside -- */

static bool has_ended(const struct acts *a, const struct fake_link *l) {
    for (size_t i = 0; i < a->nended; i++) {
        if (a->ended[i] == l) {
            return true;
        }
    }
    return false;
}

static void end_link(struct acts *a, struct fake_link *l, unsigned much) {
    static const int ends[] = {0, 0, -ECONNRESET, -ETIMEDOUT};
    if (a->nended < ACTS_ENDED) {
        a->ended[a->nended++] = l;
        fake_host_end(l, ends[much % 4]);
    }
}

static void act_on_link(struct acts *a, enum act what, unsigned much) {
    static const uint8_t filler[2000];
    struct fake_link *l = fake_host_link(a->host, acts_server.ip, acts_server.port);
    struct fake_link *accepted = fake_host_link(a->host, acts_caller.ip, acts_caller.port);
    if (much % 2 == 1 && accepted != NULL) {
        l = accepted;
    }
    if (l == NULL) {
        return;
    }
    size_t n = 0;
    const uint8_t *got = fake_host_received(l, &n);
    bool may_send = !has_ended(a, l);
    if (what == ACT_SEND && may_send) {
        fake_host_send(l, filler, 1 + much * 130);
    } else if (what == ACT_ECHO && may_send && n > 0) {
        fake_host_send(l, got, n);
        fake_host_take(l, n);
    } else if (what == ACT_END) {
        end_link(a, l, much);
    } else if (what == ACT_ACKS) {
        fake_host_hold_acks(l, much < 8);
    } else if (what == ACT_WINDOW) {
        fake_host_window(l, much == 15 ? SIZE_MAX : much * 100);
    }
}

static void act_on_host(struct acts *a, enum act what, unsigned much) {
    static const uint8_t filler[2000];
    if (what == ACT_CALL) {
        fake_host_call(a->host, &acts_caller, listen_port);
    } else if (what == ACT_DATAGRAM) {
        fake_host_send_datagram(a->host, &acts_server, 0, filler, much * 130);
    } else if (what == ACT_CONNECT) {
        fake_host_on_connect(a->host, 0, 0, (enum fake_connect)(much % (FAKE_SILENT + 1)));
    }
}

/* Up to REG_ROAMING a grant of the network, then what else happens to a module from outside. */
static void act_on_module(struct modem *m, unsigned much) {
    enum { RESTART = REG_ROAMING + 1, OFF, HANG, GO_ON, CARD, PIN, PULL, END, RESET, NO_CONTEXT };
    switch (much) {
    case RESTART:
        modem_restart(m, CLK_MS(20), false);
        break;
    case OFF:
        modem_power_off(m, false);
        break;
    case HANG:
    case GO_ON:
        modem_set_hung(m, much == HANG);
        break;
    case CARD:
    case PIN:
    case PULL:
        modem_set_sim(m, much == CARD ? SIM_READY : much == PIN ? SIM_PIN : SIM_ABSENT);
        break;
    case END:
    case RESET:
        link_end(m->sockets, 0, much == END ? NET_CLOSE_REMOTE : NET_CLOSE_RESET);
        break;
    case NO_CONTEXT:
        modem_deactivate(m, 1);
        break;
    default:
        modem_set_registration(m, (enum reg_stat)much);
        break;
    }
}

void acts_do(struct acts *a, uint8_t what) {
    static const uint8_t mark = ACTS_MARK;
    unsigned much = what >> 4;
    switch ((enum act)(what & 15)) {
    case ACT_BYTE:
        chan_mem_put(&a->mem, &mark, 1);
        break;
    case ACT_CLOCK:
        clk_advance(a->clk, CLK_MS(1 << much));
        break;
    case ACT_NETWORK:
        run_network(a);
        break;
    case ACT_STALL:
        chan_mem_stall(&a->mem, much % 2 == 1);
        break;
    case ACT_DTE:
        chan_set_open(&a->ch, much % 2 == 1);
        break;
    case ACT_SEND:
    case ACT_ECHO:
    case ACT_END:
    case ACT_ACKS:
    case ACT_WINDOW:
        act_on_link(a, (enum act)(what & 15), much);
        break;
    case ACT_CALL:
    case ACT_DATAGRAM:
    case ACT_CONNECT:
        act_on_host(a, (enum act)(what & 15), much);
        break;
    case ACT_REGISTRATION:
        act_on_module(unit_modem(a->unit), much);
        break;
    case ACT_CHOP:
        a->mem.chop = much;
        break;
    case ACT_READ:
        read_all(a);
        break;
    }
}

bool acts_next(const uint8_t **p, size_t *n, struct acts_step *out) {
    const uint8_t *mark = *n > 0 ? memchr(*p, ACTS_MARK, *n) : NULL;
    size_t typed = mark != NULL ? (size_t)(mark - *p) : *n;
    size_t took = typed + 2 < *n ? typed + 2 : *n;
    *out = (struct acts_step){.p = *p, .n = typed, .has_act = typed + 1 < *n};
    if (*n == 0) {
        return false;
    }
    out->act = out->has_act ? mark[1] : 0;
    *p += took;
    *n -= took;
    return true;
}
