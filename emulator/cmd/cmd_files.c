/* cmd_files.c: the file system's commands and moving files over the port (V3.00 20.2). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "base/obj.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/files.h"
#include "handlers.h"

enum { INFO_NAME = 2 * LIMIT_FILE_PATH + sizeof "{non-ascii}\"\"" };

static struct files *files_of(struct at_req *rq) {
    return cmd_of(rq)->modem->files;
}

static void answer(struct at_req *rq, int rc) {
    if (rc == 0) {
        at_ok(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

/* -- names as they are typed and printed -- */

/* {non-ascii}"E6B58B" are the bytes of a name in UTF-8; small letters do, too (guess). */
static int decode(struct at_req *rq, struct sv hex, struct sv *out) {
    char *text = at_alloc(rq, hex.n / 2 + 1);
    *out = (struct sv){text, hex.n / 2};
    return hex_parse(hex, text, hex.n / 2) < 0 ? -EILSEQ : 0;
}

static bool is_ascii(struct sv text) {
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static bool is_marked(const struct at_arg *arg) {
    return arg->kind == AT_ARG_BARE && sv_starts_nocase(arg->text, SV("{non-ascii}\""));
}

/* Other characters than ASCII come by their bytes only (guess). */
static int name_of(struct at_req *rq, size_t i, struct sv *out) {
    const struct at_arg *arg = at_arg(rq, i);
    if (is_marked(arg)) {
        const size_t mark = sizeof "{non-ascii}\"" - 1;
        return decode(rq, sv_slice(arg->text, mark, arg->text.n - mark - 1), out);
    }
    *out = arg->text;
    return is_ascii(arg->text) ? 0 : -EILSEQ;
}

static int path_of(struct at_req *rq, size_t i, struct files_path *out) {
    struct sv name;
    int rc = name_of(rq, i, &name);
    return rc != 0 ? rc : files_path(files_of(rq), name, out);
}

static int child_of(struct at_req *rq, size_t i, struct files_path *out) {
    struct sv name;
    int rc = name_of(rq, i, &name);
    return rc != 0 ? rc : files_child(files_of(rq), name, out);
}

/* A listing shows a name as it would be typed (guess). */
static void info_name(struct at_req *rq, struct sv name) {
    if (is_ascii(name)) {
        at_info_raw(rq, name.p, name.n);
        return;
    }
    char text[INFO_NAME];
    size_t n = (size_t)snprintf(text, sizeof text, "{non-ascii}\"");
    must(name.n <= LIMIT_FILE_PATH);
    hex_print(name.p, name.n, text + n);
    n += 2 * name.n;
    text[n++] = '"';
    at_info_raw(rq, text, n);
}

/* -- folders; their names are not quoted (V3.00 20.2.1 to 20.2.3) -- */

static bool is_quoted(const struct at_req *rq) {
    return at_arg(rq, 0)->kind == AT_ARG_QUOTED;
}

/* A slash also ends what is no root (guess). */
void cmd_fscd(struct at_req *rq) {
    struct files *f = files_of(rq);
    if (at_form_of(rq) == AT_WRITE && (is_quoted(rq) || files_change(f, at_text(rq, 0)) != 0)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    const char *path = files_current(f);
    at_info(rq, "+FSCD: %s%s", path, path[strlen(path) - 1] == '/' ? "" : "/");
    at_ok(rq);
}

void cmd_fsmkdir(struct at_req *rq) {
    struct files_path path;
    int rc = is_quoted(rq) ? -EILSEQ : files_child(files_of(rq), at_text(rq, 0), &path);
    answer(rq, rc != 0 ? rc : files_make_folder(files_of(rq), &path));
}

void cmd_fsrmdir(struct at_req *rq) {
    struct files_path path;
    int rc = is_quoted(rq) ? -EILSEQ : files_child(files_of(rq), at_text(rq, 0), &path);
    answer(rq, rc != 0 ? rc : files_remove_folder(files_of(rq), &path));
}

enum listing_type { LIST_BOTH, LIST_FOLDERS, LIST_FILES };

/* How far a listing is; lives in the request. */
struct listing {
    enum listing_type group, last;
    size_t pos;
    bool has_header, has_text;
};

/* Groups without names are left out; a blank line stands between two. */
static void list(struct at_req *rq) {
    struct listing *l = at_data(rq);
    struct sv name;
    while (l->group <= l->last) {
        if (at_wait_drained(rq, list)) {
            return;
        }
        if (!files_next(files_of(rq), l->group == LIST_FOLDERS, &l->pos, &name)) {
            *l = (struct listing){l->group + 1, l->last, .has_text = l->has_text};
            continue;
        }
        if (!l->has_header && l->has_text) {
            at_info_raw(rq, "", 0);
        }
        if (!l->has_header) {
            at_info(rq, "+FSLS: %s:", l->group == LIST_FOLDERS ? "SUBDIRECTORIES" : "FILES");
        }
        l->has_header = l->has_text = true;
        info_name(rq, name);
    }
    at_ok(rq);
}

static unsigned count(const struct files *f, bool is_folder) {
    unsigned n = 0;
    size_t pos = 0;
    struct sv name;
    while (files_next(f, is_folder, &pos, &name)) {
        n++;
    }
    return n;
}

void cmd_fsls(struct at_req *rq) {
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+FSLS: SUBDIRECTORIES:%u,FILES:%u", count(files_of(rq), true),
                count(files_of(rq), false));
        at_ok(rq);
        return;
    }
    int type = at_form_of(rq) == AT_WRITE ? at_int(rq, 0) : LIST_BOTH;
    struct listing *l = at_alloc(rq, sizeof *l);
    l->group = type == LIST_FILES ? LIST_FILES : LIST_FOLDERS;
    l->last = type == LIST_FOLDERS ? LIST_FOLDERS : LIST_FILES;
    at_set_data(rq, l);
    list(rq);
}

/* -- files -- */

void cmd_fsdel(struct at_req *rq) {
    if (sv_eq(at_text(rq, 0), SV("*.*"))) {
        answer(rq, files_remove_all(files_of(rq)));
        return;
    }
    struct files_path path;
    int rc = child_of(rq, 0, &path);
    answer(rq, rc != 0 ? rc : files_remove(files_of(rq), &path));
}

void cmd_fsrename(struct at_req *rq) {
    struct files_path from;
    struct files_path to;
    int rc = child_of(rq, 0, &from);
    rc = rc != 0 ? rc : child_of(rq, 1, &to);
    answer(rq, rc != 0 ? rc : files_rename(files_of(rq), &from, &to));
}

/* The examples have a blank behind the comma, and weekdays that are not those of their dates. */
void cmd_fsattri(struct at_req *rq) {
    struct files_path path;
    struct files_info info;
    int rc = child_of(rq, 0, &path);
    rc = rc != 0 ? rc : files_stat(files_of(rq), &path, &info);
    if (rc != 0 || info.is_folder) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    char date[64];
    struct tm tm;
    const time_t seconds = (time_t)(info.created.us / 1000000);
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y/%m/%d %H:%M:%S %a", &tm);
    at_info(rq, "+FSATTRI: %zu, %s", info.size, date);
    at_ok(rq);
}

void cmd_fsmem(struct at_req *rq) {
    const struct files_usage u = files_usage(files_of(rq));
    at_info(rq, "+FSMEM: %c:(%zu, %zu)", u.drive, u.total, u.used);
    at_ok(rq);
}

/* Which text belongs to which fault is a guess, the texts are those of V3.00 20.2.10. */
static const char *copy_fault(int rc, char drive) {
    switch (rc) {
    case -ENODEV:
        return "SD CARD NOT PLUGGED IN";
    case -EEXIST:
        return "FILE IS EXISTING";
    case -ENOENT:
        return "FILE NOT EXISTING";
    case -EISDIR:
        return "DIRECTORY IS EXISTED";
    case -ENOTDIR:
        return "DIRECTORY NOT EXISTED";
    case -EILSEQ:
        return "INVALID FILE NAME";
    case -ENOSPC:
        return drive == 'D' ? "SD CARD HAVE NO ENOUGH MEMORY" : "EFS HAVE NO ENOUGH MEMORY";
    case -ENFILE:
    case -EIO:
        return "FILE CREATE ERROR";
    default:
        return "INVALID PATH NAME"; /* also from C: to another drive, and back */
    }
}

static void tell_progress(struct at_req *rq, bool is_async, int percent) {
    char text[32];
    snprintf(text, sizeof text, "+FSCOPY: %d.0", percent);
    if (is_async) {
        urc_post(cmd_of(rq)->session, URC_EVENT, "%s", text);
    } else {
        at_info_alone(rq, text);
    }
}

/* Copying takes no time; a large file is shown in tens of percent (guess). */
void cmd_fscopy(struct at_req *rq) {
    enum { LARGE = 65536 };
    struct files *f = files_of(rq);
    bool is_async = at_int(rq, 2) != 0;
    struct files_path from;
    struct files_path to = {""};
    struct files_info info = {0};
    int rc = path_of(rq, 0, &from);
    rc = rc != 0 ? rc : path_of(rq, 1, &to);
    rc = rc != 0 ? rc : files_copy(f, &from, &to);
    rc = rc != 0 ? rc : files_stat(f, &to, &info);
    if (rc != 0) {
        at_info(rq, "%s", copy_fault(rc, to.text[0]));
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    tell_progress(rq, is_async, 1);
    for (int percent = 10; percent < 100 && info.size >= LARGE; percent += 10) {
        tell_progress(rq, is_async, percent);
    }
    tell_progress(rq, is_async, 100);
    if (is_async) {
        /* Behind the result, as the others are. */
        urc_post(cmd_of(rq)->session, URC_EVENT, "+FSCOPY: END");
    }
    at_ok(rq);
}

/* -- files over the port -- */

/* What is under way; lives in the request. */
struct transfer {
    struct files_path path;
    size_t at, left;
};

/* The whole path in quotes, drive and all (V3.00 20.2.11). NULL: it is not. */
static struct transfer *transfer_of(struct at_req *rq) {
    const struct at_arg *arg = at_arg(rq, 0);
    struct sv typed;
    struct transfer *t = at_alloc(rq, sizeof *t);
    if ((arg->kind != AT_ARG_QUOTED && !is_marked(arg)) || name_of(rq, 0, &typed) != 0 ||
        typed.n < 2 || typed.p[1] != ':' || files_path(files_of(rq), typed, &t->path) != 0) {
        return NULL;
    }
    at_set_data(rq, t);
    return t;
}

static void on_file(struct at_req *rq, const uint8_t *p, size_t n) {
    const struct transfer *t = at_data(rq);
    answer(rq, files_create(files_of(rq), &t->path, p, n));
}

/* What cannot be stored is refused before the prompt; a file that is there is not overwritten
 * (hosts delete it first). Of no bytes there is nothing to prompt for (guess). */
void cmd_cftranrx(struct at_req *rq) {
    const struct transfer *t = transfer_of(rq);
    size_t n = (size_t)at_int(rq, 1);
    if (t == NULL || files_may_create(files_of(rq), &t->path, n) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
    } else if (n == 0) {
        on_file(rq, (const uint8_t *)"", 0);
    } else {
        at_prompt(rq, ">", n, n, on_file);
    }
}

static void send_blocks(struct at_req *rq) {
    struct transfer *t = at_data(rq);
    while (t->left > 0) {
        if (at_wait_drained(rq, send_blocks)) {
            return;
        }
        uint8_t block[LIMIT_FILE_BLOCK];
        size_t want = t->left < sizeof block ? t->left : sizeof block;
        int n = files_read(files_of(rq), &t->path, t->at, block, want);
        if (n <= 0) {
            at_fail(rq, AT_ERR_PLAIN); /* it went away meanwhile */
            return;
        }
        at_info(rq, "+CFTRANTX: DATA,%03d", n);
        at_info_raw(rq, block, (size_t)n);
        t->at += (size_t)n;
        t->left -= (size_t)n;
    }
    at_info_alone(rq, "+CFTRANTX: 0");
    at_ok(rq);
}

/* A part that begins behind the end is refused, one that only ends there is cut (guess). */
void cmd_cftrantx(struct at_req *rq) {
    struct transfer *t = transfer_of(rq);
    struct files_info info;
    if (t == NULL || at_has(rq, 1) != at_has(rq, 2) ||
        files_stat(files_of(rq), &t->path, &info) != 0 || info.is_folder) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    t->at = at_has(rq, 1) ? (size_t)at_int(rq, 1) : 0;
    if (t->at > info.size) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    t->left = info.size - t->at;
    if (at_has(rq, 2) && (size_t)at_int(rq, 2) < t->left) {
        t->left = (size_t)at_int(rq, 2);
    }
    send_blocks(rq);
}
