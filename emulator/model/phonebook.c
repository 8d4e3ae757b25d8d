#include "emulator/model/phonebook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/model/sim_file.h"

enum { UNUSED = 0xff, TAIL = SIM_NUMBER + 2 /* and where it goes on: not used here */ };

/* Where a list is. Of the module's own how many it has (V3.00 6.2.1). */
static const struct {
    uint16_t file; /* 0: the module's */
    uint16_t count;
    bool is_writable;
} lists[PHONEBOOK_LISTS] = {
    [PHONEBOOK_SM] = {SIM_FILE_ADN, 0, true},
    [PHONEBOOK_DC] = {0, 100, false},
    [PHONEBOOK_FD] = {SIM_FILE_FDN, 0, true},
    [PHONEBOOK_LD] = {SIM_FILE_LND, 0, false},
    [PHONEBOOK_MC] = {0, 100, false},
    [PHONEBOOK_ME] = {0, 500, true},
    [PHONEBOOK_RC] = {0, 100, false},
    [PHONEBOOK_EN] = {SIM_FILE_ECC, 0, false},
    [PHONEBOOK_ON] = {SIM_FILE_MSISDN, 0, true},
};

struct phonebook {
    uint32_t magic;
#define PHONEBOOK_MAGIC 0x9b00c5edu
    struct sim_files *card;
    uint64_t changes;
    uint8_t *own[PHONEBOOK_LISTS]; /* records; NULL: nothing was written yet, or the card's */
};

static int file_of(enum phonebook_list list) {
    enum sim_folder folder = SIM_USIM;
    return sim_file_find_anywhere(lists[list].file, &folder);
}

struct phonebook *phonebook_new(struct sim_files *card) {
    struct phonebook *pb = xmalloc(sizeof *pb);
    OBJ_INIT(pb, PHONEBOOK_MAGIC);
    pb->card = card;
    return pb;
}

void phonebook_free(struct phonebook *pb) {
    if (pb == NULL) {
        return;
    }
    CHECK_OBJ(pb, PHONEBOOK_MAGIC);
    for (unsigned i = 0; i < PHONEBOOK_LISTS; i++) {
        free(pb->own[i]);
    }
    OBJ_FINI(pb);
    free(pb);
}

static size_t length_of(enum phonebook_list list) {
    return lists[list].file != 0 ? sim_file_info(file_of(list))->length : PHONEBOOK_RECORD;
}

unsigned phonebook_total(const struct phonebook *pb, enum phonebook_list list) {
    CHECK_OBJ(pb, PHONEBOOK_MAGIC);
    return lists[list].file != 0 ? sim_file_info(file_of(list))->count : lists[list].count;
}

size_t phonebook_longest_name(enum phonebook_list list) {
    return list != PHONEBOOK_EN ? length_of(list) - TAIL : 0;
}

bool phonebook_is_writable(enum phonebook_list list) {
    return lists[list].is_writable;
}

bool phonebook_needs_pin2(enum phonebook_list list) {
    return lists[list].file != 0 && sim_file_info(file_of(list))->update == SIM_NEEDS_PIN2;
}

/* NULL: nothing was written to its list yet. */
static const uint8_t *record_at(const struct phonebook *pb, enum phonebook_list list,
                                unsigned index) {
    const uint8_t *base =
        lists[list].file != 0 ? sim_files_content(pb->card, file_of(list)) : pb->own[list];
    return base != NULL ? base + (index - 1) * length_of(list) : NULL;
}

/* Three bytes of digits (31.102 4.2.21). */
static void get_emergency(const uint8_t *record, struct phonebook_entry *e) {
    uint8_t number[SIM_NUMBER] = {4, SIM_TYPE_OTHER};
    memcpy(number + 2, record, 3);
    sim_text_get_number(number, e->number, &e->type);
    e->nname = 0;
}

bool phonebook_get(const struct phonebook *pb, enum phonebook_list list, unsigned index,
                   struct phonebook_entry *e) {
    must(index >= 1 && index <= phonebook_total(pb, list));
    const uint8_t *record = record_at(pb, list, index);
    if (record == NULL) {
        return false;
    }
    if (list == PHONEBOOK_EN) {
        get_emergency(record, e);
        return e->number[0] != '\0';
    }
    size_t room = length_of(list) - TAIL;
    size_t units = room < PHONEBOOK_NAME ? room : PHONEBOOK_NAME;
    e->nname = sim_text_get(record, units, e->name);
    sim_text_get_number(record + room, e->number, &e->type);
    return e->nname > 0 || e->number[0] != '\0';
}

unsigned phonebook_used(const struct phonebook *pb, enum phonebook_list list) {
    struct phonebook_entry e;
    unsigned n = 0;
    for (unsigned i = 1; i <= phonebook_total(pb, list); i++) {
        n += phonebook_get(pb, list, i, &e) ? 1 : 0;
    }
    return n;
}

unsigned phonebook_first_free(const struct phonebook *pb, enum phonebook_list list) {
    struct phonebook_entry e;
    for (unsigned i = 1; i <= phonebook_total(pb, list); i++) {
        if (!phonebook_get(pb, list, i, &e)) {
            return i;
        }
    }
    return 0;
}

/* The module's lists have room for 800 entries, and most modules never get one. */
static uint8_t *own_list(struct phonebook *pb, enum phonebook_list list) {
    if (pb->own[list] == NULL) {
        size_t n = (size_t)lists[list].count * PHONEBOOK_RECORD;
        pb->own[list] = xmalloc(n);
        memset(pb->own[list], UNUSED, n);
    }
    return pb->own[list];
}

static void put_record(struct phonebook *pb, enum phonebook_list list, unsigned index,
                       const uint8_t *record) {
    size_t n = length_of(list);
    if (lists[list].file != 0) {
        sim_files_write(pb->card, file_of(list), (index - 1) * n, record, n);
    } else {
        memcpy(own_list(pb, list) + (index - 1) * n, record, n);
        pb->changes++;
    }
}

int phonebook_set(struct phonebook *pb, enum phonebook_list list, unsigned index,
                  const struct phonebook_entry *e) {
    must(index >= 1 && index <= phonebook_total(pb, list) && list != PHONEBOOK_EN);
    uint8_t record[UINT8_MAX];
    size_t room = length_of(list) - TAIL;
    memset(record, UNUSED, sizeof record);
    int rc = sim_text_put_number(sv_of(e->number), e->type, record + room);
    if (rc == 0 && sim_text_put(e->name, e->nname, record, room) != 0) {
        rc = -ENAMETOOLONG;
    }
    if (rc == 0) {
        put_record(pb, list, index, record);
    }
    return rc;
}

void phonebook_remove(struct phonebook *pb, enum phonebook_list list, unsigned index) {
    must(index >= 1 && index <= phonebook_total(pb, list));
    uint8_t record[UINT8_MAX];
    memset(record, UNUSED, sizeof record);
    put_record(pb, list, index, record);
}

uint64_t phonebook_changes(const struct phonebook *pb) {
    CHECK_OBJ(pb, PHONEBOOK_MAGIC);
    return pb->changes;
}

const uint8_t *phonebook_record(const struct phonebook *pb, unsigned index) {
    struct phonebook_entry e;
    bool is_there = phonebook_get(pb, PHONEBOOK_ME, index, &e);
    return is_there ? record_at(pb, PHONEBOOK_ME, index) : NULL;
}

void phonebook_set_record(struct phonebook *pb, unsigned index, const uint8_t *record) {
    must(index >= 1 && index <= phonebook_total(pb, PHONEBOOK_ME));
    put_record(pb, PHONEBOOK_ME, index, record);
}
