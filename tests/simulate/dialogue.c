#include "tests/simulate/dialogue.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/obj.h"

enum { SAID_MAX = 1 << 24, ROW_MAX = 200 };

static struct dialogue *newest;

struct dialogue *dialogue_newest(void) {
    return newest;
}

void dialogue_init(struct dialogue *d, const struct clk *clk) {
    *d = (struct dialogue){.clk = clk};
    OBJ_INIT(d, DIALOGUE_MAGIC);
    buf_init(&d->said, SAID_MAX);
    d->to = open_memstream(&d->text, &d->size);
    must(d->to != NULL);
    newest = d;
}

void dialogue_fini(struct dialogue *d) {
    CHECK_OBJ(d, DIALOGUE_MAGIC);
    fclose(d->to);
    free(d->text);
    buf_fini(&d->said);
    newest = NULL;
    OBJ_FINI(d);
}

/* A text in quotes has those in it escaped. */
static void put_escaped(FILE *to, const uint8_t *p, size_t n, bool is_quoted) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r' || p[i] == '\n') {
            fputs(p[i] == '\r' ? "\\r" : "\\n", to);
        } else if (p[i] == '\\' || (p[i] == '"' && is_quoted)) {
            fprintf(to, "\\%c", p[i]);
        } else if (p[i] < ' ' || p[i] > '~') {
            fprintf(to, "\\x%02x", p[i]);
        } else {
            fputc(p[i], to);
        }
    }
}

char *dialogue_escape(const uint8_t *p, size_t n) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    must(to != NULL);
    put_escaped(to, p, n, false);
    fclose(to);
    return text;
}

/* A line of what was said: up to its CR LF, with a line of its own for the CR LF that opens a
 * block. Returns how many bytes it shows. */
static size_t put_row(FILE *to, const uint8_t *p, size_t n) {
    size_t len = 0;
    bool is_text = true;
    while (len < n && len < ROW_MAX && p[len] != '\r') {
        is_text = is_text && p[len] >= ' ' && p[len] <= '~' && p[len] != '\\';
        len++;
    }
    bool is_line = len + 1 < n && p[len] == '\r' && p[len + 1] == '\n';
    if (is_line && (len == 0 || (is_text && p[0] != ' '))) {
        fprintf(to, "<%s%.*s\n", len > 0 ? " " : "", (int)len, (const char *)p);
        return len + 2;
    }
    len += len < n && p[len] == '\r' ? 1 : 0;
    fputs("<- ", to);
    put_escaped(to, p, len, false);
    fputc('\n', to);
    return len;
}

static void flush_said(struct dialogue *d) {
    while (buf_len(&d->said) > 0) {
        buf_drop(&d->said, put_row(d->to, buf_data(&d->said), buf_len(&d->said)));
    }
}

static void put_time(struct dialogue *d) {
    int64_t now_us = clk_now(d->clk).us;
    if (now_us > d->written_us) {
        fprintf(d->to, "wait %.3fms\n", (double)(now_us - d->written_us) / 1e3);
        d->written_us = now_us;
    }
}

/* What was said came in the time before this; `wait` keeps it until it is expected. */
static void begin_act(struct dialogue *d) {
    CHECK_OBJ(d, DIALOGUE_MAGIC);
    put_time(d);
    flush_said(d);
}

void dialogue_typed(struct dialogue *d, const uint8_t *p, size_t n) {
    if (d == NULL) {
        return;
    }
    begin_act(d);
    bool is_line = n > 1 && p[n - 1] == '\r' && p[0] != ' ';
    fputs(is_line ? "> " : ">> ", d->to);
    put_escaped(d->to, p, is_line ? n - 1 : n, false);
    fputc('\n', d->to);
}

void dialogue_said(struct dialogue *d, const uint8_t *p, size_t n) {
    if (d == NULL) {
        return;
    }
    CHECK_OBJ(d, DIALOGUE_MAGIC);
    must(buf_put_all(&d->said, p, n) == 0);
}

void dialogue_line(struct dialogue *d, const char *fmt, ...) {
    if (d == NULL) {
        return;
    }
    begin_act(d);
    va_list ap;
    va_start(ap, fmt);
    vfprintf(d->to, fmt, ap);
    va_end(ap);
    fputc('\n', d->to);
}

void dialogue_bytes(struct dialogue *d, const char *what, const uint8_t *p, size_t n,
                    uint16_t port) {
    if (d == NULL) {
        return;
    }
    begin_act(d);
    fprintf(d->to, "%s \"", what);
    put_escaped(d->to, p, n, true);
    fprintf(d->to, port != 0 ? "\" to %u\n" : "\"\n", port);
}

void dialogue_gap(struct dialogue *d, const char *what) {
    dialogue_line(d, "# no line says this: %s", what);
}

const char *dialogue_text(struct dialogue *d) {
    begin_act(d);
    fflush(d->to);
    return d->text;
}
