#define _GNU_SOURCE /* strcasestr */
#include "tests/simulate/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/model/events.h"
#include "slots.h"

enum { GOT_MAX = 1 << 24, INFO_MAX = 1 << 20 };

/* -- the ledger: what the module decides to say -- */

static struct oracle_entry *entry(struct oracle *o, size_t i) {
    return &o->ledger[(o->first + i) % ORACLE_LEDGER];
}

static void pop_entry(struct oracle *o) {
    free(entry(o, 0)->text);
    o->first = (o->first + 1) % ORACLE_LEDGER;
    o->n--;
}

static struct bus_verdict on_asked(void *ctx, unsigned point, void *what) {
    struct oracle *o;
    CAST_OBJ(o, ctx, ORACLE_MAGIC);
    const struct at_event *e = what;
    if (strcmp(e->port, o->world->chan.name) != 0) {
        return (struct bus_verdict){0}; /* a virtual port's */
    }
    if (o->is_blind) {
        if (point == ASK_AT_URC) {
            char *text = sv_dup(e->text);
            o->ev->urc(o->ctx, text);
            free(text);
        }
        return (struct bus_verdict){0};
    }
    struct oracle_entry new = {.text = sv_dup(e->text)};
    new.kind = point == ASK_AT_LINE     ? ORACLE_LINE
               : point == ASK_AT_RESULT ? ORACLE_RESULT
                                        : ORACLE_URC;
    if (o->n == ORACLE_LEDGER) {
        verdict_fail(o->verdict, "unsaid", NULL, "%d results were decided on and never said",
                     ORACLE_LEDGER);
        pop_entry(o);
    }
    *entry(o, o->n++) = new;
    return (struct bus_verdict){0};
}

void oracle_start(struct oracle *o, struct world *w, const struct oracle_events *ev, void *ctx) {
    memset(o, 0, sizeof *o);
    OBJ_INIT(o, ORACLE_MAGIC);
    o->world = w;
    o->verdict = w->verdict;
    o->ev = ev;
    o->ctx = ctx;
    buf_init(&o->got, GOT_MAX);
    buf_init(&o->echo, GOT_MAX);
    buf_init(&o->data_echo, GOT_MAX);
    buf_init(&o->info, INFO_MAX);
    buf_init(&o->command, INFO_MAX);
    oracle_set_relaxed(o, false);
}

void oracle_stop(struct oracle *o) {
    CHECK_OBJ(o, ORACLE_MAGIC);
    oracle_forget(o);
    buf_fini(&o->got);
    buf_fini(&o->echo);
    buf_fini(&o->data_echo);
    buf_fini(&o->info);
    buf_fini(&o->command);
    OBJ_FINI(o);
}

void oracle_forget(struct oracle *o) {
    CHECK_OBJ(o, ORACLE_MAGIC);
    while (o->n > 0) {
        pop_entry(o);
    }
    buf_clear(&o->got);
    buf_clear(&o->echo);
    buf_clear(&o->data_echo);
    buf_clear(&o->command);
    o->raw = 0;
    o->lines_due = 0;
    o->is_in_answer = o->is_in_echo = o->is_prompt = o->was_prompt = o->is_data = false;
}

void oracle_restarted(struct oracle *o) {
    o->was_restarted = true;
}

void oracle_recovered(struct oracle *o) {
    if (o->was_restarted) {
        oracle_forget(o);
        o->was_restarted = false;
    }
}

void oracle_set_relaxed(struct oracle *o, bool on) {
    const uint32_t points = 1u << ASK_AT_LINE | 1u << ASK_AT_RESULT | 1u << ASK_AT_URC;
    oracle_forget(o);
    o->is_relaxed = on;
    bus_answer(&o->world->modem->bus, NULL, NULL);
    if (!on) {
        bus_answer(&o->world->modem->bus, on_asked, o);
        bus_want(&o->world->modem->bus, points);
    }
}

/* -- what is typed -- */

void oracle_typing(struct oracle *o, const uint8_t *p, size_t n) {
    if (o->is_relaxed) {
        return;
    }
    if (world_setting(o->world, SLOT_E) != 0) {
        must(buf_put_all(&o->echo, p, n) == 0);
    }
    for (size_t i = 0; i < n; i++) {
        o->lines_due += p[i] == '\r' ? 1 : 0;
    }
}

void oracle_giving(struct oracle *o, const uint8_t *p, size_t shown) {
    if (!o->is_relaxed && world_setting(o->world, SLOT_E) != 0) {
        must(buf_put_all(&o->data_echo, p, shown) == 0);
    }
}

/* -- what is said -- */

static void good(struct oracle *o, size_t n) {
    o->checks++;
    dialogue_said(o->world->dialogue, buf_data(&o->got), n);
    buf_drop(&o->got, n);
}

static void bad(struct oracle *o, const char *rule, const char *want, const char *why) {
    size_t n = buf_len(&o->got) < 80 ? buf_len(&o->got) : 80;
    char *shown = dialogue_escape(buf_data(&o->got), n);
    verdict_fail(o->verdict, rule, want, "%s: \"%s\"", why, shown);
    free(shown);
}

/* What must come next is not what has come. */
static void bad_bytes(struct oracle *o, const char *rule, const uint8_t *p, size_t n,
                      const char *why) {
    char *text = dialogue_escape(p, n);
    char *line = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&line, &size);
    fprintf(to, "<- %s\n", text);
    fclose(to);
    bad(o, rule, line, why);
    free(line);
    free(text);
}

bool oracle_is_final(struct sv line) {
    static const char *const whole[] = {"OK",   "ERROR",       "NO CARRIER",
                                        "BUSY", "NO DIALTONE", "NO ANSWER"};
    static const char *const begins[] = {"+CME ERROR: ", "+CMS ERROR: ", "CONNECT"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        if (sv_eq(line, sv_of(whole[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        size_t n = strlen(begins[i]);
        if (line.n >= n && memcmp(line.p, begins[i], n) == 0) {
            return true;
        }
    }
    return false;
}

bool oracle_is_connect(struct sv line) {
    return sv_starts_nocase(line, SV("CONNECT")) && !sv_eq(line, SV("CONNECT FAIL"));
}

const char *oracle_info(struct oracle *o) {
    if (buf_len(&o->info) == 0) {
        return "";
    }
    size_t got = 0;
    uint8_t *end = buf_reserve(&o->info, 1, &got); /* not committed */
    must(got == 1);
    *end = '\0';
    return (const char *)buf_data(&o->info);
}

/* The next bytes must be those of `want`, which goes along. True: some were. */
static bool match_echo(struct oracle *o, struct buf *want) {
    size_t n = buf_len(want) < buf_len(&o->got) ? buf_len(want) : buf_len(&o->got);
    size_t same = 0;
    while (same < n && buf_data(want)[same] == buf_data(&o->got)[same]) {
        same++;
        if (want == &o->echo && buf_data(want)[same - 1] == '\r') {
            break;
        }
    }
    if (same == 0) {
        bad_bytes(o, "echo", buf_data(want), buf_len(want), "the echo is something else");
        return false;
    }
    buf_drop(want, same);
    good(o, same);
    return true;
}

static void begin_answer(struct oracle *o) {
    if (o->lines_due == 0) {
        bad(o, "unasked", NULL, "an answer to nothing that was typed");
        return;
    }
    o->is_in_answer = true;
    buf_clear(&o->info);
    buf_clear(&o->command);
    if (o->n > 0 && entry(o, 0)->kind == ORACLE_LINE) {
        must(buf_put_all(&o->command, entry(o, 0)->text, strlen(entry(o, 0)->text)) == 0);
        pop_entry(o);
    }
}

/* The line is echoed up to its CR at most; then the answer begins. */
static bool judge_line_echo(struct oracle *o) {
    const uint8_t *cr = memchr(buf_data(&o->echo), '\r', buf_len(&o->echo));
    size_t line = cr != NULL ? (size_t)(cr - buf_data(&o->echo)) + 1 : SIZE_MAX;
    size_t before = buf_len(&o->got);
    o->is_in_echo = true;
    if (!match_echo(o, &o->echo)) {
        return false;
    }
    if (before - buf_len(&o->got) == line) {
        o->is_in_echo = false;
        begin_answer(o);
    }
    return true;
}

/* "CR LF text CR LF", its lines apart by CR LF. */
static size_t frame(const char *text, char **out) {
    size_t size = 0;
    FILE *to = open_memstream(out, &size);
    fputs("\r\n", to);
    for (const char *p = text; *p != '\0'; p++) {
        fputs(*p == '\n' ? "\r\n" : (const char[]){*p, '\0'}, to);
    }
    fputs("\r\n", to);
    fclose(to);
    return size;
}

/* True: go on. */
static bool judge_urc(struct oracle *o) {
    char *want = NULL;
    size_t n = frame(entry(o, 0)->text, &want);
    size_t have = n < buf_len(&o->got) ? n : buf_len(&o->got);
    bool is_same = memcmp(buf_data(&o->got), want, have) == 0;
    if (!is_same) {
        bad_bytes(o, "urc", (const uint8_t *)want, n, "the unsolicited result is something else");
    } else if (have == n) {
        char *text = xstrdup(entry(o, 0)->text);
        good(o, n);
        pop_entry(o);
        o->ev->urc(o->ctx, text);
        free(text);
    }
    free(want);
    return is_same && have == n;
}

static bool begin_alike(const struct buf *a, const struct buf *b) {
    const uint8_t *p = buf_data(a);
    const uint8_t *q = buf_data(b);
    return p != NULL && q != NULL && *p == *q;
}

/* Outside of answers. */
static bool judge_idle(struct oracle *o) {
    if (buf_len(&o->echo) > 0 && (o->is_in_echo || begin_alike(&o->got, &o->echo))) {
        return judge_line_echo(o);
    }
    size_t pushed = o->ev->pushed(o->ctx, buf_data(&o->got), buf_len(&o->got));
    if (pushed == SIZE_MAX) {
        return false;
    }
    if (pushed > 0) {
        good(o, pushed);
        return true;
    }
    if (o->n > 0 && entry(o, 0)->kind == ORACLE_URC) {
        return judge_urc(o);
    }
    if (o->n > 0 && buf_len(&o->echo) == 0 && o->lines_due > 0) {
        begin_answer(o);
        return true;
    }
    if (o->was_restarted) {
        /* What was typed ahead of a restart, and how much of it was lost, nobody knows. */
        good(o, buf_len(&o->got));
        return false;
    }
    bad(o, "unasked", NULL, "nobody asked for this");
    return false;
}

static void end_answer(struct oracle *o, struct sv line) {
    struct oracle_entry *e = o->n > 0 ? entry(o, 0) : NULL;
    bool is_connect = oracle_is_connect(line);
    struct sv command = {(const char *)buf_data(&o->command), buf_len(&o->command)};
    /* Nobody is asked about a result behind which the port is another's. */
    bool is_unasked = is_connect || sv_starts_nocase(command, SV("+CMUX="));
    bool is_due = e != NULL ? e->kind == ORACLE_RESULT && sv_eq(line, sv_of(e->text)) : is_unasked;
    if (!is_due) {
        bad(o, "final", NULL, "a result that is none of this line's");
        return;
    }
    must(sv_copy(line, o->final, sizeof o->final) == 0);
    if (e != NULL) {
        pop_entry(o);
    }
    o->is_in_answer = false;
    o->is_prompt = false;
    o->was_prompt = false;
    o->is_data = is_connect;
    o->lines_due--;
    o->answers++;
}

/* A line of the answer whose name is another command's: what belongs to nobody here. */
static bool is_foreign(struct oracle *o, struct sv line) {
    size_t n = 0;
    while (n < line.n && line.p[n] != ':') {
        n++;
    }
    if (line.n == 0 || line.p[0] != '+' || n == line.n) {
        return false;
    }
    char *command = sv_dup((struct sv){(const char *)buf_data(&o->command), buf_len(&o->command)});
    char *name = sv_dup(sv_slice(line, 0, n));
    static const char *const urcs[] = {"+CIPEVENT", "+IPCLOSE", "+CLIENT",   "+NETOPEN",
                                       "+NETCLOSE", "+CREG",    "+CGREG",    "+CEREG",
                                       "+CIPSEND",  "+CIPOPEN", "+CIPCLOSE", "+CPIN"};
    bool is_urc = false;
    for (size_t i = 0; i < sizeof urcs / sizeof urcs[0]; i++) {
        is_urc |= strcmp(name, urcs[i]) == 0;
    }
    bool is_own = strcasestr(command, name) != NULL || command[0] == '\0' ||
                  strcasestr(command, "&V") != NULL;
    free(command);
    free(name);
    return is_urc && !is_own;
}

static bool judge_info(struct oracle *o, struct sv line) {
    if (is_foreign(o, line)) {
        bad(o, "urc-in-answer", NULL, "a line of something else in the middle of an answer");
        return false;
    }
    must(buf_put_all(&o->info, line.p, line.n) == 0 && buf_put_all(&o->info, "\n", 1) == 0);
    size_t raw = o->ev->info(o->ctx, line);
    good(o, line.n + 2);
    o->raw = raw;
    return true;
}

static bool judge_raw(struct oracle *o) {
    if (buf_len(&o->got) < o->raw + 2) {
        return false;
    }
    if (memcmp(buf_data(&o->got) + o->raw, "\r\n", 2) != 0) {
        bad(o, "raw", NULL, "data does not end where its header says");
        return false;
    }
    size_t n = o->raw;
    o->raw = 0;
    o->ev->raw(o->ctx, buf_data(&o->got), n);
    if (!verdict_is_good(o->verdict)) {
        return false;
    }
    good(o, n + 2);
    return true;
}

static bool judge_answer(struct oracle *o) {
    const char *p = (const char *)buf_data(&o->got);
    size_t n = buf_len(&o->got);
    if (o->n > 0 && entry(o, 0)->kind == ORACLE_URC) {
        bad(o, "urc-in-answer", NULL, "an unsolicited result in the middle of an answer");
        return false;
    }
    if (o->was_prompt && buf_len(&o->data_echo) > 0) {
        return match_echo(o, &o->data_echo);
    }
    if (o->raw > 0) {
        return judge_raw(o);
    }
    if (n >= 3 && memcmp(p, "\r\n>", 3) == 0) {
        o->is_prompt = true;
        o->was_prompt = true;
        good(o, n >= 4 && p[3] == ' ' ? 4 : 3);
        return true;
    }
    const char *end = memchr(p, '\n', n);
    if (end == NULL) {
        return false;
    }
    size_t len = (size_t)(end - p);
    struct sv line = {p, len > 0 && p[len - 1] == '\r' ? len - 1 : len};
    if (line.n == 0) {
        good(o, len + 1);
        return true;
    }
    bool is_result =
        o->n > 0 && entry(o, 0)->kind == ORACLE_RESULT && sv_eq(line, sv_of(entry(o, 0)->text));
    if (!is_result && !oracle_is_final(line)) {
        return judge_info(o, line);
    }
    end_answer(o, line);
    if (!verdict_is_good(o->verdict)) {
        return false;
    }
    good(o, len + 1);
    return true;
}

/* What was under way at a restart ends where the next unsolicited result begins, and results that
 * were decided on in between are never said. */
static void cut_off(struct oracle *o) {
    size_t i = 0;
    while (i < o->n && entry(o, i)->kind != ORACLE_URC) {
        i++;
    }
    char *want = NULL;
    size_t n = i < o->n ? frame(entry(o, i)->text, &want) : 0;
    if (n > 0 && n <= buf_len(&o->got) && memcmp(buf_data(&o->got), want, n) == 0) {
        while (i-- > 0) {
            pop_entry(o);
        }
        buf_clear(&o->echo);
        buf_clear(&o->data_echo);
        o->is_in_answer = o->is_in_echo = o->is_data = o->is_prompt = o->was_prompt = false;
        o->lines_due = 0;
    }
    free(want);
}

static bool judge(struct oracle *o) {
    if (o->was_restarted) {
        cut_off(o);
    }
    if (o->is_data) {
        size_t n = o->ev->data(o->ctx, buf_data(&o->got), buf_len(&o->got));
        if (verdict_is_good(o->verdict)) {
            good(o, n);
        }
        return n > 0;
    }
    return o->is_in_answer ? judge_answer(o) : judge_idle(o);
}

void oracle_said(struct oracle *o, const uint8_t *p, size_t n) {
    CHECK_OBJ(o, ORACLE_MAGIC);
    if (o->is_relaxed || o->is_blind) {
        dialogue_said(o->world->dialogue, p, n);
        return;
    }
    must(buf_put_all(&o->got, p, n) == 0);
    while (buf_len(&o->got) > 0 && verdict_is_good(o->verdict) && judge(o)) {
    }
}

void oracle_set_blind(struct oracle *o, bool on) {
    oracle_forget(o);
    o->is_blind = on;
}

void oracle_end_data(struct oracle *o) {
    o->is_data = false;
}

void oracle_check_idle(struct oracle *o) {
    if (o->is_relaxed || o->was_restarted || !verdict_is_good(o->verdict)) {
        return;
    }
    o->checks++;
    if (buf_len(&o->got) > 0) {
        bad(o, "incomplete", NULL, "a part of a line, and no more comes");
    } else if (o->n > 0) {
        verdict_fail(o->verdict, "unsaid", NULL, "decided on and not said: %s", entry(o, 0)->text);
    } else if (buf_len(&o->echo) + buf_len(&o->data_echo) > 0) {
        verdict_fail(o->verdict, "echo", NULL, "%zu bytes typed and not echoed",
                     buf_len(&o->echo) + buf_len(&o->data_echo));
    } else if (o->lines_due > 0) {
        verdict_fail(o->verdict, "final-missing", NULL, "%u lines are not answered", o->lines_due);
    }
}
