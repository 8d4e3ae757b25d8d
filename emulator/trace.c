#include "emulator/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clk.h"
#include "base/obj.h"
#include "netstack/bearer.h"

/* One bearer that is listened to. */
struct source {
    struct source *next;
    struct trace *trace;
    unsigned modem;
};

struct trace {
    uint32_t magic;
#define TRACE_MAGIC 0x74acef11u
    const struct clk *clk;
    FILE *file;
    struct source *sources;
};

struct trace *trace_open(const char *path, const struct clk *clk) {
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return NULL;
    }
    /* Whole lines, so that a reader can follow. */
    setvbuf(file, NULL, _IOLBF, BUFSIZ);
    struct trace *t = xmalloc(sizeof *t);
    OBJ_INIT(t, TRACE_MAGIC);
    t->file = file;
    t->clk = clk;
    return t;
}

static void on_trace(void *ctx, const struct bearer_trace *e) {
    const struct source *s = ctx;
    struct trace *t;
    CAST_OBJ(t, s->trace, TRACE_MAGIC);
    fprintf(t->file, "{\"us\":%" PRId64 ",\"modem\":%u,\"link\":%u,\"event\":\"%s\",\"n\":%u",
            clk_now(t->clk).us, s->modem, e->link, e->what, e->n);
    fprintf(t->file, ",\"acked\":%" PRIu64, e->acked);
    if (e->bytes > 0) {
        fprintf(t->file, ",\"bytes\":%zu", e->bytes);
    }
    if (e->wait.us > 0) {
        fprintf(t->file, ",\"wait_us\":%" PRId64, e->wait.us);
    }
    fprintf(t->file, ",\"lost\":%s}\n", e->lost ? "true" : "false");
}

void trace_attach(struct trace *t, struct bearer *b, unsigned modem) {
    CHECK_OBJ(t, TRACE_MAGIC);
    struct source *s = xmalloc(sizeof *s);
    s->trace = t;
    s->modem = modem;
    s->next = t->sources;
    t->sources = s;
    b->on_trace = on_trace;
    b->trace_ctx = s;
}

void trace_close(struct trace *t) {
    if (t == NULL) {
        return;
    }
    CHECK_OBJ(t, TRACE_MAGIC);
    while (t->sources != NULL) {
        struct source *next = t->sources->next;
        free(t->sources);
        t->sources = next;
    }
    fclose(t->file);
    OBJ_FINI(t);
    free(t);
}
