#include "emulator/nvram.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "base/sv.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/model/modem.h"
#include "emulator/model/phonebook.h"
#include "emulator/model/sim_file.h"
#include "emulator/model/wifi.h"
#include "emulator/nvram_file.h"
#include "emulator/nvram_text.h"
#include "emulator/nvram_wifi.h"
#include "scenarios/json/spec.h"

static const char format_name[] = "sim7x00 nvram";

/* What a flush looks at. */
struct kept {
    uint64_t module, port;    /* setting_stores */
    uint64_t card, phonebook; /* their changes */
    bool nv_fin, is_locked;
    int pin_tries, pin2_tries;
    char pin[SIM_CODE], pin2[SIM_CODE];
    struct wifi_config wifi;
};

struct nvram {
    uint32_t magic;
#define NVRAM_MAGIC 0x4e56ad01u
    struct nvram_config cfg;
    struct nvram_file file;
    struct kept written; /* or tried to */
    bool has_failed;     /* the newest try */
};

static struct kept look(const struct nvram *nv) {
    const struct modem *m = nv->cfg.modem;
    struct kept k = {
        .module = setting_stores(nv->cfg.module),
        .port = setting_stores(nv->cfg.port),
        .card = sim_files_changes(m->card),
        .phonebook = phonebook_changes(m->phonebook),
        .nv_fin = m->nv_fin,
        .is_locked = m->sim.is_locked,
        .pin_tries = m->sim.pin_tries,
        .wifi = m->wifi->cfg,
        .pin2_tries = m->sim.pin2_tries,
    };
    memcpy(k.pin, m->sim.pin, sizeof k.pin);
    memcpy(k.pin2, m->sim.pin2, sizeof k.pin2);
    return k;
}

static bool is_same(const struct kept *a, const struct kept *b) {
    return a->module == b->module && a->port == b->port && a->card == b->card &&
           a->phonebook == b->phonebook && a->nv_fin == b->nv_fin && a->is_locked == b->is_locked &&
           a->pin_tries == b->pin_tries && a->pin2_tries == b->pin2_tries &&
           strcmp(a->pin, b->pin) == 0 && strcmp(a->pin2, b->pin2) == 0 &&
           nvram_wifi_is_same(&a->wifi, &b->wifi);
}

static struct setting_store *store_of(const struct nvram *nv, const struct at_cmd *row) {
    return (row->flags & AT_PORT) != 0 ? nv->cfg.port : nv->cfg.module;
}

static bool is_kept_record(const struct at_cmd *row) {
    return row->kind == AT_RECORD && row->save == AT_SAVE_AUTO;
}

static bool is_kept_slot(const struct at_cmd *row, const struct at_param *p) {
    return row->save != AT_SAVE_NONE && p->slot != AT_NO_SLOT;
}

/* -- writing -- */

static void add_value(cJSON *to, const struct at_param *p, int32_t i, const char *text) {
    char *chars = NULL;
    switch ((enum at_type)p->type) {
    case AT_INT:
        must(cJSON_AddNumberToObject(to, p->name, i) != NULL);
        break;
    case AT_WORD:
        must(cJSON_AddStringToObject(to, p->name, p->words[i]) != NULL);
        break;
    case AT_STR:
        chars = nvram_text_chars(text);
        must(cJSON_AddStringToObject(to, p->name, chars) != NULL);
        free(chars);
        break;
    case AT_RAW:
        break; /* has no slot and is in no record (gen_dialect) */
    }
}

static bool is_default(const struct at_param *p, int32_t i, const char *text) {
    return p->type == AT_STR ? strcmp(p->text, text) == 0 : p->def == i;
}

static void add_slots(const struct nvram *nv, cJSON *settings, const struct at_cmd *row) {
    const struct setting_store *st = store_of(nv, row);
    cJSON *values = NULL;
    for (size_t k = 0; k < row->nparams; k++) {
        const struct at_param *p = &row->params[k];
        if (!is_kept_slot(row, p)) {
            continue;
        }
        int32_t i = setting_stored_int(st, p->slot);
        const char *text = setting_stored_text(st, p->slot);
        if (is_default(p, i, text)) {
            continue;
        }
        if (values == NULL) {
            values = cJSON_AddObjectToObject(settings, row->name);
        }
        add_value(values, p, i, text);
    }
}

static void add_records(const struct nvram *nv, cJSON *all, const struct at_cmd *row) {
    if (!setting_records_are_changed(nv->cfg.module, row)) {
        return;
    }
    const struct setting_record *records = NULL;
    size_t n = setting_records(nv->cfg.module, row, &records);
    cJSON *list = cJSON_AddArrayToObject(all, row->name);
    for (size_t r = 0; r < n; r++) {
        cJSON *values = cJSON_CreateObject();
        must(cJSON_AddItemToArray(list, values));
        for (size_t k = 0; k < row->nparams; k++) {
            add_value(values, &row->params[k], records[r].ints[k], records[r].texts[k]);
        }
    }
}

static void add_hex(cJSON *to, const char *key, const uint8_t *p, size_t n) {
    char *hex = xmalloc(2 * n + 1);
    hex_print(p, n, hex);
    cJSON_AddStringToObject(to, key, hex);
    free(hex);
}

/* The module's own list: records by index. */
static void add_phonebook(const struct phonebook *pb, cJSON *tree) {
    cJSON *to = NULL;
    for (unsigned i = 1; i <= phonebook_total(pb, PHONEBOOK_ME); i++) {
        const uint8_t *record = phonebook_record(pb, i);
        char index[16];
        snprintf(index, sizeof index, "%u", i);
        if (record != NULL) {
            to = to != NULL ? to : cJSON_AddObjectToObject(tree, "phonebook");
            add_hex(to, index, record, PHONEBOOK_RECORD);
        }
    }
}

/* "7F10/6F3A": the content in hexadecimal, of files that are not as they were made. */
static void add_files(const struct sim_files *card, cJSON *tree) {
    cJSON *to = cJSON_CreateObject();
    const struct sim_file *file = NULL;
    for (int i = 0; (file = sim_file_info(i)) != NULL; i++) {
        if (!sim_files_is_changed(card, i)) {
            continue;
        }
        char path[SIM_FILE_PATH];
        sim_file_path(i, path);
        add_hex(to, path, sim_files_content(card, i), sim_file_size(file));
    }
    if (to->child != NULL) {
        must(cJSON_AddItemToObject(tree, "sim_files", to));
    } else {
        cJSON_Delete(to);
    }
}

static void add_sim(const struct nvram *nv, cJSON *tree) {
    const struct sim *sim = &nv->cfg.modem->sim;
    struct sim fresh;
    sim_init(&fresh);
    add_files(nv->cfg.modem->card, tree);
    add_phonebook(nv->cfg.modem->phonebook, tree);
    if (sim->is_locked == fresh.is_locked && sim->pin_tries == fresh.pin_tries &&
        sim->pin2_tries == fresh.pin2_tries && strcmp(sim->pin, fresh.pin) == 0 &&
        strcmp(sim->pin2, fresh.pin2) == 0) {
        return;
    }
    cJSON *to = cJSON_AddObjectToObject(tree, "sim");
    cJSON_AddBoolToObject(to, "is_locked", sim->is_locked);
    cJSON_AddStringToObject(to, "pin", sim->pin);
    cJSON_AddNumberToObject(to, "pin_tries", sim->pin_tries);
    cJSON_AddStringToObject(to, "pin2", sim->pin2);
    cJSON_AddNumberToObject(to, "pin2_tries", sim->pin2_tries);
}

static cJSON *tree_of(const struct nvram *nv) {
    cJSON *tree = cJSON_CreateObject();
    cJSON_AddStringToObject(tree, "format", format_name);
    cJSON_AddNumberToObject(tree, "version", NVRAM_VERSION);
    cJSON *settings = cJSON_AddObjectToObject(tree, "settings");
    cJSON *records = cJSON_AddObjectToObject(tree, "records");
    for (size_t i = 0; i < nv->cfg.table->n; i++) {
        const struct at_cmd *row = &nv->cfg.table->rows[i];
        if (is_kept_record(row)) {
            add_records(nv, records, row);
        } else {
            add_slots(nv, settings, row);
        }
    }
    if (nv->cfg.modem->nv_fin) {
        cJSON *items = cJSON_AddObjectToObject(tree, "nv_items");
        cJSON_AddStringToObject(items, "1341", "01");
    }
    add_sim(nv, tree);
    nvram_wifi_add(tree, &nv->cfg.modem->wifi->cfg);
    return tree;
}

static int write_out(const struct nvram *nv) {
    cJSON *tree = tree_of(nv);
    char *text = cJSON_Print(tree);
    must(text != NULL);
    size_t n = strlen(text);
    text[n] = '\n'; /* in place of the terminator: the length is told */
    int err = nvram_file_write(&nv->file, text, n + 1);
    cJSON_free(text);
    cJSON_Delete(tree);
    return err;
}

static void write_now(struct nvram *nv, const struct kept *now) {
    nv->written = *now;
    int err = write_out(nv);
    nv->has_failed = err != 0;
    if (err != 0) {
        LOG(LOG_MAIN, LOG_ERROR, nv->cfg.name, "the NVRAM is not written: %s", strerror(-err));
    }
}

void nvram_flush(struct nvram *nv) {
    CHECK_OBJ(nv, NVRAM_MAGIC);
    struct kept now = look(nv);
    if (is_same(&now, &nv->written)) {
        return;
    }
    write_now(nv, &now);
}

/* -- reading -- */

enum { KEY_SHOWN = 64 };

static void skip(const struct nvram *nv, const char *where, const char *key, const char *why) {
    char shown[KEY_SHOWN + 1] = "";
    size_t n = strnlen(key, KEY_SHOWN);
    for (size_t i = 0; i < n; i++) {
        shown[i] = isprint((unsigned char)key[i]) ? key[i] : '?';
    }
    LOG(LOG_MAIN, LOG_WARN, nv->cfg.name, "nvram.json: %s: \"%s\" is ignored: %s", where, shown,
        why);
}

/* False: not allowed. *text, for the strings, is the caller's, for free(). */
static bool read_value(const struct at_param *p, const cJSON *item, int32_t *i, char **text) {
    *i = 0;
    switch ((enum at_type)p->type) {
    case AT_INT:
        *i = item->valueint; /* clamped: another number than the double, then */
        return cJSON_IsNumber(item) && (double)*i == item->valuedouble && table_in_ranges(p, *i);
    case AT_WORD:
        *i = cJSON_IsString(item) ? table_word(p, sv_of(item->valuestring)) : -1;
        return *i >= 0;
    case AT_STR:
        free(*text);
        *text = cJSON_IsString(item) ? nvram_text_bytes(item->valuestring) : NULL;
        return *text != NULL && table_in_ranges(p, (int64_t)strlen(*text));
    case AT_RAW:
        break;
    }
    return false;
}

static size_t find_param(const struct at_cmd *row, const char *name) {
    size_t k = 0;
    while (k < row->nparams && strcmp(row->params[k].name, name) != 0) {
        k++;
    }
    return k;
}

static void read_slots(const struct nvram *nv, const struct at_cmd *row, const cJSON *values) {
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, values) {
        size_t k = find_param(row, item->string);
        if (k == row->nparams || !is_kept_slot(row, &row->params[k])) {
            skip(nv, row->name, item->string, "nothing of this name is stored");
            continue;
        }
        int32_t i = 0;
        char *text = NULL;
        if (read_value(&row->params[k], item, &i, &text)) {
            setting_set_stored(store_of(nv, row), row->params[k].slot, i, text != NULL ? text : "");
        } else {
            skip(nv, row->name, item->string, "its value is not allowed");
        }
        free(text);
    }
}

/* -EINVAL: it has no key. What is not said is as by default. */
static int read_record(const struct nvram *nv, const struct at_cmd *row, const cJSON *values,
                       struct setting_record *r) {
    bool has_key = false;
    for (size_t k = 0; k < row->nparams; k++) {
        const struct at_param *p = &row->params[k];
        r->ints[k] = p->def;
        r->texts[k] = xstrdup(p->text != NULL ? p->text : "");
    }
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, values) {
        size_t k = item->string != NULL ? find_param(row, item->string) : row->nparams;
        int32_t i = 0;
        char *text = xstrdup("");
        if (k == row->nparams || !read_value(&row->params[k], item, &i, &text)) {
            skip(nv, row->name, item->string != NULL ? item->string : "",
                 "not allowed in a record");
            free(text);
            continue;
        }
        r->ints[k] = i;
        free(r->texts[k]);
        r->texts[k] = text;
        has_key |= k == 0;
    }
    return has_key ? 0 : -EINVAL;
}

static void free_record(const struct at_cmd *row, struct setting_record *r) {
    for (size_t k = 0; k < row->nparams; k++) {
        free(r->texts[k]);
    }
    free(r->texts);
    free(r->ints);
}

static void read_records(const struct nvram *nv, const struct at_cmd *row, const cJSON *list) {
    struct setting_record records[LIMIT_RECORDS] = {0};
    size_t n = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list) {
        if (n == LIMIT_RECORDS) {
            skip(nv, "records", row->name, "too many of them");
            break;
        }
        struct setting_record *r = &records[n];
        r->ints = xmalloc(row->nparams * sizeof *r->ints);
        r->texts = xmalloc(row->nparams * sizeof *r->texts);
        if (read_record(nv, row, item, r) == 0) {
            n++;
        } else {
            skip(nv, "records", row->name, "one without its key");
            free_record(row, r);
        }
    }
    setting_set_records(nv->cfg.module, row, records, n);
    while (n > 0) {
        free_record(row, &records[--n]);
    }
}

static void read_rows(const struct nvram *nv, const char *where, const cJSON *rows,
                      bool are_records) {
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, rows) {
        const struct at_cmd *row =
            item->string != NULL ? table_find(nv->cfg.table, sv_of(item->string)) : NULL;
        bool is_row = row != NULL && is_kept_record(row) == are_records &&
                      (are_records ? cJSON_IsArray(item) : cJSON_IsObject(item));
        if (!is_row) {
            skip(nv, where, item->string != NULL ? item->string : "", "no such row");
        } else if (are_records) {
            read_records(nv, row, item);
        } else {
            read_slots(nv, row, item);
        }
    }
}

static void read_items(const struct nvram *nv, const cJSON *items) {
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, items) {
        const char *value = cJSON_IsString(item) ? item->valuestring : "";
        bool is_value = strcmp(value, "00") == 0 || strcmp(value, "01") == 0;
        if (item->string == NULL || strcmp(item->string, "1341") != 0 || !is_value) {
            skip(nv, "nv_items", item->string != NULL ? item->string : "", "not allowed");
        } else {
            modem_set_nv_fin(nv->cfg.modem, value[1] == '1');
        }
    }
}

static bool is_tries(const cJSON *item) {
    return cJSON_IsNumber(item) && item->valueint >= 0 && item->valueint <= SIM_PIN_TRIES;
}

static void read_sim(const struct nvram *nv, const cJSON *values) {
    struct modem *m = nv->cfg.modem;
    bool is_locked = m->sim.is_locked;
    int tries = m->sim.pin_tries;
    int tries2 = m->sim.pin2_tries;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, values) {
        const char *key = item->string != NULL ? item->string : "";
        bool is_good = false;
        if (strcmp(key, "is_locked") == 0 && cJSON_IsBool(item)) {
            is_locked = cJSON_IsTrue(item);
            is_good = true;
        } else if (strcmp(key, "pin") == 0 && cJSON_IsString(item)) {
            is_good = modem_set_sim_codes(m, sv_of(item->valuestring), sv_of(m->sim.puk)) == 0;
        } else if (strcmp(key, "pin2") == 0 && cJSON_IsString(item)) {
            is_good = sim_set_code2(&m->sim, sv_of(item->valuestring)) == 0;
        } else if (strcmp(key, "pin_tries") == 0 && is_tries(item)) {
            tries = item->valueint;
            is_good = true;
        } else if (strcmp(key, "pin2_tries") == 0 && is_tries(item)) {
            tries2 = item->valueint;
            is_good = true;
        }
        if (!is_good) {
            skip(nv, "sim", key, "not allowed");
        }
    }
    if (is_locked) {
        modem_set_sim(m, tries > 0 ? SIM_PIN : SIM_PUK);
        m->sim.pin_tries = tries;
    }
    m->sim.pin2_tries = tries2;
}

/* NULL: not that many bytes in hexadecimal. Else the caller's, for free(). */
static uint8_t *bytes_of_hex(const char *hex, size_t n) {
    uint8_t *bytes = xmalloc(n);
    if (hex_parse(sv_of(hex), bytes, n) != (int)n) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static void read_files(const struct nvram *nv, const cJSON *values) {
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, values) {
        const char *key = item->string != NULL ? item->string : "";
        int file = sim_file_of_path(key);
        size_t n = file != SIM_FILE_NONE ? sim_file_size(sim_file_info(file)) : 0;
        uint8_t *bytes = n > 0 && cJSON_IsString(item) ? bytes_of_hex(item->valuestring, n) : NULL;
        if (bytes != NULL) {
            sim_files_write(nv->cfg.modem->card, file, 0, bytes, n);
        } else {
            skip(nv, "sim_files", key, n > 0 ? "its content is not allowed" : "no such file");
        }
        free(bytes);
    }
}

static void read_phonebook(const struct nvram *nv, const cJSON *values) {
    struct phonebook *pb = nv->cfg.modem->phonebook;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, values) {
        const char *key = item->string != NULL ? item->string : "";
        int64_t index = 0;
        bool is_index = sv_int(sv_of(key), 1, phonebook_total(pb, PHONEBOOK_ME), &index) == 0;
        uint8_t *record = is_index && cJSON_IsString(item)
                              ? bytes_of_hex(item->valuestring, PHONEBOOK_RECORD)
                              : NULL;
        if (record != NULL) {
            phonebook_set_record(pb, (unsigned)index, record);
        } else {
            skip(nv, "phonebook", key, "not allowed");
        }
        free(record);
    }
}

/* All or nothing: what is allowed depends on the rest. */
static void read_wifi(const struct nvram *nv, const cJSON *values) {
    struct wifi_config cfg;
    if (nvram_wifi_read(values, &cfg) != 0 || wifi_configure(nv->cfg.modem->wifi, &cfg) != 0) {
        skip(nv, "the text", "wifi", "something in it is not allowed");
    }
}

static void read_tree(const struct nvram *nv, const cJSON *tree) {
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, tree) {
        if (strcmp(item->string, "format") == 0 || strcmp(item->string, "version") == 0) {
            continue;
        }
        if (strcmp(item->string, "settings") == 0) {
            read_rows(nv, "settings", item, false);
        } else if (strcmp(item->string, "records") == 0) {
            read_rows(nv, "records", item, true);
        } else if (strcmp(item->string, "nv_items") == 0) {
            read_items(nv, item);
        } else if (strcmp(item->string, "sim") == 0) {
            read_sim(nv, item);
        } else if (strcmp(item->string, "wifi") == 0) {
            read_wifi(nv, item);
        } else if (strcmp(item->string, "sim_files") == 0) {
            read_files(nv, item);
        } else if (strcmp(item->string, "phonebook") == 0) {
            read_phonebook(nv, item);
        } else {
            skip(nv, "the text", item->string, "not known");
        }
    }
    setting_restore(nv->cfg.port);
    setting_restore(nv->cfg.module);
}

/* Why it is no NVRAM of this program, in `why`. */
static bool is_ours(const cJSON *tree, char why[SPEC_ERROR]) {
    const cJSON *format = spec_get(tree, "format");
    const cJSON *version = spec_get(tree, "version");
    if (!cJSON_IsObject(tree) || !cJSON_IsString(format) ||
        strcmp(format->valuestring, format_name) != 0) {
        snprintf(why, SPEC_ERROR, "it does not say \"format\": \"%s\"", format_name);
        return false;
    }
    double number = cJSON_IsNumber(version) ? version->valuedouble : 0;
    if (number != NVRAM_VERSION) {
        snprintf(why, SPEC_ERROR, "its version is %g, not %d", number, NVRAM_VERSION);
        return false;
    }
    return true;
}

static bool read_text(const struct nvram *nv, const char *text, size_t n, char why[SPEC_ERROR]) {
    struct spec_error e = {0};
    cJSON *tree = spec_parse(text, n, &e);
    if (tree == NULL) {
        snprintf(why, SPEC_ERROR, "line %u: %.400s", e.line, e.text);
        return false;
    }
    bool is_good = is_ours(tree, why);
    if (is_good) {
        read_tree(nv, tree);
    }
    cJSON_Delete(tree);
    return is_good;
}

/* What cannot be used is set aside; an error is what the system says to that. */
static int load(const struct nvram *nv) {
    char why[SPEC_ERROR] = "";
    char *text = NULL;
    size_t n = 0;
    int err = nvram_file_read(&nv->file, &text, &n);
    if (err == 0) {
        err = read_text(nv, text, n, why) ? 0 : -EINVAL;
        free(text);
    } else if (err == -EFBIG) {
        snprintf(why, sizeof why, "it has more than %d bytes", LIMIT_NVRAM);
    } else if (err == -EINVAL) {
        snprintf(why, sizeof why, "it is no regular file");
    } else {
        return err == -ENOENT ? 0 : err;
    }
    if (err != 0) {
        err = nvram_file_set_aside(&nv->file);
        LOG(LOG_MAIN, LOG_WARN, nv->cfg.name, "nvram.json is %s nvram.json.bad: %s",
            err == 0 ? "set aside as" : "bad, and cannot be renamed to", why);
    }
    return err;
}

struct nvram *nvram_open(const struct nvram_config *cfg, char error[NVRAM_ERROR]) {
    struct nvram *nv = xmalloc(sizeof *nv);
    OBJ_INIT(nv, NVRAM_MAGIC);
    nv->cfg = *cfg;
    nv->cfg.folder = NULL;
    int err = nvram_file_open(&nv->file, cfg->folder);
    if (err == 0) {
        err = load(nv);
    }
    if (err != 0) {
        snprintf(error, NVRAM_ERROR, "'%.128s': %s", cfg->folder,
                 err == -EBUSY ? "another process has it" : strerror(-err));
        nvram_file_close(&nv->file);
        OBJ_FINI(nv);
        free(nv);
        return NULL;
    }
    nv->written = look(nv);
    return nv;
}

void nvram_close(struct nvram *nv) {
    if (nv == NULL) {
        return;
    }
    CHECK_OBJ(nv, NVRAM_MAGIC);
    nvram_flush(nv);
    if (nv->has_failed) {
        write_now(nv, &nv->written);
    }
    nvram_file_close(&nv->file);
    OBJ_FINI(nv);
    free(nv);
}
