/* sim_file.h: the card's files (102.221, 31.102, 51.011): which there are, and their content.
 *
 * One content stands in each folder where the card shows the file. Who may read and write is told,
 * and not enforced: that is sim_apdu.h. The content outlives the module's power. It is made when it
 * is asked for: a card has 16 KB, of which a host reads some bytes.
 *
 * Owns: the content. Borrows: the profile.
 */
#ifndef EMULATOR_MODEL_SIM_FILE_H
#define EMULATOR_MODEL_SIM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct profile;
struct sim_files;

/* The master file, and what stands in it. */
enum sim_folder { SIM_MF, SIM_USIM, SIM_TELECOM, SIM_GSM, SIM_FOLDERS };

enum sim_file_kind { SIM_TRANSPARENT, SIM_LINEAR, SIM_CYCLIC };
enum sim_file_right { SIM_ALWAYS, SIM_NEEDS_PIN, SIM_NEEDS_PIN2, SIM_NEEDS_ADM, SIM_RIGHTS };

struct sim_file {
    uint8_t in; /* 1 << enum sim_folder */
    uint16_t id;
    uint8_t kind;         /* enum sim_file_kind */
    uint8_t length;       /* of a record; of a transparent file: of it all */
    uint8_t count;        /* of records; else 1 */
    uint8_t sfi;          /* short identifier, 0: none */
    uint8_t read, update; /* enum sim_file_right */
    const char *hex;      /* each record begins with it; what is not said is FF */
    /* Or made of the profile. */
    void (*fill)(const struct profile *p, const struct sim_file *file, uint8_t *to);
};

/* Files that others than the card's user know. */
enum {
    SIM_FILE_ADN = 0x6f3a,
    SIM_FILE_FDN = 0x6f3b,
    SIM_FILE_MSISDN = 0x6f40,
    SIM_FILE_LND = 0x6f44,
    SIM_FILE_ECC = 0x6fb7,
    SIM_FILE_SMSP = 0x6f42,
    SIM_FILE_ACM_MAX = 0x6f37,
    SIM_FILE_ACM = 0x6f39,
    SIM_FILE_PUCT = 0x6f41,
};

enum { SIM_FILE_NONE = -1 };

struct sim_files *sim_files_new(const struct profile *p);
void sim_files_free(struct sim_files *fs); /* NULL is allowed */

uint16_t sim_folder_id(enum sim_folder folder);
/* Its number, SIM_FILE_NONE. */
int sim_folder_find(uint16_t id);
int sim_file_find(enum sim_folder folder, uint16_t id);
int sim_file_find_sfi(enum sim_folder folder, unsigned sfi);
/* Wherever it is, and where: the application's first. */
int sim_file_find_anywhere(uint16_t id, enum sim_folder *folder);
/* By its first folder and its number: "7F10/6F3A". */
enum { SIM_FILE_PATH = 10 };
void sim_file_path(int file, char to[SIM_FILE_PATH]);
int sim_file_of_path(const char *path);
/* NULL: no file has this number. */
const struct sim_file *sim_file_info(int file);
size_t sim_file_size(const struct sim_file *file);

/* All of it, record behind record; of a cyclic file the newest first. */
const uint8_t *sim_files_content(struct sim_files *fs, int file);
void sim_files_write(struct sim_files *fs, int file, size_t from, const uint8_t *p, size_t n);
/* A cyclic file's record becomes the newest, and the oldest one goes. */
void sim_files_add(struct sim_files *fs, int file, const uint8_t *record);
uint64_t sim_files_changes(const struct sim_files *fs);          /* goes up with every change */
bool sim_files_is_changed(const struct sim_files *fs, int file); /* since it was made */

#endif
