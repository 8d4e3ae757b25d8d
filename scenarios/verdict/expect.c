#include "scenarios/verdict/expect.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/obj.h"
#include "scenarios/json/spec.h"
#include "scenarios/verdict/expect_step.h"
#include "scenarios/verdict/report.h"

static const clk_dur timeout_default = {60 * 1000000};
/* How long a trailing "never" without a window is watched. */
static const clk_dur watch_default = {1000000};

/* A stream that is being cut into lines. */
struct stream {
    enum expect_source source;
    char *peer; /* NULL: the tty */
    struct stream *next;
    char line[LIMIT_EXPECT_LINE];
    size_t n;
    bool is_cut;
    clk_dur at; /* of its newest byte */
};

struct record {
    clk_dur at;
    char *from, *text;
    size_t n;
    const char *note;
};

struct expect {
    uint32_t magic;
#define EXPECT_MAGIC 0x5d0be7c9u
    struct clk *clk;
    struct clk_timer timer; /* the next thing that happens without bytes; then: on_over */
    void (*on_over)(void *ctx);
    void *ctx;

    struct expect_step *steps;
    size_t nsteps;
    size_t first, end; /* active ones are in first..end-1 */
    bool is_any, waits_for_timeout, must_meet;
    clk_dur timeout, linger;

    bool is_started, is_over, has_failed;
    char *why;
    clk_mono origin;
    clk_dur last_at; /* when a step was last decided */
    clk_dur over_at;
    unsigned long long arrival; /* number of what comes just now */

    struct stream driver, module, *peers;
    struct record records[LIMIT_EXPECT_RECORD];
    size_t nrecords; /* ever; number i is at i % LIMIT_EXPECT_RECORD */

    struct report report;
    struct report_case *cases;
    struct report_line *lines;
};

/* -- tables -- */

const struct spec expect_spec = {.type = SPEC_LIST,
                                 .name = "a list of expectations",
                                 .lo = 0,
                                 .hi = LIMIT_EXPECT_STEPS,
                                 .item = &expect_step_spec};

static const char *const order_words[] = {"strict", "any", NULL};
static const struct spec spec_order = {.type = SPEC_WORD, .words = order_words};
static const char *const ends_words[] = {"met", "timeout", NULL};
static const struct spec spec_ends = {.type = SPEC_WORD, .words = ends_words};
static const struct spec spec_time = {.type = SPEC_DURATION, .lo = 0, .hi = 604800};
static const struct spec_key verdict_keys[] = {
    {"order", &spec_order,
     "`strict` (default): each step only behind the one before it; `any`: "
     "each on its own.",
     0},
    {"timeout", &spec_time,
     "What has not come so long after the start is missing; 60s if left "
     "out.",
     0},
    {"ends", &spec_ends,
     "`met` (default): over as soon as the outcome is known; `timeout`: always "
     "runs to the timeout.",
     0},
    {"linger", &spec_time, "Goes on so long after all is met.", 0},
    {NULL, NULL, NULL, 0},
};
const struct spec verdict_spec = {.type = SPEC_OBJECT, .name = "a verdict", .keys = verdict_keys};

/* -- the record -- */

static clk_dur now_of(const struct expect *e) {
    return e->is_started ? clk_since(e->clk, e->origin) : (clk_dur){0};
}

static void add_record(struct expect *e, clk_dur at, const char *from, struct sv text,
                       const char *note) {
    struct record *r = &e->records[e->nrecords++ % LIMIT_EXPECT_RECORD];
    free(r->from);
    free(r->text);
    *r = (struct record){.at = at, .from = xstrdup(from), .text = sv_dup(text), .n = text.n};
    r->note = note;
}

static const char *name_of(const struct stream *s) {
    return s->peer != NULL ? s->peer : s->source == EXPECT_DRIVER ? "driver" : "module";
}

static void record_stream(struct expect *e, struct stream *s, const char *note) {
    if (s->n > 0) {
        add_record(e, s->at, name_of(s), (struct sv){s->line, s->n}, s->is_cut ? "cut" : note);
        s->n = 0;
        s->is_cut = false;
    }
}

/* Bytes at far ends are not lines: they are put down when something else is, to keep the order. */
static void record_peers(struct expect *e) {
    for (struct stream *s = e->peers; s != NULL; s = s->next) {
        record_stream(e, s, NULL);
    }
}

/* -- outcome -- */

static void over(struct expect *e, clk_dur at);

__attribute__((format(printf, 1, 2))) static char *text_of(const char *fmt, ...) {
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    must(to != NULL);
    va_list args;
    va_start(args, fmt);
    vfprintf(to, fmt, args);
    va_end(args);
    must(fclose(to) == 0);
    return text;
}

/* Seconds for people, in whole milliseconds. */
struct seconds {
    char text[32];
};

static struct seconds seconds_of(clk_dur at) {
    struct seconds s;
    snprintf(s.text, sizeof s.text, "%" PRId64 ".%03" PRId64, at.us / 1000000, at.us / 1000 % 1000);
    return s;
}

static void end_step(struct expect *e, struct expect_step *s, enum expect_state state, clk_dur at) {
    s->state = state;
    s->at = at;
    e->last_at = at;
    expect_step_end(s);
}

/* Nothing is looked for any more: what should never have come has not. */
static void stop_steps(struct expect *e, clk_dur at) {
    for (size_t i = e->first; i < e->nsteps; i++) {
        struct expect_step *s = &e->steps[i];
        if (s->state == EXPECT_ACTIVE && s->is_never) {
            end_step(e, s, EXPECT_MET, at);
        } else if (s->state == EXPECT_ACTIVE || s->state == EXPECT_WAITING) {
            end_step(e, s, EXPECT_NOT_REACHED, at);
        }
    }
}

static void fail_step(struct expect *e, struct expect_step *s, clk_dur at, char *reason) {
    s->reason = reason;
    e->has_failed = true;
    end_step(e, s, EXPECT_FAILED, at);
    if (!e->is_any) {
        stop_steps(e, at);
    }
}

static void miss_step(struct expect *e, struct expect_step *s, clk_dur at) {
    fail_step(e, s, at, text_of("not seen by %s s", seconds_of(at).text));
}

static void begin_steps(struct expect *e, size_t from, clk_dur at) {
    bool is_more = true;
    e->first = e->is_any ? 0 : from;
    for (e->end = from; is_more && e->end < e->nsteps; e->end++) {
        struct expect_step *s = &e->steps[e->end];
        s->state = EXPECT_ACTIVE;
        s->since = at;
        s->born = e->arrival;
        expect_step_begin(s);
        is_more = e->is_any || s->is_never;
    }
}

static void meet_step(struct expect *e, struct expect_step *s, clk_dur at) {
    end_step(e, s, EXPECT_MET, at);
    if (e->is_any) {
        return;
    }
    for (size_t i = e->first; i < e->end; i++) {
        if (e->steps[i].state == EXPECT_ACTIVE) {
            end_step(e, &e->steps[i], EXPECT_MET, at);
        }
    }
    begin_steps(e, e->end, at);
}

static bool is_in_window(const struct expect_step *s, clk_dur at) {
    int64_t in = at.us - s->since.us;
    return in >= s->opens.us && (!s->has_end || in <= s->closes.us);
}

static void settle(struct expect *e);

/* It has come, now: in time, too early, or although it should not. `line` is its number in the
 * record, which bytes of a stream will get only when their line is put down. */
static void hit(struct expect *e, struct expect_step *s, struct sv got, size_t line) {
    clk_dur at = now_of(e);
    bool is_sum_wrong = s->has_crc && s->crc != s->seen_crc;
    if (s->is_never && (is_sum_wrong || !is_in_window(s, at))) {
        return;
    }
    s->ngot = got.n < LIMIT_EXPECT_LINE ? got.n : LIMIT_EXPECT_LINE;
    s->got = got.n > 0 ? sv_dup(sv_slice(got, 0, s->ngot)) : NULL;
    s->line = line;
    if (s->is_never) {
        fail_step(e, s, at, text_of("came at %s s although never", seconds_of(at).text));
    } else if (is_sum_wrong) {
        fail_step(e, s, at, text_of("the CRC-32 of %zu bytes is %08x", s->seen, s->seen_crc));
    } else if (!is_in_window(s, at)) {
        fail_step(e, s, at,
                  text_of("came too early, at %s s, not allowed before %s s", seconds_of(at).text,
                          seconds_of((clk_dur){s->since.us + s->opens.us}).text));
    } else {
        meet_step(e, s, at);
    }
    settle(e);
}

/* -- time -- */

/* The end of a step's window, at the latest the end of all. */
static int64_t window_end(const struct expect *e, const struct expect_step *s) {
    int64_t us = s->since.us + s->closes.us;
    return s->has_end && us < e->timeout.us ? us : e->timeout.us;
}

/* How long a "never" is watched when everything else is decided. */
static int64_t watch_end(const struct expect *e, const struct expect_step *s) {
    if (s->has_end || !e->must_meet) {
        return window_end(e, s);
    }
    int64_t us = e->last_at.us + watch_default.us;
    return us < e->timeout.us ? us : e->timeout.us;
}

/* The instant up to which the present state lasts, and whether what comes at it still counts. */
static int64_t state_end(const struct expect *e, bool *is_watching) {
    int64_t missing = INT64_MAX;
    int64_t us = e->last_at.us + (e->has_failed ? 0 : e->linger.us);
    *is_watching = false;
    for (size_t i = e->first; i < e->end; i++) {
        const struct expect_step *s = &e->steps[i];
        if (s->state != EXPECT_ACTIVE) {
            continue;
        }
        *is_watching = true;
        if (!s->is_never) {
            missing = window_end(e, s) < missing ? window_end(e, s) : missing;
        } else if (watch_end(e, s) > us) {
            us = watch_end(e, s);
        }
    }
    if (missing < INT64_MAX) {
        return missing;
    }
    bool is_idle = e->waits_for_timeout || (e->nsteps == 0 && !e->has_failed);
    return is_idle || us > e->timeout.us ? e->timeout.us : us;
}

/* The state has lasted until `at`: who had to come by then is missing, or the run is over. */
static void pass_end(struct expect *e, clk_dur at) {
    bool is_missing = false;
    for (size_t i = e->first; i < e->end; i++) {
        struct expect_step *s = &e->steps[i];
        if (s->state == EXPECT_ACTIVE && !s->is_never && window_end(e, s) <= at.us) {
            is_missing = true;
            miss_step(e, s, at);
        }
    }
    if (!is_missing) {
        over(e, at);
    }
}

static void on_timer(void *ctx);

/* Does what time has decided, and waits for what it decides next. */
static void settle(struct expect *e) {
    while (e->is_started && !e->is_over) {
        bool is_watching;
        int64_t end = state_end(e, &is_watching);
        int64_t left = end + is_watching - now_of(e).us;
        if (left > 0) {
            clk_start(e->clk, &e->timer, (clk_dur){left}, on_timer, e);
            return;
        }
        pass_end(e, (clk_dur){end});
    }
}

static void on_timer(void *ctx) {
    struct expect *e;
    CAST_OBJ(e, ctx, EXPECT_MAGIC);
    if (!e->is_over) {
        settle(e);
    } else if (e->on_over != NULL) {
        e->on_over(e->ctx);
    }
}

static void over(struct expect *e, clk_dur at) {
    stop_steps(e, at);
    record_stream(e, &e->driver, "no line end");
    record_stream(e, &e->module, "no line end");
    record_peers(e);
    e->is_over = true;
    e->over_at = at;
    clk_start(e->clk, &e->timer, CLK_US(0), on_timer, e);
}

/* -- what comes -- */

/* What time has decided comes first: on a real clock the timer may be late. */
static bool is_listening(struct expect *e) {
    CHECK_OBJ(e, EXPECT_MAGIC);
    settle(e);
    return e->is_started && !e->is_over;
}

/* One arrival meets one step: the next one is looked for behind it. And the step that is waited
 * for goes before those that must never come, so that "nothing but OK" can be said. */
static void offer(struct expect *e, const struct expect_came *came) {
    for (int never = 0; never <= 1; never++) {
        for (size_t i = e->first; i < e->end; i++) {
            struct expect_step *s = &e->steps[i];
            struct sv got;
            if (s->state == EXPECT_ACTIVE && s->is_never == (never != 0) && s->born != e->arrival &&
                expect_step_is_met(s, came, &got)) {
                hit(e, s, got, e->nrecords - 1);
            }
        }
    }
}

static bool looks_at(const struct expect_step *s, const struct stream *from) {
    return s->state == EXPECT_ACTIVE && expect_step_reads(s, from->source, from->peer);
}

/* How many bytes no step is met before. */
static size_t scan(struct expect *e, const struct stream *from, const char *p, size_t n) {
    size_t least = n;
    for (size_t i = e->first; i < e->end; i++) {
        if (looks_at(&e->steps[i], from)) {
            least = expect_step_scan(&e->steps[i], p, least);
        }
    }
    return least;
}

/* Offers the bytes to those that look at the stream; n is not more than `scan` said. */
static void take(struct expect *e, const struct stream *from, const char *p, size_t n) {
    for (int never = 0; never <= 1; never++) {
        for (size_t i = e->first; i < e->end; i++) {
            struct expect_step *s = &e->steps[i];
            struct sv got;
            if (looks_at(s, from) && s->is_never == (never != 0) && s->born != e->arrival &&
                expect_step_take(s, p, n, &got)) {
                hit(e, s, got, e->nrecords - (from->n == 0));
            }
        }
    }
}

static void end_line(struct expect *e, struct stream *s, const char *note) {
    if (s->n == 0) {
        return;
    }
    struct expect_came came = {
        .source = s->source, .what = EXPECT_LINE, .text = {s->line, s->n}, .is_cut = s->is_cut};
    record_peers(e);
    record_stream(e, s, note);
    offer(e, &came);
}

/* Data behind a prompt may end without a CR; the module's next line ends it. */
static void end_module_line(struct expect *e) {
    if (e->module.n > 0) {
        end_line(e, &e->driver, "no line end");
        e->arrival++;
        end_line(e, &e->module, NULL);
    }
}

static void put(struct expect *e, struct stream *s, char c) {
    s->at = now_of(e);
    if (s->n < sizeof s->line) {
        s->line[s->n++] = c;
    } else {
        s->is_cut = true;
    }
}

static void tty_byte(struct expect *e, struct stream *s, char c) {
    bool is_module = s->source == EXPECT_MODULE;
    bool is_prompt = is_module && c == '>' && s->n == 0;
    bool is_end = c == '\r' || c == '\n';
    e->arrival++;
    if (!is_end) {
        put(e, s, c);
    }
    take(e, s, &c, scan(e, s, &c, 1));
    if ((is_end || is_prompt) && is_module) {
        end_module_line(e);
    } else if (is_end) {
        end_line(e, s, NULL);
    }
}

static struct stream *peer_of(struct expect *e, const char *name) {
    struct stream **at = &e->peers;
    while (*at != NULL && strcmp((*at)->peer, name) != 0) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        *at = xmalloc(sizeof **at);
        (*at)->source = EXPECT_PEER;
        (*at)->peer = xstrdup(name);
    }
    return *at;
}

/* For the record only: a far end's bytes are cut behind LF and where the line is full. */
static void note_peer_bytes(struct expect *e, struct stream *s, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        put(e, s, p[i]);
        if (p[i] == '\n' || s->n == sizeof s->line) {
            record_stream(e, s, NULL);
        }
    }
}

static void peer_bytes(struct expect *e, struct stream *s, const char *p, size_t n) {
    while (n > 0 && !e->is_over) {
        e->arrival++;
        size_t k = scan(e, s, p, n);
        note_peer_bytes(e, s, p, k);
        take(e, s, p, k);
        p += k;
        n -= k;
    }
}

/* -- public -- */

static void read_verdict(struct expect *e, const struct cJSON *verdict) {
    e->is_any = strcmp(spec_text(verdict, "order", "strict"), "any") == 0;
    e->waits_for_timeout = strcmp(spec_text(verdict, "ends", "met"), "timeout") == 0;
    e->timeout = spec_dur(verdict, "timeout", timeout_default);
    e->linger = spec_dur(verdict, "linger", CLK_US(0));
}

struct expect *expect_new(struct clk *clk, const struct cJSON *steps, const struct cJSON *verdict,
                          void (*on_over)(void *ctx), void *ctx) {
    struct expect *e = xmalloc(sizeof *e);
    OBJ_INIT(e, EXPECT_MAGIC);
    e->clk = clk;
    e->on_over = on_over;
    e->ctx = ctx;
    e->driver.source = EXPECT_DRIVER;
    e->module.source = EXPECT_MODULE;
    read_verdict(e, verdict);
    e->nsteps = (size_t)cJSON_GetArraySize(steps);
    e->steps = xmalloc(e->nsteps * sizeof *e->steps);
    const struct cJSON *item = steps != NULL ? steps->child : NULL;
    for (struct expect_step *s = e->steps; item != NULL; item = item->next, s++) {
        expect_step_init(s, item);
        e->must_meet = e->must_meet || !s->is_never;
    }
    return e;
}

void expect_free(struct expect *e) {
    if (e == NULL) {
        return;
    }
    CHECK_OBJ(e, EXPECT_MAGIC);
    clk_stop(e->clk, &e->timer);
    for (size_t i = 0; i < e->nsteps; i++) {
        expect_step_fini(&e->steps[i]);
    }
    for (size_t i = 0; i < LIMIT_EXPECT_RECORD; i++) {
        free(e->records[i].from);
        free(e->records[i].text);
    }
    while (e->peers != NULL) {
        struct stream *s = e->peers;
        e->peers = s->next;
        free(s->peer);
        free(s);
    }
    free(e->steps);
    free(e->cases);
    free(e->lines);
    free(e->why);
    OBJ_FINI(e);
    free(e);
}

void expect_start(struct expect *e) {
    CHECK_OBJ(e, EXPECT_MAGIC);
    if (e->is_started || e->is_over) {
        return;
    }
    e->is_started = true;
    e->origin = clk_now(e->clk);
    begin_steps(e, 0, (clk_dur){0});
    settle(e);
}

void expect_bytes(struct expect *e, enum expect_source from, const char *peer, const void *p,
                  size_t n) {
    if (!is_listening(e)) {
        return;
    }
    const char *bytes = p;
    if (from == EXPECT_PEER) {
        peer_bytes(e, peer_of(e, peer), bytes, n);
        return;
    }
    must(from == EXPECT_DRIVER || from == EXPECT_MODULE);
    struct stream *s = from == EXPECT_DRIVER ? &e->driver : &e->module;
    for (size_t i = 0; i < n && !e->is_over; i++) {
        tty_byte(e, s, bytes[i]);
    }
}

/* What comes as a whole; `note` is how it looks in the record. */
static void came_whole(struct expect *e, const struct expect_came *came, struct sv note) {
    e->arrival++;
    record_peers(e);
    add_record(e, now_of(e), came->from, note, NULL);
    offer(e, came);
}

void expect_peer(struct expect *e, const char *peer, enum expect_peer_event what) {
    static const struct {
        enum expect_what what;
        const char *note;
    } table[] = {
        [EXPECT_PEER_CONNECTS] = {EXPECT_CONNECTS, "(connects)"},
        [EXPECT_PEER_CLOSED] = {EXPECT_CLOSED, "(closed)"},
        [EXPECT_PEER_RESET] = {EXPECT_RESET, "(reset)"},
    };
    if (is_listening(e)) {
        struct sv note = sv_of(table[what].note);
        struct expect_came came = {EXPECT_PEER, table[what].what, peer, note, false};
        came_whole(e, &came, note);
    }
}

/* The others would only make the dialogue hard to read. */
static bool is_named(const struct expect *e, const char *event) {
    for (size_t i = 0; i < e->nsteps; i++) {
        const struct expect_step *s = &e->steps[i];
        if (s->source == EXPECT_EVENT && strcmp(s->from, event) == 0) {
            return true;
        }
    }
    return false;
}

void expect_event(struct expect *e, const char *event, const char *text) {
    if (is_listening(e) && is_named(e, event)) {
        struct expect_came came = {EXPECT_EVENT, EXPECT_HAPPENED, event, sv_of(text), false};
        came_whole(e, &came, came.text);
    }
}

void expect_fail(struct expect *e, const char *why) {
    CHECK_OBJ(e, EXPECT_MAGIC);
    settle(e);
    if (e->is_over || e->why != NULL) {
        return;
    }
    e->why = xstrdup(why);
    e->has_failed = true;
    e->last_at = now_of(e);
    stop_steps(e, e->last_at);
    if (!e->is_started) {
        over(e, e->last_at);
    }
    settle(e);
}

void expect_end(struct expect *e) {
    CHECK_OBJ(e, EXPECT_MAGIC);
    settle(e);
    if (!e->is_started && e->nsteps > 0) {
        expect_fail(e, "the run ended before the start of the scenario");
    }
    if (!e->is_over) {
        clk_dur at = now_of(e);
        for (size_t i = e->first; i < e->end; i++) {
            if (e->steps[i].state == EXPECT_ACTIVE && !e->steps[i].is_never) {
                miss_step(e, &e->steps[i], at);
            }
        }
        over(e, at);
    }
    clk_stop(e->clk, &e->timer);
}

bool expect_is_over(const struct expect *e) {
    CHECK_OBJ(e, EXPECT_MAGIC);
    return e->is_over;
}

bool expect_has_passed(const struct expect *e) {
    CHECK_OBJ(e, EXPECT_MAGIC);
    return e->is_over && !e->has_failed;
}

static struct report_case case_of(const struct expect_step *s) {
    static const enum report_outcome outcomes[] = {[EXPECT_WAITING] = REPORT_NOT_REACHED,
                                                   [EXPECT_ACTIVE] = REPORT_NOT_REACHED,
                                                   [EXPECT_MET] = REPORT_PASSED,
                                                   [EXPECT_FAILED] = REPORT_FAILED,
                                                   [EXPECT_NOT_REACHED] = REPORT_NOT_REACHED};
    struct report_case c = {.name = s->name,
                            .expected = s->wanted,
                            .reason = s->reason,
                            .got = {s->got, s->ngot},
                            .outcome = outcomes[s->state],
                            .line = REPORT_NO_LINE};
    if (c.outcome != REPORT_NOT_REACHED) {
        c.at = s->at;
        c.took.us = s->at.us - s->since.us;
    }
    return c;
}

const struct report *expect_report(struct expect *e, const char *name) {
    CHECK_OBJ(e, EXPECT_MAGIC);
    size_t nlines = e->nrecords < LIMIT_EXPECT_RECORD ? e->nrecords : LIMIT_EXPECT_RECORD;
    size_t nlost = e->nrecords - nlines;
    e->cases = xrealloc(e->cases, e->nsteps * sizeof *e->cases);
    e->lines = xrealloc(e->lines, nlines * sizeof *e->lines);
    for (size_t i = 0; i < e->nsteps; i++) {
        const struct expect_step *s = &e->steps[i];
        e->cases[i] = case_of(s);
        if (s->line >= nlost && s->line < e->nrecords) {
            e->cases[i].line = s->line - nlost;
        }
    }
    for (size_t i = 0; i < nlines; i++) {
        const struct record *r = &e->records[(nlost + i) % LIMIT_EXPECT_RECORD];
        e->lines[i] = (struct report_line){r->at, r->from, {r->text, r->n}, r->note};
    }
    e->report = (struct report){.name = name,
                                .has_passed = expect_has_passed(e),
                                .why = e->why,
                                .took = e->is_over ? e->over_at : now_of(e),
                                .cases = e->cases,
                                .ncases = e->nsteps,
                                .lines = e->lines,
                                .nlines = nlines,
                                .nlost = nlost};
    return &e->report;
}
