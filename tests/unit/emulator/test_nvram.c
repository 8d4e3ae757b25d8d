/* What is kept over the end of the process, and what a bad file does. */
#include "emulator/nvram.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "base/rng.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/model/modem.h"
#include "emulator/model/phonebook.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim_file.h"
#include "emulator/model/wifi.h"
#include "emulator/nvram_file.h"
#include "emulator/nvram_wifi.h"
#include "slots.h"
#include "tests/support/fake_host.h"
#include "tests/support/unit_rig.h"

enum { TEXT = 1 << 17, DAMAGES = 3000 };

/* A module without a session. */
struct rig {
    struct clk *clk;
    struct fake_host *fake;
    struct modem *modem;
    struct setting_store *module, *port;
    struct nvram *nv;
    char error[NVRAM_ERROR];
};

static char folder[64];
static char path[96], bad[96];
static char text[TEXT];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/nvram-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/nvram.json", folder);
    snprintf(bad, sizeof bad, "%s/nvram.json.bad", folder);
    log_set_level(LOG_ERROR);
}

static void remove_folder(void) {
    static const char *const names[] = {"nvram.json", "nvram.json.bad", "nvram.json.tmp",
                                        "nvram.lock"};
    char name[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        remove(name);
    }
    cr_expect_eq(rmdir(folder), 0, "something else is in it");
}

TestSuite(nvram, .init = make_folder, .fini = remove_folder);

static void rig_start(struct rig *r) {
    *r = (struct rig){0};
    r->clk = clk_new_manual();
    r->fake = fake_host_new();
    r->modem = modem_new(profile_find("sim7600e"), r->clk, fake_host_net(r->fake));
    r->module = setting_store_new(slot_infos, SLOT_COUNT, false);
    r->port = setting_store_new(slot_infos, SLOT_COUNT, true);
    const struct nvram_config cfg = {.folder = folder,
                                     .name = "at",
                                     .table = &at_dialect,
                                     .module = r->module,
                                     .port = r->port,
                                     .modem = r->modem};
    r->nv = nvram_open(&cfg, r->error);
}

static void rig_stop(struct rig *r) {
    nvram_close(r->nv);
    modem_free(r->modem);
    setting_store_free(r->module);
    setting_store_free(r->port);
    fake_host_free(r->fake);
    clk_close(r->clk);
}

static void put_file(const char *bytes, size_t n) {
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
}

static size_t get_file(const char *name) {
    FILE *f = fopen(name, "r");
    size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    if (f != NULL) {
        fclose(f);
    }
    return n;
}

static bool exists(const char *name) {
    struct stat st;
    return lstat(name, &st) == 0;
}

/* Whether a line like this is among the newest of the log. */
static bool was_logged(const char *what) {
    char *lines = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&lines, &n);
    log_dump_recent(to);
    fclose(to);
    bool is_there = strstr(lines, what) != NULL;
    free(lines);
    return is_there;
}

static struct setting_store *store_of(const struct rig *r, const struct at_cmd *row) {
    return (row->flags & AT_PORT) != 0 ? r->port : r->module;
}

/* -- every row -- */

/* The least or the greatest allowed value; bytes of all kinds. Strings are the caller's. */
static int32_t limit_of(const struct at_param *p, bool is_high, char **string) {
    const struct at_range *last = p->nranges > 0 ? &p->ranges[p->nranges - 1] : NULL;
    *string = NULL;
    if (p->type == AT_WORD) {
        return is_high ? p->nwords - 1 : 0;
    }
    if (p->type == AT_INT) {
        return last == NULL ? (is_high ? INT32_MAX : INT32_MIN)
               : is_high    ? last->hi
                            : p->ranges[0].lo;
    }
    size_t n = (size_t)(is_high ? last->hi : p->ranges[0].lo);
    *string = xmalloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        (*string)[i] = (char)(1 + (i * 37 + 250) % 255);
    }
    return 0;
}

static void set_record(struct rig *r, const struct at_cmd *row, bool is_high) {
    int32_t ints[LIMIT_ARGS];
    char *texts[LIMIT_ARGS];
    const struct setting_record record = {ints, texts};
    for (size_t k = 0; k < row->nparams; k++) {
        ints[k] = limit_of(&row->params[k], is_high, &texts[k]);
        texts[k] = texts[k] != NULL ? texts[k] : xstrdup("");
    }
    setting_set_records(r->module, row, &record, 1);
    for (size_t k = 0; k < row->nparams; k++) {
        free(texts[k]);
    }
}

static void check_record(struct rig *r, const struct at_cmd *row, bool is_high) {
    const struct setting_record *records = NULL;
    cr_assert_eq(setting_records(r->module, row, &records), 1, "%s", row->name);
    for (size_t k = 0; k < row->nparams; k++) {
        char *string = NULL;
        int32_t i = limit_of(&row->params[k], is_high, &string);
        cr_expect_eq(records[0].ints[k], i, "%s %s", row->name, row->params[k].name);
        cr_expect_str_eq(records[0].texts[k], string != NULL ? string : "", "%s", row->name);
        free(string);
    }
}

static void set_row(struct rig *r, const struct at_cmd *row, bool is_high) {
    if (row->kind == AT_RECORD) {
        set_record(r, row, is_high);
        return;
    }
    for (size_t k = 0; k < row->nparams; k++) {
        char *string = NULL;
        int32_t i = limit_of(&row->params[k], is_high, &string);
        if (row->params[k].slot != AT_NO_SLOT) {
            setting_set_stored(store_of(r, row), row->params[k].slot, i, string ? string : "");
        }
        free(string);
    }
}

static void check_row(struct rig *r, const struct at_cmd *row, bool is_high) {
    if (row->kind == AT_RECORD) {
        check_record(r, row, is_high);
        return;
    }
    for (size_t k = 0; k < row->nparams; k++) {
        const struct at_param *p = &row->params[k];
        char *string = NULL;
        int32_t i = limit_of(p, is_high, &string);
        if (p->slot != AT_NO_SLOT && p->type == AT_STR) {
            cr_expect_str_eq(setting_text(store_of(r, row), p->slot), string, "%s", row->name);
        } else if (p->slot != AT_NO_SLOT) {
            cr_expect_eq(setting_int(store_of(r, row), p->slot), i, "%s %s", row->name, p->name);
        }
        free(string);
    }
}

static bool is_kept(const struct at_cmd *row) {
    return row->save == AT_SAVE_AUTO || (row->save != AT_SAVE_NONE && row->kind != AT_RECORD);
}

Test(nvram, every_stored_row_comes_back_at_both_ends_of_its_ranges) {
    for (int is_high = 0; is_high <= 1; is_high++) {
        struct rig r;
        size_t rows = 0;
        rig_start(&r);
        for (size_t i = 0; i < at_dialect.n; i++) {
            if (is_kept(&at_dialect.rows[i])) {
                set_row(&r, &at_dialect.rows[i], is_high);
                rows++;
            }
        }
        cr_assert_gt(rows, 10);
        nvram_flush(r.nv);
        rig_stop(&r);
        rig_start(&r);
        cr_assert_not_null(r.nv, "%s", r.error);
        for (size_t i = 0; i < at_dialect.n; i++) {
            if (is_kept(&at_dialect.rows[i])) {
                check_row(&r, &at_dialect.rows[i], is_high);
            }
        }
        rig_stop(&r);
        cr_assert_not(exists(bad));
    }
}

Test(nvram, all_records_of_a_row_and_none_come_back) {
    static struct setting_record records[LIMIT_RECORDS];
    static int32_t ints[LIMIT_RECORDS][LIMIT_ARGS];
    static char *texts[LIMIT_ARGS];
    static char x[] = "x";
    const struct at_cmd *row = table_find(&at_dialect, SV("+CGDCONT"));
    const struct setting_record *out = NULL;
    struct rig r;
    for (size_t k = 0; k < LIMIT_ARGS; k++) {
        texts[k] = x;
    }
    for (int32_t i = 0; i < LIMIT_RECORDS; i++) {
        ints[i][0] = i < 24 ? i + 1 : i - 24 + 100;
        records[i] = (struct setting_record){ints[i], texts};
    }
    rig_start(&r);
    setting_set_records(r.module, row, records, LIMIT_RECORDS);
    rig_stop(&r); /* it is written behind it, too */
    rig_start(&r);
    cr_assert_eq(setting_records(r.module, row, &out), LIMIT_RECORDS);
    cr_assert_eq(out[LIMIT_RECORDS - 1].ints[0], 179);
    setting_set_records(r.module, row, NULL, 0);
    rig_stop(&r);
    rig_start(&r);
    cr_assert_eq(setting_records(r.module, row, &out), 0);
    rig_stop(&r);
}

/* -- files that are not as they should be -- */

/* One of each kind. */
static size_t write_sample(void) {
    struct rig r;
    rig_start(&r);
    cr_assert_not_null(r.nv, "%s", r.error);
    setting_set_stored(r.port, SLOT_S7, 99, "");
    setting_set_stored(r.module, SLOT_CSOCKSETPN_PROFILE_NUMBER, 7, "");
    set_record(&r, table_find(&at_dialect, SV("+CGDCONT")), false);
    modem_set_nv_fin(r.modem, true);
    cr_assert_eq(modem_set_sim_codes(r.modem, SV("4321"), SV("12345678")), 0);
    rig_stop(&r);
    return get_file(path);
}

static void expect_factory(const struct rig *r) {
    cr_expect_eq(setting_int(r->port, SLOT_S7), slot_infos[SLOT_S7].def);
    cr_expect_eq(setting_int(r->module, SLOT_CSOCKSETPN_PROFILE_NUMBER), 1);
    cr_expect_not(setting_records_are_changed(r->module, table_find(&at_dialect, SV("+CGDCONT"))));
    cr_expect_not(r->modem->nv_fin);
    cr_expect_str_eq(r->modem->sim.pin, "1234");
}

Test(nvram, a_file_torn_at_any_byte_is_set_aside_and_nothing_of_it_counts) {
    size_t n = write_sample();
    char *whole = xstrdup(text);
    cr_assert_gt(n, 200);
    for (size_t cut = 0; cut + 1 < n; cut++) { /* without its line end it is whole */
        struct rig r;
        remove(bad);
        put_file(whole, cut);
        rig_start(&r);
        cr_assert_not_null(r.nv, "%s", r.error);
        expect_factory(&r);
        rig_stop(&r);
        cr_assert(!exists(path) && exists(bad), "cut at %zu", cut);
        cr_assert_eq(get_file(bad), cut);
    }
    free(whole);
    cr_assert(was_logged("nvram.json is set aside as nvram.json.bad: line"));
}

Test(nvram, what_is_no_nvram_of_this_version_is_set_aside_and_the_log_says_why) {
    static const struct {
        const char *text, *why;
    } table[] = {
        {"", "line"},
        {"\x7f"
         "ELF",
         "line"},
        {"{}", "format"},
        {"[]", "format"},
        {"null", "format"},
        {"{\"format\": 7, \"version\": 1}", "format"},
        {"{\"format\": \"other\", \"version\": 1}", "format"},
        {"{\"format\": \"sim7x00 nvram\"}", "version is 0"},
        {"{\"format\": \"sim7x00 nvram\", \"version\": 2}", "version is 2, not 1"},
        {"{\"format\": \"sim7x00 nvram\", \"version\": \"1\"}", "version is 0"},
        {"{\"format\": \"sim7x00 nvram\", \"version\": 1} x", "line 1"},
        {"{\"format\": \"sim7x00 nvram\", \"version\": 1, \"sim\": \"\\u0000\"}", "line 1"},
        {"{\"format\": \"sim7x00 nvram\", \"version\": 1, \"sim\": \"\xff\"}", "line 1"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct rig r;
        put_file(table[i].text, strlen(table[i].text));
        rig_start(&r);
        cr_assert_not_null(r.nv, "%s", r.error);
        expect_factory(&r);
        rig_stop(&r);
        cr_expect(!exists(path) && exists(bad), "%s", table[i].text);
        cr_expect(was_logged(table[i].why), "%s", table[i].text);
        remove(bad);
    }
}

Test(nvram, what_is_too_large_or_no_file_is_set_aside) {
    struct rig r;
    char *blanks = xmalloc(LIMIT_NVRAM + 1);
    memset(blanks, ' ', LIMIT_NVRAM + 1);
    put_file(blanks, LIMIT_NVRAM + 1);
    free(blanks);
    rig_start(&r);
    cr_assert_not_null(r.nv);
    rig_stop(&r);
    cr_assert(exists(bad) && was_logged("it has more than 1048576 bytes"));
    cr_assert_eq(symlink("/dev/zero", path), 0);
    rig_start(&r);
    cr_assert_not_null(r.nv);
    rig_stop(&r);
    cr_assert(!exists(path) && was_logged("it is no regular file"));
    cr_assert_eq(mkfifo(path, 0600), 0);
    rig_start(&r);
    cr_assert_not_null(r.nv);
    rig_stop(&r);
    cr_assert_not(exists(path));
}

Test(nvram, what_is_not_known_or_not_allowed_is_skipped_and_the_rest_counts) {
    static const char file[] =
        "{\"format\": \"sim7x00 nvram\", \"version\": 1, \"later\": [1], \"settings\": {"
        "\"+NEVER\": {\"n\": 1}, \"+CSQ\": {}, \"+CGDCONT\": {\"cid\": 1}, \"E\": [0], \"V\": 0,"
        "\"S7\": {\"m\": 1, \"n\": 256}, \"S10\": {\"n\": 1.5}, \"S6\": {\"n\": 1e300},"
        "\"+CMEE\": {\"n\": 2}, \"S8\": {\"n\": \"3\"}, \"S0\": {\"n\": 3},"
        "\"bad\\nkey\": {}, \"+CSOCKSETPN\": {\"profile_number\": 25}},"
        "\"records\": {\"E\": [], \"+CGDCONT\": [7, {}, {\"cid\": 25}, {\"APN\": \"x\"},"
        "{\"cid\": 2, \"PDP_type\": \"ipv6\", \"APN\": \"a\\u0141\", \"d_comp\": 3}]},"
        "\"nv_items\": {\"1341\": \"02\", \"7\": \"01\"},"
        "\"sim\": {\"pin\": \"12\", \"is_locked\": 1, \"pin_tries\": 4, \"x\": 1, \"pin2\": 3},"
        "\"sim_files\": {\"7FFF/6F99\": \"00\", \"7FFF/6F31\": \"0\", \"7FFF/6F56\": \"0x\"},"
        "\"phonebook\": {\"0\": \"00\", \"501\": \"00\", \"1\": \"FF\", \"2\": 1}}";
    const struct setting_record *out = NULL;
    const struct at_cmd *row = table_find(&at_dialect, SV("+CGDCONT"));
    struct rig r;
    put_file(file, sizeof file - 1);
    rig_start(&r);
    cr_assert_not_null(r.nv, "%s", r.error);
    cr_assert_not(exists(bad));
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        const struct setting_store *st = slot_infos[slot].is_port ? r.port : r.module;
        int32_t want = slot == SLOT_S0 ? 3 : slot_infos[slot].def;
        cr_expect_eq(setting_int(st, slot), want, "%s", slot_infos[slot].name);
    }
    cr_assert_eq(setting_records(r.module, row, &out), 1);
    cr_assert_eq(out[0].ints[0], 2);
    cr_assert_str_eq(row->params[1].words[out[0].ints[1]], "IPV6");
    cr_assert_str_eq(out[0].texts[2], "");
    cr_assert_str_eq(out[0].texts[3], "0.0.0.0");
    cr_assert_eq(out[0].ints[4], 0);
    cr_assert_not(r.modem->nv_fin);
    cr_assert_str_eq(r.modem->sim.pin, "1234");
    cr_assert_str_eq(r.modem->sim.pin2, "1234");
    cr_assert_eq(r.modem->sim.state, SIM_READY);
    cr_assert_eq(sim_files_changes(r.modem->card), 0);
    cr_assert_eq(phonebook_changes(r.modem->phonebook), 0);
    cr_assert(was_logged("\"+NEVER\" is ignored") && was_logged("\"bad?key\" is ignored"));
    rig_stop(&r);
}

Test(nvram, more_records_than_there_may_be_are_cut) {
    struct rig r;
    const struct setting_record *out = NULL;
    size_t n = (size_t)snprintf(text, sizeof text,
                                "{\"format\": \"sim7x00 nvram\", \"version\": 1, \"records\": "
                                "{\"+CGDCONT\": [");
    for (int i = 0; i < 2 * LIMIT_RECORDS; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"cid\": %d},", 100 + i % 80);
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "{\"cid\": 1}]}}");
    put_file(text, n);
    rig_start(&r);
    cr_assert_eq(setting_records(r.module, table_find(&at_dialect, SV("+CGDCONT")), &out), 80);
    rig_stop(&r);
}

/* Whatever a file says, what counts is what a row allows. */
static void expect_allowed(const struct rig *r) {
    for (size_t i = 0; i < at_dialect.n; i++) {
        const struct at_cmd *row = &at_dialect.rows[i];
        for (size_t k = 0; k < row->nparams; k++) {
            const struct at_param *p = &row->params[k];
            if (p->slot == AT_NO_SLOT || p->type == AT_STR) {
                continue;
            }
            int32_t v = setting_int(store_of(r, row), p->slot);
            cr_assert(p->type == AT_WORD ? v >= 0 && v < p->nwords : table_in_ranges(p, v), "%s",
                      row->name);
        }
    }
}

Test(nvram, damaged_bytes_do_no_harm) {
    size_t n = write_sample();
    char *whole = xstrdup(text);
    struct rng rng = rng_stream(7, "nvram");
    for (int i = 0; i < DAMAGES; i++) {
        static const char likely[] = "0123456789-.e\"{}[],:\\tfn";
        struct rig r;
        memcpy(text, whole, n);
        for (uint64_t k = rng_below(&rng, 3) + 1; k > 0; k--) {
            char *at = &text[rng_below(&rng, n)];
            *at = rng_chance(&rng, 0.5) ? likely[rng_below(&rng, sizeof likely - 1)]
                                        : (char)rng_below(&rng, 256);
        }
        put_file(text, n);
        rig_start(&r);
        cr_assert_not_null(r.nv, "%s", r.error);
        expect_allowed(&r);
        rig_stop(&r);
    }
    free(whole);
}

/* -- writing -- */

static struct rlimit limit;

static void limit_files(rlim_t bytes) {
    struct rlimit small = {bytes, limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
}

Test(nvram, a_full_disk_leaves_the_old_text_and_the_end_tries_again) {
    struct rig r;
    write_sample();
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    char *old = xstrdup(text);
    rig_start(&r);
    setting_set_stored(r.port, SLOT_S7, 11, "");
    limit_files(100);
    nvram_flush(r.nv);
    limit_files(limit.rlim_max);
    get_file(path);
    cr_assert_str_eq(text, old);
    cr_assert(was_logged("the NVRAM is not written: File too large"));
    nvram_flush(r.nv); /* nothing has changed since */
    get_file(path);
    cr_assert_str_eq(text, old);
    rig_stop(&r);
    get_file(path);
    cr_assert_str_neq(text, old);
    free(old);
    rig_start(&r);
    cr_assert_eq(setting_int(r.port, SLOT_S7), 11);
    rig_stop(&r);
}

Test(nvram, a_place_that_cannot_be_written_to_is_told_as_the_system_does) {
    struct nvram_file f;
    char in_the_way[128];
    cr_assert_eq(nvram_file_open(&f, "/dev/full"), -ENOTDIR);
    snprintf(in_the_way, sizeof in_the_way, "%s/a/b/c", folder);
    cr_assert_eq(nvram_file_open(&f, in_the_way), -ENOENT);
    cr_assert_eq(nvram_file_open(&f, "/dev/null/a"), -ENOTDIR);
    snprintf(in_the_way, sizeof in_the_way, "%s/nvram.json.tmp", folder);
    cr_assert_eq(nvram_file_open(&f, folder), 0);
    cr_assert_eq(mkdir(in_the_way, 0700), 0);
    cr_assert_eq(nvram_file_write(&f, "x", 1), -EEXIST);
    cr_assert_eq(rmdir(in_the_way), 0);
    cr_assert_eq(nvram_file_write(&f, "x", LIMIT_NVRAM + 1), -EFBIG);
    cr_assert_eq(nvram_file_write(&f, "x", 1), 0);
    nvram_file_close(&f);
}

/* A pipe would wait for its reader, and what else is behind the name is somebody's. */
Test(nvram, what_lies_where_it_writes_is_neither_opened_nor_written_to) {
    struct nvram_file f;
    char in_the_way[128];
    snprintf(in_the_way, sizeof in_the_way, "%s/nvram.json.tmp", folder);
    cr_assert_eq(nvram_file_open(&f, folder), 0);
    cr_assert_eq(mkfifo(in_the_way, 0600), 0);
    cr_assert_eq(nvram_file_write(&f, "one", 3), 0);
    cr_assert_eq(symlink("/dev/full", in_the_way), 0);
    cr_assert_eq(nvram_file_write(&f, "two", 3), 0);
    char other[128];
    snprintf(other, sizeof other, "%s/other", folder);
    put_file("three", 5);
    cr_assert_eq(rename(path, other), 0);
    cr_assert_eq(link(other, in_the_way), 0);
    cr_assert_eq(nvram_file_write(&f, "four", 4), 0);
    nvram_file_close(&f);
    get_file(other);
    cr_assert_str_eq(text, "three");
    get_file(path);
    cr_assert_str_eq(text, "four");
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    cr_assert_eq(unlink(other), 0);
}

Test(nvram, nothing_changed_writes_nothing) {
    struct rig r;
    rig_start(&r);
    nvram_flush(r.nv);
    setting_set_int(r.port, SLOT_S7, 11); /* not stored yet */
    nvram_flush(r.nv);
    rig_stop(&r);
    cr_assert_not(exists(path));
}

Test(nvram, a_folder_is_one_modules_and_is_free_behind_it) {
    struct rig r;
    struct rig second;
    rig_start(&r);
    rig_start(&second);
    cr_assert_null(second.nv);
    cr_assert_not_null(strstr(second.error, folder));
    cr_assert_not_null(strstr(second.error, "another process has it"));
    rig_stop(&second);
    rig_stop(&r);
    rig_start(&r);
    cr_assert_not_null(r.nv, "%s", r.error);
    rig_stop(&r);
}

/* -- behind commands -- */

static struct unit_rig unit;

#define ask(command, want) unit_rig_ask(&unit, command, want)

static void unit_start(void) {
    char error[NVRAM_ERROR];
    unit_rig_start(&unit, "sim7600e");
    cr_assert(unit_keep(unit.unit, folder, error), "%s", error);
}

Test(nvram, what_was_answered_ok_is_stored_by_then) {
    unit_start();
    ask("ATS7=5", OK);
    cr_assert_not(exists(path));
    ask("ATS7=9;&W", OK);
    get_file(path);
    cr_assert_not_null(strstr(text, "\"S7\""));
    cr_assert_null(strstr(text, "+CGDCONT"));
    ask("AT+CGDCONT=1,\"IP\",\"internet\"", OK);
    get_file(path);
    cr_assert_not_null(strstr(text, "internet"));
    ask("AT+CNVW=1341,0,\"01\"", OK);
    unit_rig_stop(&unit);
    unit_start();
    ask("ATS7?", LINE("009") OK);
    ask("AT+CGDCONT?", LINE("+CGDCONT: 1,\"IP\",\"internet\",\"0.0.0.0\",0,0,0,0") OK);
    cr_assert(unit.modem->nv_fin);
    /* AT&F is not stored until AT&W. */
    ask("AT&F", OK);
    unit_rig_stop(&unit);
    unit_start();
    ask("ATS7?", LINE("009") OK);
    ask("AT&FE0&W", OK);
    unit_rig_stop(&unit);
    unit_start();
    ask("ATS7?", LINE("000") OK);
    unit_rig_stop(&unit);
}

/* AT+CGPSAUTO, AT+CGNSSMODE: the daemon's start is the module's. */
Test(nvram, the_receiver_starts_with_what_is_stored) {
    unit_start();
    ask("AT+CGPSAUTO=1;+CGNSSMODE=4", OK);
    cr_assert_eq(unit.modem->gnss.state, GNSS_OFF);
    unit_rig_stop(&unit);
    unit_start();
    cr_assert_eq(unit.modem->gnss.state, GNSS_SEARCHING);
    cr_assert_eq(unit.modem->gnss.session.systems, 1u << GNSS_GPS | 1u << GNSS_GALILEO);
    unit_rig_stop(&unit);
}

Test(nvram, the_card_keeps_what_was_written_into_its_files_and_its_second_pin) {
    unit_start();
    ask("AT+CRSM=214,28539,0,0,3,\"62F220\"", LINE("+CRSM: 144,0") OK);
    ask("AT+CSIM=42,\"002400811031323334FFFFFFFF35353535FFFFFFFF\"", LINE("+CSIM: 4,\"9000\"") OK);
    unit_rig_stop(&unit);
    unit_start();
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CRSM=176,28539,0,0,4", LINE("+CRSM: 144,0,\"62F220FF\"") OK);
    cr_assert_str_eq(unit.modem->sim.pin2, "5555");
    cr_assert_eq(sim_enter_pin2(&unit.modem->sim, SV("1")), -EACCES);
    unit_rig_stop(&unit);
    unit_start();
    cr_assert_eq(unit.modem->sim.pin2_tries, SIM_PIN_TRIES - 1);
    unit_rig_stop(&unit);
}

Test(nvram, the_modules_own_phone_book_is_kept) {
    unit_start();
    ask("AT+CPBS=\"ME\"", OK);
    ask("AT+CPBW=500,\"110\",129,\"a\"", OK);
    unit_rig_stop(&unit);
    unit_start();
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CPBS=\"ME\"", OK);
    ask("AT+CPBR=1,500", LINE("+CPBR: 500,\"110\",129,\"a\"") OK);
    ask("AT+CPBW=500", OK);
    unit_rig_stop(&unit);
    unit_start();
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CPBS=\"ME\";+CPBR=1,500", OK);
    unit_rig_stop(&unit);
}

static void count_line(void *ctx, const char *line) {
    int *lines = ctx;
    *lines += strstr(line, "BTPAIRED") != NULL ? 1 : 0;
}

Test(nvram, who_is_paired_over_bluetooth_is_known_again) {
    int lines = 0;
    unit_start();
    ask("AT+BTPOWER=1;+BTIOCAP=3;+BTSCAN=1,0,6", LINE("+BTIOCAP: 1") OK);
    unit_rig_pass(&unit, CLK_S(6));
    unit_rig_read(&unit);
    ask("AT+BTPAIR=0,4", OK);
    unit_rig_pass(&unit, CLK_S(1));
    ask("AT+BTPAIR=0,5", LINE("+BTPAIR: 1, ww\xe7\x82\xb8, C4:0B:CB:3E:68:62") OK);
    unit_rig_pass(&unit, CLK_S(1));
    ask("AT+BTUNPAIR=1", LINE("+BTPAIR: 1, ofo, F7:51:3B:1F:AF:B5") OK LINE("+BTUNPAIR: 1"));
    unit_settings(unit.unit, count_line, &lines);
    cr_assert_eq(lines, 0); /* no command would set it */
    unit_rig_stop(&unit);
    unit_start();
    unit_rig_type(&unit, "AT&FE0\r");
    unit_rig_read(&unit);
    ask("AT+BTPAIRED?", OK LINE("+BTPAIRED: 1, 1, ofo, F7:51:3B:1F:AF:B5"));
    unit_rig_stop(&unit);
}

Test(nvram, the_card_keeps_its_lock_its_pin_and_its_tries) {
    unit_start();
    modem_set_sim(unit.modem, SIM_PUK);
    unit_rig_expect(&unit, LINE("+CPIN: SIM PUK"));
    ask("AT+CPIN=\"12345678\",\"4444\"", OK LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
    unit_rig_stop(&unit);
    unit_start();
    unit_rig_expect(&unit, LINE("+CPIN: SIM PIN"));
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CPIN=\"1234\"", LINE("+CME ERROR: 16"));
    unit_rig_stop(&unit);
    unit_start();
    unit_rig_read(&unit);
    cr_assert_eq(unit.modem->sim.pin_tries, SIM_PIN_TRIES - 1);
    cr_assert_str_eq(unit.modem->sim.pin, "4444");
    modem_enter_pin(unit.modem, SV("1"));
    modem_enter_pin(unit.modem, SV("1"));
    unit_rig_stop(&unit);
    unit_start();
    cr_assert_eq(unit.modem->sim.state, SIM_PUK);
    unit_rig_stop(&unit);
}

Test(nvram, wifi_is_kept_with_all_of_its_access_points) {
    unit_start();
    ask("ATE0&W", OK);
    ask("AT+CWMAPCFG=\"enablessid2\",1;+CWMAPCFG=\"configselect\",1", OK);
    ask("AT+CWSSID=\"a\xd6\xd0\";+CWAUTH=2,1,\"12345\";+CWBCAST=0;+CWISO=1;+CWMOCH=2,11", OK);
    ask("AT+CWLANSRV=0,1024,1;+CWNAT=1", OK);
    unit_rig_stop(&unit);
    unit_start();
    ask("AT+CWMAPCFG?;+CWSSID?;+CWAUTH?",
        LINE("+CWMAPCFG: 1,1") LINE("+CWSSID: \"a\xd6\xd0\"") LINE("+CWAUTH: 2,1, \"12345\"") OK);
    ask("AT+CWBCAST?;+CWISO?;+CWMOCH?;+CWLANSRV?;+CWNAT?",
        LINE("+CWBCAST: 0") LINE("+CWISO: 1") LINE("+CWMOCH: 2,11")
            LINE("+CWLANSRV: 192.168.225.1,1024,1") LINE("+CWNAT: 1") OK);
    ask("AT+CWMAPCFG=\"enablessid2\",2;+CWSTACFG=\"net\",,,\"key\";+CWMAP=0", OK);
    unit_rig_stop(&unit);
    unit_start();
    ask("AT+CWSTACFG?;+CWMAP?", LINE("+CWSTACFG: \"net\",,,\"key\"") LINE("+CWMAP: 0") OK);
    ask("AT+CWRSTD", OK);
    unit_rig_stop(&unit);
    get_file(path);
    cr_assert_null(strstr(text, "wifi"), "what is as from the factory is not written");
}

Test(nvram, wifi_that_could_not_have_been_set_does_not_count) {
    static const char *const cases[] = {
        "{\"mode\": 3}",
        "{\"mode\": -1}",
        "{\"mode\": 1.5}",
        "{\"selected\": 1}",
        "{\"mode\": 1, \"selected\": -1}",
        "{\"port\": 1023}",
        "{\"port\": 1e300}",
        "{\"is_on\": 0}",
        "{\"ssid\": \"123456789012345678901234567890123\"}",
        "{\"ssid\": \"\\u0141\"}",
        "{\"points\": [{}, {}, {}, {}]}",
        "{\"points\": [{\"ssid\": \"\"}]}",
        "{\"points\": [{}, {\"auth\": 6}]}",
        "{\"points\": [{}, {\"auth\": 2}]}",
        "{\"points\": [{\"encrypt\": 0}]}",
        "{\"points\": [{\"password\": \"1234567\"}]}",
        "{\"points\": [{\"standard\": 1}]}",
        "{\"points\": [{\"channel\": 12}]}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char file[256];
        struct rig r;
        int n = snprintf(file, sizeof file,
                         "{\"format\": \"sim7x00 nvram\", \"version\": 1, \"wifi\": %s}", cases[i]);
        put_file(file, (size_t)n);
        rig_start(&r);
        cr_assert_not_null(r.nv, "%s", r.error);
        cr_assert(nvram_wifi_is_same(&r.modem->wifi->cfg, &wifi_factory), "%s", cases[i]);
        rig_stop(&r);
    }
    cr_assert(was_logged("\"wifi\" is ignored"));
}

Test(nvram, another_ports_profile_is_kept_and_counts_for_all) {
    struct chan other;
    struct chan_mem mem;
    char error[NVRAM_ERROR];
    char got[256];
    for (int start = 0; start < 2; start++) {
        unit_rig_start(&unit, "sim7600e");
        chan_init(&other, "modem");
        chan_mem_init(&mem, &other, unit.clk);
        unit_add_port(unit.unit, CMD_MODEM, &other);
        cr_assert(unit_keep(unit.unit, folder, error), "%s", error);
        const char *say = start == 0 ? "ATE0S7=9&W\r" : "ATS7?\r";
        chan_mem_put(&mem, say, strlen(say));
        fake_host_settle(unit.fake, unit.clk);
        got[chan_mem_get(&mem, got, sizeof got - 1)] = '\0';
        cr_assert_str_eq(got, start == 0 ? "ATE0S7=9&W\r" OK : LINE("009") OK);
        unit_rig_stop(&unit);
        chan_mem_fini(&mem);
        chan_fini(&other);
    }
}
