#include "emulator/model/sim_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/hex.h"
#include "base/obj.h"
#include "emulator/model/profile.h"

enum { UNUSED = 0xff };

/* What is no digit is a filler. */
static uint8_t nibble(char c) {
    return (uint8_t)(hex_digit(c) & 0xf);
}

/* Two digits a byte, the first one low; what is left over is filled with F. */
static void put_digits(const char *text, uint8_t *to, size_t n) {
    size_t len = strlen(text);
    for (size_t i = 0; i < n; i++) {
        uint8_t low = 2 * i < len ? nibble(text[2 * i]) : 0xf;
        uint8_t high = 2 * i + 1 < len ? nibble(text[2 * i + 1]) : 0xf;
        to[i] = (uint8_t)(high << 4 | low);
    }
}

/* -- what the profile decides -- */

/* 102.221 13.2 */
static void fill_iccid(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    put_digits(p->iccid, to, file->length);
}

/* 31.102 4.2.2: the length, then the parity of the digits' number in front of them. */
static void fill_imsi(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    size_t len = strlen(p->imsi);
    char text[20] = {len % 2 == 1 ? '9' : '1'};
    strncat(text, p->imsi, 15);
    to[0] = (uint8_t)(len / 2 + 1);
    put_digits(text, to + 1, file->length - 1u);
}

/* 31.102 4.2.12: the home network need not be shown with it. */
static void fill_spn(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    size_t room = file->length - 1u;
    size_t len = strlen(p->oper_long);
    to[0] = 0;
    memcpy(to + 1, p->oper_long, len < room ? len : room);
}

/* 31.102 4.2.18: a card of everyday; the last byte is how long the MNC is. */
static void fill_ad(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    memset(to, 0, file->length);
    to[3] = (uint8_t)(strlen(p->oper_numeric) - 3);
}

/* 31.102 4.2.15: by the last digit of the IMSI (22.011 4.2). */
static void fill_acc(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    memset(to, 0, file->length);
    be_put16(to, (uint16_t)(1u << nibble(p->imsi[strlen(p->imsi) - 1])));
}

/* 24.008 10.5.1.13 */
static void put_plmn(const struct profile *p, uint8_t to[3]) {
    const char *n = p->oper_numeric;
    char swapped[] = {n[0], n[1], n[2], n[5] != '\0' ? n[5] : 'F', n[3], n[4], '\0'};
    put_digits(swapped, to, 3);
}

/* 31.102 4.2.54: in every technology that phones have. */
static void fill_hplmn(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    (void)file;
    put_plmn(p, to);
    to[3] = 0xc0; /* UTRAN, E-UTRAN */
    to[4] = 0x80; /* GSM */
}

static void fill_plmn(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    (void)file;
    put_plmn(p, to);
}

static void put_lac(const struct profile *p, uint8_t to[2]) {
    be_put16(to, (uint16_t)strtoul(p->lac, NULL, 16));
}

/* 31.102 4.2.17: TMSI, the location area, updated. */
static void fill_loci(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    put_plmn(p, to + 4);
    put_lac(p, to + 7);
    to[file->length - 1] = 0;
}

/* 31.102 4.2.23: P-TMSI and its signature, the routing area, updated. */
static void fill_psloci(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    put_plmn(p, to + 7);
    put_lac(p, to + 10);
    to[12] = 1;
    to[file->length - 1] = 0;
}

/* 31.102 4.2.21: numbers of three digits, no name, no category. */
static void fill_ecc(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    static const char *const numbers[] = {"112", "911"};
    (void)p;
    for (unsigned i = 0; i < file->count; i++) {
        put_digits(numbers[i], to, 3);
        to[3] = 0;
        to += file->length;
    }
}

/* A record for each pair of rights, reading's counting first (102.221 9.2.4): what is allowed, and
 * to whom. */
static void fill_arr(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    static const struct {
        uint8_t n, bytes[8];
    } whom[SIM_RIGHTS] = {
        [SIM_ALWAYS] = {2, {0x90, 0x00}},
        [SIM_NEEDS_PIN] = {8, {0xa4, 6, 0x83, 1, 0x01, 0x95, 1, 0x08}},
        [SIM_NEEDS_PIN2] = {8, {0xa4, 6, 0x83, 1, 0x81, 0x95, 1, 0x08}},
        [SIM_NEEDS_ADM] = {8, {0xa4, 6, 0x83, 1, 0x0a, 0x95, 1, 0x08}},
    };
    (void)p;
    for (unsigned i = 0; i < file->count; i++) {
        const unsigned rights[] = {i / SIM_RIGHTS, i % SIM_RIGHTS};
        uint8_t *at = to + (size_t)i * file->length;
        for (unsigned k = 0; k < 2; k++) {
            const uint8_t mode[] = {0x80, 1, (uint8_t)(k + 1)}; /* read, update */
            memcpy(at, mode, sizeof mode);
            memcpy(at + 3, whom[rights[k]].bytes, whom[rights[k]].n);
            at += 3 + whom[rights[k]].n;
        }
    }
}

/* -- the files; sizes of lists are guesses -- */

enum { IN_MF = 1 << SIM_MF, IN_USIM = 1 << SIM_USIM, IN_TELECOM = 1 << SIM_TELECOM };
enum { IN_GSM = 1 << SIM_GSM };
enum { ANY = SIM_ALWAYS, PIN = SIM_NEEDS_PIN, PIN2 = SIM_NEEDS_PIN2, ADM = SIM_NEEDS_ADM };
enum { BYTES = SIM_TRANSPARENT, LINEAR = SIM_LINEAR, CYCLIC = SIM_CYCLIC };

static const struct sim_file files[] = {
    /* 102.221 13 */
    {IN_MF, 0x2f00, LINEAR, 32, 1, 30, ANY, ADM,
     "61184F10A0000000871002FFFFFFFF8907090000"
     "50045553494D",
     NULL},
    {IN_MF, 0x2f05, BYTES, 4, 1, 5, ANY, PIN, "656E", NULL},
    {IN_MF | IN_USIM | IN_TELECOM, 0x6f06, LINEAR, 22, SIM_RIGHTS *SIM_RIGHTS, 0, ANY, ADM, NULL,
     fill_arr},
    {IN_MF, 0x2fe2, BYTES, 10, 1, 2, ANY, ADM, NULL, fill_iccid},
    /* 31.102 4.2, 51.011 10.3 */
    {IN_USIM, 0x6f05, BYTES, 4, 1, 2, ANY, PIN, "656E", NULL},
    {IN_GSM, 0x6f05, BYTES, 1, 1, 0, ANY, PIN, "01", NULL},
    {IN_USIM | IN_GSM, 0x6f07, BYTES, 9, 1, 7, PIN, ADM, NULL, fill_imsi},
    {IN_USIM, 0x6f08, BYTES, 33, 1, 8, PIN, PIN, "07", NULL},
    {IN_USIM, 0x6f09, BYTES, 33, 1, 9, PIN, PIN, "07", NULL},
    {IN_GSM, 0x6f20, BYTES, 9, 1, 0, PIN, PIN, "FFFFFFFFFFFFFFFF07", NULL},
    {IN_GSM, 0x6f30, BYTES, 24, 1, 0, PIN, PIN, NULL, NULL},
    {IN_USIM | IN_GSM, 0x6f31, BYTES, 1, 1, 18, PIN, ADM, "0A", NULL},
    {IN_USIM | IN_GSM, SIM_FILE_ACM_MAX, BYTES, 3, 1, 0, PIN, PIN2, "000000", NULL},
    {IN_USIM, 0x6f38, BYTES, 12, 1, 4, PIN, ADM, "06DA1F000306000040000000", NULL},
    {IN_GSM, 0x6f38, BYTES, 10, 1, 0, PIN, ADM, "FF33FFFF030000000000", NULL},
    {IN_USIM | IN_GSM, SIM_FILE_ACM, CYCLIC, 3, 5, 0, PIN, PIN2, "000000", NULL},
    {IN_USIM | IN_GSM, 0x6f3e, BYTES, 1, 1, 0, PIN, ADM, NULL, NULL},
    {IN_USIM | IN_GSM, 0x6f3f, BYTES, 1, 1, 0, PIN, ADM, NULL, NULL},
    {IN_USIM | IN_GSM, SIM_FILE_PUCT, BYTES, 5, 1, 0, PIN, PIN2, "FFFFFF0000", NULL},
    {IN_USIM | IN_GSM, 0x6f45, BYTES, 10, 1, 0, PIN, PIN, NULL, NULL},
    {IN_USIM | IN_GSM, 0x6f46, BYTES, 17, 1, 0, ANY, ADM, NULL, fill_spn},
    {IN_USIM | IN_GSM, 0x6f50, BYTES, 20, 1, 0, PIN, PIN, NULL, NULL},
    {IN_USIM, 0x6f56, BYTES, 1, 1, 5, PIN, PIN2, "00", NULL},
    {IN_USIM, 0x6f5b, BYTES, 6, 1, 15, PIN, PIN, "F00000F00000", NULL},
    {IN_USIM, 0x6f5c, BYTES, 3, 1, 16, PIN, ADM, NULL, NULL},
    {IN_USIM, 0x6f60, BYTES, 40, 1, 10, PIN, PIN,
     "FFFFFF0000FFFFFF0000FFFFFF0000FFFFFF0000"
     "FFFFFF0000FFFFFF0000FFFFFF0000FFFFFF0000",
     NULL},
    {IN_USIM, 0x6f61, BYTES, 20, 1, 17, PIN, ADM, "FFFFFF0000FFFFFF0000FFFFFF0000FFFFFF0000", NULL},
    {IN_USIM, 0x6f62, BYTES, 5, 1, 19, PIN, ADM, NULL, fill_hplmn},
    {IN_USIM, 0x6f73, BYTES, 14, 1, 12, PIN, PIN, NULL, fill_psloci},
    {IN_USIM | IN_GSM, 0x6f78, BYTES, 2, 1, 6, PIN, ADM, NULL, fill_acc},
    {IN_USIM | IN_GSM, 0x6f7b, BYTES, 12, 1, 13, PIN, PIN, NULL, NULL},
    {IN_USIM | IN_GSM, 0x6f7e, BYTES, 11, 1, 11, PIN, PIN, NULL, fill_loci},
    {IN_USIM | IN_GSM, 0x6fad, BYTES, 4, 1, 3, ANY, ADM, NULL, fill_ad},
    {IN_GSM, 0x6fae, BYTES, 1, 1, 0, ANY, ADM, "03", NULL},
    {IN_USIM, SIM_FILE_ECC, LINEAR, 4, 2, 1, ANY, ADM, NULL, fill_ecc},
    {IN_GSM, SIM_FILE_ECC, BYTES, 6, 1, 0, ANY, ADM, "11F2FF19F1FF", NULL},
    {IN_USIM, 0x6fd9, BYTES, 3, 1, 29, PIN, ADM, NULL, fill_plmn},
    /* 51.011 10.5 */
    {IN_TELECOM, SIM_FILE_ADN, LINEAR, 28, 200, 0, PIN, PIN, NULL, NULL},
    {IN_USIM | IN_TELECOM, SIM_FILE_FDN, LINEAR, 28, 10, 0, PIN, PIN2, NULL, NULL},
    {IN_USIM | IN_TELECOM, 0x6f3c, LINEAR, 176, 50, 0, PIN, PIN, NULL, NULL},
    {IN_USIM | IN_TELECOM, SIM_FILE_MSISDN, LINEAR, 28, 2, 0, PIN, PIN, NULL, NULL},
    {IN_USIM | IN_TELECOM, SIM_FILE_SMSP, LINEAR, 40, 1, 0, PIN, PIN, NULL, NULL},
    {IN_USIM | IN_TELECOM, 0x6f43, BYTES, 2, 1, 0, PIN, PIN, NULL, NULL},
    {IN_TELECOM, SIM_FILE_LND, CYCLIC, 28, 10, 0, PIN, PIN, NULL, NULL},
    {IN_TELECOM, 0x6f4a, LINEAR, 13, 5, 0, PIN, PIN, "00", NULL},
    {IN_USIM | IN_TELECOM, 0x6f4b, LINEAR, 13, 5, 0, PIN, PIN2, "00", NULL},
};
enum { FILES = sizeof files / sizeof files[0] };

static const uint16_t folders[SIM_FOLDERS] = {
    [SIM_MF] = 0x3f00, [SIM_USIM] = 0x7fff, [SIM_TELECOM] = 0x7f10, [SIM_GSM] = 0x7f20};

struct sim_files {
    uint32_t magic;
#define SIM_FILES_MAGIC 0x51f11e50u
    uint64_t changes;
    size_t at[FILES + 1]; /* in `content` */
    uint8_t *content;
    uint8_t *made; /* what it was at first */
};

static void make(const struct profile *p, const struct sim_file *file, uint8_t *to) {
    memset(to, UNUSED, sim_file_size(file));
    if (file->fill != NULL) {
        file->fill(p, file, to);
        return;
    }
    for (unsigned i = 0; file->hex != NULL && i < file->count; i++) {
        must(hex_parse(sv_of(file->hex), to + (size_t)i * file->length, file->length) >= 0);
    }
}

struct sim_files *sim_files_new(const struct profile *p) {
    struct sim_files *fs = xmalloc(sizeof *fs);
    OBJ_INIT(fs, SIM_FILES_MAGIC);
    for (size_t i = 0; i < FILES; i++) {
        fs->at[i + 1] = fs->at[i] + sim_file_size(&files[i]);
    }
    fs->content = xmalloc(fs->at[FILES]);
    fs->made = xmalloc(fs->at[FILES]);
    for (size_t i = 0; i < FILES; i++) {
        make(p, &files[i], fs->made + fs->at[i]);
    }
    memcpy(fs->content, fs->made, fs->at[FILES]);
    return fs;
}

void sim_files_free(struct sim_files *fs) {
    if (fs == NULL) {
        return;
    }
    CHECK_OBJ(fs, SIM_FILES_MAGIC);
    free(fs->content);
    free(fs->made);
    OBJ_FINI(fs);
    free(fs);
}

/* -- finding -- */

uint16_t sim_folder_id(enum sim_folder folder) {
    return folders[folder];
}

int sim_folder_find(uint16_t id) {
    for (int i = 0; i < SIM_FOLDERS; i++) {
        if (folders[i] == id) {
            return i;
        }
    }
    return SIM_FILE_NONE;
}

/* The access rules have one number in the master file and another one in folders. */
static uint16_t id_in(enum sim_folder folder, uint16_t id) {
    enum { ARR_OF_MF = 0x2f06, ARR = 0x6f06 };
    if (folder == SIM_MF) {
        return id == ARR_OF_MF ? ARR : id == ARR ? 0 : id;
    }
    return id;
}

int sim_file_find(enum sim_folder folder, uint16_t id) {
    for (int i = 0; i < FILES; i++) {
        if (files[i].id == id_in(folder, id) && (files[i].in & 1u << folder) != 0) {
            return i;
        }
    }
    return SIM_FILE_NONE;
}

int sim_file_find_sfi(enum sim_folder folder, unsigned sfi) {
    for (int i = 0; i < FILES; i++) {
        if (files[i].sfi == sfi && sfi != 0 && (files[i].in & 1u << folder) != 0) {
            return i;
        }
    }
    return SIM_FILE_NONE;
}

int sim_file_find_anywhere(uint16_t id, enum sim_folder *folder) {
    static const enum sim_folder order[] = {SIM_USIM, SIM_TELECOM, SIM_MF, SIM_GSM};
    int file = SIM_FILE_NONE;
    for (size_t i = 0; i < SIM_FOLDERS && file == SIM_FILE_NONE; i++) {
        *folder = order[i];
        file = sim_file_find(order[i], id);
    }
    return file;
}

void sim_file_path(int file, char to[SIM_FILE_PATH]) {
    must(sim_file_info(file) != NULL);
    unsigned folder = 0;
    while ((files[file].in & 1u << folder) == 0) {
        folder++;
    }
    snprintf(to, SIM_FILE_PATH, "%04X/%04X", folders[folder], files[file].id);
}

int sim_file_of_path(const char *path) {
    for (int i = 0; i < FILES; i++) {
        char known[SIM_FILE_PATH];
        sim_file_path(i, known);
        if (strcmp(known, path) == 0) {
            return i;
        }
    }
    return SIM_FILE_NONE;
}

const struct sim_file *sim_file_info(int file) {
    return file >= 0 && file < FILES ? &files[file] : NULL;
}

size_t sim_file_size(const struct sim_file *file) {
    return (size_t)file->length * file->count;
}

/* -- content -- */

const uint8_t *sim_files_content(const struct sim_files *fs, int file) {
    CHECK_OBJ(fs, SIM_FILES_MAGIC);
    must(sim_file_info(file) != NULL);
    return fs->content + fs->at[file];
}

void sim_files_write(struct sim_files *fs, int file, size_t from, const uint8_t *p, size_t n) {
    CHECK_OBJ(fs, SIM_FILES_MAGIC);
    must(sim_file_info(file) != NULL && from + n <= sim_file_size(&files[file]));
    uint8_t *to = fs->content + fs->at[file] + from;
    if (memcmp(to, p, n) != 0) {
        memcpy(to, p, n);
        fs->changes++;
    }
}

void sim_files_add(struct sim_files *fs, int file, const uint8_t *record) {
    CHECK_OBJ(fs, SIM_FILES_MAGIC);
    must(sim_file_info(file) != NULL && files[file].kind == SIM_CYCLIC);
    uint8_t *to = fs->content + fs->at[file];
    size_t n = files[file].length;
    memmove(to + n, to, sim_file_size(&files[file]) - n);
    memcpy(to, record, n);
    fs->changes++;
}

uint64_t sim_files_changes(const struct sim_files *fs) {
    CHECK_OBJ(fs, SIM_FILES_MAGIC);
    return fs->changes;
}

bool sim_files_is_changed(const struct sim_files *fs, int file) {
    CHECK_OBJ(fs, SIM_FILES_MAGIC);
    must(sim_file_info(file) != NULL);
    size_t at = fs->at[file];
    return memcmp(fs->content + at, fs->made + at, fs->at[file + 1] - at) != 0;
}
