#include "pty/cmux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/chan.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/obj.h"

/* Messages of the control channel (27.010 5.4.6.3), with EA and as an answer. */
enum message {
    NSC = 0x11,
    TEST = 0x21,
    PSC = 0x41,
    RLS = 0x51,
    FCOFF = 0x61,
    PN = 0x81,
    RPN = 0x91,
    FCON = 0xa1,
    CLD = 0xc1,
    MSC = 0xe1,
};

enum { EA = 0x01, COMMAND = 0x02 };

/* The lines in MSC (27.010 5.4.6.3.7). */
enum { LINE_FC = 0x02, LINE_RTC = 0x04, LINE_RTR = 0x08, LINE_IC = 0x40, LINE_DV = 0x80 };

enum { DLCIS = LIMIT_CMUX_DLCIS + 1, AHEAD = 4096, PN_SIZE = 8, RPN_SIZE = 8 };

struct dlci {
    struct cmux *mux;
    unsigned number;
    bool is_open;
    struct chan chan;
    struct buf stash;   /* input that the channel had no room for */
    size_t send_max;    /* of a frame */
    bool is_stopped;    /* the DTE wants nothing from it */
    bool is_stopping;   /* the DTE was told to send nothing to it */
    bool is_delivering; /* what is written meanwhile goes as one, afterwards */
    bool is_flushing;
    bool has_told; /* its lines */
};

struct cmux {
    uint32_t magic;
#define CMUX_MAGIC 0xc32710a1u
    struct cmux_config cfg;
    struct cmux_mode mode;
    bool is_on;
    bool is_paused;  /* FCoff */
    bool is_leaving; /* our CLD is out */
    struct clk_timer t2;
    struct clk_timer later; /* a DLCI has room for what waits */
    struct cmux_decoder decoder;
    struct cmux_frame held; /* its DLCI has no room; number 0: none */
    struct dlci dlcis[DLCIS];
    unsigned next; /* whose turn it is to send */
};

static const struct chan_user user;

static void show(const struct cmux *m, bool is_out, const struct cmux_frame *f) {
    if (m->cfg.on_frame != NULL) {
        m->cfg.on_frame(m->cfg.ctx, is_out, f);
    }
}

/* -- out -- */

static void send_frame(struct cmux *m, const struct cmux_frame *f) {
    uint8_t wire[CMUX_FRAME_WIRE];
    size_t n = cmux_encode(m->mode.option, f, m->cfg.quirks.has_long_lengths, wire);
    show(m, true, f);
    if (chan_write(m->cfg.phys, wire, n) != 0) {
        LOG(LOG_PTY, LOG_WARN, m->cfg.phys->name, "multiplexer: no room for a frame");
    }
}

/* What is answered has C/R set, as the side that was called has it (27.010 5.2.1.2). */
static void answer(struct cmux *m, unsigned dlci, enum cmux_type type) {
    send_frame(m, &(struct cmux_frame){
                      .dlci = dlci, .is_command = true, .is_final = true, .type = (uint8_t)type});
}

static void send_message(struct cmux *m, unsigned type, const uint8_t *value, size_t n) {
    enum { SHORT_MAX = 127, HEAD = 3 };
    uint8_t info[LIMIT_CMUX_INFO + HEAD];
    size_t len = 0;
    info[len++] = (uint8_t)type;
    if (n <= SHORT_MAX) {
        info[len++] = (uint8_t)(n << 1 | EA);
    } else {
        info[len++] = (uint8_t)((n & SHORT_MAX) << 1);
        info[len++] = (uint8_t)(n >> 7 << 1 | EA);
    }
    if (n > m->mode.info_max || len + n > LIMIT_CMUX_INFO) {
        return;
    }
    if (n > 0) {
        memcpy(info + len, value, n);
    }
    send_frame(m, &(struct cmux_frame){.type = CMUX_UIH, .info = info, .n = len + n});
}

static void tell_lines(struct dlci *d) {
    const uint8_t value[] = {
        (uint8_t)(d->number << 2 | COMMAND | EA),
        (uint8_t)(EA | LINE_RTC | LINE_RTR | (d->is_stopping ? LINE_FC : 0) |
                  (d->chan.is_ri_on ? LINE_IC : 0) | (d->chan.is_dcd_on ? LINE_DV : 0)),
    };
    d->has_told = true;
    send_message(d->mux, MSC | COMMAND, value, sizeof value);
}

/* As much as one frame takes; false: there is nothing, or it may not. */
static bool send_some(struct dlci *d) {
    size_t n = 0;
    const struct cmux *m = d->mux;
    if (!d->is_open || d->is_stopped || d->is_delivering || m->is_paused ||
        chan_pending(m->cfg.phys) >= AHEAD) {
        return false;
    }
    const uint8_t *p = chan_tx_data(&d->chan, &n);
    if (n == 0) {
        return false;
    }
    n = n < d->send_max ? n : d->send_max;
    send_frame(d->mux,
               &(struct cmux_frame){.dlci = d->number, .type = CMUX_UIH, .info = p, .n = n});
    chan_tx_done(&d->chan, n);
    return true;
}

/* Who writes from inside is served by the loop that called him. */
static void flush(struct dlci *d) {
    if (!d->is_flushing) {
        d->is_flushing = true;
        while (send_some(d)) {
        }
        d->is_flushing = false;
    }
}

/* In turns, a frame each. */
static void flush_all(struct cmux *m) {
    for (unsigned idle = 0; idle < DLCIS;) {
        struct dlci *d = &m->dlcis[m->next];
        bool has_sent = false;
        m->next = (m->next + 1) % DLCIS;
        if (!d->is_flushing) {
            d->is_flushing = true;
            has_sent = send_some(d);
            d->is_flushing = false;
        }
        idle = has_sent ? 0 : idle + 1;
    }
}

/* -- in -- */

/* From the stash, then from `p`; returns how many of these the channel has taken. */
static size_t feed(struct dlci *d, const uint8_t *p, size_t n) {
    const struct clk *clk = d->mux->cfg.clk;
    size_t used = 0;
    size_t got = 1;
    d->is_delivering = true;
    while (got > 0 && (buf_len(&d->stash) > 0 || used < n)) {
        bool is_stash = buf_len(&d->stash) > 0;
        size_t want = is_stash ? buf_len(&d->stash) : n - used;
        uint8_t *to = chan_rx_reserve(&d->chan, want, &got);
        if (got == 0) {
            break;
        }
        if (is_stash) {
            buf_take(&d->stash, to, got);
        } else {
            memcpy(to, p + used, got);
            used += got;
        }
        chan_rx_commit(&d->chan, got, clk_now(clk));
    }
    d->is_delivering = false;
    return used;
}

static void stop_dte(struct dlci *d) {
    bool is_full = buf_len(&d->stash) > 0;
    if (d->is_stopping != is_full) {
        d->is_stopping = is_full;
        tell_lines(d);
    }
}

/* False: there is no room for it. */
static bool deliver(struct dlci *d, const uint8_t *p, size_t n) {
    if (buf_len(&d->stash) > 0 && n > buf_room(&d->stash)) {
        return false;
    }
    size_t used = feed(d, p, n);
    if (used < n) {
        must(buf_put_all(&d->stash, p + used, n - used) == 0);
    }
    stop_dte(d);
    flush(d);
    return true;
}

/* In a turn of its own: who made room must not find his channel gone when he comes back. */
static void on_later(void *ctx) {
    struct cmux *m;
    CAST_OBJ(m, ctx, CMUX_MAGIC);
    for (unsigned i = 1; i < DLCIS; i++) {
        struct dlci *d = &m->dlcis[i];
        if (d->is_open && deliver(d, NULL, 0) && m->held.dlci == i &&
            deliver(d, m->held.info, m->held.n)) {
            m->held.dlci = 0;
        }
    }
    chan_pump(m->cfg.phys);
}

static void on_room(void *ctx) {
    struct dlci *d = ctx;
    struct cmux *m = d->mux;
    if (!d->is_delivering && buf_len(&d->stash) > 0 && !clk_pending(&m->later)) {
        clk_start(m->cfg.clk, &m->later, CLK_US(0), on_later, m);
    }
}

static void on_kick(void *ctx) {
    flush(ctx);
}

static void on_lines(void *ctx, bool on) {
    struct dlci *d = ctx;
    (void)on;
    if (d->is_open && d->has_told) {
        tell_lines(d);
    }
}

static void on_drop(void *ctx) {
    struct dlci *d = ctx;
    buf_clear(&d->stash);
}

static const struct chan_transport transport = {
    .kick = on_kick,
    .room = on_room,
    .drop = on_drop,
    .set_dcd = on_lines,
    .set_ri = on_lines,
};

/* -- the life of a DLCI -- */

static void open_dlci(struct dlci *d) {
    struct cmux *m = d->mux;
    char name[LIMIT_CHAN_NAME];
    answer(m, d->number, CMUX_UA);
    if (d->is_open) {
        return;
    }
    snprintf(name, sizeof name, "%.20s/dlci%u", m->cfg.phys->name, d->number);
    chan_init(&d->chan, name);
    chan_set_transport(&d->chan, &transport, d);
    buf_init(&d->stash, LIMIT_CMUX_STASH);
    d->is_stopped = false;
    d->is_stopping = false;
    d->has_told = false;
    m->cfg.on_open(m->cfg.ctx, d->number, &d->chan);
    d->is_open = true;
    chan_set_open(&d->chan, true);
    if (m->cfg.quirks.is_msc_first) {
        tell_lines(d);
    }
    flush(d);
}

static void close_dlci(struct dlci *d) {
    struct cmux *m = d->mux;
    if (!d->is_open) {
        return;
    }
    must(!d->chan.is_pumping);
    chan_set_open(&d->chan, false);
    d->is_open = false;
    if (m->held.dlci == d->number) {
        m->held.dlci = 0;
    }
    m->cfg.on_close(m->cfg.ctx, d->number);
    chan_fini(&d->chan);
    buf_fini(&d->stash);
}

void cmux_end(struct cmux *m) {
    CHECK_OBJ(m, CMUX_MAGIC);
    if (!m->is_on) {
        return;
    }
    for (unsigned i = 1; i < DLCIS; i++) {
        close_dlci(&m->dlcis[i]);
    }
    LOG(LOG_PTY, LOG_INFO, m->cfg.phys->name,
        "multiplexer over: frames dropped: %llu torn, %llu of a wrong check, %llu too long",
        (unsigned long long)m->decoder.torn, (unsigned long long)m->decoder.bad_fcs,
        (unsigned long long)m->decoder.too_long);
    m->is_on = false;
    clk_stop(m->cfg.clk, &m->t2);
    clk_stop(m->cfg.clk, &m->later);
    chan_pop(m->cfg.phys, &user, m);
    m->cfg.on_end(m->cfg.ctx);
}

/* -- the control channel -- */

struct message_in {
    unsigned type; /* enum message */
    bool is_command;
    const uint8_t *value;
    size_t n;
};

static struct dlci *dlci_of(struct cmux *m, unsigned number) {
    return number >= 1 && number < DLCIS ? &m->dlcis[number] : NULL;
}

static void on_msc(struct cmux *m, const struct message_in *in) {
    if (in->n < 2) {
        return;
    }
    struct dlci *d = dlci_of(m, in->value[0] >> 2);
    if (!in->is_command || d == NULL || !d->is_open) {
        return;
    }
    send_message(m, MSC, in->value, in->n);
    if (!d->has_told) {
        tell_lines(d);
    }
    d->is_stopped = (in->value[1] & LINE_FC) != 0;
    chan_set_dtr(&d->chan, (in->value[1] & LINE_RTC) != 0);
    flush(d);
}

/* What the DTE wants is taken as far as it can be: frames of UIH, type 1, and our bound on N1. */
static void on_pn(struct cmux *m, const struct message_in *in) {
    uint8_t value[PN_SIZE];
    struct dlci *d = in->n == PN_SIZE ? dlci_of(m, in->value[0] & 0x3f) : NULL;
    if (d == NULL) {
        return;
    }
    memcpy(value, in->value, sizeof value);
    size_t n1 = (size_t)value[4] | (size_t)value[5] << 8;
    if (n1 == 0 || n1 > LIMIT_CMUX_INFO) {
        n1 = LIMIT_CMUX_INFO;
    }
    value[1] = 0;
    value[4] = (uint8_t)n1;
    value[5] = (uint8_t)(n1 >> 8);
    d->send_max = n1;
    if (n1 > m->decoder.info_max) {
        m->decoder.info_max = n1;
    }
    send_message(m, PN, value, sizeof value);
}

/* 115200 8N1, no flow control by characters; another wish is taken and has no effect. */
static void on_rpn(struct cmux *m, const struct message_in *in) {
    uint8_t value[RPN_SIZE] = {0, 0x07, 0x03, 0x00, 0x11, 0x13, 0x00, 0x00};
    if (in->n != 1 && in->n != RPN_SIZE) {
        return;
    }
    memcpy(value, in->value, in->n);
    send_message(m, RPN, value, sizeof value);
}

static void on_command(struct cmux *m, const struct message_in *in) {
    uint8_t type = (uint8_t)(in->type | COMMAND);
    switch (in->type) {
    case MSC:
        on_msc(m, in);
        break;
    case PN:
        on_pn(m, in);
        break;
    case RPN:
        on_rpn(m, in);
        break;
    case TEST:
    case PSC:
    case RLS:
        send_message(m, in->type, in->value, in->n);
        break;
    case FCOFF:
    case FCON:
        send_message(m, in->type, NULL, 0);
        m->is_paused = in->type == FCOFF;
        flush_all(m);
        break;
    case CLD:
        if (!m->cfg.quirks.ignores_cld) {
            send_message(m, CLD, NULL, 0);
        }
        cmux_end(m);
        break;
    default:
        send_message(m, NSC, &type, 1);
        break;
    }
}

static void on_message(struct cmux *m, const struct message_in *in) {
    if (in->is_command) {
        on_command(m, in);
    } else if (in->type == CLD && m->is_leaving) {
        cmux_end(m);
    }
}

/* A number of octets, seven bits in each; false: it does not end. */
static bool take_length(const uint8_t *p, size_t n, size_t *at, size_t *length) {
    unsigned shift = 0;
    *length = 0;
    while (*at < n && shift < 14) {
        uint8_t octet = p[(*at)++];
        *length |= (size_t)(octet >> 1) << shift;
        if ((octet & EA) != 0) {
            return true;
        }
        shift += 7;
    }
    return false;
}

static void on_control(struct cmux *m, const uint8_t *p, size_t n) {
    size_t at = 0;
    while (at < n && m->is_on) {
        struct message_in in = {.type = p[at] & ~(unsigned)COMMAND,
                                .is_command = (p[at] & COMMAND) != 0};
        at++;
        if (!take_length(p, n, &at, &in.n) || in.n > n - at) {
            return;
        }
        in.value = p + at;
        at += in.n;
        on_message(m, &in);
    }
}

/* -- frames -- */

static void on_data(struct cmux *m, const struct cmux_frame *f) {
    struct dlci *d = dlci_of(m, f->dlci);
    if (f->dlci == 0) {
        on_control(m, f->info, f->n);
    } else if (d == NULL || !d->is_open) {
        answer(m, f->dlci, CMUX_DM);
    } else if (f->n > 0 && !deliver(d, f->info, f->n)) {
        m->held = *f;
    }
}

static void on_disc(struct cmux *m, unsigned number) {
    struct dlci *d = dlci_of(m, number);
    if (number == 0) {
        answer(m, 0, CMUX_UA);
        cmux_end(m);
    } else if (d == NULL || !d->is_open) {
        answer(m, number, CMUX_DM);
    } else {
        close_dlci(d);
        answer(m, number, CMUX_UA);
    }
}

static void on_frame(struct cmux *m, const struct cmux_frame *f) {
    struct dlci *d = dlci_of(m, f->dlci);
    switch (f->type) {
    case CMUX_SABM:
        if (d != NULL) {
            open_dlci(d);
        } else {
            answer(m, f->dlci, f->dlci == 0 ? CMUX_UA : CMUX_DM);
        }
        break;
    case CMUX_DISC:
        on_disc(m, f->dlci);
        break;
    case CMUX_UIH:
    case CMUX_UI:
        on_data(m, f);
        break;
    default: /* UA and DM answer nothing of ours, others are none */
        break;
    }
}

/* Nothing is taken while the answers have no room, so that a DTE that does not read is bounded. */
static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    struct cmux *m;
    CAST_OBJ(m, ctx, CMUX_MAGIC);
    (void)at;
    size_t used = 0;
    while (used < n && m->is_on && m->held.dlci == 0 && !chan_is_busy(m->cfg.phys)) {
        bool has_frame = false;
        struct cmux_frame f;
        used += cmux_decode(&m->decoder, p + used, n - used, &f, &has_frame);
        if (has_frame) {
            show(m, false, &f);
            on_frame(m, &f);
        }
    }
    return used;
}

static void on_top(void *ctx, bool is_top) {
    struct cmux *m;
    CAST_OBJ(m, ctx, CMUX_MAGIC);
    if (is_top) {
        m->is_on = true;
    }
}

static void on_drained(void *ctx) {
    struct cmux *m;
    CAST_OBJ(m, ctx, CMUX_MAGIC);
    flush_all(m);
    chan_pump(m->cfg.phys);
}

static void on_event(void *ctx, enum chan_event event) {
    struct cmux *m;
    CAST_OBJ(m, ctx, CMUX_MAGIC);
    if (event == CHAN_CLOSED || event == CHAN_DTR_OFF) {
        cmux_end(m);
    }
}

static const struct chan_user user = {
    .name = "cmux",
    .rx = on_rx,
    .top = on_top,
    .drained = on_drained,
    .event = on_event,
};

/* -- the whole -- */

struct cmux *cmux_new(const struct cmux_config *cfg) {
    struct cmux *m = xmalloc(sizeof *m);
    OBJ_INIT(m, CMUX_MAGIC);
    m->cfg = *cfg;
    for (unsigned i = 0; i < DLCIS; i++) {
        m->dlcis[i].mux = m;
        m->dlcis[i].number = i;
    }
    return m;
}

const struct chan_user *cmux_user(struct cmux *m, const struct cmux_mode *mode) {
    CHECK_OBJ(m, CMUX_MAGIC);
    must(!m->is_on && mode->send_max > 0 && mode->send_max <= mode->info_max);
    m->mode = *mode;
    m->is_paused = false;
    m->is_leaving = false;
    m->held.dlci = 0;
    m->next = 0;
    cmux_decoder_init(&m->decoder, mode->option, mode->info_max);
    for (unsigned i = 0; i < DLCIS; i++) {
        m->dlcis[i].send_max = mode->send_max;
    }
    return &user;
}

bool cmux_is_on(const struct cmux *m) {
    CHECK_OBJ(m, CMUX_MAGIC);
    return m->is_on;
}

static void on_t2(void *ctx) {
    struct cmux *m;
    CAST_OBJ(m, ctx, CMUX_MAGIC);
    cmux_end(m);
}

void cmux_stop(struct cmux *m) {
    CHECK_OBJ(m, CMUX_MAGIC);
    if (m->is_on && !m->is_leaving) {
        m->is_leaving = true;
        send_message(m, CLD | COMMAND, NULL, 0);
        clk_start(m->cfg.clk, &m->t2, CLK_MS(m->mode.t2_ms), on_t2, m);
    }
}

void cmux_free(struct cmux *m) {
    if (m == NULL) {
        return;
    }
    cmux_end(m);
    OBJ_FINI(m);
    free(m);
}
