/* gen_dialect.c: host tool, checks the dialect's JSON and writes the C tables and the command page.
 *
 *     gen_dialect OUTDIR DOCS_MD FILE.json...
 *
 * What a file holds is told by its first key: "family" (rows), "errors", "latencies" or "profile".
 * Nothing is written unless every file is right; the first fault is reported as "FILE: COMMAND:
 * what" and ends the run with status 1. Memory is kept until exit: the tool runs for
 * milliseconds.
 */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COMMANDS_MAX = 600, /* the manual has 405 */
    PARAMS_MAX = 32,
    RANGES_MAX = 32,
    RECORDS_MAX = 32,
    ERRORS_MAX = 300,
    PROFILES_MAX = 16,
    LATENCIES_MAX = 16,
    FILES_MAX = 64,
    NAME_MAX_LEN = 80,
};

struct range {
    int32_t lo, hi;
};

struct param {
    char name[NAME_MAX_LEN];
    char slot[NAME_MAX_LEN]; /* empty: none */
    unsigned type;           /* index in type_names */
    unsigned flags;
    bool has_default;
    int32_t def;
    const char *text;
    const cJSON *words;
    int nranges;
    struct range ranges[RANGES_MAX];
};

struct command {
    const char *file, *family, *name, *handler, *test, *read, *source, *summary, *note;
    const char *latency; /* NULL: the first class */
    const cJSON *records;
    unsigned kind, forms, code, needs, save, flags, disposition;
    int nparams, nexec;
    int32_t exec[PARAMS_MAX];
    struct param params[PARAMS_MAX];
};

/* A class of response times, in ms: typical, worst. */
struct latency {
    const char *name, *what, *source;
    int32_t ask[2], act[2], urc[2];
};

struct error_code {
    char id[NAME_MAX_LEN];
    int code;
    const char *text;
};

struct profile_file {
    const char *file;
    const cJSON *json;
};

/* Each list is NULL-ended; the C names stand beside the JSON names. */
static const char *const form_names[] = {"exec", "read", "test", "write", NULL};
static const char *const form_consts[] = {"AT_EXEC", "AT_READ", "AT_TEST", "AT_WRITE", NULL};
static const char *const kind_names[] = {"setting", "record", "query", "action", "data", NULL};
static const char *const kind_consts[] = {"AT_SETTING", "AT_RECORD", "AT_QUERY",
                                          "AT_ACTION",  "AT_DATA",   NULL};
static const char *const type_names[] = {"int", "str", "word", "raw", NULL};
static const char *const type_consts[] = {"AT_INT", "AT_STR", "AT_WORD", "AT_RAW", NULL};
static const char *const need_names[] = {"SIM", "PIN", NULL};
static const char *const need_consts[] = {"AT_NEED_SIM", "AT_NEED_PIN", NULL};
static const char *const save_names[] = {"none", "&W", "auto", NULL};
static const char *const save_consts[] = {"AT_SAVE_NONE", "AT_SAVE_PROFILE", "AT_SAVE_AUTO", NULL};
static const char *const flag_names[] = {"abortable",  "self_check", "port",
                                         "no_factory", "cms",        NULL};
static const char *const flag_consts[] = {"AT_ABORTABLE", "AT_SELF_CHECK", "AT_PORT",
                                          "AT_NO_FACTORY", NULL};
static const char *const pflag_names[] = {"optional", "keep", "secret", "bare", "loose", NULL};
static const char *const pflag_consts[] = {"AT_OPTIONAL", "AT_KEEP",  "AT_SECRET",
                                           "AT_BARE",     "AT_LOOSE", NULL};
static const char *const disposition_names[] = {"works", "kept", "answers", "later", NULL};

enum { FORM_EXEC = 1, FORM_READ = 2, FORM_TEST = 4, FORM_WRITE = 8 };
enum { KIND_SETTING, KIND_RECORD, KIND_QUERY, KIND_ACTION, KIND_DATA };
enum { TYPE_INT, TYPE_STR, TYPE_WORD, TYPE_RAW };
enum { PFLAG_OPTIONAL = 1, PFLAG_KEEP = 2, PFLAG_SECRET = 4, PFLAG_BARE = 8, PFLAG_LOOSE = 16 };
enum { FLAG_ABORTABLE = 1, FLAG_SELF_CHECK = 2, FLAG_PORT = 4, FLAG_NO_FACTORY = 8 };
enum { DISPOSITION_LATER = 3 };

static const char *const command_keys[] = {"name",    "kind",   "forms",   "code",   "handler",
                                           "save",    "needs",  "flags",   "exec",   "test",
                                           "read",    "params", "records", "source", "disposition",
                                           "summary", "note",   "latency", NULL};
/* What is not there yet is on the page alone: nothing answers it, nothing is kept. */
static const char *const later_keys[] = {"name",        "forms",   "params", "source",
                                         "disposition", "summary", "note",   NULL};
static const char *const param_keys[] = {"name",    "type",     "in",    "len",    "words",
                                         "default", "optional", "keep",  "secret", "bare",
                                         "loose",   "slot",     "times", NULL};

enum field_type {
    FIELD_STR,
    FIELD_STR_OR_NONE,
    FIELD_INT,
    FIELD_BOOL,
    FIELD_TECH,
    FIELD_TECHS,
    FIELD_PORTS,
    FIELD_MASK_64, /* of bands, as +CNBP prints them */
    FIELD_MASK_256,
};

/* The members of struct profile (emulator/model/profile.h); every one but those that
 * say so must be in every profile. */
static const struct {
    const char *name;
    enum field_type type;
} profile_fields[] = {
    {"source", FIELD_STR},
    {"manufacturer", FIELD_STR},
    {"model", FIELD_STR},
    {"revision_ati", FIELD_STR},
    {"revision_cgmr", FIELD_STR},
    {"imei", FIELD_STR},
    {"meid", FIELD_STR_OR_NONE},
    {"gcap", FIELD_STR},
    {"iccid", FIELD_STR},
    {"imsi", FIELD_STR},
    {"oper_long", FIELD_STR},
    {"oper_short", FIELD_STR},
    {"oper_numeric", FIELD_STR},
    {"techs", FIELD_TECHS},
    {"bands", FIELD_MASK_64},
    {"lte_bands", FIELD_MASK_256},
    {"tds_bands", FIELD_MASK_64},
    {"tech", FIELD_TECH},
    {"band", FIELD_INT},
    {"cops_act", FIELD_INT},
    {"cnsmod_stat", FIELD_INT},
    {"rssi", FIELD_INT},
    {"ber", FIELD_INT},
    {"cpsi", FIELD_STR},
    {"lac", FIELD_STR},
    {"ci", FIELD_STR},
    {"ip", FIELD_STR},
    {"rtt_ms", FIELD_INT},
    {"dormancy_s", FIELD_INT},
    {"wireless_rate", FIELD_INT},
    {"usb", FIELD_BOOL},
    {"ports", FIELD_PORTS},
    {"rcv_from", FIELD_STR},
    {"ipclose_space", FIELD_BOOL},
    {"server_rings", FIELD_BOOL},
    {"rxget_announces_sender", FIELD_BOOL},
};
enum { PROFILE_NFIELDS = sizeof profile_fields / sizeof profile_fields[0] };
/* What a module may have; a cell is of one of the first three. */
static const char *const all_techs[] = {"GSM", "WCDMA", "LTE", "TDS", "CDMA", NULL};
static const char *const all_ports[] = {"at", "modem", "nmea", NULL};
static const char *const tech_names[] = {"GSM", "WCDMA", "LTE", NULL};

static cJSON *docs[FILES_MAX]; /* parsed files: everything below points into them */
static int ndocs;
static struct command commands[COMMANDS_MAX];
static int ncommands;
static int nrows; /* the first of them, once sorted: those in the table */
static struct error_code errors[ERRORS_MAX];
static int nerrors;
static struct latency latencies[LATENCIES_MAX];
static int nlatencies;
static struct profile_file profiles[PROFILES_MAX];
static int nprofiles;

/* -- faults -- */

static const char *where_file = "gen_dialect";
static const char *where_item; /* the command, error or profile at hand */

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s: %s%s", where_file, where_item ? where_item : "", where_item ? ": " : "");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

/* -- JSON -- */

static int find_name(const char *const *names, const char *name) {
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* cJSON keeps duplicate keys silently, so they are looked for here. */
static void check_keys(const cJSON *obj, const char *const *allowed) {
    if (!cJSON_IsObject(obj))
        die("an object is wanted");
    for (const cJSON *it = obj->child; it; it = it->next) {
        if (find_name(allowed, it->string) < 0)
            die("unknown key \"%s\"", it->string);
        for (const cJSON *other = it->next; other; other = other->next)
            if (strcmp(it->string, other->string) == 0)
                die("duplicate key \"%s\"", it->string);
    }
}

static const cJSON *get(const cJSON *obj, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(obj, key);
}

static const char *get_text(const cJSON *obj, const char *key) {
    const cJSON *v = get(obj, key);
    if (!v)
        return NULL;
    if (!cJSON_IsString(v))
        die("\"%s\" must be a string", key);
    return v->valuestring;
}

static const char *need_text(const cJSON *obj, const char *key) {
    const char *s = get_text(obj, key);
    if (!s || !*s)
        die("no \"%s\"", key);
    return s;
}

static int32_t number(const cJSON *v, const char *key) {
    if (!cJSON_IsNumber(v) || v->valuedouble < INT32_MIN || v->valuedouble > INT32_MAX ||
        v->valuedouble != (double)(int32_t)v->valuedouble)
        die("\"%s\" must be a whole number of 32 bits", key);
    return (int32_t)v->valuedouble;
}

static bool get_bool(const cJSON *obj, const char *key) {
    const cJSON *v = get(obj, key);
    if (v && !cJSON_IsBool(v))
        die("\"%s\" must be true or false", key);
    return cJSON_IsTrue(v);
}

static unsigned get_choice(const cJSON *obj, const char *key, const char *const *names) {
    const char *s = need_text(obj, key);
    int i = find_name(names, s);
    if (i < 0)
        die("bad %s \"%s\"", key, s);
    return (unsigned)i;
}

/* A list of names as bits, the first name being bit 0. */
static unsigned get_set(const cJSON *obj, const char *key, const char *const *names) {
    const cJSON *v = get(obj, key), *it;
    unsigned set = 0;
    if (!v)
        return 0;
    if (!cJSON_IsArray(v))
        die("\"%s\" must be a list", key);
    cJSON_ArrayForEach(it, v) {
        int i = cJSON_IsString(it) ? find_name(names, it->valuestring) : -1;
        if (i < 0)
            die("bad name in \"%s\": %s", key, cJSON_IsString(it) ? it->valuestring : "no string");
        if (set & 1u << i)
            die("\"%s\" names %s twice", key, it->valuestring);
        set |= 1u << i;
    }
    return set;
}

/* -- names -- */

static void put_upper(char *out, size_t n, const char *s) {
    size_t len = strlen(out);
    for (; *s && len + 1 < n; s++)
        if (isalnum((unsigned char)*s))
            out[len++] = (char)toupper((unsigned char)*s);
        else if (*s != '\'' && len > 0 && out[len - 1] != '_')
            out[len++] = '_';
    while (len > 0 && out[len - 1] == '_')
        len--;
    out[len] = '\0';
}

/* "+CMEE", "n" -> CMEE_N; "E" -> E; "&C" -> AMP_C; "\V" -> BS_V. */
static void slot_name(char *out, size_t n, const struct command *c, const char *param) {
    const char *s = c->name;
    out[0] = '\0';
    if (*s == '&')
        snprintf(out, n, "AMP_");
    else if (*s == '\\')
        snprintf(out, n, "BS_");
    put_upper(out, n, isalnum((unsigned char)*s) ? s : s + 1);
    bool is_basic = isalpha((unsigned char)*s) || *s == '&' || *s == '\\';
    if (is_basic && c->nparams == 0)
        return;
    size_t len = strlen(out);
    snprintf(out + len, n - len, "_");
    char word[NAME_MAX_LEN] = "";
    put_upper(word, sizeof word, param);
    snprintf(out + len + 1, n - len - 1, "%s", word);
}

/* -- parameters -- */

static bool in_ranges(const struct param *p, int64_t v) {
    for (int i = 0; i < p->nranges; i++)
        if (v >= p->ranges[i].lo && v <= p->ranges[i].hi)
            return true;
    return false;
}

static int32_t range_end(const char **s, const char *all) {
    char *end;
    long v = strtol(*s, &end, 10);
    if (end == *s || isspace((unsigned char)**s) || v < INT32_MIN || v > INT32_MAX)
        die("bad range \"%s\"", all);
    *s = end;
    return (int32_t)v;
}

/* "0-2", "1-24,100-179", "0,2": as the test form prints them, in the order of the test form. */
static void parse_ranges(struct param *p, const char *text) {
    for (const char *s = text;; s++) {
        if (p->nranges == RANGES_MAX)
            die("more than %d ranges", RANGES_MAX);
        struct range r;
        r.lo = r.hi = range_end(&s, text);
        if (*s == '-') {
            s++;
            r.hi = range_end(&s, text);
        }
        if (r.lo > r.hi)
            die("bad range \"%s\"", text);
        for (int i = 0; i < p->nranges; i++)
            if (r.lo <= p->ranges[i].hi && p->ranges[i].lo <= r.hi)
                die("overlapping ranges in \"%s\"", text);
        p->ranges[p->nranges++] = r;
        if (*s == '\0')
            return;
        if (*s != ',')
            die("bad range \"%s\"", text);
    }
}

static int word_index(const struct param *p, const char *word) {
    const cJSON *it;
    int i = 0;
    cJSON_ArrayForEach(it, p->words) {
        if (strcmp(it->valuestring, word) == 0)
            return i;
        i++;
    }
    return -1;
}

static void parse_words(struct param *p, const cJSON *words) {
    const cJSON *it, *other;
    if (!cJSON_IsArray(words) || cJSON_GetArraySize(words) == 0)
        die("parameter %s: no \"words\"", p->name);
    cJSON_ArrayForEach(it, words) {
        if (!cJSON_IsString(it))
            die("parameter %s: a word must be a string", p->name);
        for (other = it->next; other; other = other->next)
            if (cJSON_IsString(other) && strcmp(it->valuestring, other->valuestring) == 0)
                die("parameter %s: word \"%s\" twice", p->name, it->valuestring);
    }
    p->words = words;
}

/* One value that must be fit for a parameter: a default, or a field of a factory record. */
static void check_value(const struct param *p, const cJSON *v, int32_t *num, const char **text) {
    *num = 0;
    *text = NULL;
    if (p->type == TYPE_INT) {
        *num = number(v, p->name);
        if (!in_ranges(p, *num))
            die("parameter %s: default %d out of range", p->name, *num);
        return;
    }
    if (!cJSON_IsString(v))
        die("parameter %s: its default must be a string", p->name);
    *text = v->valuestring;
    if (p->type == TYPE_STR && !in_ranges(p, (int64_t)strlen(*text)))
        die("parameter %s: default out of range: length of \"%s\"", p->name, *text);
    if (p->type == TYPE_WORD) {
        *num = word_index(p, *text);
        if (*num < 0)
            die("parameter %s: default out of range: \"%s\"", p->name, *text);
        *text = NULL;
    }
}

static void parse_kind_of_values(struct param *p, const cJSON *json) {
    static const char *const keys[] = {"in", "len", "words", NULL};
    for (int i = 0; keys[i]; i++)
        if ((unsigned)i != p->type && get(json, keys[i]))
            die("parameter %s: \"%s\" does not go with type %s", p->name, keys[i],
                type_names[p->type]);
    if (p->type == TYPE_INT)
        parse_ranges(p, need_text(json, "in"));
    if (p->type == TYPE_STR)
        parse_ranges(p, need_text(json, "len"));
    if (p->type == TYPE_STR && (p->nranges != 1 || p->ranges[0].lo < 0))
        die("parameter %s: \"len\" is one range from 0 up", p->name);
    if (p->type == TYPE_WORD)
        parse_words(p, get(json, "words"));
    if ((p->flags & PFLAG_BARE) && p->type != TYPE_WORD)
        die("parameter %s: only a word can be bare", p->name);
    if ((p->flags & PFLAG_LOOSE) && p->type != TYPE_WORD && p->type != TYPE_STR)
        die("parameter %s: only a string or a word can be loose", p->name);
}

static void parse_param(struct command *c, const cJSON *json) {
    check_keys(json, param_keys);
    if (c->nparams == PARAMS_MAX)
        die("more than %d parameters", PARAMS_MAX);
    struct param *p = &c->params[c->nparams];
    snprintf(p->name, sizeof p->name, "%s", need_text(json, "name"));
    for (int i = 0; i < c->nparams; i++)
        if (strcmp(c->params[i].name, p->name) == 0)
            die("parameter %s twice", p->name);
    p->type = get(json, "type") ? get_choice(json, "type", type_names) : TYPE_INT;
    for (int i = 0; pflag_names[i]; i++)
        if (get_bool(json, pflag_names[i]))
            p->flags |= 1u << i;
    parse_kind_of_values(p, json);
    if ((p->flags & PFLAG_OPTIONAL) && (p->flags & PFLAG_KEEP))
        die("parameter %s: either optional or keep", p->name);
    if (c->nparams > 0 && (c->params[c->nparams - 1].flags & (PFLAG_OPTIONAL | PFLAG_KEEP)) &&
        !(p->flags & (PFLAG_OPTIONAL | PFLAG_KEEP)))
        die("parameter %s: required behind an optional one", p->name);
    const cJSON *def = get(json, "default");
    if (def)
        check_value(p, def, &p->def, &p->text);
    p->has_default = def != NULL;
    if (get(json, "slot") ? get_bool(json, "slot") : c->kind == KIND_SETTING) {
        if (!def || p->type == TYPE_RAW || c->kind == KIND_RECORD)
            die("parameter %s: a slot needs a default, a type other than raw and no record",
                p->name);
        slot_name(p->slot, sizeof p->slot, c, p->name);
    }
    if ((p->flags & PFLAG_KEEP) && !*p->slot)
        die("parameter %s: nothing to keep without a slot", p->name);
    c->nparams++;
}

static void parse_params(struct command *c, const cJSON *json) {
    const cJSON *list = get(json, "params"), *it;
    if (list && !cJSON_IsArray(list))
        die("\"params\" must be a list");
    cJSON_ArrayForEach(it, list) {
        parse_param(c, it);
        const cJSON *times = get(it, "times"); /* repeated: <cid>[,<cid>[,...]] */
        for (int n = 2; times && n <= number(times, "times"); n++) {
            if (c->nparams == PARAMS_MAX)
                die("more than %d parameters", PARAMS_MAX);
            struct param *p = &c->params[c->nparams++];
            *p = p[-1];
            snprintf(p->name, sizeof p->name, "%.60s%d", need_text(it, "name"), n);
            p->flags |= PFLAG_OPTIONAL;
        }
    }
    /* The first parameter's slot was named before it was known that others follow. */
    if (c->nparams > 1 && *c->params[0].slot)
        slot_name(c->params[0].slot, NAME_MAX_LEN, c, c->params[0].name);
}

/* -- commands -- */

static void parse_exec(struct command *c, const cJSON *json) {
    const cJSON *v = get(json, "exec"), *it;
    bool is_generic = (c->forms & FORM_EXEC) && !(c->code & FORM_EXEC);
    if (is_generic != (v != NULL))
        die(v ? "\"exec\" without an exec form that needs no code" : "no \"exec\" values");
    if (!v || (cJSON_IsString(v) && strcmp(v->valuestring, "default") == 0))
        return;
    if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) < 1 || cJSON_GetArraySize(v) > c->nparams)
        die("\"exec\" is \"default\" or a list of values");
    cJSON_ArrayForEach(it, v) {
        const struct param *p = &c->params[c->nexec];
        const char *text;
        if (p->type == TYPE_STR || p->type == TYPE_RAW)
            die("\"exec\" can set numbers and words only");
        check_value(p, it, &c->exec[c->nexec++], &text);
    }
}

static void parse_records(struct command *c, const cJSON *json) {
    const cJSON *rec, *v;
    c->records = get(json, "records");
    if (!c->records)
        return;
    if (c->kind != KIND_RECORD || !cJSON_IsArray(c->records))
        die("\"records\" is a list and goes with kind record");
    cJSON_ArrayForEach(rec, c->records) {
        int i = 0, num;
        const char *text;
        if (!cJSON_IsArray(rec) || cJSON_GetArraySize(rec) != c->nparams)
            die("a record has a value for each parameter");
        cJSON_ArrayForEach(v, rec) {
            check_value(&c->params[i++], v, &num, &text);
        }
    }
}

/* "{name}" and "{name:03}" in a read format must name a parameter with a slot. */
static void check_read(const struct command *c) {
    for (const char *s = c->read; s && (s = strchr(s, '{')); s++) {
        size_t len = strcspn(s + 1, ":}");
        int i = 0;
        while (i < c->nparams &&
               (strlen(c->params[i].name) != len || strncmp(c->params[i].name, s + 1, len) != 0))
            i++;
        if (i == c->nparams || !*c->params[i].slot)
            die("\"read\" names no parameter with a slot: %.*s", (int)len, s + 1);
        const char *end = s + 1 + len;
        if (*end == ':' && (end[1] != '0' || !isdigit((unsigned char)end[2]) || end[3] != '}' ||
                            c->params[i].type != TYPE_INT))
            die("\"read\": a width is {name:0N} and goes with a number");
        if (!strchr(end, '}'))
            die("\"read\": no closing brace");
    }
}

static void check_forms(const struct command *c) {
    unsigned data = c->forms & ~c->code; /* answered from the row alone */
    bool keeps = c->kind == KIND_SETTING || c->kind == KIND_RECORD;
    if (c->code & ~c->forms)
        die("\"code\" names a form that is not in \"forms\"");
    if ((c->code != 0) != (c->handler != NULL))
        die(c->handler ? "a handler but no \"code\"" : "\"code\" but no handler");
    if (c->handler && strncmp(c->handler, "cmd_", 4) != 0)
        die("handler \"%s\" must begin with cmd_", c->handler);
    if ((data & (FORM_WRITE | FORM_EXEC)) && !keeps)
        die("kind %s: write and exec need code", kind_names[c->kind]);
    if ((data & FORM_READ) && !keeps && !c->read)
        die("kind %s: read needs code or a \"read\" text", kind_names[c->kind]);
    if ((data & FORM_TEST) && !c->test && c->nparams == 0)
        die("no parameters to make the test form from: say \"test\"");
    if (keeps && c->nparams == 0)
        die("kind %s needs parameters", kind_names[c->kind]);
    if (c->kind == KIND_RECORD && c->params[0].type != TYPE_INT)
        die("a record's key is a number");
    if (c->test && !(data & FORM_TEST))
        die("\"test\" without a test form that needs no code");
    if (c->read && !(data & FORM_READ))
        die("\"read\" without a read form that needs no code");
    if ((c->flags & (FLAG_ABORTABLE | FLAG_SELF_CHECK)) && !c->code)
        die("abortable and self_check need code");
}

static void check_name(const struct command *c) {
    if (strlen(c->name) > 32)
        die("name too long");
    for (const char *s = c->name; *s; s++)
        if (!strchr("+&\\$*#/", *s) && !isupper((unsigned char)*s) && !isdigit((unsigned char)*s))
            die("bad character in the name");
    for (int i = 0; i < ncommands; i++)
        if (strcmp(commands[i].name, c->name) == 0)
            die("duplicate command, also in %s", commands[i].file);
}

static bool is_later(const struct command *c) {
    return c->disposition == DISPOSITION_LATER;
}

static void check_later(const struct command *c) {
    for (int i = 0; i < c->nparams; i++)
        if (*c->params[i].slot)
            die("parameter %s: what is not there yet keeps nothing", c->params[i].name);
}

static void parse_command(const cJSON *json, const char *family, const char *latency) {
    if (ncommands == COMMANDS_MAX)
        die("more than %d commands", COMMANDS_MAX);
    struct command *c = &commands[ncommands];
    where_item = cJSON_IsObject(json) && cJSON_IsString(get(json, "name"))
                     ? get(json, "name")->valuestring
                     : "a command without a name";
    check_keys(json, command_keys);
    c->file = where_file;
    c->family = family;
    c->name = need_text(json, "name");
    check_name(c);
    c->source = need_text(json, "source");
    c->summary = need_text(json, "summary");
    c->note = get_text(json, "note");
    c->handler = get_text(json, "handler");
    c->test = get_text(json, "test");
    c->read = get_text(json, "read");
    c->latency = get(json, "latency") ? need_text(json, "latency") : latency;
    c->disposition = get_choice(json, "disposition", disposition_names);
    if (is_later(c))
        check_keys(json, later_keys);
    c->kind = is_later(c) ? KIND_ACTION : get_choice(json, "kind", kind_names);
    c->save = get(json, "save") ? get_choice(json, "save", save_names) : 0;
    c->forms = get_set(json, "forms", form_names);
    c->code = get_set(json, "code", form_names);
    c->needs = get_set(json, "needs", need_names);
    c->flags = get_set(json, "flags", flag_names);
    if (c->forms == 0)
        die("no \"forms\"");
    parse_params(c, json);
    if (is_later(c)) {
        check_later(c);
    } else {
        check_forms(c);
        parse_exec(c, json);
        parse_records(c, json);
        check_read(c);
    }
    ncommands++;
    where_item = NULL;
}

static void parse_family(const cJSON *doc) {
    static const char *const keys[] = {"family", "latency", "commands", NULL};
    const cJSON *it;
    check_keys(doc, keys);
    const char *family = need_text(doc, "family");
    const char *latency = get(doc, "latency") ? need_text(doc, "latency") : NULL;
    if (!cJSON_IsArray(get(doc, "commands")))
        die("no list \"commands\"");
    cJSON_ArrayForEach(it, get(doc, "commands")) {
        parse_command(it, family, latency);
    }
}

/* Behind the rows of the table comes what is on the page alone. */
static int by_name(const void *a, const void *b) {
    const struct command *x = a, *y = b;
    int order = is_later(x) - is_later(y);
    return order != 0 ? order : strcmp(x->name, y->name);
}

static void sort_commands(void) {
    qsort(commands, (size_t)ncommands, sizeof commands[0], by_name);
    while (nrows < ncommands && !is_later(&commands[nrows]))
        nrows++;
}

/* Two parameters must not share a slot, whatever punctuation told their names apart. */
static void check_slots(void) {
    int total = ncommands * PARAMS_MAX;
    for (int i = 0; i < total; i++)
        for (int k = i + 1; k < total; k++) {
            const struct command *a = &commands[i / PARAMS_MAX], *b = &commands[k / PARAMS_MAX];
            const char *slot = a->params[i % PARAMS_MAX].slot;
            if (!*slot)
                break;
            if (strcmp(slot, b->params[k % PARAMS_MAX].slot) == 0) {
                where_file = b->file;
                where_item = b->name;
                die("slot %s is also that of %s", slot, a->name);
            }
        }
}

/* -- response times -- */

static void parse_times(const cJSON *json, const char *key, int32_t times[2]) {
    const cJSON *v = get(json, key);
    if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) != 2)
        die("\"%s\" is a list of two times in ms: typical and worst", key);
    for (int i = 0; i < 2; i++)
        times[i] = number(cJSON_GetArrayItem(v, i), key);
    if (times[0] < 0 || times[1] < times[0])
        die("\"%s\": the worst time is shorter than the typical one, or one is negative", key);
}

static int find_latency(const char *name) {
    for (int i = 0; i < nlatencies; i++)
        if (strcmp(latencies[i].name, name) == 0)
            return i;
    return -1;
}

static void parse_latencies(const cJSON *doc) {
    static const char *const keys[] = {"latencies", NULL};
    static const char *const class_keys[] = {"name", "ask", "act", "urc", "what", "source", NULL};
    const cJSON *it;
    check_keys(doc, keys);
    if (nlatencies > 0 || !cJSON_IsArray(get(doc, "latencies")))
        die("\"latencies\" is one list");
    cJSON_ArrayForEach(it, get(doc, "latencies")) {
        where_item = get_text(it, "name");
        check_keys(it, class_keys);
        if (nlatencies == LATENCIES_MAX)
            die("more than %d latencies", LATENCIES_MAX);
        struct latency l = {
            need_text(it, "name"), need_text(it, "what"), need_text(it, "source"), {0}, {0}, {0}};
        if (find_latency(l.name) >= 0)
            die("duplicate latency");
        parse_times(it, "ask", l.ask);
        parse_times(it, "act", l.act);
        parse_times(it, "urc", l.urc);
        latencies[nlatencies++] = l;
    }
    where_item = NULL;
}

/* The position of a row's class; files come in any order, so this is asked at the end. */
static int latency_of(const struct command *c) {
    return c->latency ? find_latency(c->latency) : 0;
}

static void check_latencies(void) {
    for (int i = 0; i < ncommands; i++)
        if (latency_of(&commands[i]) < 0) {
            where_file = commands[i].file;
            where_item = commands[i].name;
            die("bad latency \"%s\"", commands[i].latency);
        }
}

/* -- errors and profiles -- */

static void parse_error_list(const cJSON *list, const char *prefix, int lo, int hi) {
    static const char *const keys[] = {"code", "text", "id", NULL};
    const cJSON *it;
    if (!cJSON_IsArray(list))
        die("no list of %s errors", prefix);
    cJSON_ArrayForEach(it, list) {
        where_item = get_text(it, "text");
        check_keys(it, keys);
        if (nerrors == ERRORS_MAX)
            die("more than %d errors", ERRORS_MAX);
        struct error_code *e = &errors[nerrors];
        e->text = need_text(it, "text");
        e->code = number(get(it, "code"), "code");
        if (e->code < lo || e->code > hi)
            die("code %d is not one of %d-%d", e->code, lo, hi);
        char word[NAME_MAX_LEN] = "";
        put_upper(word, sizeof word, get(it, "id") ? need_text(it, "id") : e->text);
        snprintf(e->id, sizeof e->id, "%s_%.70s", prefix, word);
        for (int i = 0; i < nerrors; i++)
            if (errors[i].code == e->code || strcmp(errors[i].id, e->id) == 0)
                die("duplicate error %d %s", e->code, e->id);
        nerrors++;
    }
    where_item = NULL;
}

static void parse_errors(const cJSON *doc) {
    static const char *const keys[] = {"errors", "cme", "cms", NULL};
    check_keys(doc, keys);
    parse_error_list(get(doc, "cme"), "CME", 0, 299);
    parse_error_list(get(doc, "cms"), "CMS", 300, 999);
}

/* The names of a list as bits, in the order of `all`. */
static unsigned name_bits(const cJSON *doc, const char *key, const char *const *all) {
    unsigned bits = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, get(doc, key)) {
        int k = 0;
        while (all[k] && !(cJSON_IsString(item) && !strcmp(all[k], item->valuestring)))
            k++;
        if (!all[k])
            die("\"%s\" has a name that is not known", key);
        bits |= 1u << k;
    }
    if (bits == 0)
        die("\"%s\" is not a list of names", key);
    return bits;
}

/* "0x" and so many digits. */
static void check_mask(const cJSON *doc, const char *key, size_t digits) {
    const char *text = need_text(doc, key);
    if (strncmp(text, "0x", 2) != 0 || strlen(text) != digits + 2 ||
        strspn(text + 2, "0123456789ABCDEF") != digits)
        die("\"%s\" is not 0x and %zu hexadecimal digits", key, digits);
}

static void check_profile_field(const cJSON *doc, int i) {
    const char *key = profile_fields[i].name;
    const cJSON *v = get(doc, key);
    if (!v && profile_fields[i].type != FIELD_STR_OR_NONE)
        die("no \"%s\"", key);
    switch (profile_fields[i].type) {
    case FIELD_STR:
        need_text(doc, key);
        break;
    case FIELD_STR_OR_NONE:
        get_text(doc, key);
        break;
    case FIELD_INT:
        number(v, key);
        break;
    case FIELD_BOOL:
        get_bool(doc, key);
        break;
    case FIELD_TECH:
        get_choice(doc, key, tech_names);
        break;
    case FIELD_TECHS:
        name_bits(doc, key, all_techs);
        break;
    case FIELD_PORTS:
        if ((name_bits(doc, key, all_ports) & 1) == 0)
            die("\"%s\" has no \"at\"", key);
        break;
    case FIELD_MASK_64:
        check_mask(doc, key, 16);
        break;
    case FIELD_MASK_256:
        check_mask(doc, key, 64);
        break;
    }
}

/* The fifteenth digit of an IMEI is the Luhn check of the others (23.003 annex B). */
static void check_imei(const char *imei) {
    int sum = 0;
    if (strlen(imei) != 15 || strspn(imei, "0123456789") != 15)
        die("imei \"%s\" is not 15 digits", imei);
    for (int i = 0; i < 15; i++) {
        int d = (imei[i] - '0') * (1 + i % 2);
        sum += d / 10 + d % 10;
    }
    if (sum % 10 != 0)
        die("imei \"%s\" has a bad check digit", imei);
}

static void parse_profile(const cJSON *doc) {
    const char *keys[PROFILE_NFIELDS + 3] = {"profile", "default"};
    where_item = need_text(doc, "profile");
    for (int i = 0; i < PROFILE_NFIELDS; i++)
        keys[i + 2] = profile_fields[i].name;
    check_keys(doc, keys);
    for (int i = 0; i < PROFILE_NFIELDS; i++)
        check_profile_field(doc, i);
    check_imei(need_text(doc, "imei"));
    if (nprofiles == PROFILES_MAX)
        die("more than %d profiles", PROFILES_MAX);
    for (int i = 0; i < nprofiles; i++)
        if (strcmp(need_text(profiles[i].json, "profile"), where_item) == 0)
            die("duplicate profile, also in %s", profiles[i].file);
    /* The default profile comes first in the table. */
    int at = nprofiles++;
    if (get_bool(doc, "default") && at > 0) {
        if (get_bool(profiles[0].json, "default"))
            die("a second default profile, the first is in %s", profiles[0].file);
        memmove(profiles + 1, profiles, (size_t)at * sizeof profiles[0]);
        at = 0;
    }
    profiles[at] = (struct profile_file){where_file, doc};
    where_item = NULL;
}

/* -- reading files -- */

static char *slurp(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f)
        die("cannot be opened");
    size_t cap = 1 << 20, n;
    char *buf = malloc(cap);
    if (!buf)
        die("no memory");
    n = fread(buf, 1, cap, f);
    fclose(f);
    if (n == cap)
        die("larger than 1 MB");
    buf[n] = '\0';
    return buf;
}

static void read_file(const char *path) {
    const char *end;
    where_file = path;
    where_item = NULL;
    char *text = slurp(path);
    cJSON *doc = cJSON_ParseWithOpts(text, &end, 1);
    if (!doc) {
        int line = 1;
        for (const char *s = text; s < end; s++)
            line += *s == '\n';
        die("line %d: not JSON", line);
    }
    free(text);
    if (ndocs == FILES_MAX)
        die("more than %d files", FILES_MAX);
    docs[ndocs++] = doc;
    if (get(doc, "family"))
        parse_family(doc);
    else if (get(doc, "errors"))
        parse_errors(doc);
    else if (get(doc, "latencies"))
        parse_latencies(doc);
    else if (get(doc, "profile"))
        parse_profile(doc);
    else
        die("neither \"family\" nor \"errors\" nor \"latencies\" nor \"profile\"");
}

/* -- writing -- */

static FILE *out_open(const char *dir, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s%s", dir ? dir : "", dir ? "/" : "", name);
    FILE *f = fopen(path, "w");
    if (!f) {
        where_file = "gen_dialect";
        where_item = NULL;
        die("cannot write %s", path);
    }
    return f;
}

static FILE *out_c(const char *dir, const char *name, const char *what) {
    FILE *f = out_open(dir, name);
    fprintf(f, "/* %s: %s Generated by gen_dialect, do not edit. */\n", name, what);
    return f;
}

static void out_close(FILE *f) {
    if (ferror(f) | fclose(f)) {
        where_file = "gen_dialect";
        die("write error");
    }
}

static void put_cstr(FILE *f, const char *s) {
    if (!s) {
        fputs("NULL", f);
        return;
    }
    fputc('"', f);
    for (; *s; s++)
        if (*s == '\n')
            fputs("\\n", f);
        else if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
            fprintf(f, "\\%03o", (unsigned)(unsigned char)*s);
        else
            fputc(*s, f);
    fputc('"', f);
}

static void put_set(FILE *f, unsigned set, const char *const *consts) {
    const char *sep = "";
    for (int i = 0; consts[i]; i++)
        if (set >> i & 1) {
            fprintf(f, "%s%s", sep, consts[i]);
            sep = " | ";
        }
    if (!*sep)
        fputc('0', f);
}

static void put_slots(FILE *f, bool is_port) {
    for (int i = 0; i < nrows; i++)
        for (int k = 0; k < commands[i].nparams; k++)
            if (*commands[i].params[k].slot && is_port == ((commands[i].flags & FLAG_PORT) != 0))
                fprintf(f, "    SLOT_%s,\n", commands[i].params[k].slot);
}

/* A port's in one piece, the module's in another one: who keeps those of one needs no room for the
 * other's. */
static void write_slots(const char *dir) {
    FILE *f = out_c(dir, "slots.h", "the number of every kept value.");
    fprintf(f, "#ifndef SLOTS_H\n#define SLOTS_H\n\nenum slot {\n");
    put_slots(f, true);
    put_slots(f, false);
    fprintf(f, "    SLOT_COUNT\n};\n\n#endif\n");
    out_close(f);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_handlers(const char *dir) {
    static const char *names[COMMANDS_MAX];
    size_t n = 0;
    for (int i = 0; i < nrows; i++)
        if (commands[i].handler)
            names[n++] = commands[i].handler;
    qsort(names, n, sizeof names[0], by_text);
    FILE *f = out_c(dir, "handlers.h", "every handler that a row names.");
    fprintf(f, "#ifndef HANDLERS_H\n#define HANDLERS_H\n\nstruct at_req;\n\n");
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            fprintf(f, "void %s(struct at_req *rq);\n", names[i]);
    fprintf(f, "\n#endif\n");
    out_close(f);
}

static void write_errors(const char *dir) {
    FILE *f = out_c(dir, "errors.inc", "X(name, number, text) of every CME and CMS error.");
    for (int i = 0; i < nerrors; i++) {
        fprintf(f, "X(%s, %d, ", errors[i].id, errors[i].code);
        put_cstr(f, errors[i].text);
        fprintf(f, ")\n");
    }
    out_close(f);
}

static void put_param(FILE *f, const struct command *c, int row, int k) {
    const struct param *p = &c->params[k];
    fprintf(f, "    {.name = ");
    put_cstr(f, p->name);
    fprintf(f, ", .type = %s, .flags = ", type_consts[p->type]);
    put_set(f, p->flags, pflag_consts);
    fprintf(f, ", .slot = %s%s", *p->slot ? "SLOT_" : "AT_NO_SLOT", p->slot);
    if (p->nranges)
        fprintf(f, ",\n     .nranges = %d, .ranges = r%d_%d", p->nranges, row, k);
    if (p->words)
        fprintf(f, ",\n     .nwords = %d, .words = w%d_%d", cJSON_GetArraySize(p->words), row, k);
    fprintf(f, ", .def = %d, .text = ", p->def);
    put_cstr(f, p->type == TYPE_STR && !p->text ? "" : p->text);
    fprintf(f, "},\n");
}

static void put_params(FILE *f, const struct command *c, int row) {
    for (int k = 0; k < c->nparams; k++) {
        const struct param *p = &c->params[k];
        const cJSON *it;
        if (p->nranges) {
            fprintf(f, "static const struct at_range r%d_%d[] = {", row, k);
            for (int i = 0; i < p->nranges; i++)
                fprintf(f, "%s{%d, %d}", i ? ", " : "", p->ranges[i].lo, p->ranges[i].hi);
            fprintf(f, "};\n");
        }
        if (p->words) {
            fprintf(f, "static const char *const w%d_%d[] = {", row, k);
            cJSON_ArrayForEach(it, p->words) {
                put_cstr(f, it->valuestring);
                fputs(it->next ? ", " : "};\n", f);
            }
        }
    }
    fprintf(f, "static const struct at_param p%d[] = {\n", row);
    for (int k = 0; k < c->nparams; k++)
        put_param(f, c, row, k);
    fprintf(f, "};\n");
}

static void put_records(FILE *f, const struct command *c, int row) {
    const cJSON *rec, *v;
    int n = 0, num;
    const char *text;
    cJSON_ArrayForEach(rec, c->records) {
        const struct param *p = c->params;
        fprintf(f, "static const int32_t i%d_%d[] = {", row, n);
        cJSON_ArrayForEach(v, rec) {
            check_value(p++, v, &num, &text);
            fprintf(f, "%d%s", num, v->next ? ", " : "};\n");
        }
        p = c->params;
        fprintf(f, "static const char *const t%d_%d[] = {", row, n++);
        cJSON_ArrayForEach(v, rec) {
            check_value(p++, v, &num, &text);
            put_cstr(f, text);
            fputs(v->next ? ", " : "};\n", f);
        }
    }
    fprintf(f, "static const struct at_record d%d[] = {", row);
    for (int i = 0; i < n; i++)
        fprintf(f, "%s{i%d_%d, t%d_%d}", i ? ", " : "", row, i, row, i);
    fprintf(f, "};\n");
}

/* A read format with its names turned into parameter numbers: "{n:03}" -> "{0:03}". */
static void put_read(FILE *f, const struct command *c) {
    char out[512];
    size_t n = 0;
    for (const char *s = c->read; *s && n + 8 < sizeof out; s++) {
        out[n++] = *s;
        if (*s != '{')
            continue;
        size_t len = strcspn(s + 1, ":}");
        for (int i = 0; i < c->nparams; i++)
            if (strlen(c->params[i].name) == len && strncmp(c->params[i].name, s + 1, len) == 0)
                n += (size_t)snprintf(out + n, 4, "%d", i);
        s += len;
    }
    out[n] = '\0';
    put_cstr(f, out);
}

static void put_row(FILE *f, const struct command *c, int row) {
    fprintf(f, "    {.name = ");
    put_cstr(f, c->name);
    fprintf(f, ", .kind = %s, .forms = ", kind_consts[c->kind]);
    put_set(f, c->forms, form_consts);
    fprintf(f, ", .code_forms = ");
    put_set(f, c->code, form_consts);
    fprintf(f, ",\n     .needs = ");
    put_set(f, c->needs, need_consts);
    fprintf(f, ", .save = %s, .latency = %d, .flags = ", save_consts[c->save], latency_of(c));
    put_set(f, c->flags, flag_consts);
    if (c->nparams)
        fprintf(f, ", .nparams = %d, .params = p%d", c->nparams, row);
    if (c->nexec)
        fprintf(f, ", .nexec = %d, .exec = e%d", c->nexec, row);
    if (c->records)
        fprintf(f, ", .nrecords = %d, .records = d%d", cJSON_GetArraySize(c->records), row);
    if (c->test) {
        fprintf(f, ",\n     .test = ");
        put_cstr(f, c->test);
    }
    if (c->read) {
        fprintf(f, ",\n     .read = ");
        put_read(f, c);
    }
    fprintf(f, ",\n     .run = %s, .source = ", c->handler ? c->handler : "NULL");
    put_cstr(f, c->source);
    fprintf(f, "},\n");
}

static void put_slot_infos(FILE *f) {
    fprintf(f, "\nconst struct slot_info slot_infos[SLOT_COUNT] = {\n");
    for (int i = 0; i < nrows; i++)
        for (int k = 0; k < commands[i].nparams; k++) {
            const struct command *c = &commands[i];
            const struct param *p = &c->params[k];
            if (!*p->slot)
                continue;
            fprintf(f, "    [SLOT_%s] = {.name = \"%s\", .type = %s, .save = %s, .is_port = %d,\n",
                    p->slot, p->slot, p->type == TYPE_STR ? "SLOT_STR" : "SLOT_INT",
                    save_consts[c->save], (c->flags & FLAG_PORT) != 0);
            fprintf(f,
                    "     .is_factory = %d, .def = %d, .text = ", (c->flags & FLAG_NO_FACTORY) == 0,
                    p->def);
            put_cstr(f, p->type == TYPE_STR && !p->text ? "" : p->text);
            fprintf(f, "},\n");
        }
    fprintf(f, "};\n");
}

static void put_latencies(FILE *f) {
    fprintf(f, "\nconst struct at_latency at_latencies[] = {\n");
    for (int i = 0; i < nlatencies; i++) {
        const struct latency *l = &latencies[i];
        fprintf(f, "    {\"%s\", {%d, %d}, {%d, %d}, {%d, %d}},\n", l->name, l->ask[0], l->ask[1],
                l->act[0], l->act[1], l->urc[0], l->urc[1]);
    }
    fprintf(f, "    {0},\n};\n");
}

static void write_rows(const char *dir) {
    FILE *f = out_c(dir, "dialect_rows.c", "the command table.");
    fprintf(f, "#include \"emulator/at/row.h\"\n#include \"handlers.h\"\n#include \"slots.h\"\n\n");
    for (int i = 0; i < nrows; i++) {
        const struct command *c = &commands[i];
        if (c->nparams)
            put_params(f, c, i);
        if (c->records)
            put_records(f, c, i);
        for (int k = 0; k < c->nexec; k++)
            fprintf(f, "%s%d%s", k ? ", " : (fprintf(f, "static const int32_t e%d[] = {", i), ""),
                    c->exec[k], k + 1 == c->nexec ? "};\n" : "");
    }
    fprintf(f, "\nstatic const struct at_cmd rows[] = {\n");
    for (int i = 0; i < nrows; i++)
        put_row(f, &commands[i], i);
    fprintf(f, "};\n\nconst struct at_table at_dialect = {rows, sizeof rows / sizeof rows[0]};\n");
    put_slot_infos(f);
    put_latencies(f);
    out_close(f);
}

static void put_profile(FILE *f, const cJSON *json) {
    fprintf(f, "    {.name = ");
    put_cstr(f, need_text(json, "profile"));
    for (int i = 0; i < PROFILE_NFIELDS; i++) {
        const char *key = profile_fields[i].name;
        fprintf(f, ",\n     .%s = ", key);
        switch (profile_fields[i].type) {
        case FIELD_STR:
        case FIELD_MASK_64:
        case FIELD_MASK_256:
            put_cstr(f, need_text(json, key));
            break;
        case FIELD_STR_OR_NONE:
            put_cstr(f, get_text(json, key) ? get_text(json, key) : "");
            break;
        case FIELD_INT:
            fprintf(f, "%d", number(get(json, key), key));
            break;
        case FIELD_BOOL:
            fputs(get_bool(json, key) ? "true" : "false", f);
            break;
        case FIELD_TECH:
            fprintf(f, "PROFILE_%s", need_text(json, key));
            break;
        case FIELD_TECHS:
            fprintf(f, "0x%02x", name_bits(json, key, all_techs));
            break;
        case FIELD_PORTS:
            fprintf(f, "0x%02x", name_bits(json, key, all_ports));
            break;
        }
    }
    fprintf(f, "},\n");
}

static void write_profiles(const char *dir) {
    FILE *f = out_c(dir, "profiles.c", "the modules that can be emulated.");
    fprintf(f, "#include \"emulator/model/profile.h\"\n\nconst struct profile profiles[] = {\n");
    for (int i = 0; i < nprofiles; i++)
        put_profile(f, profiles[i].json);
    fprintf(f, "};\nconst size_t nprofiles = sizeof profiles / sizeof profiles[0];\n");
    out_close(f);
}

/* -- the command page -- */

/* A table cell: a bar would end it. */
static void put_cell(FILE *f, const char *s) {
    for (; *s; s++)
        fprintf(f, *s == '|' ? "\\|" : *s == '\n' ? " " : "%c", *s);
}

static void put_doc_values(FILE *f, const struct param *p) {
    const cJSON *it;
    for (int i = 0; i < p->nranges; i++) {
        const struct range *r = &p->ranges[i];
        fprintf(f, i ? "," : p->type == TYPE_STR ? " length " : " ");
        fprintf(f, r->lo == r->hi ? "%d" : "%d-%d", r->lo, r->hi);
    }
    cJSON_ArrayForEach(it, p->words) {
        fprintf(f, "%s%s", it == p->words->child ? " " : "/", it->valuestring);
    }
    if (p->has_default && p->type == TYPE_INT)
        fprintf(f, " = %d", p->def);
    else if (p->has_default && p->type == TYPE_WORD)
        fprintf(f, " = %s", cJSON_GetArrayItem(p->words, p->def)->valuestring);
    else if (p->has_default)
        fprintf(f, " = \"%s\"", p->text);
}

static void put_doc_params(FILE *f, const struct command *c) {
    for (int k = 0; k < c->nparams; k++) {
        const struct param *p = &c->params[k];
        fprintf(f, "%s%s", k ? "; " : "", p->name);
        put_doc_values(f, p);
        if (p->flags & PFLAG_KEEP)
            fprintf(f, " (kept if left out)");
        else if (p->flags & PFLAG_OPTIONAL)
            fprintf(f, " (optional)");
    }
}

static void put_doc_row(FILE *f, const struct command *c) {
    const char *sep = "";
    fprintf(f, "| `AT%s` | ", c->name);
    for (int i = 0; form_names[i]; i++)
        if (c->forms >> i & 1) {
            fprintf(f, "%s%s", sep, form_names[i]);
            sep = " ";
        }
    fprintf(f, " | ");
    put_doc_params(f, c);
    bool is_known = !is_later(c) && nlatencies > 0;
    fprintf(f, " | %s | %s | %s | ", save_names[c->save], disposition_names[c->disposition],
            is_known ? latencies[latency_of(c)].name : "");
    put_cell(f, c->summary);
    if (c->note) {
        fprintf(f, ". ");
        put_cell(f, c->note);
    }
    fprintf(f, " | ");
    put_cell(f, c->source);
    fprintf(f, " |\n");
}

static bool is_first_of_family(int at) {
    for (int i = 0; i < at; i++)
        if (strcmp(commands[i].family, commands[at].family) == 0)
            return false;
    return true;
}

static void put_doc_latencies(FILE *f) {
    fprintf(f, "\n## Latencies\n\nWhat `--timing typical` and `--timing worst` cost, in "
               "milliseconds: read and test forms, exec and write forms, unsolicited results that "
               "begin with a command's name. What no class is given has the first one.\n\n"
               "| class | ask | act | unsolicited | what | source |\n|---|---|---|---|---|---|\n");
    for (int i = 0; i < nlatencies; i++) {
        const struct latency *l = &latencies[i];
        fprintf(f, "| %s | %d, %d | %d, %d | %d, %d | %s | %s |\n", l->name, l->ask[0], l->ask[1],
                l->act[0], l->act[1], l->urc[0], l->urc[1], l->what, l->source);
    }
}

static void write_docs(const char *path) {
    FILE *f = out_open(NULL, path);
    fprintf(f,
            "# Commands\n\nGenerated by `gen_dialect` from `emulator/dialect/*.json`; do not edit."
            "\n\n%d commands. *Saved*: `&W` by AT&W, `auto` at once, `none` not at all. *State*: "
            "works (it acts), kept (it is stored and read back, nothing acts on it), answers "
            "(a fixed answer), later (not there yet: every form answers ERROR, as to a command "
            "that the module does not have; %d commands). *Latency*: its class under `--timing`, "
            "see below.\n",
            ncommands, ncommands - nrows);
    for (int i = 0; i < ncommands; i++) {
        if (!is_first_of_family(i))
            continue;
        fprintf(
            f,
            "\n## %s\n\n| command | forms | parameters | saved | state | latency | what | source |"
            "\n|---|---|---|---|---|---|---|---|\n",
            commands[i].family);
        for (int k = i; k < ncommands; k++)
            if (strcmp(commands[k].family, commands[i].family) == 0)
                put_doc_row(f, &commands[k]);
    }
    put_doc_latencies(f);
    out_close(f);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: gen_dialect OUTDIR DOCS_MD FILE.json...\n");
        return 2;
    }
    for (int i = 3; i < argc; i++)
        read_file(argv[i]);
    sort_commands();
    check_slots();
    check_latencies();
    write_slots(argv[1]);
    write_handlers(argv[1]);
    write_errors(argv[1]);
    write_rows(argv[1]);
    write_profiles(argv[1]);
    write_docs(argv[2]);
    for (int i = 0; i < ndocs; i++)
        cJSON_Delete(docs[i]);
    return 0;
}
