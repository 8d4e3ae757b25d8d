#include "emulator/model/toolkit.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/obj.h"

/* Command qualifiers: a text goes away by the user; a key is yes or no; an input is of digits. */
enum { BY_USER = 0x80, YES_OR_NO = 0x04, DIGITS = 0x00 };

enum { NONE, MENU, NEWS, SPORT, WEATHER, BALANCE, TOP_UP, POLL, THANKS, STEPS };

static const struct toolkit_step steps[STEPS] = {
    [NONE] = {.type = TOOLKIT_NOTHING},
    [MENU] = {.type = TOOLKIT_MENU,
              .text = "SIM services",
              .back = MENU,
              .items = {{"News", NEWS}, {"Balance", BALANCE}, {"Top up", TOP_UP}, {"Poll", POLL}}},
    [NEWS] = {.type = TOOLKIT_SELECT,
              .text = "News",
              .back = MENU,
              .items = {{"Sport", SPORT}, {"Weather", WEATHER}}},
    [SPORT] = {.type = TOOLKIT_TEXT, .qualifier = BY_USER, .text = "No goals.", .back = NEWS},
    [WEATHER] = {.type = TOOLKIT_TEXT, .qualifier = BY_USER, .text = "Dry.", .back = NEWS},
    [BALANCE] = {.type = TOOLKIT_TEXT, .qualifier = BY_USER, .text = "10.00", .back = MENU},
    [TOP_UP] = {.type = TOOLKIT_INPUT,
                .qualifier = DIGITS,
                .text = "Code",
                .least = 4,
                .most = 16,
                .next = THANKS,
                .back = MENU},
    [POLL] = {.type = TOOLKIT_KEY,
              .qualifier = YES_OR_NO,
              .text = "Content?",
              .next = THANKS,
              .back = MENU},
    [THANKS] = {.type = TOOLKIT_TEXT, .qualifier = BY_USER, .text = "Thank you.", .back = MENU},
};

void toolkit_start(struct toolkit *t) {
    t->step = MENU;
}

void toolkit_stop(struct toolkit *t) {
    t->step = NONE;
}

const struct toolkit_step *toolkit_wants(const struct toolkit *t) {
    return &steps[t->step];
}

const struct toolkit_step *toolkit_menu(void) {
    return &steps[MENU];
}

size_t toolkit_items(const struct toolkit_step *s) {
    size_t n = 0;
    while (s->items[n].text != NULL) {
        n++;
    }
    return n;
}

/* -- answers -- */

static int go(struct toolkit *t, uint8_t next) {
    t->step = next != NONE ? next : MENU;
    return t->step != MENU;
}

int toolkit_choose(struct toolkit *t, unsigned item) {
    const struct toolkit_step *s = toolkit_wants(t);
    bool is_there = item >= 1 && item <= toolkit_items(s);
    return is_there ? go(t, s->items[item - 1].next) : -EINVAL;
}

int toolkit_enter(struct toolkit *t, struct sv text) {
    const struct toolkit_step *s = toolkit_wants(t);
    if (s->type == TOOLKIT_KEY) {
        /* A letter, or the byte of a response (102.223 8.15.2). */
        bool is_answer = text.n == 1 && memchr("YyNn\0\1", text.p[0], 6) != NULL;
        return is_answer ? go(t, s->next) : -EINVAL;
    }
    if (s->type != TOOLKIT_INPUT || text.n < s->least || text.n > s->most) {
        return -EINVAL;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (!isdigit((unsigned char)text.p[i])) {
            return -EINVAL;
        }
    }
    return go(t, s->next);
}

int toolkit_confirm(struct toolkit *t) {
    const struct toolkit_step *s = toolkit_wants(t);
    return s->type == TOOLKIT_TEXT ? go(t, s->next) : -EINVAL;
}

int toolkit_go_back(struct toolkit *t) {
    return t->step != NONE ? go(t, toolkit_wants(t)->back) : -EINVAL;
}

int toolkit_end(struct toolkit *t) {
    return t->step != NONE ? go(t, NONE) : -EINVAL;
}

/* -- the bytes of a command: 102.223 6.6, 8 -- */

struct pdu {
    uint8_t *to;
    size_t n;
};

static void put(struct pdu *p, unsigned byte) {
    must(p->n < TOOLKIT_PDU);
    p->to[p->n++] = (uint8_t)byte;
}

/* A text in UCS2 behind a byte that says so, and maybe the number of an item in front of it. */
static void put_text(struct pdu *p, unsigned tag, unsigned item, unsigned coding,
                     const char *text) {
    put(p, tag);
    put(p, (unsigned)(2 * strlen(text) + 1 + (item > 0 ? 1 : 0)));
    if (item > 0) {
        put(p, item);
    }
    put(p, coding);
    for (; *text != '\0'; text++) {
        put(p, 0);
        put(p, (unsigned char)*text);
    }
}

enum { DETAILS = 0x81, DEVICES = 0x82, TITLE = 0x85, STRING = 0x8d, ITEM = 0x8f, LENGTHS = 0x91 };
enum { ALPHA_UCS2 = 0x80, STRING_UCS2 = 0x08 };

static void put_body(struct pdu *p, const struct toolkit_step *s) {
    const unsigned head[] = {DETAILS, 3, 1, s->type, s->qualifier, DEVICES, 2, 0x81, 0x82};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        put(p, head[i]);
    }
    bool is_list = s->type == TOOLKIT_MENU || s->type == TOOLKIT_SELECT;
    put_text(p, is_list ? TITLE : STRING, 0, is_list ? ALPHA_UCS2 : STRING_UCS2, s->text);
    for (unsigned i = 0; s->items[i].text != NULL; i++) {
        put_text(p, ITEM, i + 1, ALPHA_UCS2, s->items[i].text);
    }
    if (s->type == TOOLKIT_INPUT) {
        put(p, LENGTHS);
        put(p, 2);
        put(p, s->least);
        put(p, s->most);
    }
}

size_t toolkit_pdu(const struct toolkit_step *s, uint8_t to[TOOLKIT_PDU]) {
    enum { PROACTIVE = 0xd0, LONG = 0x81, SHORT_MOST = 0x7f };
    uint8_t bytes[TOOLKIT_PDU] = {0};
    struct pdu body = {.to = bytes};
    struct pdu all = {.to = to};
    put_body(&body, s);
    put(&all, PROACTIVE);
    if (body.n > SHORT_MOST) {
        put(&all, LONG);
    }
    put(&all, (unsigned)body.n);
    must(all.n + body.n <= TOOLKIT_PDU);
    memcpy(to + all.n, bytes, body.n);
    return all.n + body.n;
}

/* -- the bytes of an answer -- */

/* The object of this tag, whatever its comprehension bit says; its length in *n. NULL: it is not
 * there, or what is there is torn. */
static const uint8_t *find(const uint8_t *p, size_t len, unsigned tag, size_t *n) {
    for (size_t i = 0; i + 2 <= len; i += 2u + p[i + 1]) {
        if (p[i + 1] > len - i - 2) {
            break;
        }
        if ((p[i] & 0x7f) == (tag & 0x7f)) {
            *n = p[i + 1];
            return p + i + 2;
        }
    }
    return NULL;
}

enum { RESULT = 0x83, CHOSEN = 0x90 };

static int choose_in(struct toolkit *t, const uint8_t *p, size_t n) {
    size_t len = 0;
    const uint8_t *chosen = find(p, n, CHOSEN, &len);
    return chosen != NULL && len == 1 ? toolkit_choose(t, *chosen) : -EINVAL;
}

int toolkit_envelope(struct toolkit *t, const uint8_t *p, size_t n) {
    enum { MENU_SELECTION = 0xd3 };
    bool is_whole = n > 2 && p[0] == MENU_SELECTION && p[1] == n - 2;
    bool is_wanted = toolkit_wants(t)->type == TOOLKIT_MENU;
    return is_whole && is_wanted ? choose_in(t, p + 2, n - 2) : -EINVAL;
}

/* In GSM letters, unpacked or in UCS2 (102.223 8.15); other codings do not fit what is wanted. */
static int enter_string(struct toolkit *t, const uint8_t *p, size_t n) {
    enum { LETTERS = 0x04 };
    char text[TOOLKIT_PDU];
    size_t len = 0;
    if (n == 0 || (p[0] != LETTERS && p[0] != STRING_UCS2)) {
        return -EINVAL;
    }
    for (size_t i = p[0] == LETTERS ? 1 : 2; i < n; i += p[0] == LETTERS ? 1 : 2) {
        text[len++] = (char)p[i];
    }
    return toolkit_enter(t, (struct sv){text, len});
}

int toolkit_response(struct toolkit *t, const uint8_t *p, size_t n) {
    enum { DONE = 0x00, ENDED = 0x10, BACK = 0x11, NO_ANSWER = 0x12, TYPE = 1 };
    const struct toolkit_step *s = toolkit_wants(t);
    size_t len = 0;
    const uint8_t *details = find(p, n, DETAILS, &len);
    if (details == NULL || len != 3 || details[TYPE] != s->type) {
        return -EINVAL;
    }
    const uint8_t *result = find(p, n, RESULT, &len);
    if (result == NULL || len == 0) {
        return -EINVAL;
    }
    switch (*result) {
    case DONE:
        break;
    case ENDED:
    case NO_ANSWER:
        return toolkit_end(t);
    case BACK:
        return toolkit_go_back(t);
    default:
        return -EINVAL;
    }
    if (s->type == TOOLKIT_TEXT) {
        return toolkit_confirm(t);
    }
    if (s->type == TOOLKIT_SELECT) {
        return choose_in(t, p, n);
    }
    const uint8_t *text = find(p, n, STRING, &len);
    return text != NULL ? enter_string(t, text, len) : -EINVAL;
}
