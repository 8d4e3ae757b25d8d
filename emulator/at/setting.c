#include "emulator/at/setting.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/obj.h"
#include "emulator/at/session_priv.h"

struct slot_value {
    int32_t i;
    char *text; /* SLOT_STR; NULL: as it was made */
};

struct record_set {
    struct record_set *next;
    const struct at_cmd *row;
    size_t n;
    struct setting_record items[LIMIT_RECORDS];
};

struct setting_store {
    uint32_t magic;
#define SETTING_STORE_MAGIC 0x5e77160fu
    const struct slot_info *infos;
    size_t n;
    bool is_port;
    size_t first, count; /* of the slots of this scope, and maybe others between them */
    struct slot_value *live;
    /* AT&W's copy of the slots with AT_SAVE_PROFILE; NULL: all are as they were made. */
    struct slot_value *saved;
    struct record_set *records;
    uint64_t stores; /* changes of what outlives power */
    setting_changed_fn *on_change;
    void *ctx;
};

/* -- slots -- */

static bool is_mine(const struct setting_store *st, size_t slot) {
    return (st->infos[slot].is_port != 0) == st->is_port;
}

static void store_value(struct slot_value *v, const struct slot_info *info, int32_t i,
                        struct sv text) {
    v->i = i;
    if (info->type == SLOT_STR) {
        char *copy = sv_dup(text);
        free(v->text);
        v->text = copy;
    }
}

static const char *text_of(const struct slot_value *v, const struct slot_info *info) {
    const char *made = info->text != NULL ? info->text : "";
    return v->text != NULL ? v->text : made;
}

static struct slot_value made_value(const struct slot_info *info) {
    return (struct slot_value){.i = info->def};
}

static struct slot_value *new_values(const struct setting_store *st) {
    struct slot_value *values = xmalloc(st->count * sizeof *values);
    for (size_t i = 0; i < st->count; i++) {
        values[i] = made_value(&st->infos[st->first + i]);
    }
    return values;
}

static void free_values(const struct setting_store *st, struct slot_value *values) {
    for (size_t i = 0; values != NULL && i < st->count; i++) {
        free(values[i].text);
    }
    free(values);
}

/* A module has many, of each scope: none pays for the slots of the other one. */
static void find_scope(struct setting_store *st) {
    size_t end = 0;
    for (size_t i = st->n; i > 0; i--) {
        if (is_mine(st, i - 1)) {
            st->first = i - 1;
            end = end > i ? end : i;
        }
    }
    st->count = end - st->first;
}

struct setting_store *setting_store_new(const struct slot_info *infos, size_t n, bool is_port) {
    struct setting_store *st = xmalloc(sizeof *st);
    OBJ_INIT(st, SETTING_STORE_MAGIC);
    st->infos = infos;
    st->n = n;
    st->is_port = is_port;
    find_scope(st);
    st->live = new_values(st);
    return st;
}

static void free_record(struct setting_record *r, size_t nparams) {
    for (size_t i = 0; i < nparams; i++) {
        free(r->texts[i]);
    }
    free(r->texts);
    free(r->ints);
}

static void clear_records(struct record_set *set) {
    for (size_t i = 0; i < set->n; i++) {
        free_record(&set->items[i], set->row->nparams);
    }
    set->n = 0;
}

void setting_store_free(struct setting_store *st) {
    if (st == NULL) {
        return;
    }
    CHECK_OBJ(st, SETTING_STORE_MAGIC);
    free_values(st, st->live);
    free_values(st, st->saved);
    while (st->records != NULL) {
        struct record_set *next = st->records->next;
        clear_records(st->records);
        free(st->records);
        st->records = next;
    }
    OBJ_FINI(st);
    free(st);
}

void setting_on_change(struct setting_store *st, setting_changed_fn *cb, void *ctx) {
    st->on_change = cb;
    st->ctx = ctx;
}

static struct slot_value *value_of(const struct setting_store *st, unsigned slot) {
    CHECK_OBJ(st, SETTING_STORE_MAGIC);
    must(slot < st->n && is_mine(st, slot));
    return &st->live[slot - st->first];
}

int32_t setting_int(const struct setting_store *st, unsigned slot) {
    return value_of(st, slot)->i;
}

const char *setting_text(const struct setting_store *st, unsigned slot) {
    return text_of(value_of(st, slot), &st->infos[slot]);
}

static void tell(struct setting_store *st, unsigned slot) {
    st->stores += st->infos[slot].save == AT_SAVE_AUTO ? 1 : 0;
    if (st->on_change != NULL) {
        st->on_change(st->ctx, slot);
    }
}

void setting_set_int(struct setting_store *st, unsigned slot, int32_t value) {
    struct slot_value *v = value_of(st, slot);
    if (v->i != value) {
        v->i = value;
        tell(st, slot);
    }
}

void setting_set_text(struct setting_store *st, unsigned slot, const char *value, size_t n) {
    const char *old = setting_text(st, slot);
    if (strlen(old) != n || memcmp(old, value, n) != 0) {
        store_value(value_of(st, slot), &st->infos[slot], 0, (struct sv){value, n});
        tell(st, slot);
    }
}

static void set_value(struct setting_store *st, unsigned slot, const struct slot_value *v) {
    if (st->infos[slot].type == SLOT_STR) {
        const char *text = text_of(v, &st->infos[slot]);
        setting_set_text(st, slot, text, strlen(text));
    } else {
        setting_set_int(st, slot, v->i);
    }
}

static struct slot_value saved_of(const struct setting_store *st, unsigned slot) {
    return st->saved != NULL ? st->saved[slot - st->first] : made_value(&st->infos[slot]);
}

/* To AT&W's copy. */
static void save_value(struct setting_store *st, unsigned slot, int32_t i, const char *text) {
    const struct slot_info *info = &st->infos[slot];
    const struct slot_value old = saved_of(st, slot);
    if (old.i == i && strcmp(text_of(&old, info), text) == 0) {
        return;
    }
    if (st->saved == NULL) {
        st->saved = new_values(st);
    }
    store_value(&st->saved[slot - st->first], info, i, sv_of(text));
    st->stores++;
}

void setting_copy_saved(struct setting_store *to, const struct setting_store *from) {
    CHECK_OBJ(to, SETTING_STORE_MAGIC);
    CHECK_OBJ(from, SETTING_STORE_MAGIC);
    must(to->is_port == from->is_port && to->n == from->n);
    for (unsigned i = 0; i < to->n; i++) {
        if (is_mine(to, i)) {
            const struct slot_value v = saved_of(from, i);
            save_value(to, i, v.i, text_of(&v, &from->infos[i]));
        }
    }
}

void setting_copy(struct setting_store *to, const struct setting_store *from) {
    setting_copy_saved(to, from);
    for (unsigned i = 0; i < to->n; i++) {
        if (is_mine(to, i)) {
            set_value(to, i, value_of(from, i));
        }
    }
}

void setting_factory(struct setting_store *st) {
    for (unsigned i = 0; i < st->n; i++) {
        if (is_mine(st, i) && st->infos[i].is_factory) {
            const struct slot_value v = made_value(&st->infos[i]);
            set_value(st, i, &v);
        }
    }
}

void setting_save(struct setting_store *st) {
    for (unsigned i = 0; i < st->n; i++) {
        if (is_mine(st, i) && st->infos[i].save == AT_SAVE_PROFILE) {
            save_value(st, i, setting_int(st, i), setting_text(st, i));
        }
    }
}

void setting_restore(struct setting_store *st) {
    for (unsigned i = 0; i < st->n; i++) {
        if (is_mine(st, i) && st->infos[i].save == AT_SAVE_PROFILE) {
            const struct slot_value v = saved_of(st, i);
            set_value(st, i, &v);
        }
    }
}

uint64_t setting_stores(const struct setting_store *st) {
    CHECK_OBJ(st, SETTING_STORE_MAGIC);
    return st->stores;
}

/* Whether its stored value is AT&W's copy, and not the live one. */
static bool is_saved(const struct setting_store *st, unsigned slot) {
    value_of(st, slot);
    must(st->infos[slot].save != AT_SAVE_NONE);
    return st->infos[slot].save == AT_SAVE_PROFILE;
}

int32_t setting_stored_int(const struct setting_store *st, unsigned slot) {
    return is_saved(st, slot) ? saved_of(st, slot).i : setting_int(st, slot);
}

const char *setting_stored_text(const struct setting_store *st, unsigned slot) {
    const struct slot_value v = is_saved(st, slot) ? saved_of(st, slot) : *value_of(st, slot);
    return text_of(&v, &st->infos[slot]);
}

void setting_set_stored(struct setting_store *st, unsigned slot, int32_t i, const char *text) {
    if (is_saved(st, slot)) {
        save_value(st, slot, i, text);
    } else if (st->infos[slot].type == SLOT_STR) {
        setting_set_text(st, slot, text, strlen(text));
    } else {
        setting_set_int(st, slot, i);
    }
}

static void restart_slots(struct setting_store *st) {
    for (unsigned i = 0; i < st->n; i++) {
        if (is_mine(st, i) && st->infos[i].save == AT_SAVE_NONE) {
            const struct slot_value v = made_value(&st->infos[i]);
            set_value(st, i, &v);
        }
    }
    setting_restore(st);
}

/* -- records -- */

static size_t find_key(const struct record_set *set, int32_t key) {
    size_t i = 0;
    while (i < set->n && set->items[i].ints[0] < key) {
        i++;
    }
    return i;
}

/* Whether the place that find_key gave has it. */
static bool has_key(const struct record_set *set, size_t at, int32_t key) {
    return at < set->n && set->items[at].ints[0] == key;
}

static void new_record(struct setting_record *r, size_t nparams) {
    r->ints = xmalloc(nparams * sizeof *r->ints);
    r->texts = xmalloc(nparams * sizeof *r->texts);
}

static void put_record(struct record_set *set, const struct setting_record *r) {
    size_t at = find_key(set, r->ints[0]);
    if (has_key(set, at, r->ints[0])) {
        free_record(&set->items[at], set->row->nparams);
    } else {
        must(set->n < LIMIT_RECORDS);
        memmove(&set->items[at + 1], &set->items[at], (set->n - at) * sizeof set->items[0]);
        set->n++;
    }
    set->items[at] = *r;
}

static void factory_records(struct record_set *set) {
    clear_records(set);
    for (size_t k = 0; k < set->row->nrecords; k++) {
        struct setting_record r;
        new_record(&r, set->row->nparams);
        for (size_t i = 0; i < set->row->nparams; i++) {
            const char *text = set->row->records[k].texts[i];
            r.ints[i] = set->row->records[k].ints[i];
            r.texts[i] = xstrdup(text != NULL ? text : "");
        }
        put_record(set, &r);
    }
}

static struct record_set *record_set(struct setting_store *st, const struct at_cmd *row) {
    CHECK_OBJ(st, SETTING_STORE_MAGIC);
    for (struct record_set *set = st->records; set != NULL; set = set->next) {
        if (set->row == row) {
            return set;
        }
    }
    struct record_set *set = xmalloc(sizeof *set);
    set->row = row;
    set->next = st->records;
    st->records = set;
    factory_records(set);
    return set;
}

size_t setting_records(struct setting_store *st, const struct at_cmd *row,
                       const struct setting_record **out) {
    const struct record_set *set = record_set(st, row);
    *out = set->items;
    return set->n;
}

const struct setting_record *setting_record_find(struct setting_store *st, const struct at_cmd *row,
                                                 int32_t key) {
    const struct record_set *set = record_set(st, row);
    size_t i = find_key(set, key);
    return has_key(set, i, key) ? &set->items[i] : NULL;
}

static void note_records(struct setting_store *st, const struct at_cmd *row) {
    st->stores += row->save == AT_SAVE_AUTO ? 1 : 0;
}

void setting_set_records(struct setting_store *st, const struct at_cmd *row,
                         const struct setting_record *records, size_t n) {
    struct record_set *set = record_set(st, row);
    clear_records(set);
    for (size_t k = 0; k < n; k++) {
        struct setting_record r;
        new_record(&r, row->nparams);
        for (size_t i = 0; i < row->nparams; i++) {
            r.ints[i] = records[k].ints[i];
            r.texts[i] = xstrdup(records[k].texts[i]);
        }
        put_record(set, &r);
    }
    note_records(st, row);
}

static void delete_record(struct record_set *set, int32_t key) {
    size_t i = find_key(set, key);
    if (has_key(set, i, key)) {
        free_record(&set->items[i], set->row->nparams);
        set->n--;
        memmove(&set->items[i], &set->items[i + 1], (set->n - i) * sizeof set->items[0]);
    }
}

void setting_restart(struct setting_store *st) {
    restart_slots(st);
    for (struct record_set *set = st->records; set != NULL; set = set->next) {
        if (set->row->save != AT_SAVE_AUTO) {
            factory_records(set);
        }
    }
}

/* -- printing -- */

static void put_text(struct buf *to, const char *text) {
    buf_put(to, text, strlen(text));
}

static void put_value(struct buf *to, const struct at_param *p, int32_t i, const char *text,
                      int width) {
    char number[16];
    bool is_quoted = p->type == AT_STR || (p->type == AT_WORD && (p->flags & AT_BARE) == 0);
    snprintf(number, sizeof number, "%0*d", width, (int)i);
    if (p->type == AT_WORD) {
        text = p->words[i];
    } else if (p->type == AT_INT) {
        text = number;
    }
    put_text(to, is_quoted ? "\"" : "");
    put_text(to, text);
    put_text(to, is_quoted ? "\"" : "");
}

/* -- what differs from the factory -- */

struct listing {
    const struct setting_store *module, *port;
    setting_line_fn *cb;
    void *ctx;
};

static const struct setting_store *store_of(const struct listing *l, unsigned slot) {
    return l->module->infos[slot].is_port ? l->port : l->module;
}

static bool is_changed(const struct listing *l, unsigned slot) {
    const struct setting_store *st = store_of(l, slot);
    const struct slot_info *info = &st->infos[slot];
    const struct slot_value made = made_value(info);
    return strcmp(setting_text(st, slot), text_of(&made, info)) != 0 ||
           (info->type == SLOT_INT && setting_int(st, slot) != info->def);
}

/* "AT+CMEE=", "ATE", "ATS0=" */
static void begin_line(struct buf *to, const struct at_cmd *row) {
    bool is_basic = row->name[0] != '+' && !(row->name[0] == 'S' && row->name[1] != '\0');
    buf_init(to, LIMIT_INFO);
    put_text(to, "AT");
    put_text(to, row->name);
    put_text(to, is_basic ? "" : "=");
}

static void end_line(struct buf *line, const struct listing *l) {
    must(buf_put_all(line, "", 1) == 0);
    l->cb(l->ctx, (const char *)buf_data(line));
    buf_fini(line);
}

static void list_slots(const struct listing *l, const struct at_cmd *row) {
    bool is_listed = false;
    size_t n = 0; /* behind the last one that is kept */
    for (size_t i = 0; i < row->nparams; i++) {
        if (row->params[i].slot != AT_NO_SLOT) {
            is_listed |= is_changed(l, row->params[i].slot);
            n = i + 1;
        }
    }
    if (!is_listed || row->params[0].slot == AT_NO_SLOT) {
        return;
    }
    struct buf line;
    begin_line(&line, row);
    for (size_t i = 0; i < n; i++) {
        const struct at_param *p = &row->params[i];
        put_text(&line, i > 0 ? "," : "");
        if (p->slot != AT_NO_SLOT) {
            const struct setting_store *st = store_of(l, p->slot);
            put_value(&line, p, setting_int(st, p->slot), setting_text(st, p->slot), 0);
        }
    }
    end_line(&line, l);
}

static void list_record(const struct listing *l, const struct at_cmd *row, const int32_t *ints,
                        char *const *texts, size_t n) {
    struct buf line;
    begin_line(&line, row);
    for (size_t i = 0; i < n; i++) {
        put_text(&line, i > 0 ? "," : "");
        put_value(&line, &row->params[i], ints[i], texts != NULL ? texts[i] : NULL, 0);
    }
    end_line(&line, l);
}

static bool is_as_made(const struct at_cmd *row, const struct setting_record *r) {
    for (size_t k = 0; k < row->nrecords; k++) {
        bool is_same = true;
        for (size_t i = 0; i < row->nparams; i++) {
            const char *text = row->records[k].texts[i];
            is_same &= row->records[k].ints[i] == r->ints[i] &&
                       strcmp(text != NULL ? text : "", r->texts[i]) == 0;
        }
        if (is_same) {
            return true;
        }
    }
    return false;
}

static void list_records(const struct listing *l, const struct at_cmd *row) {
    const struct record_set *set = l->module->records;
    while (set != NULL && set->row != row) {
        set = set->next;
    }
    if (set == NULL) {
        return;
    }
    for (size_t k = 0; k < row->nrecords; k++) {
        const int32_t *ints = row->records[k].ints;
        if (!has_key(set, find_key(set, ints[0]), ints[0])) {
            list_record(l, row, ints, NULL, 1);
        }
    }
    for (size_t i = 0; i < set->n; i++) {
        if (!is_as_made(row, &set->items[i])) {
            list_record(l, row, set->items[i].ints, set->items[i].texts, row->nparams);
        }
    }
}

bool setting_records_are_changed(struct setting_store *st, const struct at_cmd *row) {
    const struct record_set *set = record_set(st, row);
    bool is_changed = set->n != row->nrecords;
    for (size_t i = 0; i < set->n; i++) {
        is_changed |= !is_as_made(row, &set->items[i]);
    }
    return is_changed;
}

void setting_each_changed(const struct at_table *table, const struct setting_store *module,
                          const struct setting_store *port, setting_line_fn *cb, void *ctx) {
    CHECK_OBJ(module, SETTING_STORE_MAGIC);
    CHECK_OBJ(port, SETTING_STORE_MAGIC);
    const struct listing l = {module, port, cb, ctx};
    for (size_t i = 0; i < table->n; i++) {
        if (table->rows[i].kind == AT_RECORD) {
            if ((table->rows[i].forms & AT_WRITE) != 0) { /* no line pairs */
                list_records(&l, &table->rows[i]);
            }
        } else if (table->rows[i].nparams > 0) {
            list_slots(&l, &table->rows[i]);
        }
    }
}

/* -- reading -- */

/* Where the values of a read come from: the slots, or one record. */
struct source {
    struct at_session *s;
    const struct at_cmd *row;
    const struct setting_record *record;
};

static void put_param(struct buf *to, const struct source *src, size_t i, int width) {
    const struct at_param *p = &src->row->params[i];
    if (src->record != NULL) {
        put_value(to, p, src->record->ints[i], src->record->texts[i], width);
        return;
    }
    must(p->slot != AT_NO_SLOT);
    struct setting_store *st = session_store(src->s, p->slot);
    put_value(to, p, setting_int(st, p->slot), setting_text(st, p->slot), width);
}

static bool is_shown(const struct at_param *p, bool is_record) {
    return (p->flags & AT_SECRET) == 0 && (is_record || p->slot != AT_NO_SLOT);
}

static void put_all(struct buf *to, const struct source *src) {
    bool is_first = true;
    put_text(to, src->row->name);
    for (size_t i = 0; i < src->row->nparams; i++) {
        if (is_shown(&src->row->params[i], src->record != NULL)) {
            put_text(to, is_first ? ": " : ",");
            put_param(to, src, i, 0);
            is_first = false;
        }
    }
}

/* "{0},{1:03}": parameter numbers with an optional zero-padded width. */
static void put_format(struct buf *to, const struct source *src, const char *format) {
    for (const char *f = format; *f != '\0'; f++) {
        if (*f != '{') {
            buf_put(to, f, 1);
            continue;
        }
        char *end = NULL;
        size_t i = (size_t)strtoul(f + 1, &end, 10);
        int width = *end == ':' ? (int)strtol(end + 1, &end, 10) : 0;
        must(*end == '}' && i < src->row->nparams);
        put_param(to, src, i, width);
        f = end;
    }
}

static void read_line(struct at_req *rq, const struct setting_record *record) {
    const struct source src = {rq->session, rq->row, record};
    struct buf line;
    buf_init(&line, LIMIT_INFO);
    if (rq->row->read != NULL) {
        put_format(&line, &src, rq->row->read);
    } else {
        put_all(&line, &src);
    }
    at_info_raw(rq, buf_data(&line), buf_len(&line));
    buf_fini(&line);
}

static void run_read(struct at_req *rq) {
    if (rq->row->kind != AT_RECORD) {
        read_line(rq, NULL);
        at_ok(rq);
        return;
    }
    const struct setting_record *records = NULL;
    size_t n = setting_records(rq->session->cfg.module, rq->row, &records);
    for (size_t i = 0; i < n; i++) {
        read_line(rq, &records[i]);
    }
    at_ok(rq);
}

static void put_ranges(struct buf *to, const struct at_param *p) {
    char text[32];
    for (size_t k = 0; k < p->nranges; k++) {
        const char *comma = k > 0 ? "," : "";
        if (p->ranges[k].lo == p->ranges[k].hi) {
            snprintf(text, sizeof text, "%s%d", comma, (int)p->ranges[k].lo);
        } else {
            snprintf(text, sizeof text, "%s%d-%d", comma, (int)p->ranges[k].lo,
                     (int)p->ranges[k].hi);
        }
        put_text(to, text);
    }
}

static void put_words(struct buf *to, const struct at_param *p) {
    for (int32_t k = 0; k < p->nwords; k++) {
        put_text(to, k > 0 ? "," : "");
        put_value(to, p, k, NULL, 0);
    }
}

static void test_from_params(struct at_req *rq) {
    struct buf line;
    buf_init(&line, LIMIT_INFO);
    put_text(&line, rq->row->name);
    for (size_t i = 0; i < rq->row->nparams; i++) {
        const struct at_param *p = &rq->row->params[i];
        put_text(&line, i == 0 ? ": (" : ",(");
        if (p->type == AT_WORD) {
            put_words(&line, p);
        } else {
            put_ranges(&line, p);
        }
        put_text(&line, ")");
    }
    at_info_raw(rq, buf_data(&line), buf_len(&line));
    buf_fini(&line);
}

static void run_test(struct at_req *rq) {
    const char *text = rq->row->test;
    if (text == NULL && rq->row->nparams > 0) {
        test_from_params(rq);
    }
    while (text != NULL && *text != '\0') {
        size_t n = strcspn(text, "\n");
        at_info_raw(rq, text, n);
        text += n;
        text += *text == '\n' ? 1 : 0;
    }
    at_ok(rq);
}

/* -- storing -- */

static void set_param(struct at_req *rq, size_t i, int32_t value, struct sv text) {
    const struct at_param *p = &rq->row->params[i];
    if (p->slot == AT_NO_SLOT) {
        return;
    }
    struct at_session *s = rq->session;
    struct setting_store *st = session_store(s, p->slot);
    if (s->cfg.slots[p->slot].type == SLOT_STR) {
        setting_set_text(st, p->slot, text.p, text.n);
    } else {
        setting_set_int(st, p->slot, value);
    }
}

static void run_write(struct at_req *rq) {
    for (size_t i = 0; i < rq->row->nparams; i++) {
        if (at_has(rq, i) || (rq->row->params[i].flags & AT_KEEP) == 0) {
            set_param(rq, i, at_int(rq, i), at_text(rq, i));
        }
    }
    at_ok(rq);
}

static void run_exec(struct at_req *rq) {
    if (rq->row->kind == AT_RECORD) {
        factory_records(record_set(rq->session->cfg.module, rq->row));
        note_records(rq->session->cfg.module, rq->row);
    }
    for (size_t i = 0; rq->row->kind == AT_SETTING && i < rq->row->nparams; i++) {
        const struct at_param *p = &rq->row->params[i];
        int32_t value = i < rq->row->nexec ? rq->row->exec[i] : p->def;
        set_param(rq, i, value, sv_of(p->text != NULL ? p->text : ""));
    }
    at_ok(rq);
}

/* The given key, or the first that has no record; -1: all have one. */
static int32_t key_of(struct at_req *rq, const struct record_set *set) {
    const struct at_param *p = &rq->row->params[0];
    if (at_has(rq, 0)) {
        return at_int(rq, 0);
    }
    for (size_t k = 0; k < p->nranges; k++) {
        for (int32_t key = p->ranges[k].lo; key <= p->ranges[k].hi; key++) {
            if (!has_key(set, find_key(set, key), key)) {
                return key;
            }
        }
    }
    return -1;
}

/* The key alone undefines the record (V3.00 8.2.4). */
static void run_record_write(struct at_req *rq) {
    struct setting_store *st = rq->session->cfg.module;
    struct record_set *set = record_set(st, rq->row);
    int32_t key = key_of(rq, set);
    if (key < 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    note_records(st, rq->row);
    if (at_nargs(rq) == 1) {
        delete_record(set, key);
        at_ok(rq);
        return;
    }
    struct setting_record r;
    new_record(&r, rq->row->nparams);
    for (size_t i = 0; i < rq->row->nparams; i++) {
        r.ints[i] = at_int(rq, i);
        r.texts[i] = sv_dup(at_text(rq, i));
    }
    r.ints[0] = key;
    put_record(set, &r);
    at_ok(rq);
}

void setting_run(struct at_req *rq) {
    switch (at_form_of(rq)) {
    case AT_TEST:
        run_test(rq);
        break;
    case AT_READ:
        run_read(rq);
        break;
    case AT_EXEC:
        run_exec(rq);
        break;
    case AT_WRITE:
        if (rq->row->kind == AT_RECORD) {
            run_record_write(rq);
        } else {
            run_write(rq);
        }
        break;
    }
}
