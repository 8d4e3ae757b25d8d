/* A whole module at the mercy of a DTE and of its network: any bytes in any pieces, while
 * peers send and leave, the clock runs and the DTE comes, goes and does not read.
 *
 * Input: bytes of the DTE; 0xFF and a byte are an act of the outside: its lower half says which
 * (enum act), its upper half how much. In the end the port must still answer AT, and the module
 * must leave nothing open. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <string.h>

#include "base/chan_mem.h"
#include "base/log.h"
#include "base/obj.h"
#include "emulator/at/session.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/model/sockets.h"
#include "emulator/unit.h"
#include "slots.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_host.h"

enum { MARK = 0xff, ESC = 0x1b, ROUNDS = 100, PATIENCE = 3, MAX_ENDED = 64 };

enum act {
    ACT_BYTE, /* the byte 0xFF itself */
    ACT_CLOCK,
    ACT_NETWORK,
    ACT_STALL,
    ACT_DTE,
    ACT_SEND,
    ACT_ECHO,
    ACT_END,
    ACT_CALL,
    ACT_REGISTRATION,
    ACT_DATAGRAM,
    ACT_CONNECT,
    ACT_ACKS,
    ACT_WINDOW,
    ACT_CHOP,
    ACT_READ,
};

static const struct net_addr server = {0x74ecdd4bu, 8011}; /* of the note: 116.236.221.75 */
static const struct net_addr caller = {0x0a000001u, 40000};
static const uint16_t listen_port = 8080;

struct rig {
    struct clk *clk;
    struct chan ch;
    struct chan_mem mem;
    struct fake_host *host;
    struct unit *unit;
    const struct fake_link *ended[MAX_ENDED]; /* their far ends send nothing more */
    size_t nended;
    uint8_t out[65536]; /* what was read last, cut */
    size_t n;
};

static void start(struct rig *r) {
    r->nended = 0;
    log_set_level(LOG_ERROR);
    r->clk = clk_new_manual();
    r->host = fake_host_new();
    fake_host_add_name(r->host, "a.example", server.ip);
    fake_host_add_ping(r->host, server.ip, 20000);
    chan_init(&r->ch, "fuzz");
    const struct unit_config cfg = {
        .profile = profile_find("sim7600e"),
        .name = "fuzz",
        .clk = r->clk,
        .host = fake_host_net(r->host),
        .chan = &r->ch,
    };
    r->unit = unit_new(&cfg);
    chan_mem_init(&r->mem, &r->ch, r->clk);
}

static void stop(struct rig *r) {
    unit_close(r->unit);
    must(fake_host_open_count(r->host) == 0);
    fake_host_free(r->host);
    chan_mem_fini(&r->mem);
    chan_fini(&r->ch);
    clk_close(r->clk);
}

static void read_all(struct rig *r) {
    r->n = chan_mem_get(&r->mem, r->out, sizeof r->out);
    uint8_t rest[4096];
    while (chan_mem_get(&r->mem, rest, sizeof rest) > 0) {
        continue;
    }
}

static void run_network(struct rig *r) {
    while (fake_host_run(r->host)) {
        continue;
    }
}

/* -- the outside -- */

static bool has_ended(const struct rig *r, const struct fake_link *l) {
    for (size_t i = 0; i < r->nended; i++) {
        if (r->ended[i] == l) {
            return true;
        }
    }
    return false;
}

static void end_link(struct rig *r, struct fake_link *l, unsigned much) {
    static const int ends[] = {0, 0, -ECONNRESET, -ETIMEDOUT};
    if (r->nended < MAX_ENDED) {
        r->ended[r->nended++] = l;
        fake_host_end(l, ends[much % 4]);
    }
}

static void act_on_link(struct rig *r, enum act act, unsigned much) {
    static const uint8_t filler[2000];
    struct fake_link *l = fake_host_link(r->host, server.ip, server.port);
    struct fake_link *accepted = fake_host_link(r->host, caller.ip, caller.port);
    if (much % 2 == 1 && accepted != NULL) {
        l = accepted;
    }
    if (l == NULL) {
        return;
    }
    size_t n = 0;
    const uint8_t *got = fake_host_received(l, &n);
    bool may_send = !has_ended(r, l);
    if (act == ACT_SEND && may_send) {
        fake_host_send(l, filler, 1 + much * 130);
    } else if (act == ACT_ECHO && may_send && n > 0) {
        fake_host_send(l, got, n);
        fake_host_take(l, n);
    } else if (act == ACT_END) {
        end_link(r, l, much);
    } else if (act == ACT_ACKS) {
        fake_host_hold_acks(l, much < 8);
    } else if (act == ACT_WINDOW) {
        fake_host_window(l, much == 15 ? SIZE_MAX : much * 100);
    }
}

static void act_on_host(struct rig *r, enum act act, unsigned much) {
    static const uint8_t filler[2000];
    if (act == ACT_CALL) {
        fake_host_call(r->host, &caller, listen_port);
    } else if (act == ACT_DATAGRAM) {
        fake_host_send_datagram(r->host, &server, 0, filler, much * 130);
    } else if (act == ACT_CONNECT) {
        fake_host_on_connect(r->host, 0, 0, (enum fake_connect)(much % (FAKE_SILENT + 1)));
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

static void act(struct rig *r, uint8_t what) {
    static const uint8_t mark = MARK;
    unsigned much = what >> 4;
    switch ((enum act)(what & 15)) {
    case ACT_BYTE:
        chan_mem_put(&r->mem, &mark, 1);
        break;
    case ACT_CLOCK:
        clk_advance(r->clk, CLK_MS(1 << much));
        break;
    case ACT_NETWORK:
        run_network(r);
        break;
    case ACT_STALL:
        chan_mem_stall(&r->mem, much % 2 == 1);
        break;
    case ACT_DTE:
        chan_set_open(&r->ch, much % 2 == 1);
        break;
    case ACT_SEND:
    case ACT_ECHO:
    case ACT_END:
    case ACT_ACKS:
    case ACT_WINDOW:
        act_on_link(r, (enum act)(what & 15), much);
        break;
    case ACT_CALL:
    case ACT_DATAGRAM:
    case ACT_CONNECT:
        act_on_host(r, (enum act)(what & 15), much);
        break;
    case ACT_REGISTRATION:
        act_on_module(unit_modem(r->unit), much);
        break;
    case ACT_CHOP:
        r->mem.chop = much;
        break;
    case ACT_READ:
        read_all(r);
        break;
    }
}

static void play(struct rig *r, const uint8_t *p, size_t n) {
    size_t at = 0;
    while (at < n) {
        const uint8_t *mark = memchr(p + at, MARK, n - at);
        size_t end = mark != NULL ? (size_t)(mark - p) : n;
        chan_mem_put(&r->mem, p + at, end - at);
        if (end + 1 < n) {
            act(r, p[end + 1]);
        }
        at = end + 2;
        /* Far below its bound, so that nothing is ever dropped. */
        must(chan_pending(&r->ch) < LIMIT_CHAN_OUT / 2 && buf_len(&r->ch.in) <= LIMIT_CHAN_IN);
    }
}

/* -- the end -- */

/* Lets everything that is under way come to its end: a prompt is given what it asks for, data mode
 * is escaped from; and where that does not help, the network and the DTE go. */
static void settle(struct rig *r) {
    static uint8_t escapes[LIMIT_SEND];
    memset(escapes, ESC, sizeof escapes);
    for (unsigned round = 0; round == 0 || r->ch.depth > 1; round++) {
        must(round < ROUNDS);
        read_all(r);
        run_network(r);
        clk_advance(r->clk, CLK_S(200));
        run_network(r);
        if (r->ch.depth > 1) {
            chan_mem_put(&r->mem, escapes, sizeof escapes);
            clk_advance(r->clk, CLK_S(2));
            chan_mem_put(&r->mem, "+++", 3);
            clk_advance(r->clk, CLK_S(2));
        }
        modem_set_hung(unit_modem(r->unit), false);
        modem_power_on(unit_modem(r->unit));
        if (round >= PATIENCE) {
            modem_set_registration(unit_modem(r->unit), REG_OFF);
            /* A prompt for a file wants more than anyone gives. */
            chan_set_open(&r->ch, false);
            chan_set_open(&r->ch, true);
        }
        read_all(r);
    }
}

static bool has(const struct rig *r, const char *text) {
    return memmem(r->out, r->n, text, strlen(text)) != NULL;
}

/* True: AT was answered as S3, V and Q have it. The line before it may have been half typed. */
static bool answers(struct rig *r) {
    const struct at_session *s = r->ch.stack[0].ctx;
    char end = (char)session_int(s, SLOT_S3);
    const char line[] = {'A', 'T', end};
    const char number[] = {'0', end, '\0'};
    chan_mem_put(&r->mem, line, sizeof line);
    read_all(r);
    if (session_int(s, SLOT_Q) != 0) {
        return true;
    }
    return has(r, session_int(s, SLOT_V) != 0 ? "OK" : number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct rig r;
    start(&r);
    play(&r, data, size);
    chan_mem_stall(&r.mem, false);
    chan_set_open(&r.ch, true);
    r.mem.chop = 0;
    settle(&r);
    unsigned rounds = 0;
    while (!answers(&r)) {
        must(++rounds < ROUNDS);
        settle(&r);
    }
    stop(&r);
    return 0;
}
