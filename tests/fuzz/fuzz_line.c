/* The same bytes in one piece and in pieces give the same lines and the same echo.
 *
 * Input: echo, S3, S5, the size of the pieces, then the bytes. */
#include <string.h>

#include "base/buf.h"
#include "base/obj.h"
#include "emulator/at/line.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 4, OUT_MAX = 1 << 24 };

struct run {
    struct line line;
    struct buf echo;
    struct buf events; /* each event's number, the length of its text and the text */
};

static void note(struct run *r, enum line_event event) {
    struct sv text = line_text(&r->line);
    must(text.n <= LIMIT_LINE && line_is_idle(&r->line));
    const uint8_t head[] = {(uint8_t)event, (uint8_t)(text.n >> 8), (uint8_t)text.n};
    buf_put(&r->events, head, sizeof head);
    buf_put(&r->events, text.p, text.n);
}

static void feed(struct run *r, const struct line_config *cfg, const uint8_t *p, size_t n) {
    while (n > 0) {
        enum line_event event = LINE_NONE;
        size_t used = line_feed(&r->line, cfg, p, n, &r->echo, &event);
        must(used > 0 && used <= n);
        must(used == n || event != LINE_NONE || line_is_idle(&r->line));
        if (event != LINE_NONE) {
            note(r, event);
        }
        p += used;
        n -= used;
    }
}

static void start(struct run *r) {
    line_init(&r->line);
    buf_init(&r->echo, OUT_MAX);
    buf_init(&r->events, OUT_MAX);
}

static bool is_same(const struct buf *a, const struct buf *b) {
    return buf_len(a) == buf_len(b) &&
           (buf_len(a) == 0 || memcmp(buf_data(a), buf_data(b), buf_len(a)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEAD) {
        return 0;
    }
    const struct line_config cfg = {
        .echo = data[0] % 2 == 1, .end = data[1] & 0x7f, .erase = data[2] & 0x7f};
    size_t piece = 1 + data[3] % 16;
    static struct run whole, pieces;
    start(&whole);
    start(&pieces);
    feed(&whole, &cfg, data + HEAD, size - HEAD);
    for (size_t at = HEAD; at < size; at += piece) {
        feed(&pieces, &cfg, data + at, size - at < piece ? size - at : piece);
    }
    must(is_same(&whole.echo, &pieces.echo));
    must(is_same(&whole.events, &pieces.events));
    must(whole.line.state == pieces.line.state && whole.line.len == pieces.line.len);
    must(buf_len(&whole.echo) <= 3 * size && (cfg.echo || buf_len(&whole.echo) == 0));
    buf_fini(&whole.echo);
    buf_fini(&whole.events);
    buf_fini(&pieces.echo);
    buf_fini(&pieces.events);
    return 0;
}
