#include "scenarios/ctl/view.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "scenarios/ctl/client.h"
#include "scenarios/json/spec.h"

enum {
    PIECES_SHOWN = 4, /* of data in a row; the rest is counted */
    BYTES_SHOWN = 16,
    TEXT_SHOWN = 64,   /* of data that is text, and of a fact */
    HIDDEN_MOST_S = 1, /* then the count is shown */
};

enum kind { TYPED, ANSWER, GOOD, BAD, URC, DATA_IN, DATA_OUT, EVENT, DONE, KINDS };

/* The marks do without color. */
static const struct {
    const char *mark, *color;
} kinds[KINDS] = {
    [TYPED] = {"->", "1"},     [ANSWER] = {"<-", ""},  [GOOD] = {"<-", "32"},
    [BAD] = {"<-", "31"},      [URC] = {"<*", "36"},   [DATA_IN] = {"=>", "1;35"},
    [DATA_OUT] = {"<=", "35"}, [EVENT] = {"--", "34"}, [DONE] = {"!!", "1;31"},
};

/* Final results (V.250 5.7.1, V3.00 1.5); what begins so is one. */
static const struct {
    const char *text;
    enum kind kind;
} results[] = {
    {"OK", GOOD},         {"CONNECT", GOOD},   {"ERROR", BAD},   {"+CME ERROR", BAD},
    {"+CMS ERROR", BAD},  {"NO CARRIER", BAD}, {"BUSY", BAD},    {"NO ANSWER", BAD},
    {"NO DIALTONE", BAD}, {"SEND FAIL", BAD},  {"ABORTED", BAD},
};

const char *const view_topics[] = {
    "tty.*",           "dtr.changed",   "at.urc",        "net.opened", "net.closed",  "net.lost",
    "link.opened",     "link.closed",   "link.accepted", "peer.*",     "reg.changed", "sim.changed",
    "context.changed", "power.changed", "call.changed",  "start",      "action.done", NULL,
};

/* -- lines -- */

static void begin(const struct view *v, enum kind kind) {
    const char *dim = v->has_colors ? "\033[2m" : "";
    const char *plain = v->has_colors ? "\033[0m" : "";
    fprintf(v->to, "%s%9.3f%s ", dim, v->time, plain);
    if (v->has_colors && *kinds[kind].color != '\0') {
        fprintf(v->to, "\033[%sm", kinds[kind].color);
    }
    fprintf(v->to, "%s ", kinds[kind].mark);
}

static void end(const struct view *v, enum kind kind) {
    fputs(v->has_colors && *kinds[kind].color != '\0' ? "\033[0m\n" : "\n", v->to);
}

/* A terminal must not be told anything by what passes. */
static void put_text(const struct view *v, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r' || p[i] == '\n') {
            fputs(p[i] == '\r' ? "\\r" : "\\n", v->to);
        } else {
            fprintf(v->to, isprint(p[i]) != 0 && p[i] < 0x7f ? "%c" : "\\x%02x", p[i]);
        }
    }
}

static void say(const struct view *v, enum kind kind, const uint8_t *p, size_t n) {
    begin(v, kind);
    put_text(v, p, n);
    end(v, kind);
}

/* -- data -- */

static bool is_text(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n && (isprint(p[i]) != 0 || p[i] == '\r' || p[i] == '\n') && p[i] < 0x7f) {
        i++;
    }
    return i == n;
}

static void put_dump(const struct view *v, const uint8_t *p, size_t n) {
    size_t shown = n < BYTES_SHOWN ? n : BYTES_SHOWN;
    for (size_t i = 0; i < BYTES_SHOWN; i++) {
        fprintf(v->to, i < shown ? " %02x" : "   ", i < shown ? p[i] : 0);
    }
    fputs("  |", v->to);
    for (size_t i = 0; i < shown; i++) {
        fputc(isprint(p[i]) != 0 && p[i] < 0x7f ? p[i] : '.', v->to);
    }
    fputs(shown < n ? "| ..." : "|", v->to);
}

static void tell_hidden(struct view *v, bool is_out) {
    if (v->data[is_out].hidden > 0) {
        enum kind kind = is_out ? DATA_OUT : DATA_IN;
        begin(v, kind);
        fprintf(v->to, "and %" PRIu64 " more, %" PRIu64 " byte%s", v->data[is_out].hidden,
                v->data[is_out].hidden_bytes, v->data[is_out].hidden_bytes == 1 ? "" : "s");
        end(v, kind);
    }
    v->data[is_out].hidden = 0;
    v->data[is_out].hidden_bytes = 0;
}

static void hide_data(struct view *v, bool is_out, size_t n) {
    if (v->data[is_out].hidden == 0) {
        v->data[is_out].since = v->time;
    }
    v->data[is_out].hidden++;
    v->data[is_out].hidden_bytes += n;
    if (v->time - v->data[is_out].since >= HIDDEN_MOST_S) {
        tell_hidden(v, is_out);
    }
}

static void show_data(struct view *v, bool is_out, const uint8_t *p, size_t n) {
    enum kind kind = is_out ? DATA_OUT : DATA_IN;
    if (v->data[is_out].pieces == PIECES_SHOWN) {
        hide_data(v, is_out, n);
        return;
    }
    v->data[is_out].pieces++;
    begin(v, kind);
    fprintf(v->to, "%zu byte%s ", n, n == 1 ? "" : "s");
    if (is_text(p, n)) {
        fputc('"', v->to);
        put_text(v, p, n < TEXT_SHOWN ? n : TEXT_SHOWN);
        fputs(n > TEXT_SHOWN ? "\" ..." : "\"", v->to);
    } else {
        put_dump(v, p, n);
    }
    end(v, kind);
}

/* Another line follows. */
static void end_data(struct view *v) {
    for (int is_out = 0; is_out < 2; is_out++) {
        tell_hidden(v, is_out != 0);
        v->data[is_out].pieces = 0;
    }
}

/* -- lines of the module -- */

static bool begins(const uint8_t *p, size_t n, const char *with) {
    size_t m = strlen(with);
    return n >= m && memcmp(p, with, m) == 0 && (n == m || p[m] == ' ' || p[m] == ':');
}

static void forget_urc(struct view *v, size_t i) {
    free(v->urcs[i]);
    v->nurcs--;
    memmove(&v->urcs[i], &v->urcs[i + 1], (v->nurcs - i) * sizeof v->urcs[0]);
}

/* What was announced as such. Those before it were never written. */
static bool is_urc(struct view *v, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < v->nurcs; i++) {
        if (strlen(v->urcs[i]) == n && memcmp(v->urcs[i], p, n) == 0) {
            for (size_t k = 0; k <= i; k++) {
                forget_urc(v, 0);
            }
            return true;
        }
    }
    return false;
}

static enum kind kind_of(struct view *v, const uint8_t *p, size_t n) {
    if (is_urc(v, p, n)) {
        return URC;
    }
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        if (begins(p, n, results[i].text)) {
            return results[i].kind;
        }
    }
    return ANSWER;
}

static void end_out(struct view *v) {
    size_t n = buf_len(&v->out);
    if (n > 0) {
        end_data(v);
        say(v, kind_of(v, buf_data(&v->out), n), buf_data(&v->out), n);
    }
    buf_clear(&v->out);
}

/* How many of the bytes are the echo of what was typed. Of several lines typed ahead each may come
 * back, or none of them: the module does not echo, or did not then. */
static size_t fold_echo(struct view *v, const uint8_t *p, size_t n) {
    const uint8_t *echo = buf_data(&v->echo);
    size_t len = buf_len(&v->echo);
    for (size_t at = 0; at < len && buf_len(&v->out) == 0; at++) {
        size_t same = 0;
        if (at > 0 && echo[at - 1] != '\r') {
            continue;
        }
        while (same < n && at + same < len && p[same] == echo[at + same]) {
            same++;
        }
        if (same > 0 && (same == n || at + same == len || echo[at + same - 1] == '\r')) {
            buf_drop(&v->echo, at + same);
            return same;
        }
    }
    return 0;
}

static void show_out(struct view *v, const uint8_t *p, size_t n) {
    for (size_t i = fold_echo(v, p, n); i < n; i++) {
        if (p[i] == '\r' || p[i] == '\n' || buf_put(&v->out, &p[i], 1) == 0) {
            end_out(v);
        }
    }
}

/* -- lines of the driver -- */

/* What is no whole line when something else begins. */
static void end_typed(struct view *v) {
    size_t n = buf_len(&v->typed);
    if (n > 0 && (v->is_data || v->is_prompt)) {
        show_data(v, false, buf_data(&v->typed), n);
    } else if (n > 0) {
        end_data(v);
        say(v, TYPED, buf_data(&v->typed), n);
    }
    buf_clear(&v->typed);
}

static void show_typed(struct view *v, const uint8_t *p, size_t n) {
    end_out(v);
    if (v->is_data) {
        show_data(v, false, p, n);
        return;
    }
    if (buf_put_all(&v->echo, p, n) != 0) {
        buf_clear(&v->echo); /* far too much is typed ahead, or nothing is echoed */
    }
    if (v->is_prompt) {
        show_data(v, false, p, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r' || p[i] == '\n' || buf_put(&v->typed, &p[i], 1) == 0) {
            end_typed(v);
        }
    }
}

/* -- events -- */

/* The bytes that happening_json has written as printable text, in place. */
static size_t unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from != '\0';) {
        char pair[3] = "";
        if (from[0] != '\\' || from[1] == '\0') {
            *to++ = *from++;
        } else if (from[1] == 'x' && isxdigit((unsigned char)from[2]) != 0 &&
                   isxdigit((unsigned char)from[3]) != 0) {
            memcpy(pair, from + 2, 2);
            *to++ = (char)strtoul(pair, NULL, 16);
            from += 4;
        } else {
            *to++ = (char)(from[1] == 'r' ? '\r' : from[1] == 'n' ? '\n' : from[1]);
            from += 2;
        }
    }
    return (size_t)(to - text);
}

static void on_bytes(struct view *v, bool is_out, const cJSON *facts) {
    char *text = xstrdup(spec_text(facts, "text", ""));
    size_t n = unescape(text);
    if (!is_out) {
        show_typed(v, (const uint8_t *)text, n);
    } else if (v->is_data) {
        show_data(v, true, (const uint8_t *)text, n);
    } else {
        show_out(v, (const uint8_t *)text, n);
    }
    free(text);
}

static void on_mode(struct view *v, const cJSON *facts) {
    const char *mode = spec_text(facts, "mode", "");
    bool is_data = *mode != '\0' && strcmp(mode, "at") != 0 && strcmp(mode, "prompt") != 0;
    end_out(v);
    if (is_data != v->is_data) {
        end_data(v);
        begin(v, EVENT);
        fprintf(v->to, "%s mode", is_data ? mode : "command");
        end(v, EVENT);
    }
    if (v->is_prompt || is_data) {
        buf_clear(&v->echo);
    }
    v->is_prompt = strcmp(mode, "prompt") == 0;
    v->is_data = is_data;
    end_typed(v);
}

static void on_urc(struct view *v, const cJSON *facts) {
    if (v->nurcs == LIMIT_VIEW_URCS) {
        forget_urc(v, 0);
    }
    char *text = xstrdup(spec_text(facts, "text", ""));
    text[unescape(text)] = '\0';
    v->urcs[v->nurcs++] = text;
}

static void on_action(struct view *v, const cJSON *facts) {
    begin(v, DONE);
    fputs(spec_text(facts, "action", "?"), v->to);
    if (spec_int(facts, "err", 0) != 0) {
        fputs(" (not done)", v->to);
    }
    end(v, DONE);
}

static bool is_failure(const char *topic, const cJSON *facts) {
    return spec_int(facts, "err", 0) != 0 || strcmp(topic, "net.lost") == 0 ||
           strcmp(spec_text(facts, "why", "local"), "reset") == 0 ||
           strcmp(spec_text(facts, "why", "local"), "timeout") == 0;
}

static void on_other(struct view *v, const char *topic, const cJSON *facts) {
    const char *gap = ": ";
    const cJSON *fact = NULL;
    enum kind kind = is_failure(topic, facts) ? DONE : EVENT;
    begin(v, kind);
    client_put(v->to, topic);
    cJSON_ArrayForEach(fact, facts) {
        if (strcmp(fact->string, "err") == 0 && kind == EVENT) {
            continue;
        }
        fprintf(v->to, "%s%s ", gap, fact->string);
        if (cJSON_IsString(fact)) {
            char text[TEXT_SHOWN + 1];
            snprintf(text, sizeof text, "%s", fact->valuestring);
            client_put(v->to, text);
            fputs(strlen(fact->valuestring) > TEXT_SHOWN ? "..." : "", v->to);
        } else {
            fprintf(v->to, "%.15g", spec_number(facts, fact->string, 0));
        }
        gap = ", ";
    }
    end(v, kind);
}

void view_event(struct view *v, const cJSON *params) {
    const char *topic = spec_text(params, "topic", "");
    const cJSON *facts = spec_get(params, "facts");
    double time = spec_number(params, "time", v->time);
    if (strcmp(topic, "at.urc") == 0) {
        on_urc(v, facts);
        return;
    }
    if (strcmp(topic, "tty.in") == 0 || strcmp(topic, "tty.out") == 0) {
        v->time = time;
        on_bytes(v, strcmp(topic, "tty.out") == 0, facts);
        return;
    }
    if (v->is_data && strcmp(topic, "peer.data") == 0) {
        return; /* the driver's data were shown */
    }
    /* A line that was begun before is told with the instant of its bytes. */
    end_out(v);
    v->time = time;
    if (strcmp(topic, "tty.mode") == 0) {
        on_mode(v, facts);
        return;
    }
    end_data(v);
    if (strcmp(topic, "action.done") == 0) {
        on_action(v, facts);
    } else {
        on_other(v, topic, facts);
    }
}

void view_dropped(struct view *v, double count) {
    view_flush(v);
    begin(v, DONE);
    fprintf(v->to, "%.0f events are missing here", count);
    end(v, DONE);
}

void view_flush(struct view *v) {
    end_out(v);
    tell_hidden(v, false);
    tell_hidden(v, true);
}

void view_init(struct view *v, FILE *to, bool has_colors) {
    *v = (struct view){.to = to, .has_colors = has_colors};
    buf_init(&v->typed, LIMIT_VIEW_LINE);
    buf_init(&v->echo, LIMIT_VIEW_LINE);
    buf_init(&v->out, LIMIT_VIEW_LINE);
}

void view_fini(struct view *v) {
    while (v->nurcs > 0) {
        forget_urc(v, 0);
    }
    buf_fini(&v->typed);
    buf_fini(&v->echo);
    buf_fini(&v->out);
}
