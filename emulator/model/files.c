#include "emulator/model/files.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/files_host.h"
#include "emulator/model/sdcard.h"

enum { ROOT = 3 }; /* characters of "C:/" */

/* V3.00 20.1. C: as the example of 20.2.8 has it, what the module itself uses of it included; the
 * other sizes are a guess, small enough to be held in memory. */
static const struct {
    char letter;
    bool is_card;
    size_t total, reserved;
} drives[] = {
    {'C', false, 11348480, 2201600},
    {'D', true, 16 << 20, 0},
    {'E', false, 8 << 20, 0},
    {'F', false, 2 << 20, 0},
};
enum { NDRIVES = sizeof drives / sizeof drives[0] };

struct entry {
    char *path;
    struct files_info info;
    uint8_t *mem;
    size_t room; /* of mem, where it has grown; 0: as much as is in it */
};

struct files {
    uint32_t magic;
#define FILES_MAGIC 0xf11e5000u
    struct clk *clk;
    struct entry *entries; /* in the order of their paths; roots are not among them */
    size_t n, cap;
    bool is_card_out;
    struct sdcard card;
    struct files_path current;
    struct files_host *host; /* NULL: in memory only */
};

static void go_home(struct files *f) {
    f->current = (struct files_path){"C:/"};
}

struct files *files_new(struct clk *clk) {
    struct files *f = xmalloc(sizeof *f);
    OBJ_INIT(f, FILES_MAGIC);
    f->clk = clk;
    sdcard_init(&f->card);
    go_home(f);
    return f;
}

static void entry_fini(struct entry *e) {
    free(e->path);
    free(e->mem);
}

void files_free(struct files *f) {
    if (f == NULL) {
        return;
    }
    CHECK_OBJ(f, FILES_MAGIC);
    for (size_t i = 0; i < f->n; i++) {
        entry_fini(&f->entries[i]);
    }
    free(f->entries);
    files_host_free(f->host);
    OBJ_FINI(f);
    free(f);
}

/* -- names and paths -- */

static int drive_of(char letter) {
    for (int i = 0; i < NDRIVES; i++) {
        if (drives[i].letter == toupper((unsigned char)letter)) {
            return i;
        }
    }
    return -1;
}

static bool is_root(const char *path) {
    return path[ROOT] == '\0';
}

/* Bytes of the UTF-8 character at p, at most n there; 0: none (RFC 3629). */
static size_t utf8_length(const uint8_t *p, size_t n) {
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t len = 1; len <= 4 && len <= n; len++) {
        if ((p[0] & forms[len - 1].mask) != forms[len - 1].lead) {
            continue;
        }
        uint32_t c = p[0] & (uint8_t)~forms[len - 1].mask;
        for (size_t i = 1; i < len; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return 0;
            }
            c = c << 6 | (p[i] & 0x3f);
        }
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
        return c >= forms[len - 1].least && c <= 0x10ffff && !is_surrogate ? len : 0;
    }
    return 0;
}

/* V3.00 20.1: begins with a letter, digit or underscore, ends with no dot, and what is forbidden in
 * between. Control characters and what is no UTF-8 are refused, too (guess). */
static bool is_name(struct sv name) {
    const uint8_t *p = (const uint8_t *)name.p;
    if (name.n == 0 || name.p[name.n - 1] == '.' ||
        !(isalnum(p[0]) || p[0] == '_' || p[0] >= 0x80)) {
        return false;
    }
    for (size_t i = 0; i < name.n;) {
        size_t len = utf8_length(p + i, name.n - i);
        if (len == 0 || p[i] < ' ' || p[i] == 0x7f || strchr("\\:*?\"<>|,;/", p[i]) != NULL) {
            return false;
        }
        i += len;
    }
    return true;
}

static size_t parent_length(const char *path) {
    size_t n = (size_t)(strrchr(path, '/') - path);
    return n < ROOT ? ROOT : n;
}

/* One component behind what is there already. */
static int descend(struct files_path *path, struct sv name) {
    if (sv_eq(name, SV(".."))) {
        path->text[parent_length(path->text)] = '\0';
        return 0;
    }
    if (!is_name(name)) {
        return -EILSEQ;
    }
    size_t n = strlen(path->text);
    bool has_slash = is_root(path->text);
    if (n + !has_slash + name.n > LIMIT_FILE_PATH) {
        return -ENAMETOOLONG;
    }
    if (!has_slash) {
        path->text[n++] = '/';
    }
    memcpy(path->text + n, name.p, name.n);
    path->text[n + name.n] = '\0';
    return 0;
}

static int check_card(const struct files *f, const struct files_path *path) {
    return drives[drive_of(path->text[0])].is_card && f->is_card_out ? -ENODEV : 0;
}

void files_set_card(struct files *f, bool is_in) {
    CHECK_OBJ(f, FILES_MAGIC);
    f->is_card_out = !is_in;
    if (check_card(f, &f->current) != 0) {
        go_home(f);
    }
}

int files_path(const struct files *f, struct sv typed, struct files_path *out) {
    CHECK_OBJ(f, FILES_MAGIC);
    *out = f->current;
    if (typed.n >= 2 && typed.p[1] == ':') {
        int drive = drive_of(typed.p[0]);
        if (drive < 0 || (typed.n > 2 && typed.p[2] != '/')) {
            return -EINVAL;
        }
        *out = (struct files_path){{drives[drive].letter, ':', '/'}};
        typed = sv_slice(typed, ROOT, typed.n);
    } else if (typed.n == 0) {
        return -EINVAL;
    }
    while (typed.n > 0) {
        const char *slash = memchr(typed.p, '/', typed.n);
        size_t n = slash != NULL ? (size_t)(slash - typed.p) : typed.n;
        int rc = descend(out, sv_slice(typed, 0, n));
        if (rc != 0) {
            return rc;
        }
        if (n + 1 == typed.n) {
            return -EILSEQ; /* no name ends with a slash */
        }
        typed = sv_slice(typed, n + 1, typed.n);
    }
    return check_card(f, out);
}

int files_child(const struct files *f, struct sv name, struct files_path *out) {
    CHECK_OBJ(f, FILES_MAGIC);
    *out = f->current;
    int rc = is_name(name) ? descend(out, name) : -EILSEQ;
    return rc != 0 ? rc : check_card(f, out);
}

/* -- entries -- */

/* Where it is, or would be. */
static size_t place_of(const struct files *f, const char *path) {
    size_t lo = 0;
    size_t hi = f->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(f->entries[mid].path, path) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static struct entry *find(const struct files *f, const char *path) {
    size_t i = place_of(f, path);
    return i < f->n && strcmp(f->entries[i].path, path) == 0 ? &f->entries[i] : NULL;
}

static bool is_folder(const struct files *f, const char *path) {
    const struct entry *e = find(f, path);
    return is_root(path) || (e != NULL && e->info.is_folder);
}

static struct entry *find_file(const struct files *f, const struct files_path *path) {
    struct entry *e = find(f, path->text);
    return e != NULL && !e->info.is_folder ? e : NULL;
}

static bool has_parent(const struct files *f, const struct files_path *path) {
    struct files_path parent = *path;
    parent.text[parent_length(path->text)] = '\0';
    return is_folder(f, parent.text);
}

/* The name of an entry right inside of a folder; NULL: it is none. */
static const char *name_inside(const struct entry *e, const struct files_path *folder) {
    size_t n = strlen(folder->text);
    if (strncmp(e->path, folder->text, n) != 0) {
        return NULL;
    }
    if (!is_root(folder->text) && e->path[n++] != '/') {
        return NULL;
    }
    const char *name = e->path + n;
    return *name != '\0' && strchr(name, '/') == NULL ? name : NULL;
}

static void insert(struct files *f, struct entry e) {
    size_t i = place_of(f, e.path);
    if (f->n == f->cap) {
        f->cap = f->cap > 0 ? 2 * f->cap : 16;
        f->entries = xrealloc(f->entries, f->cap * sizeof *f->entries);
    }
    memmove(&f->entries[i + 1], &f->entries[i], (f->n - i) * sizeof *f->entries);
    f->entries[i] = e;
    f->n++;
}

/* Takes it out of the list; the entry is the caller's. */
static struct entry take(struct files *f, struct entry *at) {
    struct entry e = *at;
    size_t i = (size_t)(at - f->entries);
    memmove(at, at + 1, (f->n - i - 1) * sizeof *f->entries);
    f->n--;
    return e;
}

static void drop(struct files *f, struct entry *at) {
    struct entry e = take(f, at);
    entry_fini(&e);
}

/* The card is larger than what is kept of it; D: is its first partition (guess). */
static size_t total_of(const struct files *f, int drive) {
    size_t total = drives[drive].total;
    size_t partition = (size_t)f->card.kb[0] * 1024;
    return drives[drive].is_card && partition < total ? partition : total;
}

static size_t used_of(const struct files *f, int drive) {
    size_t used = drives[drive].reserved;
    for (size_t i = 0; i < f->n; i++) {
        used += f->entries[i].path[0] == drives[drive].letter ? f->entries[i].info.size : 0;
    }
    return used;
}

/* -- the host's folder -- */

/* How far a load is. */
struct load {
    struct files *files;
    struct files_path folder;
    unsigned left_out;
};

/* Whether the module can have it; `path` is where. */
static bool is_fit(const struct files *f, const struct files_found *what, struct files_path *path) {
    int drive = drive_of(path->text[0]);
    return !what->is_other && is_name(sv_of(what->name)) && descend(path, sv_of(what->name)) == 0 &&
           f->n < LIMIT_FILES && what->size <= total_of(f, drive) - used_of(f, drive);
}

static void on_found(void *ctx, const struct files_found *what) {
    struct load *l = ctx;
    struct files_path path = l->folder;
    uint8_t *mem = NULL;
    bool is_good = is_fit(l->files, what, &path);
    if (is_good && what->size > 0) {
        mem = xmalloc(what->size);
        is_good = files_host_read(l->files->host, path.text, mem, what->size) == 0;
    }
    if (!is_good) {
        LOG(LOG_MODEL, LOG_INFO, "files", "%s: left out: %s", l->folder.text, what->name);
        l->left_out++;
        free(mem);
        return;
    }
    insert(l->files, (struct entry){.path = xstrdup(path.text),
                                    .info = {what->is_folder, what->size, what->changed},
                                    .mem = mem});
}

static void load(struct files *f) {
    struct load l = {.files = f};
    while (f->n > 0) {
        drop(f, &f->entries[f->n - 1]);
    }
    for (size_t i = 0; i < NDRIVES; i++) {
        l.folder = (struct files_path){{drives[i].letter, ':', '/'}};
        files_host_scan(f->host, l.folder.text, on_found, &l);
    }
    /* What stands in a folder is put in behind it, and so is looked at in its turn. */
    for (size_t i = 0; i < f->n; i++) {
        if (f->entries[i].info.is_folder) {
            must(sv_copy(sv_of(f->entries[i].path), l.folder.text, sizeof l.folder.text) == 0);
            files_host_scan(f->host, l.folder.text, on_found, &l);
        }
    }
    if (l.left_out > 0) {
        LOG(LOG_MODEL, LOG_WARN, "files", "%u left out that the module cannot have", l.left_out);
    }
}

int files_keep(struct files *f, const char *folder) {
    CHECK_OBJ(f, FILES_MAGIC);
    must(f->host == NULL);
    char letters[NDRIVES + 1] = "";
    for (size_t i = 0; i < NDRIVES; i++) {
        letters[i] = drives[i].letter;
    }
    int err = 0;
    f->host = files_host_new(folder, letters, &err);
    if (err == 0) {
        load(f);
    }
    return err;
}

void files_restart(struct files *f) {
    CHECK_OBJ(f, FILES_MAGIC);
    go_home(f);
    if (f->host != NULL) {
        load(f);
    }
}

struct files_usage files_usage(struct files *f) {
    CHECK_OBJ(f, FILES_MAGIC);
    int drive = drive_of(f->current.text[0]);
    return (struct files_usage){drives[drive].letter, total_of(f, drive), used_of(f, drive)};
}

/* -- what is done with them -- */

const char *files_current(const struct files *f) {
    CHECK_OBJ(f, FILES_MAGIC);
    return f->current.text;
}

int files_change(struct files *f, struct sv typed) {
    struct files_path path;
    size_t n = typed.n > 0 && typed.p[typed.n - 1] == '/' ? typed.n - 1 : typed.n;
    int rc = files_path(f, sv_slice(typed, 0, n), &path);
    if (rc == 0 && !is_folder(f, path.text)) {
        rc = -ENOENT;
    }
    if (rc == 0) {
        f->current = path;
    }
    return rc;
}

int files_stat(const struct files *f, const struct files_path *path, struct files_info *out) {
    CHECK_OBJ(f, FILES_MAGIC);
    const struct entry *e = find(f, path->text);
    if (e == NULL) {
        return has_parent(f, path) ? -ENOENT : -ENOTDIR;
    }
    *out = e->info;
    return 0;
}

int files_may_create(const struct files *f, const struct files_path *path, size_t n) {
    CHECK_OBJ(f, FILES_MAGIC);
    if (is_folder(f, path->text)) {
        return -EISDIR;
    }
    if (find(f, path->text) != NULL) {
        return -EEXIST;
    }
    if (!has_parent(f, path)) {
        return -ENOTDIR;
    }
    if (f->n == LIMIT_FILES) {
        return -ENFILE;
    }
    int drive = drive_of(path->text[0]);
    return n > total_of(f, drive) - used_of(f, drive) ? -ENOSPC : 0;
}

int files_create(struct files *f, const struct files_path *path, const void *p, size_t n) {
    clk_wall now = clk_wall_now(f->clk);
    int rc = files_may_create(f, path, n);
    if (rc == 0 && f->host != NULL) {
        rc = files_host_create(f->host, path->text, p, n, now);
    }
    if (rc == 0) {
        struct entry e = {.path = xstrdup(path->text), .info = {.size = n, .created = now}};
        if (n > 0) {
            e.mem = xmalloc(n);
            memcpy(e.mem, p, n);
        }
        insert(f, e);
    }
    return rc;
}

int files_make_folder(struct files *f, const struct files_path *path) {
    int rc = files_may_create(f, path, 0);
    if (rc == 0 && f->host != NULL) {
        rc = files_host_make_folder(f->host, path->text);
    }
    if (rc == 0) {
        insert(f, (struct entry){.path = xstrdup(path->text),
                                 .info = {.is_folder = true, .created = clk_wall_now(f->clk)}});
    }
    return rc;
}

static int remove_entry(struct files *f, struct entry *e) {
    int rc = f->host != NULL ? files_host_remove(f->host, e->path, e->info.is_folder) : 0;
    if (rc == 0) {
        drop(f, e);
    }
    return rc;
}

int files_remove_folder(struct files *f, const struct files_path *path) {
    CHECK_OBJ(f, FILES_MAGIC);
    struct entry *e = find(f, path->text);
    if (e == NULL || !e->info.is_folder) {
        return -ENOENT;
    }
    for (size_t i = 0; i < f->n; i++) {
        if (name_inside(&f->entries[i], path) != NULL) {
            return -ENOTEMPTY;
        }
    }
    return remove_entry(f, e);
}

int files_read(const struct files *f, const struct files_path *path, size_t at, void *to,
               size_t n) {
    CHECK_OBJ(f, FILES_MAGIC);
    const struct entry *e = find_file(f, path);
    if (e == NULL) {
        return -ENOENT;
    }
    if (at >= e->info.size) {
        return 0;
    }
    size_t left = e->info.size - at;
    size_t got = n < left ? n : left;
    memcpy(to, e->mem + at, got);
    return (int)got;
}

int files_write(struct files *f, const struct files_path *path, size_t at, const void *p,
                size_t n) {
    CHECK_OBJ(f, FILES_MAGIC);
    struct entry *e = find_file(f, path);
    if (e == NULL) {
        return -ENOENT;
    }
    if (at > e->info.size) {
        return -EINVAL;
    }
    size_t size = at + n > e->info.size ? at + n : e->info.size;
    int drive = drive_of(path->text[0]);
    if (size - e->info.size > total_of(f, drive) - used_of(f, drive)) {
        return -ENOSPC;
    }
    if (f->host != NULL) {
        int rc = files_host_write(f->host, path->text, at, p, n, e->info.created);
        if (rc != 0) {
            return rc;
        }
    }
    if (size > e->info.size) {
        e->info.size = size;
    }
    /* A recording grows by small blocks. */
    if (at + n > e->room) {
        e->room = size + size / 2;
        e->mem = xrealloc(e->mem, e->room);
    }
    memcpy(e->mem + at, p, n);
    return 0;
}

int files_remove(struct files *f, const struct files_path *path) {
    CHECK_OBJ(f, FILES_MAGIC);
    struct entry *e = find_file(f, path);
    return e == NULL ? -ENOENT : remove_entry(f, e);
}

int files_remove_all(struct files *f) {
    CHECK_OBJ(f, FILES_MAGIC);
    int rc = 0;
    for (size_t i = f->n; i-- > 0;) {
        struct entry *e = &f->entries[i];
        if (!e->info.is_folder && name_inside(e, &f->current) != NULL) {
            int err = remove_entry(f, e);
            rc = rc != 0 ? rc : err;
        }
    }
    return rc;
}

const struct sdcard *files_card(const struct files *f) {
    CHECK_OBJ(f, FILES_MAGIC);
    return f->is_card_out ? NULL : &f->card;
}

/* What stands in a folder goes before it: it is behind it in the list. */
int files_format_card(struct files *f) {
    CHECK_OBJ(f, FILES_MAGIC);
    int rc = f->is_card_out ? -ENODEV : 0;
    for (size_t i = f->n; rc == 0 && i-- > 0;) {
        if (drives[drive_of(f->entries[i].path[0])].is_card) {
            rc = remove_entry(f, &f->entries[i]);
        }
    }
    if (rc == 0 && !is_folder(f, f->current.text)) {
        f->current.text[ROOT] = '\0';
    }
    return rc;
}

int files_divide_card(struct files *f, size_t n, const int32_t *kb) {
    struct sdcard to = f->card;
    int rc = sdcard_divide(&to, n, kb);
    rc = rc != 0 ? rc : files_format_card(f);
    if (rc == 0) {
        f->card = to;
    }
    return rc;
}

int files_rename(struct files *f, const struct files_path *from, const struct files_path *to) {
    CHECK_OBJ(f, FILES_MAGIC);
    struct entry *e = find_file(f, from);
    if (e == NULL) {
        return -ENOENT;
    }
    if (find(f, to->text) != NULL) {
        return -EEXIST;
    }
    int rc = f->host != NULL ? files_host_rename(f->host, from->text, to->text) : 0;
    if (rc != 0) {
        return rc;
    }
    struct entry moved = take(f, e);
    free(moved.path);
    moved.path = xstrdup(to->text);
    insert(f, moved);
    return 0;
}

/* Never between C: and the other drives (V3.00 20.2.10). */
int files_copy(struct files *f, const struct files_path *from, const struct files_path *to) {
    CHECK_OBJ(f, FILES_MAGIC);
    const struct entry *e = find_file(f, from);
    if (e == NULL) {
        return has_parent(f, from) ? -ENOENT : -ENOTDIR;
    }
    if ((from->text[0] == 'C') != (to->text[0] == 'C')) {
        return -EXDEV;
    }
    return files_create(f, to, e->mem, e->info.size);
}

bool files_next(const struct files *f, bool is_folder, size_t *pos, struct sv *name) {
    CHECK_OBJ(f, FILES_MAGIC);
    while (*pos < f->n) {
        const struct entry *e = &f->entries[(*pos)++];
        const char *inside = name_inside(e, &f->current);
        if (inside != NULL && e->info.is_folder == is_folder) {
            *name = sv_of(inside);
            return true;
        }
    }
    return false;
}
