#include "emulator/model/sim_apdu.h"

#include <errno.h>
#include <string.h>

#include "base/be.h"
#include "base/sv.h"
#include "emulator/model/modem.h"
#include "emulator/model/sim_file.h"

enum { CODE = 8 }; /* bytes of a PIN or a PUK (102.221 9.5.1) */

/* Status words: 102.221 10.2.1, and of class A0 51.011 9.4. */
enum sw {
    GOOD,
    NOT_FOUND,
    NO_RECORD,
    WRONG_KIND,
    NOT_ALLOWED,
    BLOCKED,
    NOT_ENABLED,
    NO_FILE,
    NOTHING_WAITS,
    BEHIND_THE_END,
    WRONG_PARAMETERS,
    WRONG_LENGTH,
    WRONG_CODE,
    BAD_CODE,
    NO_CHANNEL,
    NO_COMMAND,
    NO_CLASS,
};

static void say(struct sim_answer *a, bool is_gsm, enum sw what) {
    static const uint16_t words[][2] = {
        [GOOD] = {0x9000, 0x9000},
        [NOT_FOUND] = {0x6a82, 0x9404},
        [NO_RECORD] = {0x6a83, 0x9402},
        [WRONG_KIND] = {0x6981, 0x9408},
        [NOT_ALLOWED] = {0x6982, 0x9804},
        [BLOCKED] = {0x6983, 0x9840},
        [NOT_ENABLED] = {0x6984, 0x9808},
        [NO_FILE] = {0x6986, 0x9400},
        [NOTHING_WAITS] = {0x6985, 0x6f00},
        [BEHIND_THE_END] = {0x6b00, 0x6b00},
        [WRONG_PARAMETERS] = {0x6a86, 0x6b00},
        [WRONG_LENGTH] = {0x6700, 0x6700},
        [WRONG_CODE] = {0x63c0, 0x9804},
        [BAD_CODE] = {0x6a80, 0x9804},
        [NO_CHANNEL] = {0x6881, 0x6e00},
        [NO_COMMAND] = {0x6d00, 0x6d00},
        [NO_CLASS] = {0x6e00, 0x6e00},
    };
    a->sw = words[what][is_gsm];
    a->n = 0;
}

/* The length is another one: which. */
static void say_length(struct sim_answer *a, bool is_gsm, size_t n) {
    a->sw = (is_gsm ? 0x6700u : 0x6c00u) | (n & 0xff);
    a->n = 0;
}

static void give(struct sim_answer *a, const uint8_t *p, size_t n) {
    a->sw = 0x9000;
    a->n = n;
    memcpy(a->data, p, n);
}

/* -- what files and folders are -- */

static bool is_allowed(const struct modem *m, unsigned right) {
    switch ((enum sim_file_right)right) {
    case SIM_ALWAYS:
        return true;
    case SIM_NEEDS_PIN:
        return m->sim.state == SIM_READY;
    case SIM_NEEDS_PIN2:
        return m->sim.is_pin2_good;
    case SIM_NEEDS_ADM:
    case SIM_RIGHTS:
        break;
    }
    return false;
}

static void put(struct sim_answer *a, const uint8_t *p, size_t n) {
    memcpy(a->data + a->n, p, n);
    a->n += n;
}

static void put_word(struct sim_answer *a, size_t word) {
    uint8_t bytes[2];
    be_put16(bytes, (uint16_t)word);
    put(a, bytes, sizeof bytes);
}

/* The template's head, and a descriptor of `n` bytes. */
static void begin(struct sim_answer *a, uint8_t n, uint8_t kind) {
    a->sw = 0x9000;
    a->n = 0;
    put(a, (uint8_t[]){0x62, 0, 0x82, n, kind, 0x21}, 6);
}

static const uint8_t aid[] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02, 0xff,
                              0xff, 0xff, 0xff, 0x89, 0x07, 0x09, 0x00, 0x00};

/* The rules are records of the file of access rules (sim_file.c, fill_arr). */
static uint8_t rule_of(const struct sim_file *f) {
    return (uint8_t)(f->read * SIM_RIGHTS + f->update + 1);
}

/* 102.221 11.1.1.3.2 */
static void describe_file(const struct sim_file *f, bool is_in_mf, struct sim_answer *a) {
    enum { ARR = 0x6f06, ARR_OF_MF = 0x2f06 };
    static const uint8_t kinds[] = {
        [SIM_TRANSPARENT] = 0x41, [SIM_LINEAR] = 0x42, [SIM_CYCLIC] = 0x46};
    bool is_list = f->kind != SIM_TRANSPARENT;
    begin(a, is_list ? 5 : 2, kinds[f->kind]);
    put(a, (uint8_t[]){0, f->length, f->count}, is_list ? 3 : 0);
    put(a, (uint8_t[]){0x83, 2}, 2);
    put_word(a, is_in_mf && f->id == ARR ? ARR_OF_MF : f->id);
    put(a, (uint8_t[]){0x8a, 1, 5, 0x8b, 3}, 5);
    put_word(a, is_in_mf ? ARR_OF_MF : ARR);
    put(a, (uint8_t[]){rule_of(f), 0x80, 2}, 3);
    put_word(a, sim_file_size(f));
    put(a, (uint8_t[]){0x88, f->sfi != 0 ? 1 : 0, (uint8_t)(f->sfi << 3)}, f->sfi != 0 ? 3 : 2);
    a->data[1] = (uint8_t)(a->n - 2);
}

/* 102.221 11.1.1.3.1: with the state of its PINs. */
static void describe_folder(const struct modem *m, enum sim_folder folder, struct sim_answer *a) {
    enum { DF = 0x78, PIN_ON = 0x80, PIN2_ON = 0x40, ARR_OF_MF = 0x2f06 };
    uint8_t on = (uint8_t)(PIN2_ON | (m->sim.is_locked ? PIN_ON : 0));
    begin(a, 2, DF);
    put(a, (uint8_t[]){0x83, 2}, 2);
    put_word(a, sim_folder_id(folder));
    if (folder == SIM_USIM) {
        put(a, (uint8_t[]){0x84, sizeof aid}, 2);
        put(a, aid, sizeof aid);
    }
    put(a, (uint8_t[]){0x8a, 1, 5, 0x8b, 3}, 5);
    put_word(a, ARR_OF_MF);
    put(a, (uint8_t[]){SIM_NEEDS_ADM + 1, 0xc6, 9, 0x90, 1, on}, 6);
    put(a, (uint8_t[]){0x83, 1, 0x01, 0x83, 1, 0x81}, 6);
    a->data[1] = (uint8_t)(a->n - 2);
}

/* 51.011 9.2.1 and 9.3 */
static void describe_gsm_file(const struct sim_file *f, struct sim_answer *a) {
    static const uint8_t kinds[] = {[SIM_TRANSPARENT] = 0, [SIM_LINEAR] = 1, [SIM_CYCLIC] = 3};
    static const uint8_t rights[] = {
        [SIM_ALWAYS] = 0, [SIM_NEEDS_PIN] = 1, [SIM_NEEDS_PIN2] = 2, [SIM_NEEDS_ADM] = 4};
    uint8_t access = (uint8_t)(rights[f->read] << 4 | rights[f->update]);
    uint8_t length = f->kind == SIM_TRANSPARENT ? 0 : f->length;
    a->sw = 0x9000;
    a->n = 0;
    put_word(a, 0);
    put_word(a, sim_file_size(f));
    put_word(a, f->id);
    put(a, (uint8_t[]){4, 0, access, 0xff, 0x44, 1, 2, kinds[f->kind], length}, 9);
}

static void describe_gsm_folder(const struct modem *m, enum sim_folder folder,
                                struct sim_answer *a) {
    enum { MF = 1, DF = 2, PIN_OFF = 0x80, FOLDERS = 2, FILES = 20, CODES = 4, STARTED = 0x80 };
    const struct sim *sim = &m->sim;
    const int tries[] = {sim->pin_tries, sim->puk_tries, sim->pin2_tries, sim->puk2_tries};
    bool is_mf = folder == SIM_MF;
    a->sw = 0x9000;
    a->n = 0;
    put_word(a, 0);
    put_word(a, 0);
    put_word(a, sim_folder_id(folder));
    put(a, (uint8_t[]){is_mf ? MF : DF, 0, 0, 0, 0, 0, 10}, 7);
    put(a, (uint8_t[]){sim->is_locked ? 0 : PIN_OFF, is_mf ? FOLDERS : 0, FILES, CODES, 0}, 5);
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        put(a, (uint8_t[]){(uint8_t)(STARTED | tries[i])}, 1);
    }
    put(a, (uint8_t[]){0}, 1);
}

static void describe(const struct modem *m, const struct sim_apdu *at, bool is_gsm,
                     struct sim_answer *a) {
    const struct sim_file *f = sim_file_info(at->file);
    if (f != NULL && is_gsm) {
        describe_gsm_file(f, a);
    } else if (f != NULL) {
        describe_file(f, at->folder == SIM_MF, a);
    } else if (is_gsm) {
        describe_gsm_folder(m, at->folder, a);
    } else {
        describe_folder(m, at->folder, a);
    }
}

/* -- reading and writing -- */

static void read_part(const struct sim_command *c, const uint8_t *p, size_t n,
                      struct sim_answer *a) {
    size_t want = c->p3 != 0 ? c->p3 : n;
    bool is_known = c->p3 != 0 || c->takes_any || n == SIM_APDU_DATA;
    if (want > n || !is_known) {
        say_length(a, c->is_gsm, n);
    } else {
        give(a, p, want);
    }
}

static void access_bytes(struct modem *m, struct sim_apdu *at, const struct sim_command *c,
                         struct sim_answer *a) {
    const struct sim_file *f = sim_file_info(at->file);
    size_t from = (size_t)c->p1 << 8 | c->p2;
    size_t size = sim_file_size(f);
    if (f->kind != SIM_TRANSPARENT) {
        say(a, c->is_gsm, WRONG_KIND);
    } else if (from >= size) {
        say(a, c->is_gsm, BEHIND_THE_END);
    } else if (c->ins == SIM_READ_BINARY) {
        read_part(c, sim_files_content(m->card, at->file) + from, size - from, a);
    } else if (c->n == 0 || c->n > size - from) {
        say(a, c->is_gsm, WRONG_LENGTH);
    } else {
        sim_files_write(m->card, at->file, from, c->data, c->n);
        say(a, c->is_gsm, GOOD);
    }
}

/* Which record is meant (102.221 11.1.5.2), 0: none. */
static unsigned choose_record(struct sim_apdu *at, const struct sim_file *f,
                              const struct sim_command *c) {
    enum { NEXT = 2, PREVIOUS = 3, ABSOLUTE = 4 };
    bool is_ring = f->kind == SIM_CYCLIC;
    unsigned last = f->count;
    unsigned record = at->record;
    switch (c->p2 & 7) {
    case NEXT:
        record = record < last ? record + 1 : is_ring ? 1 : 0;
        break;
    case PREVIOUS:
        record = record > 1 ? record - 1 : record == 0 || is_ring ? last : 0;
        break;
    case ABSOLUTE:
        return c->p1 != 0 ? c->p1 <= last ? c->p1 : 0 : at->record;
    default:
        return 0;
    }
    at->record = record != 0 ? record : at->record;
    return record;
}

static void update_record(struct modem *m, struct sim_apdu *at, const struct sim_command *c,
                          struct sim_answer *a) {
    enum { PREVIOUS = 3 };
    const struct sim_file *f = sim_file_info(at->file);
    bool is_ring = f->kind == SIM_CYCLIC;
    if (c->n != f->length) {
        say(a, c->is_gsm, WRONG_LENGTH);
        return;
    }
    if (is_ring && (c->p2 & 7) != PREVIOUS) {
        say(a, c->is_gsm, WRONG_PARAMETERS);
        return;
    }
    unsigned record = is_ring ? 1 : choose_record(at, f, c);
    if (record == 0) {
        say(a, c->is_gsm, NO_RECORD);
        return;
    }
    if (is_ring) {
        sim_files_add(m->card, at->file, c->data);
        at->record = 1;
    } else {
        sim_files_write(m->card, at->file, (size_t)(record - 1) * f->length, c->data, c->n);
    }
    say(a, c->is_gsm, GOOD);
}

static void access_record(struct modem *m, struct sim_apdu *at, const struct sim_command *c,
                          struct sim_answer *a) {
    const struct sim_file *f = sim_file_info(at->file);
    if (f->kind == SIM_TRANSPARENT) {
        say(a, c->is_gsm, WRONG_KIND);
        return;
    }
    if (c->ins == SIM_UPDATE_RECORD) {
        update_record(m, at, c, a);
        return;
    }
    if (c->p3 != f->length && !(c->p3 == 0 && c->takes_any)) {
        say_length(a, c->is_gsm, f->length);
        return;
    }
    unsigned record = choose_record(at, f, c);
    if (record == 0) {
        say(a, c->is_gsm, NO_RECORD);
    } else {
        give(a, sim_files_content(m->card, at->file) + (size_t)(record - 1) * f->length, f->length);
    }
}

void sim_apdu_file(struct modem *m, struct sim_apdu *at, const struct sim_command *c,
                   struct sim_answer *a) {
    const struct sim_file *f = sim_file_info(at->file);
    bool is_read = c->ins == SIM_READ_BINARY || c->ins == SIM_READ_RECORD;
    bool is_update = c->ins == SIM_UPDATE_BINARY || c->ins == SIM_UPDATE_RECORD;
    if (c->ins == SIM_GET_RESPONSE || c->ins == SIM_STATUS) {
        describe(m, at, c->is_gsm, a);
    } else if (!is_read && !is_update) {
        say(a, c->is_gsm, NO_COMMAND);
    } else if (f == NULL) {
        say(a, c->is_gsm, NO_FILE);
    } else if (!is_allowed(m, is_read ? f->read : f->update)) {
        say(a, c->is_gsm, NOT_ALLOWED);
    } else if (c->ins == SIM_READ_BINARY || c->ins == SIM_UPDATE_BINARY) {
        access_bytes(m, at, c, a);
    } else {
        access_record(m, at, c, a);
    }
}

/* -- selecting -- */

static bool enter(struct sim_apdu *at, uint16_t id, bool is_gsm) {
    enum { CURRENT_PARENT = 0x3fff };
    int folder = id == CURRENT_PARENT ? SIM_MF : sim_folder_find(id);
    int file = sim_file_find((enum sim_folder)at->folder, id);
    if (folder == SIM_FILE_NONE && file == SIM_FILE_NONE) {
        return false;
    }
    /* What is not in the other world cannot be seen from this one. */
    if (folder == (is_gsm ? SIM_USIM : SIM_GSM)) {
        return false;
    }
    at->folder = (uint8_t)(folder != SIM_FILE_NONE ? folder : at->folder);
    at->file = folder != SIM_FILE_NONE ? SIM_FILE_NONE : file;
    at->record = 0;
    return true;
}

static bool select_path(struct sim_apdu *at, const struct sim_command *c, bool is_from_mf) {
    at->folder = is_from_mf ? SIM_MF : at->folder;
    at->file = SIM_FILE_NONE;
    for (size_t i = 0; i + 1 < c->n; i += 2) {
        if (!enter(at, be_get16(c->data + i), c->is_gsm)) {
            return false;
        }
    }
    return c->n >= 2 && c->n % 2 == 0;
}

static bool select_name(struct sim_apdu *at, const struct sim_command *c) {
    enum { RID = 5 };
    bool is_ours = c->n >= RID && c->n <= sizeof aid && memcmp(c->data, aid, c->n) == 0;
    if (is_ours) {
        at->folder = SIM_USIM;
        at->file = SIM_FILE_NONE;
        at->record = 0;
    }
    return is_ours;
}

static void do_select(struct modem *m, const struct sim_command *c, struct sim_answer *a) {
    enum { BY_ID = 0, BY_NAME = 4, BY_PATH = 8, BY_PATH_FROM_HERE = 9, NO_DATA = 0x0c };
    struct sim_apdu at = m->apdu;
    bool is_there = false;
    if (c->p1 == BY_NAME && !c->is_gsm) {
        is_there = select_name(&at, c);
    } else if (c->p1 == BY_ID || ((c->p1 == BY_PATH || c->p1 == BY_PATH_FROM_HERE) && !c->is_gsm)) {
        if (c->p1 == BY_ID && c->n != 2) {
            say(a, c->is_gsm, WRONG_LENGTH);
            return;
        }
        is_there = c->p1 == BY_ID ? enter(&at, be_get16(c->data), c->is_gsm)
                                  : select_path(&at, c, c->p1 == BY_PATH);
    } else {
        say(a, c->is_gsm, WRONG_PARAMETERS);
        return;
    }
    if (!is_there) {
        say(a, c->is_gsm, NOT_FOUND);
        return;
    }
    m->apdu = at;
    if (!c->is_gsm && (c->p2 & NO_DATA) == NO_DATA) {
        say(a, c->is_gsm, GOOD);
        return;
    }
    describe(m, &at, c->is_gsm, &m->apdu.waiting);
    a->sw = (c->is_gsm ? 0x9f00u : 0x6100u) | (unsigned)m->apdu.waiting.n;
    a->n = 0;
}

static void do_get_response(struct modem *m, const struct sim_command *c, struct sim_answer *a) {
    const struct sim_answer waiting = m->apdu.waiting;
    m->apdu.waiting.n = 0;
    if (waiting.n == 0) {
        say(a, c->is_gsm, NOTHING_WAITS);
    } else {
        read_part(c, waiting.data, waiting.n, a);
    }
    if (a->n == 0) {
        m->apdu.waiting = waiting; /* it can be asked for again, with the right length */
    }
}

static void do_status(struct modem *m, const struct sim_command *c, struct sim_answer *a) {
    enum { FCP = 0, NAME = 1, NO_DATA = 0x0c };
    struct sim_answer all;
    const struct sim_apdu folder = {.folder = m->apdu.folder, .file = SIM_FILE_NONE};
    if (c->p2 == NO_DATA && !c->is_gsm) {
        say(a, c->is_gsm, GOOD);
        return;
    }
    if (c->p2 == NAME && !c->is_gsm) {
        all.n = 0;
        put(&all, (uint8_t[]){0x84, sizeof aid}, 2);
        put(&all, aid, sizeof aid);
    } else if (c->p2 == FCP) {
        describe(m, &folder, c->is_gsm, &all);
    } else {
        say(a, c->is_gsm, WRONG_PARAMETERS);
        return;
    }
    read_part(c, all.data, all.n, a);
}

/* -- codes -- */

/* Filled with FF behind its digits. */
static struct sv code_at(const struct sim_command *c, size_t i) {
    const uint8_t *p = c->data + i * CODE;
    size_t n = 0;
    while (n < CODE && p[n] != 0xff) {
        n++;
    }
    return (struct sv){(const char *)p, n};
}

static int verify(struct modem *m, struct sv pin) {
    switch (m->sim.state) {
    case SIM_PIN:
        return modem_enter_pin(m, pin);
    case SIM_READY:
        return modem_lock_sim(m, pin, true);
    case SIM_PUK:
    case SIM_ABSENT:
        break;
    }
    return -EPERM;
}

static int change(struct modem *m, struct sv old, struct sv to) {
    int rc = m->sim.state == SIM_PIN ? modem_enter_pin(m, old) : 0;
    return rc == 0 ? modem_change_pin(m, old, to) : rc;
}

/* The first PIN. Switched off it is not there to be entered or changed. */
static int run_first(struct modem *m, const struct sim_command *c) {
    struct sv code = code_at(c, 0);
    switch (c->ins) {
    case SIM_VERIFY:
        return m->sim.is_locked ? verify(m, code) : -ENOENT;
    case SIM_CHANGE:
        return m->sim.is_locked ? change(m, code, code_at(c, 1)) : -ENOENT;
    case SIM_DISABLE:
        return m->sim.is_locked ? modem_lock_sim(m, code, false) : -ENOENT;
    case SIM_ENABLE:
        return m->sim.is_locked ? -ENOENT : modem_lock_sim(m, code, true);
    default:
        return modem_unblock_sim(m, code, code_at(c, 1));
    }
}

static int run_second(struct modem *m, const struct sim_command *c) {
    struct sv code = code_at(c, 0);
    switch (c->ins) {
    case SIM_VERIFY:
        return sim_enter_pin2(&m->sim, code);
    case SIM_CHANGE:
        return sim_change_pin2(&m->sim, code, code_at(c, 1));
    case SIM_UNBLOCK:
        return sim_enter_puk2(&m->sim, code, code_at(c, 1));
    default:
        return -ENOENT; /* it cannot be switched off */
    }
}

static int tries_left(const struct sim *sim, bool is_second, bool is_puk) {
    if (is_puk) {
        return is_second ? sim->puk2_tries : sim->puk_tries;
    }
    return is_second ? sim->pin2_tries : sim->pin_tries;
}

static void do_code(struct modem *m, const struct sim_command *c, struct sim_answer *a) {
    enum { FIRST = 0x01, SECOND = 0x81, GSM_SECOND = 0x02 };
    bool is_second = c->p2 == (c->is_gsm ? GSM_SECOND : SECOND);
    bool is_puk = c->ins == SIM_UNBLOCK;
    bool is_first = c->p2 == FIRST || (c->is_gsm && is_puk && c->p2 == 0);
    size_t codes = c->ins == SIM_CHANGE || is_puk ? 2 : 1;
    if (!is_first && !is_second) {
        say(a, c->is_gsm, WRONG_PARAMETERS);
        return;
    }
    int left = tries_left(&m->sim, is_second, is_puk);
    int rc = 0;
    if (c->n == 0 && !c->is_gsm) { /* only asks how many tries are left */
        rc = left == 0 ? -EPERM : -EACCES;
    } else if (c->n != codes * CODE) {
        say(a, c->is_gsm, WRONG_LENGTH);
        return;
    } else if (left == 0) {
        rc = -EPERM;
    } else {
        rc = is_second ? run_second(m, c) : run_first(m, c);
        rc = rc == -EPERM ? -EACCES : rc; /* this one was still taken */
        left = tries_left(&m->sim, is_second, is_puk);
    }
    switch (rc) {
    case 0:
        say(a, c->is_gsm, GOOD);
        break;
    case -ENOENT:
        say(a, c->is_gsm, NOT_ENABLED);
        break;
    case -EACCES:
        say(a, c->is_gsm, left == 0 && c->is_gsm ? BLOCKED : WRONG_CODE);
        a->sw |= c->is_gsm ? 0u : (unsigned)left;
        break;
    case -EPERM:
        say(a, c->is_gsm, BLOCKED);
        break;
    default:
        say(a, c->is_gsm, BAD_CODE);
        break;
    }
}

/* -- a command -- */

/* A short identifier in the command selects its file first (102.221 11.1.3.2, 11.1.5.2). */
static bool take_short_id(struct sim_apdu *at, struct sim_command *c) {
    enum { HAS_ID = 0x80, ID = 0x1f };
    bool is_bytes = c->ins == SIM_READ_BINARY || c->ins == SIM_UPDATE_BINARY;
    bool is_record = c->ins == SIM_READ_RECORD || c->ins == SIM_UPDATE_RECORD;
    unsigned sfi = 0;
    if (is_bytes && (c->p1 & HAS_ID) != 0) {
        sfi = c->p1 & ID;
        c->p1 = 0;
    } else if (is_record && c->p2 >> 3 != 0) {
        sfi = c->p2 >> 3;
        c->p2 &= 7;
    } else {
        return true;
    }
    int file = sim_file_find_sfi((enum sim_folder)at->folder, sfi);
    if (file != SIM_FILE_NONE) {
        at->file = file;
        at->record = 0;
    }
    return file != SIM_FILE_NONE;
}

static void run(struct modem *m, struct sim_command *c, struct sim_answer *a) {
    if (c->ins != SIM_GET_RESPONSE) {
        m->apdu.waiting.n = 0;
    }
    switch (c->ins) {
    case SIM_SELECT:
        do_select(m, c, a);
        break;
    case SIM_GET_RESPONSE:
        do_get_response(m, c, a);
        break;
    case SIM_STATUS:
        do_status(m, c, a);
        break;
    case SIM_VERIFY:
    case SIM_CHANGE:
    case SIM_DISABLE:
    case SIM_ENABLE:
    case SIM_UNBLOCK:
        do_code(m, c, a);
        break;
    case SIM_MANAGE_CHANNEL:
        say(a, c->is_gsm, c->is_gsm ? NO_COMMAND : NO_CHANNEL);
        break;
    default:
        if (!c->is_gsm && !take_short_id(&m->apdu, c)) {
            say(a, c->is_gsm, NOT_FOUND);
        } else {
            sim_apdu_file(m, &m->apdu, c, a);
        }
        break;
    }
}

void sim_apdu_reset(struct sim_apdu *at) {
    *at = (struct sim_apdu){.folder = SIM_MF, .file = SIM_FILE_NONE};
}

void sim_apdu_run(struct modem *m, const uint8_t *p, size_t n, struct sim_answer *a) {
    enum { GSM = 0xa0, CHANNELS = 3, STATUS_CLASS = 0x80 };
    if (n < SIM_APDU_HEADER - 1) {
        say(a, false, WRONG_LENGTH);
        return;
    }
    struct sim_command c = {.is_gsm = p[0] == GSM, .ins = p[1], .p1 = p[2], .p2 = p[3]};
    c.p3 = n >= SIM_APDU_HEADER ? p[4] : 0;
    c.data = p + SIM_APDU_HEADER;
    c.n = n > SIM_APDU_HEADER ? c.p3 : 0;
    bool is_status = p[0] == STATUS_CLASS && c.ins == SIM_STATUS;
    if (p[0] > 0 && p[0] <= CHANNELS) {
        say(a, false, NO_CHANNEL);
    } else if (p[0] != 0 && !c.is_gsm && !is_status) {
        say(a, false, NO_CLASS);
    } else if (n > SIM_APDU_HEADER && n - SIM_APDU_HEADER != c.n &&
               n - SIM_APDU_HEADER != c.n + 1u) { /* Le may stand behind the data */
        say(a, c.is_gsm, WRONG_LENGTH);
    } else {
        run(m, &c, a);
    }
}
