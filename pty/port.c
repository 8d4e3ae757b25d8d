#include "pty/port.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/chan.h"
#include "base/log.h"
#include "base/obj.h"
#include "pty/link.h"
#include "pty/tty.h"
#include "pty/uart.h"
#include "pty/watch.h"

enum {
    READ_MAX = 4096,   /* what one read of a tty can give */
    WRITES_A_TURN = 4, /* what drains may be filled again at once, and the client reads meanwhile */
    READS_A_TURN = 2,  /* the other way has its turn before the next */
    READS_ALL = 16,    /* more than the kernel holds (13,824 bytes) */
    CLEAN_TRIES = 100, /* a tty that a client left barred fails them all, in 0.1 ms */
    EARLY_MAX = 8192,  /* less than the kernel takes (11,776): what got stuck is never kept */
};

struct port {
    uint32_t magic;
#define PORT_MAGIC 0x7b10c5a2u
    struct chan chan;
    struct tty tty;
    struct uart uart;
    struct link link;
    struct clk *clk;
    struct watch *watch;
    struct watch_entry entry;
    uv_poll_t poll;
    int events; /* being polled for */
    uv_prepare_t flush;
    uv_idle_t plug;   /* active while the tty is to be pulled or to come back */
    unsigned handles; /* not closed yet */
    bool is_open;     /* a client is there, as far as noticed */
    bool is_full;     /* the channel had no room for input: `room` reads on */
    bool is_mute;     /* closed by a client whose last words nobody is to hear answered */
    bool is_closing;
    bool is_wanted;  /* chan_set_present */
    bool is_pulling; /* it is to go, also if it is wanted back by now */
    bool is_absent;
    bool is_dtr_watched;
    clk_mono opened_at;
    struct buf stash;  /* input from behind a full channel, read in search of a DC1 */
    size_t sent;       /* bytes written to the tty since the newest client's open */
    struct buf early;  /* those of a new client, in case it leaves without reading */
    struct buf replay; /* such bytes, to go before the channel's output to the next client */
    struct clk_timer hold;
    struct clk_timer
        rest;   /* running: the kernel has refused something, and is not asked meanwhile */
    int broken; /* why the tty is of no use, and there is no other; 0: it is */
};

static void on_poll(uv_poll_t *poll, int status, int events);

static bool has_output(const struct port *p) {
    return buf_len(&p->replay) > 0 || chan_pending(&p->chan) > 0;
}

/* What is behind the channel's gate may not go. */
static bool may_send(const struct port *p) {
    size_t n = 0;
    chan_tx_data(&p->chan, &n);
    return (buf_len(&p->replay) > 0 || n > 0) && !p->uart.is_stopped;
}

/* Nothing is read, written or noticed any more. */
static bool is_leaving(const struct port *p) {
    return p->is_closing || p->is_pulling;
}

/* The client has stopped us, and the channel takes no input until we go on. */
static bool is_searching(const struct port *p) {
    return p->is_full && p->uart.is_stopped && buf_room(&p->stash) > 0;
}

/* A closed tty is not polled: it would report its hang-up for ever. */
static void update_poll(struct port *p) {
    int events = 0;
    if (p->is_closing) {
        return;
    }
    if (p->is_open && clk_pending(&p->rest)) {
        events = UV_DISCONNECT;
    } else if (p->is_open) {
        /* The hang-up is wanted also while neither input nor output can go on. */
        bool is_sending = may_send(p) && !uv_is_active((const uv_handle_t *)&p->flush);
        bool is_reading = !p->is_full || is_searching(p);
        events = UV_DISCONNECT | (is_reading ? UV_READABLE : 0) | (is_sending ? UV_WRITABLE : 0);
    }
    if (events == p->events) {
        return;
    }
    p->events = events;
    if (events == 0) {
        uv_poll_stop(&p->poll);
    } else {
        must(uv_poll_start(&p->poll, events, on_poll) == 0);
    }
}

static void on_rest_over(void *ctx);
static void on_plug(uv_idle_t *plug);

/* Behind a read or write that failed: a poll would say at once that it is to be tried again. At a
 * hang-up both fail, and that is told even so. */
static void rest_if_refused(struct port *p, int error) {
    if (p->is_open && error != EAGAIN && error != EINTR && !is_leaving(p)) {
        LOG(LOG_PTY, LOG_DEBUG, p->chan.name, "refused: %s", strerror(error));
        clk_start(p->clk, &p->rest, CLK_MS(LIMIT_PORT_REST_MS), on_rest_over, p);
    }
}

static bool is_new_client(const struct port *p) {
    return clk_since(p->clk, p->opened_at).us < CLK_MS(LIMIT_PORT_HOLD_MS).us;
}

/* Beside the output: flow control must not wait behind what it is to stop. */
static void tell_flow(struct port *p) {
    uint8_t byte = uart_flow_byte(&p->uart, p->is_full);
    if (byte != 0 && write(p->tty.fd, &byte, 1) != 1) {
        LOG(LOG_PTY, LOG_INFO, p->chan.name, "no room to send flow control byte %u", byte);
    }
}

/* Into the stash, until the DC1 is found. */
static void search(struct port *p) {
    while (is_searching(p)) {
        size_t room = 0;
        uint8_t *to = buf_reserve(&p->stash, READ_MAX, &room);
        ssize_t n = read(p->tty.fd, to, room);
        if (n <= 0) {
            rest_if_refused(p, n < 0 ? errno : EAGAIN);
            return;
        }
        log_bytes(LOG_PTY, p->chan.name, "<", to, (size_t)n);
        buf_commit(&p->stash, uart_filter(&p->uart, to, (size_t)n));
    }
}

/* Input: so many reads, until there is none, or no room. */
static void read_input(struct port *p, int reads) {
    for (int i = 0; i < reads && !is_leaving(p); i++) {
        size_t room = 0;
        uint8_t *to = chan_rx_reserve(&p->chan, READ_MAX, &room);
        if (room == 0) {
            p->is_full = true;
            tell_flow(p);
            return;
        }
        if (buf_len(&p->stash) > 0) {
            chan_rx_commit(&p->chan, buf_take(&p->stash, to, room), clk_now(p->clk));
            continue;
        }
        ssize_t n = read(p->tty.fd, to, room);
        if (n <= 0) {
            rest_if_refused(p, n < 0 ? errno : EAGAIN);
            return;
        }
        log_bytes(LOG_PTY, p->chan.name, "<", to, (size_t)n);
        chan_rx_commit(&p->chan, uart_filter(&p->uart, to, (size_t)n), clk_now(p->clk));
    }
}

/* Nobody wants what has come and was not taken. */
static void drop_input(struct port *p) {
    uint8_t scratch[READ_MAX];
    buf_clear(&p->stash);
    for (int i = 0; i < READS_ALL && read(p->tty.fd, scratch, sizeof scratch) > 0; i++) {
    }
}

/* Returns what the tty took. */
static size_t put(struct port *p, const uint8_t *from, size_t n) {
    ssize_t took = n > 0 ? write(p->tty.fd, from, n) : 0;
    if (took <= 0) {
        rest_if_refused(p, took < 0 ? errno : EAGAIN);
        return 0;
    }
    log_bytes(LOG_PTY, p->chan.name, ">", from, (size_t)took);
    if (is_new_client(p)) {
        buf_put(&p->early, from, (size_t)took);
    } else {
        buf_clear(&p->early);
    }
    p->sent += (size_t)took;
    return (size_t)took;
}

/* Output: one write for all that this turn of the loop brought. */
static void write_output(struct port *p) {
    buf_drop(&p->replay, put(p, buf_data(&p->replay), buf_len(&p->replay)));
    if (buf_len(&p->replay) > 0) {
        return;
    }
    size_t n = 0;
    const uint8_t *from = chan_tx_data(&p->chan, &n);
    chan_tx_done(&p->chan, put(p, from, n));
}

/* Before the loop waits, so that a turn's output is one write and needs no poll. */
static void on_flush(uv_prepare_t *flush) {
    struct port *p;
    CAST_OBJ(p, flush->data, PORT_MAGIC);
    /* After a hang-up there is none, because answers to a client that has gone are kept. */
    for (int i = 0;
         i < WRITES_A_TURN && p->is_open && !p->is_pulling && may_send(p) && tty_has_room(&p->tty);
         i++) {
        write_output(p);
    }
    /* Also if what drained has filled it again: this turn's flush is over. */
    uv_prepare_stop(&p->flush);
    update_poll(p);
}

static void discard_output(struct port *p) {
    buf_clear(&p->replay);
    chan_discard(&p->chan, false, true);
}

static void on_hold_over(void *ctx) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    buf_clear(&p->early);
    if (!p->is_open) {
        LOG(LOG_PTY, LOG_INFO, p->chan.name, "nobody came for %zu bytes of output",
            buf_len(&p->replay) + chan_pending(&p->chan));
        discard_output(p);
    }
}

/* The time runs on while clients come and go without reading: what they leave does not grow old. */
static void hold_output(struct port *p) {
    if (has_output(p) && !clk_pending(&p->hold)) {
        clk_dur wait = CLK_MS(p->is_mute ? 0 : LIMIT_PORT_HOLD_MS);
        clk_start(p->clk, &p->hold, wait, on_hold_over, p);
    }
}

/* Also while another one is there: it may be gone by now, so fast that its close went unseen. */
static void count_anew(struct port *p) {
    p->opened_at = clk_now(p->clk);
    p->sent = 0;
    buf_clear(&p->early);
}

/* A client may be gone again already: then the poll reports that next. */
static void come_in(struct port *p) {
    LOG(LOG_PTY, LOG_DEBUG, p->chan.name, "opened");
    /* Lines that still waited for room for their answers are run now, for nobody. */
    while (p->is_mute && has_output(p)) {
        discard_output(p);
    }
    p->is_mute = false;
    p->is_open = true;
    uart_reset(&p->uart);
    clk_stop(p->clk, &p->rest);
    count_anew(p);
    chan_set_open(&p->chan, true);
    p->is_full = false;
    update_poll(p);
}

/* The link comes last: when it can be opened the opening is noticed. */
static int change_tty(struct port *p) {
    watch_stop(p->watch, &p->entry); /* of the try before */
    int err = tty_renew(&p->tty);
    if (err == 0) {
        err = watch_start(p->watch, &p->entry, p->tty.path);
    }
    if (err == 0) {
        err = link_point(&p->link, p->tty.path, p->chan.name);
    }
    return err;
}

/* Exclusive use of the tty outlives the client, and bars everybody but root. While there is no
 * other tty it is asked for again and again: without one nobody could reach the module. */
static void renew_tty(struct port *p, int why) {
    int err = change_tty(p);
    if (err == 0) {
        LOG(LOG_PTY, LOG_INFO, p->chan.name, "%s, so it is %s now", strerror(-why), p->tty.path);
    } else if (p->broken == 0) {
        LOG(LOG_PTY, LOG_ERROR, p->chan.name, "unusable: %s, and no other tty: %s", strerror(-why),
            strerror(-err));
    }
    p->broken = err == 0 ? 0 : why;
    if (err != 0) {
        clk_start(p->clk, &p->rest, CLK_MS(LIMIT_PORT_REST_MS), on_rest_over, p);
    }
}

static void on_rest_over(void *ctx) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    if (p->is_absent && p->is_wanted && !is_leaving(p)) {
        uv_idle_start(&p->plug, on_plug);
    } else if (p->broken != 0 && !is_leaving(p)) {
        renew_tty(p, p->broken);
    }
    update_poll(p);
}

/* What was written to the client and not read: to the next one, or to nobody (port.h). */
static void settle_output(struct port *p, bool is_unread) {
    bool is_whole = buf_len(&p->early) == p->sent;
    if (is_unread && is_whole && is_new_client(p)) {
        struct buf kept = p->replay;
        p->replay = p->early;
        buf_put(&p->replay, buf_data(&kept), buf_len(&kept));
        buf_fini(&kept);
        buf_init(&p->early, EARLY_MAX);
    } else {
        buf_clear(&p->early);
        clk_stop(p->clk, &p->hold);
        discard_output(p);
    }
}

/* A client that is faster than we are may have the tty for itself already: that bars us now, and
 * is over with it; what an earlier one left behind stays. Returns the error of what stays. */
static int clean_tty(struct port *p, size_t *unread, bool *is_clean) {
    int err = 0;
    for (int tries = 0; tries < CLEAN_TRIES; tries++) {
        err = tty_clean(&p->tty, unread);
        *is_clean = err == 0;
        if (err == 0 || !tty_is_hung_up(&p->tty)) {
            return 0;
        }
    }
    return err;
}

static void last_close(struct port *p) {
    /* One that has come and gone behind the client we know of is another one, and is told of by
     * the watch alone: its open may wait there, and goes with the watch. */
    watch_look(p->watch);
    p->is_open = false;
    update_poll(p);
    size_t left = tty_input(&p->tty);
    /* Our own opening of the tty must not be taken for a client's. */
    watch_stop(p->watch, &p->entry);
    size_t unread = 0;
    bool is_clean = false;
    int err = clean_tty(p, &unread, &is_clean);
    if (err == 0) {
        err = watch_start(p->watch, &p->entry, p->tty.path);
    }
    LOG(LOG_PTY, LOG_DEBUG, p->chan.name, "closed, %zu of %zu bytes unread", unread, p->sent);
    bool has_only_written = unread == p->sent && is_new_client(p);
    settle_output(p, is_clean && unread == p->sent);
    /* Nothing tells of one that came and went since the watch's end, but what it wrote. */
    bool has_follower = tty_input(&p->tty) > left;
    /* Only now: what this input is answered with is output of after the close. */
    read_input(p, READS_ALL);
    chan_set_open(&p->chan, false);
    /* Since the watch is back clients are told of; one that came before is seen here, and some of
     * the input may have been its own. */
    bool is_back = err == 0 && !tty_is_hung_up(&p->tty);
    p->is_mute = !has_only_written && !has_follower && !is_back;
    if (is_leaving(p)) {
        return;
    }
    if (err != 0) {
        renew_tty(p, err);
    }
    hold_output(p);
    if (is_back) {
        come_in(p);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct port *p;
    CAST_OBJ(p, poll->data, PORT_MAGIC);
    if (p->is_pulling) {
        return;
    }
    /* Before anything is read or written, because answers to a client that has gone are kept. */
    if (status < 0 || tty_is_hung_up(&p->tty)) {
        last_close(p);
        return;
    }
    if ((events & UV_READABLE) != 0 && p->is_full) {
        search(p);
    } else if ((events & UV_READABLE) != 0) {
        read_input(p, READS_A_TURN);
    }
    if ((events & UV_WRITABLE) != 0 && !is_leaving(p) && may_send(p)) {
        write_output(p);
    }
    update_poll(p);
}

static void on_open(void *ctx) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    if (is_leaving(p)) {
        return;
    }
    if (p->is_open) {
        count_anew(p);
    } else {
        come_in(p);
    }
}

static void on_kick(void *ctx) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    if (p->is_closing) {
        return;
    }
    if (p->is_open) {
        uv_prepare_start(&p->flush, on_flush);
    } else {
        hold_output(p);
    }
}

static void on_room(void *ctx) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    if (!p->is_full || is_leaving(p)) {
        return;
    }
    p->is_full = false;
    if (p->is_open) {
        tell_flow(p);
        if (buf_len(&p->stash) > 0) {
            read_input(p, READS_ALL);
        }
        update_poll(p);
    } else {
        read_input(p, READS_ALL);
    }
}

static void on_drop(void *ctx) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    if (!p->is_closing) {
        drop_input(p);
        p->is_full = false;
        update_poll(p);
    }
}

static void on_set_dcd(void *ctx, bool on) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    p->uart.is_dcd_on = on;
}

static void on_watch_dtr(void *ctx, bool on) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    p->is_dtr_watched = on;
    uart_watch_dtr(&p->uart, on && !p->is_closing && !p->is_absent);
}

static void on_set_flow(void *ctx, bool obeys_xoff, bool sends_xoff) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    uart_set_flow(&p->uart, obeys_xoff, sends_xoff);
    update_poll(p);
}

static void pull(struct port *p) {
    p->is_absent = true;
    p->is_open = false;
    p->broken = 0;
    p->is_mute = true; /* what is written from now on is thrown away at once */
    update_poll(p);
    watch_stop(p->watch, &p->entry);
    link_hide(&p->link);
    int err = tty_pull(&p->tty);
    if (err != 0) {
        LOG(LOG_PTY, LOG_ERROR, p->chan.name, "the clients stay: %s", strerror(-err));
    }
    LOG(LOG_PTY, LOG_INFO, p->chan.name, "%s pulled", p->tty.path);
    uart_watch_dtr(&p->uart, false);
    clk_stop(p->clk, &p->hold);
    buf_clear(&p->early);
    buf_clear(&p->replay);
    chan_discard(&p->chan, true, true);
    chan_set_open(&p->chan, false);
}

static void plug_in(struct port *p) {
    clk_stop(p->clk, &p->hold);
    chan_discard(&p->chan, false, true);
    int err = change_tty(p);
    if (err != 0) {
        LOG(LOG_PTY, LOG_ERROR, p->chan.name, "does not come back: %s", strerror(-err));
        watch_stop(p->watch, &p->entry);
        tty_pull(&p->tty);
        clk_start(p->clk, &p->rest, CLK_MS(LIMIT_PORT_REST_MS), on_rest_over, p);
        return;
    }
    LOG(LOG_PTY, LOG_INFO, p->chan.name, "back as %s", p->tty.path);
    p->is_absent = false;
    p->is_mute = false;
    uart_watch_dtr(&p->uart, p->is_dtr_watched);
    hold_output(p); /* what the discarded made room for */
}

/* Here no user is in the middle of anything. */
static void on_plug(uv_idle_t *plug) {
    struct port *p;
    CAST_OBJ(p, plug->data, PORT_MAGIC);
    uv_idle_stop(plug);
    bool is_pulling = p->is_pulling;
    p->is_pulling = false;
    if (is_pulling && !p->is_absent) {
        pull(p);
    }
    if (p->is_absent && p->is_wanted && !is_leaving(p)) {
        plug_in(p);
    }
}

static void on_set_present(void *ctx, bool on) {
    struct port *p;
    CAST_OBJ(p, ctx, PORT_MAGIC);
    /* One that could not come back is absent and wanted: it tries at once. */
    if ((p->is_wanted == on && p->is_absent != on) || p->is_closing) {
        return;
    }
    p->is_wanted = on;
    p->is_pulling = p->is_pulling || !on;
    /* Unlike a prepare handle it is served also when it is started from inside one. */
    uv_idle_start(&p->plug, on_plug);
}

static const struct chan_transport transport = {
    .kick = on_kick,
    .room = on_room,
    .drop = on_drop,
    .set_dcd = on_set_dcd,
    .watch_dtr = on_watch_dtr,
    .set_present = on_set_present,
    .set_flow = on_set_flow,
};

/* Everything but the poll handle, which has its own end. */
static void release(struct port *p) {
    clk_stop(p->clk, &p->hold);
    clk_stop(p->clk, &p->rest);
    uart_stop(&p->uart);
    watch_stop(p->watch, &p->entry);
    link_drop(&p->link);
    tty_close(&p->tty);
}

static void free_port(struct port *p) {
    buf_fini(&p->early);
    buf_fini(&p->replay);
    buf_fini(&p->stash);
    chan_fini(&p->chan);
    OBJ_FINI(p);
    free(p);
}

int port_new(struct port **out, const struct port_config *cfg) {
    struct port *p = xmalloc(sizeof *p);
    OBJ_INIT(p, PORT_MAGIC);
    p->clk = cfg->clk;
    p->watch = cfg->watch;
    p->entry = (struct watch_entry){.on_open = on_open, .ctx = p};
    p->tty = (struct tty){.fd = -1, .group = cfg->group};
    p->is_wanted = true;
    chan_init(&p->chan, cfg->name);
    chan_set_transport(&p->chan, &transport, p);
    uart_init(&p->uart, cfg->clk, &p->tty, &p->chan);
    buf_init(&p->early, EARLY_MAX);
    buf_init(&p->replay, EARLY_MAX);
    buf_init(&p->stash, LIMIT_PORT_STASH);
    int err = link_claim(&p->link, cfg->link, cfg->name);
    if (err == 0) {
        err = tty_open(&p->tty);
        if (err == 0) {
            err = watch_start(p->watch, &p->entry, p->tty.path);
        }
        if (err == 0) {
            err = uv_poll_init(cfg->loop, &p->poll, p->tty.fd);
        }
        if (err != 0) {
            LOG(LOG_PTY, LOG_ERROR, cfg->name, "no tty: %s", strerror(-err));
        }
    }
    if (err != 0) {
        release(p);
        free_port(p);
        return err;
    }
    p->poll.data = p;
    must(uv_prepare_init(cfg->loop, &p->flush) == 0);
    p->flush.data = p;
    must(uv_idle_init(cfg->loop, &p->plug) == 0);
    p->plug.data = p;
    p->handles = 3;
    *out = p;
    /* Last, because a link that is there means a tty that is ready. */
    err = link_point(&p->link, p->tty.path, cfg->name);
    if (err != 0) {
        port_close(p);
        *out = NULL;
    }
    return err;
}

struct chan *port_chan(struct port *p) {
    CHECK_OBJ(p, PORT_MAGIC);
    return &p->chan;
}

const char *port_tty(const struct port *p) {
    CHECK_OBJ(p, PORT_MAGIC);
    return p->is_absent ? "" : p->tty.path;
}

const char *port_link(const struct port *p) {
    CHECK_OBJ(p, PORT_MAGIC);
    return p->link.path;
}

bool port_dcd(const struct port *p) {
    CHECK_OBJ(p, PORT_MAGIC);
    return p->uart.is_dcd_on;
}

unsigned port_speed(const struct port *p) {
    CHECK_OBJ(p, PORT_MAGIC);
    return tty_speed(&p->tty);
}

static void on_closed(uv_handle_t *handle) {
    struct port *p;
    CAST_OBJ(p, handle->data, PORT_MAGIC);
    if (--p->handles == 0) {
        free_port(p);
    }
}

void port_close(struct port *p) {
    if (p == NULL) {
        return;
    }
    CHECK_OBJ(p, PORT_MAGIC);
    if (p->is_open && !p->is_pulling) {
        write_output(p);
    }
    p->is_closing = true;
    uv_close((uv_handle_t *)&p->poll, on_closed);
    uv_close((uv_handle_t *)&p->flush, on_closed);
    uv_close((uv_handle_t *)&p->plug, on_closed);
    release(p);
}
