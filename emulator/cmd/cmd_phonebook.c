/* cmd_phonebook.c: lists of numbers (V3.00 chapter 6). */
#include "emulator/model/phonebook.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd.h"
#include "emulator/cmd/cmd_text.h"
#include "handlers.h"
#include "slots.h"

/* -- lines -- */

static void add_name(struct cmd_text *t, const struct cmd *c, const struct phonebook_entry *e) {
    cmd_text_add(t, "\"", 1);
    cmd_text_add_units(t, c, e->name, e->nname);
    cmd_text_add(t, "\"", 1);
}

static void tell_entry(struct at_req *rq, const char *name, unsigned index,
                       const struct phonebook_entry *e) {
    struct cmd_text t = {0};
    char head[64];
    int n = snprintf(head, sizeof head, "%s: %u,\"%s\",%u,", name, index, e->number, e->type);
    cmd_text_add(&t, head, (size_t)n);
    add_name(&t, cmd_of(rq), e);
    at_info_raw(rq, t.bytes, t.n);
}

static enum phonebook_list list_of(const struct cmd *c) {
    return (enum phonebook_list)setting_int(c->module, SLOT_CPBS_STORAGE);
}

void cmd_cpbs(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    enum phonebook_list list = list_of(c);
    at_info(rq, "+CPBS: \"%s\",%u,%u", at_row_of(rq)->params[0].words[list],
            phonebook_used(c->modem->phonebook, list), phonebook_total(c->modem->phonebook, list));
    at_ok(rq);
}

/* The longest name is told in letters of the default alphabet. */
void cmd_cpbr(struct at_req *rq) {
    const struct cmd *c = cmd_of(rq);
    const struct phonebook *pb = c->modem->phonebook;
    enum phonebook_list list = list_of(c);
    int32_t total = (int32_t)phonebook_total(pb, list);
    if (at_form_of(rq) == AT_TEST) {
        at_info(rq, "+CPBR: (1-%d),%d,%zu", (int)total, SIM_NUMBER_DIGITS,
                phonebook_longest_name(list));
        at_ok(rq);
        return;
    }
    int32_t first = at_int(rq, 0);
    int32_t last = at_has(rq, 1) ? at_int(rq, 1) : first;
    if (first < 1 || last < first || last > total) {
        at_fail(rq, CME_INVALID_INDEX);
        return;
    }
    struct phonebook_entry e;
    for (int32_t i = first; i <= last; i++) {
        if (phonebook_get(pb, list, (unsigned)i, &e)) {
            tell_entry(rq, "+CPBR", (unsigned)i, &e);
        }
    }
    at_ok(rq);
}

static bool is_in(const struct phonebook_entry *e, const uint16_t *text, size_t n) {
    for (size_t i = 0; i + n <= e->nname; i++) {
        if (memcmp(e->name + i, text, n * sizeof *text) == 0) {
            return true;
        }
    }
    return n == 0;
}

void cmd_cpbf(struct at_req *rq) {
    const struct cmd *c = cmd_of(rq);
    const struct phonebook *pb = c->modem->phonebook;
    enum phonebook_list list = list_of(c);
    if (at_form_of(rq) == AT_TEST) {
        at_info(rq, "+CPBF: %d,%zu", SIM_NUMBER_DIGITS, phonebook_longest_name(list));
        at_ok(rq);
        return;
    }
    uint16_t text[PHONEBOOK_NAME];
    int n = cmd_text_parse(c, at_text(rq, 0), text, PHONEBOOK_NAME);
    if (n < 0) {
        at_fail(rq, n == -E2BIG ? CME_TEXT_STRING_TOO_LONG : CME_INVALID_CHARACTERS_IN_TEXT_STRING);
        return;
    }
    struct phonebook_entry e;
    for (unsigned i = 1; i <= phonebook_total(pb, list); i++) {
        if (phonebook_get(pb, list, i, &e) && is_in(&e, text, (size_t)n)) {
            tell_entry(rq, "+CPBF", i, &e);
        }
    }
    at_ok(rq);
}

/* -- writing -- */

static void end_write(struct at_req *rq, int rc) {
    switch (rc) {
    case 0:
        at_ok(rq);
        break;
    case -E2BIG:
        at_fail(rq, CME_DIAL_STRING_TOO_LONG);
        break;
    case -EINVAL:
        at_fail(rq, CME_INVALID_CHARACTERS_IN_DIAL_STRING);
        break;
    case -ENAMETOOLONG:
        at_fail(rq, CME_TEXT_STRING_TOO_LONG);
        break;
    case -EILSEQ:
        at_fail(rq, CME_INVALID_CHARACTERS_IN_TEXT_STRING);
        break;
    default:
        at_fail(rq, CME_MEMORY_FULL);
        break;
    }
}

/* What was typed, as an entry. */
static int take_entry(struct at_req *rq, struct phonebook_entry *e) {
    enum { NUMBER = 1, TYPE, NAME };
    struct sv number = at_text(rq, NUMBER);
    if (sv_copy(number, e->number, sizeof e->number) != 0) {
        return -E2BIG;
    }
    e->type = (uint8_t)at_int(rq, TYPE);
    int n = cmd_text_parse(cmd_of(rq), at_text(rq, NAME), e->name, PHONEBOOK_NAME);
    e->nname = n > 0 ? (size_t)n : 0;
    if (n == -EINVAL) {
        return -EILSEQ;
    }
    return n < 0 ? -ENAMETOOLONG : 0;
}

static void test_write(struct at_req *rq, enum phonebook_list list) {
    at_info(rq, "+CPBW: (1-%u),%d,(129-255),%zu",
            phonebook_total(cmd_of(rq)->modem->phonebook, list), SIM_NUMBER_DIGITS,
            phonebook_longest_name(list));
    at_ok(rq);
}

void cmd_cpbw(struct at_req *rq) {
    enum { INDEX, NUMBER };
    struct cmd *c = cmd_of(rq);
    struct phonebook *pb = c->modem->phonebook;
    enum phonebook_list list = list_of(c);
    if (at_form_of(rq) == AT_TEST) {
        test_write(rq, list);
        return;
    }
    if (!phonebook_is_writable(list)) {
        at_fail(rq, CME_OPERATION_NOT_ALLOWED);
        return;
    }
    if (!at_has(rq, INDEX) && !at_has(rq, NUMBER)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    if (at_has(rq, INDEX) &&
        (at_int(rq, INDEX) < 1 || at_int(rq, INDEX) > (int32_t)phonebook_total(pb, list))) {
        at_fail(rq, CME_INVALID_INDEX);
        return;
    }
    if (phonebook_needs_pin2(list) && !cmd_has_pin2(rq, CMD_NO_ARG)) {
        return;
    }
    unsigned index =
        at_has(rq, INDEX) ? (unsigned)at_int(rq, INDEX) : phonebook_first_free(pb, list);
    if (!at_has(rq, NUMBER)) {
        phonebook_remove(pb, list, index);
        at_ok(rq);
        return;
    }
    struct phonebook_entry e = {0};
    int rc = take_entry(rq, &e);
    if (rc == 0) {
        rc = index != 0 ? phonebook_set(pb, list, index, &e) : -ENOSPC;
    }
    end_write(rq, rc);
}

/* Own numbers; without a name it is empty, not left out (V3.00 6.2.5). */
void cmd_cnum(struct at_req *rq) {
    const struct cmd *c = cmd_of(rq);
    const struct phonebook *pb = c->modem->phonebook;
    struct phonebook_entry e;
    for (unsigned i = 1; i <= phonebook_total(pb, PHONEBOOK_ON); i++) {
        if (!phonebook_get(pb, PHONEBOOK_ON, i, &e)) {
            continue;
        }
        struct cmd_text t = {0};
        char tail[48];
        int n = snprintf(tail, sizeof tail, ",\"%s\",%u", e.number, e.type);
        cmd_text_add(&t, "+CNUM: ", 7);
        add_name(&t, c, &e);
        cmd_text_add(&t, tail, (size_t)n);
        at_info_raw(rq, t.bytes, t.n);
    }
    at_ok(rq);
}

/* -- dialling from the lists: ATD>SM3; ATD>3; ATD>"name"; (V3.00 2.2.3 to 2.2.5) -- */

static int card_error(const struct sim *sim) {
    static const int errors[] = {
        [SIM_READY] = 0,
        [SIM_PIN] = CME_SIM_PIN_REQUIRED,
        [SIM_PUK] = CME_SIM_PUK_REQUIRED,
        [SIM_ABSENT] = CME_SIM_NOT_INSERTED,
    };
    return errors[sim->state];
}

static int find_name(const struct cmd *c, struct sv name, struct phonebook_entry *e) {
    const struct phonebook *pb = c->modem->phonebook;
    uint16_t text[PHONEBOOK_NAME];
    int n = cmd_text_parse(c, name, text, PHONEBOOK_NAME);
    for (unsigned i = 1; n >= 0 && i <= phonebook_total(pb, list_of(c)); i++) {
        if (phonebook_get(pb, list_of(c), i, e) && e->nname == (size_t)n &&
            is_in(e, text, e->nname)) {
            return 0;
        }
    }
    return CME_NOT_FOUND;
}

static int find_index(const struct cmd *c, enum phonebook_list list, struct sv digits,
                      struct phonebook_entry *e) {
    const struct phonebook *pb = c->modem->phonebook;
    int64_t index = 0;
    if (sv_int(digits, 1, phonebook_total(pb, list), &index) != 0) {
        return CME_INVALID_INDEX;
    }
    return phonebook_get(pb, list, (unsigned)index, e) ? 0 : CME_NOT_FOUND;
}

/* Which error is which is a guess: the manual lists none by number. */
int cmd_phonebook_find(const struct cmd *c, struct sv text, char number[SIM_NUMBER_TEXT]) {
    enum { LETTERS = 2 };
    struct phonebook_entry e = {0};
    const struct at_cmd *row = table_find(&at_dialect, SV("+CPBS"));
    int rc = card_error(&c->modem->sim);
    if (rc == 0 && text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"') {
        rc = find_name(c, sv_slice(text, 1, text.n - 2), &e);
    } else if (rc == 0 && text.n > 0 && isdigit((unsigned char)text.p[0])) {
        rc = find_index(c, list_of(c), text, &e);
    } else if (rc == 0) {
        int list = table_word(&row->params[0], sv_slice(text, 0, LETTERS));
        rc = list >= 0
                 ? find_index(c, (enum phonebook_list)list, sv_slice(text, LETTERS, text.n), &e)
                 : AT_ERR_PLAIN;
    }
    must(sv_copy(sv_of(e.number), number, SIM_NUMBER_TEXT) == 0);
    return rc;
}
