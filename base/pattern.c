#include "base/pattern.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"

enum { BYTES = UCHAR_MAX + 1 };
#define ENDLESS UINT_MAX

/* What follows a state is the next one. Targets are relative, so that what is repeated can be
 * copied and moved. */
enum op {
    BYTE,  /* a byte of the set `arg` */
    FORK,  /* also at `arg` from here */
    JUMP,  /* only at `arg` from here */
    BEGIN, /* nothing is before */
    END,   /* nothing is behind */
    FOUND,
};

struct state {
    uint8_t op;
    int16_t arg;
};

struct set {
    uint8_t bits[BYTES / 8];
};

struct pattern {
    uint32_t magic;
#define PATTERN_MAGIC 0x9a77e201u
    struct state *states;
    struct set *sets;
    size_t n;
    size_t steps;
};

/* -- from the text -- */

struct parser {
    const char *p;
    const char *wrong; /* the first thing that was; then the rest is not looked at */
    size_t depth;
    size_t n, nsets;
    struct state states[LIMIT_PATTERN_STATES];
    struct set sets[LIMIT_PATTERN]; /* each takes a character at least */
};

static void refuse(struct parser *c, const char *why) {
    if (c->wrong == NULL) {
        c->wrong = why;
    }
}

static void emit(struct parser *c, unsigned op, long arg) {
    if (c->n == LIMIT_PATTERN_STATES) {
        refuse(c, "repetitions that grow too large");
        return;
    }
    c->states[c->n++] = (struct state){(uint8_t)op, (int16_t)arg};
}

static void emit_set(struct parser *c, const struct set *set) {
    must(c->nsets < LIMIT_PATTERN);
    emit(c, BYTE, (long)c->nsets);
    c->sets[c->nsets++] = *set;
}

/* What begins at `from` is moved behind a fork that also leads to `behind` its end. */
static void fork_around(struct parser *c, size_t from, size_t behind) {
    size_t n = c->n - from;
    emit(c, FORK, 0);
    if (c->wrong == NULL) {
        memmove(&c->states[from + 1], &c->states[from], n * sizeof *c->states);
        c->states[from] = (struct state){FORK, (int16_t)(n + 1 + behind)};
    }
}

static void set_add(struct set *set, unsigned byte) {
    set->bits[byte / 8] |= (uint8_t)(1u << byte % 8);
}

static bool set_has(const struct set *set, unsigned byte) {
    return (set->bits[byte / 8] >> byte % 8 & 1) != 0;
}

static void set_invert(struct set *set) {
    for (size_t i = 0; i < sizeof set->bits; i++) {
        set->bits[i] = (uint8_t)~set->bits[i];
    }
}

/* [:alpha:], and [=x=], which is x alone in the C locale. */
static void parse_class(struct parser *c, struct set *set) {
    static const struct {
        const char *name;
        int (*has)(int);
    } classes[] = {
        {"[:alnum:]", isalnum}, {"[:alpha:]", isalpha}, {"[:blank:]", isblank},
        {"[:cntrl:]", iscntrl}, {"[:digit:]", isdigit}, {"[:graph:]", isgraph},
        {"[:lower:]", islower}, {"[:print:]", isprint}, {"[:punct:]", ispunct},
        {"[:space:]", isspace}, {"[:upper:]", isupper}, {"[:xdigit:]", isxdigit},
    };
    if (c->p[1] == '=' && c->p[2] != '\0' && strncmp(c->p + 3, "=]", 2) == 0) {
        set_add(set, (unsigned char)c->p[2]);
        c->p += 5;
        return;
    }
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        size_t n = strlen(classes[i].name);
        if (strncmp(c->p, classes[i].name, n) == 0) {
            for (int byte = 0; byte < BYTES; byte++) {
                if (classes[i].has(byte) != 0) {
                    set_add(set, (unsigned)byte);
                }
            }
            c->p += n;
            return;
        }
    }
    refuse(c, "an unknown class in [ ]");
}

static bool is_class(const char *p) {
    return p[0] == '[' && (p[1] == ':' || p[1] == '=');
}

/* A byte, also as [.x.], that stands for itself or is an end of a range. */
static unsigned parse_end(struct parser *c) {
    size_t n = 1;
    const char *at = c->p;
    if (at[0] == '[' && at[1] == '.') {
        at += 2;
        n = 5;
        if (*at == '\0' || strncmp(at + 1, ".]", 2) != 0) {
            refuse(c, "more than a character in [. .]");
            return 0;
        }
    }
    if (*at == '\0') {
        refuse(c, "a [ that is not closed");
        return 0;
    }
    c->p += n;
    return (unsigned char)*at;
}

static void parse_member(struct parser *c, struct set *set, bool is_first) {
    if (is_class(c->p)) {
        parse_class(c, set);
        return;
    }
    bool is_order = is_first || c->p[0] != '-' || c->p[1] == ']';
    unsigned lo = parse_end(c);
    unsigned hi = lo;
    if (c->p[0] == '-' && c->p[1] != ']') {
        c->p++;
        is_order = is_order && !is_class(c->p);
        hi = parse_end(c);
    }
    if (!is_order || hi < lo) {
        refuse(c, "a - in [ ] that is no range");
    }
    for (unsigned byte = lo; byte <= hi; byte++) {
        set_add(set, byte);
    }
}

/* A ] that comes first is a member. */
static void parse_bracket(struct parser *c) {
    struct set set = {{0}};
    c->p++;
    bool is_not = *c->p == '^';
    c->p += is_not ? 1 : 0;
    bool is_first = true;
    do {
        parse_member(c, &set, is_first);
        is_first = false;
    } while (c->wrong == NULL && *c->p != ']');
    if (c->wrong != NULL) {
        return;
    }
    c->p++;
    if (is_not) {
        set_invert(&set);
    }
    emit_set(c, &set);
}

static void parse_byte(struct parser *c) {
    struct set set = {{0}};
    set_add(&set, (unsigned char)*c->p++);
    emit_set(c, &set);
}

static void parse_any(struct parser *c) {
    struct set set = {{0}};
    set_add(&set, '\0');
    set_invert(&set);
    emit_set(c, &set);
    c->p++;
}

/* What others take for a class, a place or a back-reference is not taken for a character. */
static void parse_escape(struct parser *c) {
    c->p++;
    if (*c->p == '\0') {
        refuse(c, "a \\ at its end");
    } else if (isalnum((unsigned char)*c->p) || strchr("<>`'", *c->p) != NULL) {
        refuse(c, "a \\ before a letter, a digit or one of <>`'");
    } else {
        parse_byte(c);
    }
}

static void parse_branches(struct parser *c);

static void parse_group(struct parser *c) {
    c->p++;
    c->depth++;
    parse_branches(c);
    c->depth--;
    if (*c->p != ')') {
        refuse(c, "a ( that is not closed");
        return;
    }
    c->p++;
}

static void parse_atom(struct parser *c) {
    switch (*c->p) {
    case '(':
        parse_group(c);
        return;
    case '[':
        parse_bracket(c);
        return;
    case '.':
        parse_any(c);
        return;
    case '\\':
        parse_escape(c);
        return;
    case '*':
    case '+':
    case '?':
    case '{':
        refuse(c, "a repetition of nothing");
        return;
    default:
        parse_byte(c);
    }
}

/* `lo` times what begins at `from`, and up to `hi` times. */
static void repeat(struct parser *c, size_t from, unsigned lo, unsigned hi) {
    size_t size = c->n - from;
    size_t last = from;
    unsigned copies = hi != ENDLESS ? hi : lo > 0 ? lo : 1;
    if (copies == 0) {
        c->n = from;
        return;
    }
    for (unsigned i = 1; i < copies && c->wrong == NULL; i++) {
        last = c->n;
        for (size_t k = 0; k < size; k++) {
            emit(c, c->states[from + k].op, c->states[from + k].arg);
        }
        if (i >= lo) {
            fork_around(c, last, 0);
        }
    }
    if (hi == ENDLESS) {
        emit(c, FORK, (long)last - (long)c->n);
    }
    if (lo == 0) {
        fork_around(c, from, 0);
    }
}

static unsigned parse_number(struct parser *c) {
    unsigned n = 0;
    for (; isdigit((unsigned char)*c->p); c->p++) {
        n = n <= LIMIT_PATTERN_REPEAT ? n * 10 + (unsigned)(*c->p - '0') : n;
    }
    if (n > LIMIT_PATTERN_REPEAT) {
        refuse(c, "a repetition of more than 255");
    }
    return n;
}

static void parse_interval(struct parser *c, unsigned *lo, unsigned *hi) {
    c->p++;
    bool has_number = isdigit((unsigned char)*c->p);
    *lo = *hi = parse_number(c);
    if (*c->p == ',') {
        c->p++;
        *hi = isdigit((unsigned char)*c->p) ? parse_number(c) : ENDLESS;
        has_number = true;
    }
    if (!has_number || *c->p != '}' || *hi < *lo) {
        refuse(c, "a { that is no repetition");
        return;
    }
    c->p++;
}

static bool parse_repeat(struct parser *c, size_t from) {
    unsigned lo = 0;
    unsigned hi = ENDLESS;
    switch (*c->p) {
    case '*':
        c->p++;
        break;
    case '+':
        c->p++;
        lo = 1;
        break;
    case '?':
        c->p++;
        hi = 1;
        break;
    case '{':
        parse_interval(c, &lo, &hi);
        break;
    default:
        return false;
    }
    if (c->wrong == NULL) {
        repeat(c, from, lo, hi);
    }
    return c->wrong == NULL;
}

/* A ) without its ( is a character. */
static bool is_branch_end(const struct parser *c) {
    return *c->p == '\0' || *c->p == '|' || (*c->p == ')' && c->depth > 0);
}

static void parse_branch(struct parser *c) {
    while (c->wrong == NULL && !is_branch_end(c)) {
        size_t from = c->n;
        if (*c->p == '^' || *c->p == '$') {
            emit(c, *c->p++ == '^' ? BEGIN : END, 0);
            continue; /* it cannot be repeated */
        }
        parse_atom(c);
        while (c->wrong == NULL && parse_repeat(c, from)) {
        }
    }
}

static void parse_branches(struct parser *c) {
    size_t from = c->n;
    parse_branch(c);
    while (c->wrong == NULL && *c->p == '|') {
        c->p++;
        fork_around(c, from, 1);
        size_t jump = c->n;
        emit(c, JUMP, 0);
        parse_branch(c);
        if (c->wrong == NULL) {
            c->states[jump].arg = (int16_t)(c->n - jump);
        }
    }
}

struct pattern *pattern_new(const char *expression, const char **why) {
    if (strlen(expression) > LIMIT_PATTERN) {
        *why = "more than 256 bytes";
        return NULL;
    }
    struct parser c = {.p = expression};
    parse_branches(&c);
    emit(&c, FOUND, 0);
    if (c.wrong != NULL) {
        *why = c.wrong;
        return NULL;
    }
    struct pattern *p = xmalloc(sizeof *p);
    OBJ_INIT(p, PATTERN_MAGIC);
    p->n = c.n;
    p->states = xmalloc(c.n * sizeof *p->states);
    memcpy(p->states, c.states, c.n * sizeof *p->states);
    p->sets = xmalloc((c.nsets + 1) * sizeof *p->sets);
    memcpy(p->sets, c.sets, c.nsets * sizeof *p->sets);
    return p;
}

void pattern_free(struct pattern *p) {
    if (p == NULL) {
        return;
    }
    CHECK_OBJ(p, PATTERN_MAGIC);
    free(p->states);
    free(p->sets);
    OBJ_FINI(p);
    free(p);
}

/* -- in a text -- */

struct thread {
    size_t start; /* where its match begins */
    size_t state; /* always a BYTE */
};

/* By their start. No state twice: of two threads in one the one that began first wins. */
struct threads {
    size_t n;
    struct thread list[LIMIT_PATTERN_STATES];
};

struct search {
    struct pattern *p;
    size_t at, end;
    unsigned flags;
    bool is_found;
    size_t start, stop; /* of what is found */
    size_t ntodo;
    size_t todo[LIMIT_PATTERN_STATES];
    size_t marks[LIMIT_PATTERN_STATES]; /* at + 1 where the state was last looked at */
    struct threads *now, *next;
};

static void mark(struct search *s, size_t state) {
    if (s->marks[state] != s->at + 1) {
        s->marks[state] = s->at + 1;
        s->todo[s->ntodo++] = state;
        s->p->steps++;
    }
}

/* Whatever can be reached from the state without a byte. */
static void enter(struct search *s, size_t state, size_t start) {
    mark(s, state);
    while (s->ntodo > 0) {
        size_t i = s->todo[--s->ntodo];
        const struct state *it = &s->p->states[i];
        switch ((enum op)it->op) {
        case BYTE:
            s->now->list[s->now->n++] = (struct thread){start, i};
            break;
        case FORK:
            mark(s, i + 1);
            mark(s, i + (size_t)it->arg);
            break;
        case JUMP:
            mark(s, i + (size_t)it->arg);
            break;
        case BEGIN:
            if (s->at == 0 && (s->flags & PATTERN_NOT_BEGIN) == 0) {
                mark(s, i + 1);
            }
            break;
        case END:
            if (s->at == s->end && (s->flags & PATTERN_NOT_END) == 0) {
                mark(s, i + 1);
            }
            break;
        case FOUND:
            s->is_found = true;
            s->start = start;
            s->stop = s->at;
            break;
        }
    }
}

/* Those that began behind what is found are given up. */
static void step(struct search *s, unsigned char byte) {
    struct threads *from = s->now;
    s->now = s->next;
    s->next = from;
    s->now->n = 0;
    s->at++;
    for (size_t i = 0; i < from->n; i++) {
        const struct thread *t = &from->list[i];
        if (s->is_found && t->start > s->start) {
            break;
        }
        if (set_has(&s->p->sets[s->p->states[t->state].arg], byte)) {
            enter(s, t->state + 1, t->start);
        }
    }
}

bool pattern_find(struct pattern *p, struct sv text, unsigned flags, struct sv *found) {
    CHECK_OBJ(p, PATTERN_MAGIC);
    struct threads threads[2];
    struct search s;
    s.p = p;
    s.at = 0;
    s.end = text.n;
    s.flags = flags | (found == NULL ? (unsigned)PATTERN_FIRST : 0);
    s.is_found = false;
    s.start = s.stop = s.ntodo = 0;
    memset(s.marks, 0, p->n * sizeof *s.marks);
    s.now = &threads[0];
    s.next = &threads[1];
    s.now->n = 0;
    enter(&s, 0, 0);
    while (s.at < text.n && (!s.is_found || (s.now->n > 0 && (s.flags & PATTERN_FIRST) == 0))) {
        step(&s, (unsigned char)text.p[s.at]);
        if (!s.is_found) {
            enter(&s, 0, s.at);
        }
    }
    if (s.is_found && found != NULL) {
        *found = sv_slice(text, s.start, s.stop - s.start);
    }
    return s.is_found;
}

size_t pattern_states(const struct pattern *p) {
    CHECK_OBJ(p, PATTERN_MAGIC);
    return p->n;
}

size_t pattern_steps(const struct pattern *p) {
    CHECK_OBJ(p, PATTERN_MAGIC);
    return p->steps;
}
