#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/charset.h"
#include "base/clk.h"
#include "base/limits.h"

static const char *const category_names[] = {
#define X(id, name) [id] = name,
    LOG_CATEGORIES(X)
#undef X
};

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn",   [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug", [LOG_TRACE] = "trace",
};

static struct {
    enum log_level level;
    bool json;
    const struct clk *clk;
    char recent[LIMIT_LOG_RECENT][LIMIT_LOG_LINE];
    unsigned next; /* index of the oldest kept line */
} state = {.level = LOG_WARN};

void log_set_level(enum log_level level) {
    state.level = level;
}

enum log_level log_level(void) {
    return state.level;
}

int log_level_parse(const char *name, enum log_level *out) {
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcasecmp(name, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

void log_set_json(bool on) {
    state.json = on;
}

void log_set_clock(const struct clk *clk) {
    state.clk = clk;
}

void log_json_string(FILE *to, const char *s) {
    fputc('"', to);
    for (struct sv rest = sv_of(s); rest.n > 0;) {
        char utf8[CHARSET_UTF8];
        uint32_t c = charset_next(&rest);
        c = c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? CHARSET_UNKNOWN : c;
        if (c == '"' || c == '\\') {
            fprintf(to, "\\%c", (int)c);
        } else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == CHARSET_UNKNOWN) {
            fprintf(to, "\\u%04x", (unsigned)c);
        } else {
            size_t n = charset_put(c, utf8);
            fwrite(utf8, 1, n, to);
        }
    }
    fputc('"', to);
}

/* As much as fits. */
static void show(char *to, size_t size, const char *text) {
    char shown[CHARSET_SHOWN] = "";
    size_t n = 0;
    for (struct sv rest = sv_of(text); rest.n > 0; n += strlen(shown)) {
        charset_shown(&rest, shown);
        if (n + strlen(shown) >= size) {
            break;
        }
        memcpy(to + n, shown, strlen(shown));
    }
    to[n] = '\0';
}

void log_write(enum log_category cat, enum log_level level, const char *obj, const char *fmt, ...) {
    /* Trace lines are many and long: they are not worth formatting for the ring alone. */
    if (level > state.level && level >= LOG_TRACE) {
        return;
    }
    int64_t us = state.clk != NULL ? clk_now(state.clk).us : 0;
    char text[LIMIT_LOG_LINE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);

    char line[LIMIT_LOG_LINE];
    snprintf(line, sizeof line, "%lld.%06lld %s %s %s: %.900s", (long long)(us / 1000000),
             (long long)(us % 1000000), level_names[level], category_names[cat],
             obj != NULL ? obj : "-", text);
    char *slot = state.recent[state.next];
    state.next = (state.next + 1) % LIMIT_LOG_RECENT;
    show(slot, LIMIT_LOG_LINE, line);
    if (level > state.level) {
        return;
    }
    if (!state.json) {
        fprintf(stderr, "%s\n", slot);
        return;
    }
    fprintf(stderr, "{\"us\":%lld,\"level\":\"%s\",\"category\":\"%s\",\"object\":", (long long)us,
            level_names[level], category_names[cat]);
    log_json_string(stderr, obj != NULL ? obj : "");
    fputs(",\"text\":", stderr);
    log_json_string(stderr, text);
    fputs("}\n", stderr);
}

void log_bytes(enum log_category cat, const char *obj, const char *dir, const void *p, size_t n) {
    if (state.level < LOG_TRACE) {
        return;
    }
    const unsigned char *b = p;
    char text[LIMIT_LOG_LINE];
    size_t at = 0;
    for (size_t i = 0; i < n && at + 8 < sizeof text; i++) {
        if (b[i] == '\r') {
            at += (size_t)snprintf(text + at, sizeof text - at, "\\r");
        } else if (b[i] == '\n') {
            at += (size_t)snprintf(text + at, sizeof text - at, "\\n");
        } else if (isprint(b[i]) && b[i] != '\\') {
            text[at++] = (char)b[i];
        } else {
            at += (size_t)snprintf(text + at, sizeof text - at, "\\x%02x", b[i]);
        }
    }
    text[at] = '\0';
    log_write(cat, LOG_TRACE, obj, "%s %zu %s", dir, n, text);
}

void log_dump_recent(FILE *to) {
    for (unsigned i = 0; i < LIMIT_LOG_RECENT; i++) {
        const char *line = state.recent[(state.next + i) % LIMIT_LOG_RECENT];
        if (line[0] != '\0') {
            fprintf(to, "  %s\n", line);
        }
    }
}
