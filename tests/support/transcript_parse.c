/* transcript_parse.c: a dialogue file becomes steps. */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "base/sv.h"
#include "tests/support/transcript.h"

enum { WORDS = 10 };

struct parser {
    struct transcript *t;
    char *error; /* TRANSCRIPT_ERROR_TEXT; "": good so far */
    unsigned line;
    struct sv source;
};

__attribute__((format(printf, 2, 3))) static void fail(struct parser *p, const char *fmt, ...) {
    char text[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (p->error[0] == '\0') {
        snprintf(p->error, TRANSCRIPT_ERROR_TEXT, "%.80s:%u: %s", p->t->path, p->line, text);
    }
}

static char *copy(struct sv v) {
    char *z = xmalloc(v.n + 1);
    memcpy(z, v.p, v.n);
    return z;
}

static struct transcript_step *add_step(struct parser *p, enum transcript_kind kind) {
    struct transcript *t = p->t;
    t->steps = xrealloc(t->steps, (t->nsteps + 1) * sizeof *t->steps);
    struct transcript_step *s = &t->steps[t->nsteps++];
    *s = (struct transcript_step){.kind = kind, .line = p->line, .source = copy(p->source)};
    return s;
}

/* -- texts with escapes -- */

static int hex_digit(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static void put_text(struct parser *p, struct sv v, struct buf *to);

/* "\(text)*N" from behind its backslash; returns how many characters it has. */
static size_t put_repeated(struct parser *p, struct sv v, struct buf *to) {
    size_t end = 1;
    while (end < v.n && v.p[end] != ')') {
        end++;
    }
    size_t at = end + 2;
    int64_t times = 0;
    while (at < v.n && isdigit((unsigned char)v.p[at]) && times < 100000) {
        times = 10 * times + (v.p[at++] - '0');
    }
    if (end + 1 >= v.n || v.p[end + 1] != '*' || times == 0) {
        fail(p, "want \\(text)*N");
        return v.n;
    }
    for (int64_t i = 0; i < times; i++) {
        put_text(p, sv_slice(v, 1, end - 1), to);
    }
    return at;
}

/* One escape from behind its backslash; returns how many characters it has. */
static size_t put_escape(struct parser *p, struct sv v, struct buf *to) {
    static const char names[] = "rnzet\\\"";
    static const char bytes[] = "\r\n\x1a\x1b\t\\\"";
    char c = v.n > 0 ? v.p[0] : '\0';
    const char *at = c != '\0' ? strchr(names, c) : NULL;
    if (at != NULL) {
        buf_put(to, &bytes[at - names], 1);
        return 1;
    }
    if (c == '(') {
        return put_repeated(p, v, to);
    }
    if (c == 'x' && v.n >= 3 && hex_digit(v.p[1]) >= 0 && hex_digit(v.p[2]) >= 0) {
        uint8_t byte = (uint8_t)(16 * hex_digit(v.p[1]) + hex_digit(v.p[2]));
        buf_put(to, &byte, 1);
        return 3;
    }
    fail(p, "want one of \\r \\n \\z \\e \\t \\\\ \\\" \\xNN \\(text)*N");
    return v.n;
}

static void put_text(struct parser *p, struct sv v, struct buf *to) {
    for (size_t i = 0; i < v.n;) {
        if (v.p[i] == '\\') {
            i += 1 + put_escape(p, sv_slice(v, i + 1, v.n), to);
        } else {
            buf_put(to, &v.p[i++], 1);
        }
    }
}

static void set_text(struct parser *p, struct transcript_step *s, struct sv v, const char *end) {
    struct buf b;
    buf_init(&b, TRANSCRIPT_MAX);
    put_text(p, v, &b);
    buf_put(&b, end, strlen(end));
    s->n = buf_len(&b);
    s->text = xmalloc(s->n + 1);
    buf_take(&b, s->text, s->n);
    buf_fini(&b);
}

static void set_hex(struct parser *p, struct transcript_step *s, struct sv v) {
    s->text = xmalloc(v.n / 2 + 1);
    for (size_t i = 0; i < v.n;) {
        if (v.p[i] == ' ') {
            i++;
            continue;
        }
        int hi = hex_digit(v.p[i]);
        int lo = i + 1 < v.n ? hex_digit(v.p[i + 1]) : -1;
        if (hi < 0 || lo < 0) {
            fail(p, "want pairs of hexadecimal digits");
            return;
        }
        s->text[s->n++] = (uint8_t)(16 * hi + lo);
        i += 2;
    }
}

/* The echo of a command line ends in the CR that was typed and in nothing else. */
static bool ends_in_cr(struct sv v) {
    return v.n >= 2 && v.p[v.n - 2] == '\\' && v.p[v.n - 1] == 'r' &&
           (v.n < 3 || v.p[v.n - 3] != '\\');
}

/* -- words, numbers, times -- */

struct words {
    struct sv w[WORDS];
    size_t n;
};

/* By blanks; a word that begins with a quote goes to the closing one and keeps both. */
static void split(struct parser *p, struct sv v, struct words *out) {
    *out = (struct words){0};
    for (size_t i = 0; i < v.n;) {
        if (v.p[i] == ' ') {
            i++;
            continue;
        }
        size_t from = i;
        bool is_quoted = v.p[i] == '"';
        for (i++; i < v.n && (is_quoted || v.p[i] != ' '); i++) {
            if (is_quoted && v.p[i] == '\\') {
                i++;
            } else if (is_quoted && v.p[i] == '"') {
                is_quoted = false;
            }
        }
        if (is_quoted || out->n == WORDS) {
            fail(p, is_quoted ? "no closing quote" : "too many words");
            return;
        }
        out->w[out->n++] = sv_slice(v, from, i - from);
    }
}

static bool is_word(const struct words *w, size_t i, const char *text) {
    return i < w->n && sv_eq(w->w[i], sv_of(text));
}

static int64_t number_of(struct parser *p, struct sv v, int64_t lo, int64_t hi) {
    int64_t value = lo;
    if (sv_int(v, lo, hi, &value) != 0) {
        fail(p, "\"%.*s\": want %lld to %lld", SV_ARG(v), (long long)lo, (long long)hi);
    }
    return value;
}

/* "40ms", "1.5s". */
static int64_t time_of(struct parser *p, struct sv v) {
    char text[32];
    char *end = text;
    double value = sv_copy(v, text, sizeof text) == 0 ? strtod(text, &end) : -1;
    if (end != text && value >= 0 && strcmp(end, "ms") == 0) {
        return (int64_t)(value * 1000 + 0.5);
    }
    if (end != text && value >= 0 && strcmp(end, "s") == 0) {
        return (int64_t)(value * 1000000 + 0.5);
    }
    fail(p, "\"%.*s\": want a time in ms or s", SV_ARG(v));
    return 0;
}

static uint32_t ip_of(struct parser *p, struct sv v) {
    uint32_t ip = 0;
    if (net_parse_ip(v, &ip) != 0) {
        fail(p, "\"%.*s\": want four numbers 0-255", SV_ARG(v));
    }
    return ip;
}

static struct net_addr addr_of(struct parser *p, struct sv v) {
    size_t colon = 0;
    while (colon < v.n && v.p[colon] != ':') {
        colon++;
    }
    struct net_addr a = {.ip = ip_of(p, sv_slice(v, 0, colon))};
    a.port = (uint16_t)number_of(p, sv_slice(v, colon + 1, v.n), 1, 65535);
    return a;
}

/* -- peers -- */

static int find_peer(const struct transcript *t, struct sv name) {
    for (size_t i = 0; i < t->npeers; i++) {
        if (sv_eq(name, sv_of(t->peers[i].name))) {
            return (int)i;
        }
    }
    return -1;
}

static enum transcript_how how_of(struct parser *p, const struct words *w, size_t i) {
    if (is_word(w, i, "refuse")) {
        return TRANSCRIPT_REFUSE;
    }
    if (is_word(w, i, "black-hole")) {
        return TRANSCRIPT_BLACK_HOLE;
    }
    if (i < w->n) {
        fail(p, "want refuse or black-hole");
    }
    return TRANSCRIPT_ACCEPT;
}

/* "peer tcp|udp ADDR as NAME [how]", "peer call ADDR -> PORT as NAME". */
static void parse_peer_new(struct parser *p, const struct words *w) {
    struct transcript *t = p->t;
    bool is_caller = is_word(w, 1, "call");
    size_t as = is_caller ? 5 : 3;
    if (!is_word(w, as, "as") || as + 1 >= w->n || (is_caller && !is_word(w, 3, "->"))) {
        fail(p, "want: peer tcp|udp ADDR as NAME, or: peer call ADDR -> PORT as NAME");
        return;
    }
    if (t->npeers == TRANSCRIPT_PEERS || find_peer(t, w->w[as + 1]) >= 0) {
        fail(p, "too many peers, or two of the same name");
        return;
    }
    struct transcript_peer *peer = &t->peers[t->npeers++];
    peer->kind = is_word(w, 1, "udp") ? TRANSCRIPT_UDP : TRANSCRIPT_TCP;
    peer->addr = addr_of(p, w->w[2]);
    peer->how = how_of(p, w, as + 2);
    if (sv_copy(w->w[as + 1], peer->name, sizeof peer->name) != 0) {
        fail(p, "name too long");
    }
    if (is_caller) {
        peer->kind = TRANSCRIPT_CALLER;
        peer->server_port = (uint16_t)number_of(p, w->w[4], 1, 65535);
        add_step(p, TRANSCRIPT_PEER_CALL)->peer = t->npeers - 1;
    }
}

static const struct verb {
    const char *name;
    enum transcript_kind kind;
    enum { ARG_NONE, ARG_TEXT, ARG_NUMBER, ARG_SWITCH, ARG_PORT } arg;
    bool is_in_process;
} peer_verbs[] = {
    {"send", TRANSCRIPT_PEER_SEND, ARG_TEXT, false},
    {"expect", TRANSCRIPT_PEER_EXPECT, ARG_TEXT, false},
    {"close", TRANSCRIPT_PEER_CLOSE, ARG_NONE, false},
    {"reset", TRANSCRIPT_PEER_RESET, ARG_NONE, false},
    {"expect-close", TRANSCRIPT_PEER_EXPECT_CLOSE, ARG_NONE, false},
    {"expect-reset", TRANSCRIPT_PEER_EXPECT_RESET, ARG_NONE, false},
    {"window", TRANSCRIPT_PEER_WINDOW, ARG_NUMBER, true},
    {"hold-acks", TRANSCRIPT_PEER_HOLD_ACKS, ARG_SWITCH, true},
};

static const struct verb dte_verbs[] = {
    {"port", TRANSCRIPT_DTE, ARG_SWITCH, false},
    {"gone", TRANSCRIPT_GONE, ARG_NONE, false},
};

/* What happens to the module without a command. */
static const struct verb modem_verbs[] = {
    {"attached", TRANSCRIPT_ATTACHED, ARG_SWITCH, true},
    {"registration", TRANSCRIPT_REGISTERED, ARG_NUMBER, true},
    {"names", TRANSCRIPT_NAMES_ARE, ARG_NUMBER, true},
    {"taken", TRANSCRIPT_PORT_TAKEN, ARG_PORT, true},
    {"wifi-join", TRANSCRIPT_WIFI_JOIN, ARG_TEXT, true},
    {"wifi-leave", TRANSCRIPT_WIFI_LEAVE, ARG_TEXT, true},
    {"wifi-says", TRANSCRIPT_WIFI_SAYS, ARG_TEXT, true},
    {"wifi-network", TRANSCRIPT_WIFI_NETWORK, ARG_TEXT, true},
};

static void parse_arg(struct parser *p, struct transcript_step *s, const struct verb *verb,
                      const struct words *w, size_t i) {
    size_t want = i + (verb->arg == ARG_NONE ? 0 : 1);
    bool has_target = verb->kind == TRANSCRIPT_PEER_SEND && is_word(w, want, "to");
    if (w->n != want + (has_target ? 2 : 0)) {
        fail(p, "%s: wrong number of words", verb->name);
        return;
    }
    switch (verb->arg) {
    case ARG_NONE:
        break;
    case ARG_TEXT:
        if (w->w[i].n < 2 || w->w[i].p[0] != '"') {
            fail(p, "want a text in quotes");
            return;
        }
        set_text(p, s, sv_slice(w->w[i], 1, w->w[i].n - 2), "");
        break;
    case ARG_NUMBER:
        s->number = (int)number_of(p, w->w[i], -1, INT32_MAX);
        break;
    case ARG_SWITCH:
        s->number = is_word(w, i, "on");
        if (s->number == 0 && !is_word(w, i, "off")) {
            fail(p, "want on or off");
        }
        break;
    case ARG_PORT:
        s->port = (uint16_t)number_of(p, w->w[i], 1, 65535);
        break;
    }
    if (has_target) {
        s->port = (uint16_t)number_of(p, w->w[want + 1], 1, 65535);
    }
}

/* The verb is word i, its argument the next one. */
static struct transcript_step *parse_verb(struct parser *p, const struct verb *verbs, size_t n,
                                          const struct words *w, size_t i) {
    for (size_t k = 0; k < n; k++) {
        if (is_word(w, i, verbs[k].name)) {
            struct transcript_step *s = add_step(p, verbs[k].kind);
            parse_arg(p, s, &verbs[k], w, i + 1);
            bool needs_fake = verbs[k].is_in_process || s->port != 0;
            if (needs_fake && !p->t->only_in_process) {
                fail(p, "%s: mark the file \"only in-process\"", verbs[k].name);
            }
            return s;
        }
    }
    fail(p, "no such verb");
    return NULL;
}

static void parse_peer(struct parser *p, const struct words *w) {
    if (is_word(w, 1, "tcp") || is_word(w, 1, "udp") || is_word(w, 1, "call")) {
        parse_peer_new(p, w);
        return;
    }
    int peer = w->n > 1 ? find_peer(p->t, w->w[1]) : -1;
    if (peer < 0) {
        fail(p, "no such peer");
        return;
    }
    struct transcript_step *s =
        parse_verb(p, peer_verbs, sizeof peer_verbs / sizeof peer_verbs[0], w, 2);
    if (s != NULL) {
        s->peer = (size_t)peer;
    }
}

/* -- lines -- */

static void parse_name(struct parser *p, const struct words *w) {
    struct transcript *t = p->t;
    if (w->n != 3 || t->nnames == TRANSCRIPT_NAMES ||
        sv_copy(w->w[1], t->names[t->nnames].name, sizeof t->names[0].name) != 0) {
        fail(p, "want: name NAME ADDRESS");
        return;
    }
    t->names[t->nnames++].ip = ip_of(p, w->w[2]);
}

static void parse_ping(struct parser *p, const struct words *w) {
    struct transcript *t = p->t;
    if (w->n != 4 || !is_word(w, 2, "rtt") || t->npings == TRANSCRIPT_NAMES ||
        !t->only_in_process) {
        fail(p, "want: ping ADDRESS rtt TIME, in a file that is only in-process");
        return;
    }
    t->pings[t->npings].ip = ip_of(p, w->w[1]);
    t->pings[t->npings++].rtt_us = time_of(p, w->w[3]);
}

static void parse_profile(struct parser *p, const struct words *w) {
    if (w->n != 2 || sv_copy(w->w[1], p->t->profile, sizeof p->t->profile) != 0) {
        fail(p, "want: profile NAME");
    }
}

static void parse_only(struct parser *p, const struct words *w) {
    p->t->only_in_process = w->n == 2 && is_word(w, 1, "in-process");
    if (!p->t->only_in_process) {
        fail(p, "want: only in-process");
    }
}

static void parse_timing(struct parser *p, const struct words *w) {
    bool is_worst = w->n == 2 && is_word(w, 1, "worst");
    p->t->timing = is_worst ? AT_TIMING_WORST : AT_TIMING_TYPICAL;
    if ((!is_worst && (w->n != 2 || !is_word(w, 1, "typical"))) || !p->t->only_in_process) {
        fail(p, "want: timing typical|worst, in a file that is only in-process");
    }
}

static void parse_scenario(struct parser *p, const struct words *w) {
    if (w->n != 2 || sv_copy(w->w[1], p->t->scenario, sizeof p->t->scenario) != 0) {
        fail(p, "want: scenario NAME");
    }
}

static void parse_clock(struct parser *p, const struct words *w) {
    if (w->n != 2 || w->w[1].n < 2 || w->w[1].p[0] != 'x') {
        fail(p, "want: clock xN");
        return;
    }
    p->t->factor = number_of(p, sv_slice(w->w[1], 1, w->w[1].n), 1, 1000);
}

static void parse_wait(struct parser *p, const struct words *w) {
    if (w->n != 2) {
        fail(p, "want: wait TIME");
        return;
    }
    add_step(p, TRANSCRIPT_WAIT)->from_us = time_of(p, w->w[1]);
}

static void parse_dte(struct parser *p, const struct words *w) {
    parse_verb(p, dte_verbs, sizeof dte_verbs / sizeof dte_verbs[0], w, 1);
}

static void parse_modem(struct parser *p, const struct words *w) {
    parse_verb(p, modem_verbs, sizeof modem_verbs / sizeof modem_verbs[0], w, 1);
}

static const struct {
    const char *name;
    void (*parse)(struct parser *p, const struct words *w);
} keywords[] = {
    {"peer", parse_peer},       {"name", parse_name},     {"ping", parse_ping},
    {"profile", parse_profile}, {"only", parse_only},     {"wait", parse_wait},
    {"modem", parse_modem},     {"dte", parse_dte},       {"scenario", parse_scenario},
    {"clock", parse_clock},     {"timing", parse_timing},
};

static void parse_keyword(struct parser *p, struct sv line) {
    struct words w;
    split(p, line, &w);
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (is_word(&w, 0, keywords[i].name)) {
            keywords[i].parse(p, &w);
            return;
        }
    }
    fail(p, "neither a dialogue line nor a keyword");
}

/* "@ +2s", "@ +2s..+3s". */
static void parse_window(struct parser *p, struct sv v) {
    struct transcript_step *s = add_step(p, TRANSCRIPT_WINDOW);
    char text[64];
    if (sv_copy(v, text, sizeof text) != 0 || text[0] != '+') {
        fail(p, "want: @ +TIME or @ +TIME..+TIME");
        return;
    }
    const char *dots = strstr(text, "..+");
    size_t n = dots != NULL ? (size_t)(dots - text) : v.n;
    s->from_us = time_of(p, sv_slice(v, 1, n - 1));
    s->to_us = dots != NULL ? time_of(p, sv_slice(v, n + 3, v.n)) : s->from_us;
}

static void parse_regex(struct parser *p, struct transcript_step *s, struct sv v) {
    char pattern[512];
    snprintf(pattern, sizeof pattern, "^(%.*s)$", SV_ARG(v));
    if (regcomp(&s->regex, pattern, REG_EXTENDED) != 0) {
        s->kind = TRANSCRIPT_EXPECT; /* nothing to free */
        fail(p, "not a regular expression");
    }
}

/* "? AT+CPIN? every 1s until REGEX". */
static void parse_poll(struct parser *p, struct sv v) {
    static const char every[] = " every ";
    static const char until[] = " until ";
    char text[512];
    const char *at = sv_copy(v, text, sizeof text) == 0 ? strstr(text, every) : NULL;
    const char *to = at != NULL ? strstr(at, until) : NULL;
    if (to == NULL) {
        fail(p, "want: ? COMMAND every TIME until REGEX");
        return;
    }
    struct transcript_step *s = add_step(p, TRANSCRIPT_POLL);
    const char *time = at + sizeof every - 1;
    set_text(p, s, (struct sv){text, (size_t)(at - text)}, "\r");
    s->from_us = time_of(p, (struct sv){time, (size_t)(to - time)});
    parse_regex(p, s, sv_of(to + sizeof until - 1));
}

static bool cut_prefix(struct sv *line, const char *prefix) {
    struct sv v = sv_of(prefix);
    if (line->n < v.n || memcmp(line->p, v.p, v.n) != 0) {
        return false;
    }
    *line = sv_slice(*line, v.n, line->n);
    return true;
}

static void parse_line(struct parser *p, struct sv line) {
    p->source = line;
    if (line.n == 0 || line.p[0] == '#') {
        return;
    }
    if (cut_prefix(&line, ">> ")) {
        set_text(p, add_step(p, TRANSCRIPT_SEND), line, "");
    } else if (cut_prefix(&line, "> ") || sv_eq(line, SV(">"))) {
        set_text(p, add_step(p, TRANSCRIPT_SEND), sv_eq(line, SV(">")) ? SV("") : line, "\r");
    } else if (cut_prefix(&line, "<~ ")) {
        parse_regex(p, add_step(p, TRANSCRIPT_MATCH), line);
    } else if (cut_prefix(&line, "<... ")) {
        parse_regex(p, add_step(p, TRANSCRIPT_SKIP), line);
    } else if (cut_prefix(&line, "? ")) {
        parse_poll(p, line);
    } else if (cut_prefix(&line, "<hex ")) {
        set_hex(p, add_step(p, TRANSCRIPT_EXPECT), line);
    } else if (cut_prefix(&line, "<- ")) {
        set_text(p, add_step(p, TRANSCRIPT_EXPECT), line, "");
    } else if (cut_prefix(&line, "< ")) {
        set_text(p, add_step(p, TRANSCRIPT_EXPECT), line, ends_in_cr(line) ? "" : "\r\n");
    } else if (sv_eq(line, SV("<"))) {
        set_text(p, add_step(p, TRANSCRIPT_EXPECT), SV(""), "\r\n");
    } else if (cut_prefix(&line, "@ ")) {
        parse_window(p, line);
    } else if (cut_prefix(&line, ". nothing ")) {
        add_step(p, TRANSCRIPT_SILENCE)->from_us = time_of(p, line);
    } else {
        parse_keyword(p, line);
    }
}

struct transcript *transcript_parse(const char *path, const char *text,
                                    char error[TRANSCRIPT_ERROR_TEXT]) {
    struct transcript *t = xmalloc(sizeof *t);
    t->path = xstrdup(path);
    struct parser p = {.t = t, .error = error};
    error[0] = '\0';
    while (*text != '\0' && error[0] == '\0') {
        size_t n = strcspn(text, "\n");
        p.line++;
        parse_line(&p, (struct sv){text, n});
        text += n + (text[n] == '\n' ? 1 : 0);
    }
    if (error[0] != '\0') {
        transcript_free(t);
        return NULL;
    }
    return t;
}

struct transcript *transcript_load(const char *path, char error[TRANSCRIPT_ERROR_TEXT]) {
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        snprintf(error, TRANSCRIPT_ERROR_TEXT, "%.120s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = xmalloc(TRANSCRIPT_MAX);
    text[fread(text, 1, TRANSCRIPT_MAX - 1, f)] = '\0';
    fclose(f);
    struct transcript *t = transcript_parse(path, text, error);
    free(text);
    return t;
}

static bool has_regex(const struct transcript_step *s) {
    return s->kind == TRANSCRIPT_MATCH || s->kind == TRANSCRIPT_SKIP || s->kind == TRANSCRIPT_POLL;
}

void transcript_free(struct transcript *t) {
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->nsteps; i++) {
        free(t->steps[i].source);
        free(t->steps[i].text);
        if (has_regex(&t->steps[i])) {
            regfree(&t->steps[i].regex);
        }
    }
    free(t->steps);
    free(t->path);
    free(t);
}

size_t transcript_find(const char *pattern, char ***paths) {
    glob_t found = {0};
    *paths = NULL;
    if (glob(pattern, 0, NULL, &found) != 0) {
        return 0;
    }
    *paths = xmalloc(found.gl_pathc * sizeof **paths);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        (*paths)[i] = xstrdup(found.gl_pathv[i]);
    }
    size_t n = found.gl_pathc;
    globfree(&found);
    return n;
}
