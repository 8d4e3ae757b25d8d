#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "base/pattern.h"
#include "scenarios/peers/peers_priv.h"

enum {
    LINE_SIZE = 74, /* RFC 864: 72 characters, CR, LF */
    LINES = 95,     /* one for each first character: then it begins anew */
    PATTERN_SIZE = LINES * LINE_SIZE,
    WRITES_AT_ONCE = 16,
    KEPT_MAX = PEER_PROGRAM_WINDOW + PEER_READ_SIZE,
};

const char *peer_run_pattern(size_t *n) {
    static char lines[PATTERN_SIZE];
    if (lines[0] == '\0') {
        for (unsigned line = 0; line < LINES; line++) {
            char *at = lines + (size_t)line * LINE_SIZE;
            for (unsigned i = 0; i < LINE_SIZE - 2; i++) {
                at[i] = (char)(' ' + (line + i) % LINES);
            }
            at[LINE_SIZE - 2] = '\r';
            at[LINE_SIZE - 1] = '\n';
        }
    }
    *n = PATTERN_SIZE;
    return lines;
}

/* -- bytes that came -- */

static size_t lesser(size_t a, size_t b) {
    return a < b ? a : b;
}

/* The first n of those kept are passed: they come back, if they shall and have not yet. */
static void pass(struct peer_conn *c, size_t n) {
    if (c->input == PEER_SEND_BACK && c->echoed < n) {
        peer_conn_send(c, buf_data(&c->kept) + c->echoed, n - c->echoed);
        c->echoed = n;
    }
}

static void take(struct peer_conn *c, size_t n) {
    buf_drop(&c->kept, n);
    c->echoed -= lesser(n, c->echoed);
}

/* Where the searched ends; 0: it has not come. */
static size_t find_bytes(const struct peer_step *s, const uint8_t *p, size_t n) {
    for (size_t i = 0; i + s->n <= n; i++) {
        if (memcmp(p + i, s->bytes, s->n) == 0) {
            return i + s->n;
        }
    }
    return 0;
}

/* A match has a byte at least: peer_program.c refuses others. */
static size_t find_pattern(const struct peer_step *s, const uint8_t *p, size_t n) {
    struct sv found;
    bool is_found = pattern_find(s->pattern, (struct sv){(const char *)p, n}, 0, &found);
    return is_found ? (size_t)(found.p + found.n - (const char *)p) : 0;
}

/* -- the steps: each returns whether it is done -- */

static bool run_expect(struct peer_conn *c, const struct peer_step *s) {
    size_t n = buf_len(&c->kept);
    pass(c, n);
    size_t end = s->pattern != NULL ? find_pattern(s, buf_data(&c->kept), n)
                                    : find_bytes(s, buf_data(&c->kept), n);
    if (end == 0 && n > PEER_PROGRAM_WINDOW) {
        take(c, n - PEER_PROGRAM_WINDOW);
    }
    take(c, end);
    return end > 0;
}

static bool run_receive(struct peer_conn *c, const struct peer_step *s) {
    size_t n = lesser(buf_len(&c->kept), s->n - c->progress);
    pass(c, n);
    take(c, n);
    c->progress += n;
    return c->progress == s->n;
}

/* The kernel may take all of it at once, but others are to have their turn of the loop. */
static bool run_send(struct peer_conn *c, const struct peer_step *s) {
    while (c->progress < s->n && c->writes < WRITES_AT_ONCE && peer_conn_room(c) > 0) {
        size_t period = s->n;
        const char *bytes = s->bytes != NULL ? (const char *)s->bytes : peer_run_pattern(&period);
        size_t from = c->progress % period;
        size_t n = lesser(lesser(s->n - c->progress, period - from), peer_conn_room(c));
        peer_conn_send(c, bytes + from, n);
        c->progress += n;
    }
    return c->progress == s->n;
}

static void on_timer(void *ctx) {
    struct peer_conn *c;
    CAST_OBJ(c, ctx, PEER_CONN_MAGIC);
    peer_run(c);
}

static bool run_wait(struct peer_conn *c, const struct peer_step *s) {
    if (!c->is_waiting) {
        c->is_waiting = true;
        clk_start(c->peer->peers->clk, &c->timer, s->wait, on_timer, c);
    }
    if (clk_pending(&c->timer)) {
        return false;
    }
    c->is_waiting = false;
    return true;
}

static bool run_echo(struct peer_conn *c, const struct peer_step *s) {
    (void)s;
    c->input = PEER_SEND_BACK;
    return true;
}

static bool run_discard(struct peer_conn *c, const struct peer_step *s) {
    (void)s;
    c->input = PEER_DROP;
    return true;
}

static bool run_stall(struct peer_conn *c, const struct peer_step *s) {
    c->is_stalled = s->verb == PEER_STALL;
    return true;
}

static bool run_close(struct peer_conn *c, const struct peer_step *s) {
    (void)s;
    peer_conn_close(c);
    return true;
}

static bool run_half_close(struct peer_conn *c, const struct peer_step *s) {
    (void)s;
    peer_conn_half_close(c);
    return true;
}

static bool run_reset(struct peer_conn *c, const struct peer_step *s) {
    (void)s;
    peer_conn_reset(c);
    return true;
}

/* What was sent goes out first, so that a script that only sends takes a turn of the loop for each
 * round. The other side's FIN ends the rounds. */
static bool run_repeat(struct peer_conn *c, const struct peer_step *s) {
    if (c->is_ended) {
        peer_run_stop(c);
        return false;
    }
    if (c->writes > 0) {
        return false;
    }
    c->rounds++;
    if (s->times != 0 && c->rounds >= s->times) {
        return true;
    }
    c->at = 0;
    c->progress = 0;
    c->input = PEER_KEEP;
    c->is_stalled = false;
    return false;
}

static const struct verb {
    bool (*run)(struct peer_conn *c, const struct peer_step *s);
    bool takes; /* what comes is for it, or for the step behind it */
} verbs[PEER_VERBS] = {
    [PEER_EXPECT] = {.run = run_expect, .takes = true},
    [PEER_RECEIVE] = {.run = run_receive, .takes = true},
    [PEER_SEND] = {.run = run_send},
    [PEER_WAIT] = {.run = run_wait},
    [PEER_ECHO] = {.run = run_echo},
    [PEER_DISCARD] = {.run = run_discard},
    [PEER_STALL] = {.run = run_stall},
    [PEER_READ] = {.run = run_stall},
    [PEER_CLOSE] = {.run = run_close},
    [PEER_HALF_CLOSE] = {.run = run_half_close},
    [PEER_RESET] = {.run = run_reset},
    [PEER_REPEAT] = {.run = run_repeat, .takes = true},
};

/* -- the script -- */

/* NULL: all steps are done. */
static const struct peer_step *step_of(const struct peer_conn *c) {
    const struct peer_program *program = c->peer->program;
    return c->at < program->n ? &program->steps[c->at] : NULL;
}

static bool takes_bytes(const struct peer_conn *c) {
    const struct peer_step *s = step_of(c);
    return s != NULL && verbs[s->verb].takes;
}

/* What no step waits for goes the way that `input` says. */
static void dispose(struct peer_conn *c) {
    if (c->input != PEER_KEEP && !takes_bytes(c)) {
        pass(c, buf_len(&c->kept));
        take(c, buf_len(&c->kept));
    }
}

/* One step. False: it goes on later, or there is none. */
static bool advance(struct peer_conn *c) {
    const struct peer_step *s = step_of(c);
    size_t before = c->at;
    if (s == NULL || peer_conn_is_gone(c)) {
        return false;
    }
    if (!verbs[s->verb].run(c, s)) {
        return c->at < before; /* repeat */
    }
    if (c->at == before) {
        c->at++;
        c->progress = 0;
    }
    return true;
}

void peer_run(struct peer_conn *c) {
    while (advance(c)) {
    }
    if (peer_conn_is_gone(c)) {
        return;
    }
    if (step_of(c) == NULL && c->input == PEER_KEEP) {
        c->input = PEER_DROP;
    }
    dispose(c);
    if (c->is_ended && (step_of(c) == NULL || takes_bytes(c))) {
        peer_conn_close(c);
    }
    peer_conn_update(c);
}

void peer_run_bytes(struct peer_conn *c, const uint8_t *p, size_t n) {
    must(buf_put_all(&c->kept, p, n) == 0);
    peer_run(c);
}

bool peer_run_takes_more(const struct peer_conn *c) {
    return !c->is_stalled && buf_len(&c->kept) <= PEER_PROGRAM_WINDOW &&
           (c->input != PEER_SEND_BACK || peer_conn_room(c) > 0);
}

void peer_run_stop(struct peer_conn *c) {
    clk_stop(c->peer->peers->clk, &c->timer);
    c->at = c->peer->program->n;
    c->input = PEER_DROP;
    c->is_stalled = false;
}

void peer_run_init(struct peer_conn *c) {
    buf_init(&c->kept, KEPT_MAX);
}

void peer_run_fini(struct peer_conn *c) {
    clk_stop(c->peer->peers->clk, &c->timer);
    buf_fini(&c->kept);
}
