#include "emulator/at/line.h"

#include <string.h>

#include "base/buf.h"

enum { DELETE = 0x7f };

void line_init(struct line *l) {
    *l = (struct line){.state = LINE_HUNT};
}

void line_reset(struct line *l) {
    l->state = LINE_HUNT;
    l->len = 0;
    l->is_too_long = false;
}

bool line_is_idle(const struct line *l) {
    return l->state == LINE_HUNT;
}

struct sv line_text(const struct line *l) {
    return (struct sv){l->last, l->last_len};
}

static enum line_event end_line(struct line *l) {
    bool is_too_long = l->is_too_long;
    if (!is_too_long) {
        memcpy(l->last, l->text, l->len);
        l->last_len = l->len;
    }
    line_reset(l);
    return is_too_long ? LINE_TOO_LONG : LINE_READY;
}

/* Over the limit characters still count, so that erasing them makes the line good again is
 * not tried: the module has forgotten them. */
static void add(struct line *l, uint8_t c) {
    if (l->len == LIMIT_LINE) {
        l->is_too_long = true;
        return;
    }
    l->text[l->len++] = (char)c;
}

static void erase(struct line *l, const struct line_config *cfg, struct buf *echo) {
    /* The prefix itself is not erased (V.250 5.2.2). */
    if (l->len == 0 || l->is_too_long) {
        return;
    }
    l->len--;
    if (cfg->echo) {
        const uint8_t wipe[] = {cfg->erase, ' ', cfg->erase};
        buf_put(echo, wipe, sizeof wipe);
    }
}

static enum line_event feed_body(struct line *l, const struct line_config *cfg, uint8_t c,
                                 struct buf *echo) {
    if (c == cfg->end) {
        if (cfg->echo) {
            buf_put(echo, &c, 1);
        }
        return end_line(l);
    }
    if (c == cfg->erase) {
        erase(l, cfg, echo);
        return LINE_NONE;
    }
    if (c < ' ' || c == DELETE) {
        return LINE_NONE;
    }
    if (cfg->echo) {
        buf_put(echo, &c, 1);
    }
    add(l, c);
    return LINE_NONE;
}

/* Hunting: noise is neither kept nor echoed (echo of noise: guess). */
static enum line_event feed_prefix(struct line *l, const struct line_config *cfg, uint8_t c,
                                   struct buf *echo) {
    bool is_a = c == 'A' || c == 'a';
    bool is_second = l->state == LINE_PREFIX;
    bool is_wanted = is_a || (is_second && (c == 'T' || c == 't' || c == '/'));
    if (is_wanted && cfg->echo) {
        buf_put(echo, &c, 1);
    }
    if (!is_wanted) {
        l->state = LINE_HUNT;
        return LINE_NONE;
    }
    if (is_a) {
        l->state = LINE_PREFIX;
        return LINE_NONE;
    }
    if (c == '/') {
        line_reset(l);
        return LINE_AGAIN;
    }
    l->state = LINE_BODY;
    l->len = 0;
    return LINE_NONE;
}

size_t line_feed(struct line *l, const struct line_config *cfg, const uint8_t *p, size_t n,
                 struct buf *echo, enum line_event *event) {
    *event = LINE_NONE;
    for (size_t i = 0; i < n; i++) {
        bool was_idle = line_is_idle(l);
        *event =
            l->state == LINE_BODY ? feed_body(l, cfg, p[i], echo) : feed_prefix(l, cfg, p[i], echo);
        if (*event != LINE_NONE || (!was_idle && line_is_idle(l))) {
            return i + 1;
        }
    }
    return n;
}
