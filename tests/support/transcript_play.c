/* transcript_play.c: steps are played, and the first one that goes wrong is shown. */
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "tests/support/transcript.h"

enum { SHOWN_STEPS = 16, SHOWN_BYTES = 46, COLUMN = 48, POLLS = 1000 };

struct player {
    const struct transcript *t;
    const struct transcript_driver *d;
    struct buf got;    /* the module's output not yet expected */
    int64_t got_at;    /* when it stopped being empty */
    int64_t *instants; /* of each step */
    int64_t mark;      /* before the newest action, after the newest expectation */
    const struct transcript_step *window; /* of the next expectation; NULL: at once */
    char why[160];
};

/* -- time and output -- */

/* One turn; remembers when output began to wait. */
static bool turn(struct player *p, int64_t until_us) {
    bool was_empty = buf_len(&p->got) == 0;
    bool happened = p->d->turn(p->d->ctx, until_us, &p->got);
    if (was_empty && buf_len(&p->got) > 0) {
        p->got_at = p->d->now_us(p->d->ctx);
    }
    return happened;
}

static int64_t deadline(const struct player *p) {
    return p->mark + (p->window != NULL ? p->window->to_us : 0) + p->d->slack_us;
}

static bool is_gone(const struct player *p) {
    return p->d->is_gone != NULL && p->d->is_gone(p->d->ctx);
}

/* False: nothing more comes in time, or ever. */
static bool await(struct player *p) {
    return !is_gone(p) && turn(p, deadline(p));
}

/* Whether what has come came in its window. */
static bool is_in_time(struct player *p) {
    if (p->window == NULL) {
        return true;
    }
    int64_t after = p->got_at - p->mark;
    if (after < p->window->from_us - p->d->early_us || after > p->window->to_us + p->d->slack_us) {
        snprintf(p->why, sizeof p->why, "came after %.6f s", (double)after / 1e6);
        return false;
    }
    return true;
}

static void done(struct player *p, size_t n) {
    buf_drop(&p->got, n);
    p->window = NULL;
    p->mark = p->d->now_us(p->d->ctx);
}

static bool expect(struct player *p, const struct transcript_step *s) {
    for (;;) {
        size_t have = buf_len(&p->got) < s->n ? buf_len(&p->got) : s->n;
        if (have > 0 && memcmp(buf_data(&p->got), s->text, have) != 0) {
            snprintf(p->why, sizeof p->why, "other bytes came");
            return false;
        }
        if (have == s->n) {
            if (!is_in_time(p)) {
                return false;
            }
            done(p, s->n);
            return true;
        }
        if (!await(p)) {
            snprintf(p->why, sizeof p->why, have > 0 ? "only a part came" : "nothing came");
            return false;
        }
    }
}

/* The next whole line, without its end; *n counts that, too. False: none has come in time. */
static bool next_line(struct player *p, struct sv *line, size_t *n) {
    for (;;) {
        const uint8_t *data = buf_data(&p->got);
        const uint8_t *end = data != NULL ? memchr(data, '\n', buf_len(&p->got)) : NULL;
        if (end != NULL) {
            size_t len = (size_t)(end - data);
            *n = len + 1;
            *line =
                (struct sv){(const char *)data, len > 0 && data[len - 1] == '\r' ? len - 1 : len};
            return true;
        }
        if (!await(p)) {
            snprintf(p->why, sizeof p->why, "no whole line came");
            return false;
        }
    }
}

/* A line may hold any bytes; the copy ends, for who reads on behind the line. */
static bool fits(const regex_t *regex, struct sv line) {
    regmatch_t whole = {.rm_so = 0, .rm_eo = (regoff_t)line.n};
    char *text = sv_dup(line);
    bool is_fit = regexec(regex, text, 1, &whole, REG_STARTEND) == 0;
    free(text);
    return is_fit;
}

static bool match(struct player *p, const struct transcript_step *s) {
    struct sv line;
    size_t n = 0;
    if (!next_line(p, &line, &n)) {
        return false;
    }
    if (!fits(&s->regex, line)) {
        snprintf(p->why, sizeof p->why, "the line does not match");
        return false;
    }
    if (!is_in_time(p)) {
        return false;
    }
    done(p, n);
    return true;
}

static bool skip(struct player *p, const struct transcript_step *s) {
    struct sv line;
    size_t n = 0;
    bool is_found = false;
    while (!is_found && next_line(p, &line, &n)) {
        is_found = fits(&s->regex, line);
        buf_drop(&p->got, n);
    }
    if (is_found) {
        done(p, 0);
    }
    return is_found;
}

/* Time passes; whatever comes meanwhile waits. */
static void pass(struct player *p, int64_t us) {
    int64_t until_us = p->d->now_us(p->d->ctx) + us;
    while (turn(p, until_us)) {
    }
    p->mark = p->d->now_us(p->d->ctx);
}

static bool be_silent(struct player *p, int64_t us) {
    int64_t until_us = p->d->now_us(p->d->ctx) + us;
    while (buf_len(&p->got) == 0 && turn(p, until_us)) {
    }
    p->mark = p->d->now_us(p->d->ctx);
    if (buf_len(&p->got) > 0) {
        snprintf(p->why, sizeof p->why, "output came where none should");
        return false;
    }
    return true;
}

/* -- far ends -- */

static bool expect_at_peer(struct player *p, const struct transcript_step *s) {
    for (;;) {
        size_t n = 0;
        const uint8_t *data = p->d->peer_data(p->d->ctx, s->peer, &n);
        bool is_datagram = p->t->peers[s->peer].kind == TRANSCRIPT_UDP;
        size_t have = n < s->n ? n : s->n;
        bool is_wrong =
            (have > 0 && memcmp(data, s->text, have) != 0) || (is_datagram && n > 0 && n != s->n);
        if (is_wrong) {
            snprintf(p->why, sizeof p->why, "the peer got: %.*s", (int)(n < 100 ? n : 100), data);
            return false;
        }
        if (have == s->n) {
            p->d->peer_take(p->d->ctx, s->peer, s->n);
            return true;
        }
        if (!await(p)) {
            snprintf(p->why, sizeof p->why, "the peer got %zu of %zu bytes", n, s->n);
            return false;
        }
    }
}

static bool expect_end(struct player *p, const struct transcript_step *s) {
    enum transcript_end want =
        s->kind == TRANSCRIPT_PEER_EXPECT_CLOSE ? TRANSCRIPT_FIN : TRANSCRIPT_RST;
    while (p->d->peer_end(p->d->ctx, s->peer) != want) {
        if (!await(p)) {
            snprintf(p->why, sizeof p->why, "the module did not do it");
            return false;
        }
    }
    return true;
}

static bool act(struct player *p, const struct transcript_step *s) {
    /* What waits behind the last step happens before this one. */
    while (turn(p, p->d->now_us(p->d->ctx))) {
    }
    p->mark = p->d->now_us(p->d->ctx);
    if (s->kind == TRANSCRIPT_SEND) {
        p->d->send(p->d->ctx, s->text, s->n);
        return true;
    }
    if (!p->d->act(p->d->ctx, s)) {
        snprintf(p->why, sizeof p->why, "cannot be done");
        return false;
    }
    return true;
}

/* Asks and takes the whole answer, so that nothing of it is left over however slow the host is. */
static bool ask(struct player *p, const struct transcript_step *s, bool *is_met) {
    static const char *const finals[] = {"OK", "ERROR", "+CME ERROR"};
    struct sv line;
    size_t n = 0;
    bool is_final = false;
    *is_met = false;
    p->mark = p->d->now_us(p->d->ctx);
    p->d->send(p->d->ctx, s->text, s->n);
    while (!is_final && next_line(p, &line, &n)) {
        *is_met |= fits(&s->regex, line);
        for (size_t i = 0; i < sizeof finals / sizeof finals[0]; i++) {
            is_final |= sv_starts_nocase(line, sv_of(finals[i]));
        }
        done(p, n);
    }
    return is_final;
}

static bool poll_until(struct player *p, const struct transcript_step *s) {
    bool is_met = false;
    for (unsigned i = 0; i < POLLS && !is_met && ask(p, s, &is_met); i++) {
        if (!is_met) {
            pass(p, s->from_us);
        }
    }
    return is_met;
}

static bool expect_gone(struct player *p) {
    while (!is_gone(p)) {
        if (!await(p) && !is_gone(p)) {
            snprintf(p->why, sizeof p->why, "the tty is still there");
            return false;
        }
    }
    buf_clear(&p->got);
    return true;
}

static bool play_step(struct player *p, const struct transcript_step *s) {
    switch (s->kind) {
    case TRANSCRIPT_EXPECT:
        return expect(p, s);
    case TRANSCRIPT_MATCH:
        return match(p, s);
    case TRANSCRIPT_SKIP:
        return skip(p, s);
    case TRANSCRIPT_POLL:
        return poll_until(p, s);
    case TRANSCRIPT_GONE:
        return expect_gone(p);
    case TRANSCRIPT_WINDOW:
        p->window = s;
        return true;
    case TRANSCRIPT_SILENCE:
        return be_silent(p, s->from_us);
    case TRANSCRIPT_WAIT:
        pass(p, s->from_us);
        return true;
    case TRANSCRIPT_PEER_EXPECT:
        return expect_at_peer(p, s);
    case TRANSCRIPT_PEER_EXPECT_CLOSE:
    case TRANSCRIPT_PEER_EXPECT_RESET:
        return expect_end(p, s);
    case TRANSCRIPT_SEND:
    case TRANSCRIPT_PEER_CALL:
    case TRANSCRIPT_PEER_SEND:
    case TRANSCRIPT_PEER_CLOSE:
    case TRANSCRIPT_PEER_RESET:
    case TRANSCRIPT_PEER_WINDOW:
    case TRANSCRIPT_PEER_HOLD_ACKS:
    case TRANSCRIPT_DTE:
    case TRANSCRIPT_ATTACHED:
    case TRANSCRIPT_REGISTERED:
    case TRANSCRIPT_NAMES_ARE:
    case TRANSCRIPT_PORT_TAKEN:
    case TRANSCRIPT_WIFI_JOIN:
    case TRANSCRIPT_WIFI_LEAVE:
    case TRANSCRIPT_WIFI_SAYS:
    case TRANSCRIPT_WIFI_NETWORK:
        return act(p, s);
    }
    return false;
}

/* -- the report -- */

/* Up to a line end or SHOWN_BYTES, escaped. Returns how many bytes were shown. */
static size_t show(const uint8_t *p, size_t n, FILE *to) {
    size_t i = 0;
    size_t width = 0;
    while (i < n && width < SHOWN_BYTES) {
        uint8_t c = p[i++];
        if (c == '\r' || c == '\n') {
            width += (size_t)fprintf(to, c == '\r' ? "\\r" : "\\n");
            if (c == '\n') {
                break;
            }
        } else if (c < ' ' || c > '~') {
            width += (size_t)fprintf(to, "\\x%02x", c);
        } else {
            width += (size_t)fprintf(to, "%c", c);
        }
    }
    return i;
}

static bool is_expectation(const struct transcript_step *s) {
    return s->kind == TRANSCRIPT_EXPECT || s->kind == TRANSCRIPT_MATCH;
}

static void show_step(const struct player *p, size_t i, char sign, FILE *to) {
    const struct transcript_step *s = &p->t->steps[i];
    fprintf(to, "%c %10.6f %5u  %-*.*s | ", sign, (double)p->instants[i] / 1e6, s->line, COLUMN,
            COLUMN, s->source);
    if (sign == ' ' && is_expectation(s)) {
        fprintf(to, "%.*s", COLUMN, s->source);
    }
    if (sign == ' ') {
        fprintf(to, "\n");
    }
}

/* What the module said instead, beside the lines of the file that were to come. */
static void show_rest(const struct player *p, size_t i, FILE *to) {
    const uint8_t *data = buf_data(&p->got);
    size_t n = buf_len(&p->got);
    size_t at = 0;
    for (unsigned row = 0; row < SHOWN_STEPS && (at < n || row == 0); row++) {
        if (row > 0) {
            const char *next = i + row < p->t->nsteps ? p->t->steps[i + row].source : "";
            fprintf(to, "%*s%-*.*s | ", 20, "", COLUMN, COLUMN, next);
        }
        if (at < n) {
            at += show(data + at, n - at, to);
        }
        fprintf(to, "\n");
    }
    if (n == 0) {
        fprintf(to, "  (no output waits)\n");
    }
}

static void report(const struct player *p, size_t i, FILE *to) {
    bool is_end = i == p->t->nsteps;
    unsigned line = is_end ? 0 : p->t->steps[i].line;
    fprintf(to, "%s:%u: %s\n", p->t->path, line, p->why);
    fprintf(to, "     instant  line  %-*s | the module\n", COLUMN, "the file");
    for (size_t k = i > SHOWN_STEPS ? i - SHOWN_STEPS : 0; k < i; k++) {
        show_step(p, k, ' ', to);
    }
    if (is_end) {
        fprintf(to, "*%17s  %-*s | ", "", COLUMN, "(end of the file)");
    } else {
        show_step(p, i, '*', to);
    }
    show_rest(p, i, to);
    fflush(to);
}

/* The tty vanished where the file does not expect it. */
static bool ends_here(const struct player *p, size_t i) {
    while (i < p->t->nsteps && p->t->steps[i].kind != TRANSCRIPT_GONE) {
        i++;
    }
    return is_gone(p) && i == p->t->nsteps;
}

/* The dialogue goes on behind a step that went otherwise, whatever has come. */
static void pass_over(struct player *p) {
    buf_clear(&p->got);
    p->window = NULL;
    p->mark = p->d->now_us(p->d->ctx);
}

int transcript_play(const struct transcript *t, const struct transcript_driver *d, FILE *to) {
    struct player p = {.t = t, .d = d, .instants = xmalloc((t->nsteps + 1) * sizeof(int64_t))};
    buf_init(&p.got, TRANSCRIPT_MAX);
    p.mark = d->now_us(d->ctx);
    size_t i = 0;
    int passed_over = 0;
    bool is_good = true;
    while (i < t->nsteps && is_good) {
        is_good = play_step(&p, &t->steps[i]);
        p.instants[i] = d->now_us(d->ctx);
        if (!is_good && d->is_lenient && !is_gone(&p)) {
            pass_over(&p);
            passed_over++;
            is_good = true;
        }
        i += is_good ? 1 : 0;
    }
    if (is_good && d->rest_us >= 0 && !d->is_lenient) {
        is_good = be_silent(&p, d->rest_us);
    }
    is_good = is_good || ends_here(&p, i) || d->is_lenient;
    if (!is_good) {
        report(&p, i, to);
    }
    buf_fini(&p.got);
    free(p.instants);
    return is_good ? passed_over : 1;
}
