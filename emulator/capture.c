#include "emulator/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "base/pcapng.h"
#include "base/tap.h"
#include "netstack/bearer.h"

enum { NAME_SIZE = 16 + LIMIT_CHAN_NAME, OWNER_ONLY = 0600 };

/* What a capture has of one kind and port of a module. */
struct interface {
    enum tap_link link;
    char port[LIMIT_CHAN_NAME];
    uint32_t number;
};

/* One module that is listened to. */
struct source {
    struct source *next;
    struct capture *capture;
    struct bearer *bearer;
    struct tap tap;
    unsigned modem;
    struct interface interfaces[LIMIT_CAPTURE_PORTS];
    size_t count;
};

struct capture {
    uint32_t magic;
#define CAPTURE_MAGIC 0x9ca97ce3u
    const struct clk *clk;
    uv_prepare_t turn; /* runs while something waits for the file */
    int fd;            /* -1: it could not be written */
    off_t written;
    struct buf out;
    uint32_t interfaces;
    uint64_t packets;
    struct source *sources;
    char *path;
};

static const struct {
    const char *name, *what;
    enum pcapng_link link;
} kinds[TAP_LINKS] = {
    [TAP_IP] = {"ip", "links of the module", PCAPNG_RAW},
    [TAP_PPP] = {"ppp", "dial-up", PCAPNG_PPP_WITH_DIR},
    [TAP_MUX] = {"mux", "27.010 multiplexer", PCAPNG_MUX27010},
};

/* -- the file -- */

/* Back to the end of the last turn, where a block ended. */
static void give_up(struct capture *c, off_t whole, int err) {
    LOG(LOG_MAIN, LOG_ERROR, c->path, "the capture ends here, after %llu packets: %s",
        (unsigned long long)c->packets, strerror(err));
    if (ftruncate(c->fd, whole) != 0) {
        LOG(LOG_MAIN, LOG_DEBUG, c->path, "its last block may be torn: %s", strerror(errno));
    }
    close(c->fd);
    c->fd = -1;
    buf_clear(&c->out);
}

static int flush(struct capture *c) {
    off_t whole = c->written;
    int err = 0;
    while (c->fd >= 0 && buf_len(&c->out) > 0) {
        ssize_t n = write(c->fd, buf_data(&c->out), buf_len(&c->out));
        if (n < 0 && errno != EINTR) {
            err = -errno;
            give_up(c, whole, -err);
        } else if (n > 0) {
            c->written += n;
            buf_drop(&c->out, (size_t)n);
        }
    }
    return err;
}

static void on_turn(uv_prepare_t *turn) {
    struct capture *c;
    CAST_OBJ(c, turn->data, CAPTURE_MAGIC);
    flush(c);
    uv_prepare_stop(turn);
}

static void flush_later(struct capture *c) {
    if (!uv_is_active((const uv_handle_t *)&c->turn)) {
        must(uv_prepare_start(&c->turn, on_turn) == 0);
    }
}

/* -- packets -- */

/* NULL: there is none, and no room for one more. */
static const struct interface *interface_of(struct source *s, const struct tap_packet *k) {
    struct capture *c = s->capture;
    const char *port = k->port != NULL ? k->port : "";
    for (size_t i = 0; i < s->count; i++) {
        if (s->interfaces[i].link == k->link && strcmp(s->interfaces[i].port, port) == 0) {
            return &s->interfaces[i];
        }
    }
    if (s->count == LIMIT_CAPTURE_PORTS) {
        return NULL;
    }
    char name[NAME_SIZE];
    struct interface *new = &s->interfaces[s->count];
    snprintf(name, sizeof name, "%s%u%s%s", kinds[k->link].name, s->modem, *port != '\0' ? "@" : "",
             port);
    if (pcapng_interface(&c->out, kinds[k->link].link, name, kinds[k->link].what) != 0) {
        return NULL;
    }
    *new = (struct interface){.link = k->link, .number = c->interfaces++};
    snprintf(new->port, sizeof new->port, "%s", port);
    s->count++;
    return new;
}

static void on_packet(void *ctx, const struct tap_packet *k) {
    struct source *s = ctx;
    struct capture *c;
    CAST_OBJ(c, s->capture, CAPTURE_MAGIC);
    if (c->fd < 0) {
        return;
    }
    if (buf_room(&c->out) < LIMIT_CAPTURE_OUT / 2) {
        flush(c); /* a turn with much in it */
    }
    const struct interface *to = interface_of(s, k);
    if (to == NULL) {
        return;
    }
    const uint8_t prefix[PCAPNG_PREFIX] = {k->link == TAP_MUX ? 0 : k->is_out, k->is_out};
    static const size_t prefixes[TAP_LINKS] = {[TAP_PPP] = 1, [TAP_MUX] = 2};
    const struct pcapng_packet block = {
        .interface = to->number,
        .at = clk_wall_now(c->clk),
        .is_out = k->is_out,
        .prefix = prefix,
        .nprefix = prefixes[k->link],
        .p = k->p,
        .n = k->n,
        .size = k->size,
        .note = k->note,
    };
    if (pcapng_packet(&c->out, &block) == 0) {
        c->packets++;
        flush_later(c);
    }
}

/* -- the whole -- */

static void discard(struct capture *c) {
    CHECK_OBJ(c, CAPTURE_MAGIC);
    buf_fini(&c->out);
    free(c->path);
    OBJ_FINI(c);
    free(c);
}

struct capture *capture_open(const char *path, struct uv_loop_s *loop, const struct clk *clk) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, OWNER_ONLY);
    if (fd < 0) {
        return NULL;
    }
    struct capture *c = xmalloc(sizeof *c);
    OBJ_INIT(c, CAPTURE_MAGIC);
    c->clk = clk;
    c->fd = fd;
    c->path = xstrdup(path);
    buf_init(&c->out, LIMIT_CAPTURE_OUT);
    int err = pcapng_section(&c->out, "sim7x00");
    must(err == 0);
    err = flush(c);
    if (err != 0) {
        discard(c);
        errno = -err;
        return NULL;
    }
    must(uv_prepare_init(loop, &c->turn) == 0);
    c->turn.data = c;
    return c;
}

void capture_attach(struct capture *c, struct bearer *b, unsigned modem) {
    CHECK_OBJ(c, CAPTURE_MAGIC);
    must(b->tap == NULL);
    struct source *s = xmalloc(sizeof *s);
    s->capture = c;
    s->bearer = b;
    s->modem = modem;
    s->tap = (struct tap){on_packet, s};
    s->next = c->sources;
    c->sources = s;
    b->tap = &s->tap;
}

static void on_closed(uv_handle_t *handle) {
    discard(handle->data);
}

int capture_close(struct capture *c, uint64_t *packets) {
    if (c == NULL) {
        return 0;
    }
    CHECK_OBJ(c, CAPTURE_MAGIC);
    flush(c);
    int err = c->fd >= 0 && close(c->fd) == 0 ? 0 : -EIO;
    if (packets != NULL) {
        *packets = c->packets;
    }
    while (c->sources != NULL) {
        struct source *s = c->sources;
        c->sources = s->next;
        s->bearer->tap = NULL;
        free(s);
    }
    uv_close((uv_handle_t *)&c->turn, on_closed);
    return err;
}
