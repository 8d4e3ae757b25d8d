/* nvram.h: what a module keeps over the end of the process: the stored settings, NV item 1341,
 * the card's lock and its changed files, and the module's phone book, as JSON in a folder
 * (nvram_file.h).
 *
 * Settings stand by row and parameter, words as words, so that a table change does not break them;
 * what is as the factory has it is left out. Text is any bytes: each is the character of its
 * number. Whoever reads an older or edited file: what is not known or not allowed is skipped with
 * a line in the log, and a text that is no NVRAM is set aside.
 *
 * Owns: the folder's lock. Borrows: all of nvram_config, for its life.
 */
#ifndef EMULATOR_NVRAM_H
#define EMULATOR_NVRAM_H

struct at_table;
struct modem;
struct nvram;
struct setting_store;

enum { NVRAM_ERROR = 256, NVRAM_VERSION = 1 };

struct nvram_config {
    const char *folder; /* made if need be; only until nvram_open returns */
    const char *name;   /* the module's, in the log */
    const struct at_table *table;
    struct setting_store *module, *port;
    struct modem *modem;
};

/* Everything is then as behind a power cycle. NULL: `error` says why; the module is as it was. */
struct nvram *nvram_open(const struct nvram_config *cfg, char error[NVRAM_ERROR]);
/* Writes if something has changed since; a failure is logged, and tried again with the next
 * change. */
void nvram_flush(struct nvram *nv);
void nvram_close(struct nvram *nv); /* flushes; NULL is allowed */

#endif
