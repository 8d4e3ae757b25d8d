#include "netstack/sntp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/dgram.h"
#include "netstack/resolve.h"

/* RFC 4330 4: the message, without authentication. */
enum {
    PORT = 123,
    SIZE = 48,
    STRATUM = 1,
    ORIGINATE = 24,
    RECEIVE = 32,
    TRANSMIT = 40,
    STAMP = 8,
    CLIENT = 4 << 3 | 3, /* version 4, mode 3 */
    MODE = 7,
    SERVER = 4,
    UNSYNCHRONISED = 3, /* leap indicator */
    STRATUM_MOST = 15,
};

struct sntp {
    uint32_t magic;
#define SNTP_MAGIC 0x5a7b1234u
    struct bearer *bearer;
    struct net_resolve *name; /* NULL: it is known */
    struct net_dgram *socket;
    struct net_addr server;
    uint8_t asked[STAMP]; /* what the answer must repeat; chance, so that nobody can guess it */
    clk_mono asked_at;
    unsigned tries;
    struct clk_timer timer; /* until the next query, or the end */
    bool is_ended;          /* it only has to be told */
    int err;
    clk_wall utc;
    sntp_done_fn *cb;
    void *ctx;
};

static struct sntp *sntp_of(void *ctx) {
    struct sntp *s;
    CAST_OBJ(s, ctx, SNTP_MAGIC);
    return s;
}

void sntp_cancel(struct sntp *s) {
    if (s == NULL) {
        return;
    }
    CHECK_OBJ(s, SNTP_MAGIC);
    clk_stop(s->bearer->clk, &s->timer);
    resolve_cancel(s->name);
    dgram_free(s->socket);
    OBJ_FINI(s);
    free(s);
}

static void on_end(void *ctx) {
    struct sntp *s = sntp_of(ctx);
    struct sntp was = *s;
    sntp_cancel(s);
    was.cb(was.ctx, was.err, was.utc);
}

/* In a turn of its own: the socket is in the middle of something. */
static void end(struct sntp *s, int err) {
    if (!s->is_ended) {
        s->is_ended = true;
        s->err = err;
        clk_start(s->bearer->clk, &s->timer, CLK_US(0), on_end, s);
    }
}

/* -- an answer -- */

/* Microseconds since 1970. Seconds without the first bit are those from 2036 on (RFC 4330 3). */
static int64_t stamp(const uint8_t *p) {
    const int64_t from_1900 = 2208988800;
    int64_t s = be_get32(p);
    s += s < INT64_C(1) << 31 ? INT64_C(1) << 32 : 0;
    return (s - from_1900) * 1000000 + (int64_t)((uint64_t)be_get32(p + 4) * 1000000 >> 32);
}

static bool is_answer(const struct sntp *s, const struct net_addr *from, const uint8_t *p,
                      size_t n) {
    return from->ip == s->server.ip && from->port == s->server.port && n >= SIZE &&
           (p[0] & MODE) == SERVER && memcmp(p + ORIGINATE, s->asked, STAMP) == 0;
}

static bool has_time(const uint8_t *p) {
    static const uint8_t nothing[STAMP];
    return p[0] >> 6 != UNSYNCHRONISED && p[STRATUM] > 0 && p[STRATUM] <= STRATUM_MOST &&
           memcmp(p + TRANSMIT, nothing, STAMP) != 0;
}

/* The answer was under way for half of what the server did not keep it for (RFC 4330 5). */
static void take(struct sntp *s, const uint8_t *p) {
    int64_t away = clk_now(s->bearer->clk).us - s->asked_at.us;
    int64_t kept = stamp(p + TRANSMIT) - stamp(p + RECEIVE);
    away -= kept > 0 && kept < away ? kept : 0;
    s->utc.us = stamp(p + TRANSMIT) + away / 2;
    end(s, has_time(p) ? 0 : -EPROTO);
}

static void on_data(void *ctx) {
    struct sntp *s = sntp_of(ctx);
    struct net_addr from;
    size_t n = 0;
    const uint8_t *p = NULL;
    while ((p = dgram_peek(s->socket, &from, &n)) != NULL) {
        if (!s->is_ended && is_answer(s, &from, p, n)) {
            take(s, p);
        }
        dgram_consume(s->socket, n);
    }
}

static void on_closed(void *ctx, enum net_close why) {
    (void)why;
    end(sntp_of(ctx), -ENETDOWN);
}

static const struct dgram_events events = {.on_data = on_data, .on_closed = on_closed};

/* -- a query -- */

static void ask(void *ctx) {
    struct sntp *s = sntp_of(ctx);
    if (s->tries++ == SNTP_TRIES) {
        end(s, -ETIMEDOUT);
        return;
    }
    uint64_t chance = rng_next(&s->bearer->rng);
    memcpy(s->asked, &chance, sizeof s->asked);
    uint8_t query[SIZE] = {CLIENT};
    memcpy(query + TRANSMIT, s->asked, STAMP);
    s->asked_at = clk_now(s->bearer->clk);
    clk_start(s->bearer->clk, &s->timer, CLK_S(SNTP_WAIT_S), ask, s);
    int err = dgram_send(s->socket, &s->server, query, sizeof query);
    if (err != 0) {
        end(s, err);
    }
}

static void on_name(void *ctx, int err, uint32_t ip) {
    struct sntp *s = sntp_of(ctx);
    s->name = NULL;
    s->server = (struct net_addr){ip, PORT};
    if (err == 0) {
        err = dgram_open(&s->socket, s->bearer, 0, &events, s);
    }
    if (err == 0) {
        ask(s);
    } else {
        end(s, err);
    }
}

struct sntp *sntp_start(struct bearer *b, struct sv host, unsigned dns_retries, sntp_done_fn *cb,
                        void *ctx) {
    struct sntp *s = xmalloc(sizeof *s);
    OBJ_INIT(s, SNTP_MAGIC);
    s->bearer = b;
    s->cb = cb;
    s->ctx = ctx;
    s->name = resolve_name(b, host, dns_retries, on_name, s);
    if (s->name == NULL) {
        sntp_cancel(s);
        return NULL;
    }
    return s;
}
