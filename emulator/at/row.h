/* row.h: what the command table is made of; generated from emulator/dialect/<family>.json. */
#ifndef EMULATOR_AT_ROW_H
#define EMULATOR_AT_ROW_H

#include <stddef.h>
#include <stdint.h>

struct at_req;

/* A handler never returns a result: it says one (req.h), now or later. */
typedef void at_handler(struct at_req *rq);

enum at_form { AT_EXEC = 1, AT_READ = 2, AT_TEST = 4, AT_WRITE = 8 };

enum at_kind {
    AT_SETTING, /* slots: write, read, test and exec need no code */
    AT_RECORD,  /* the first parameter is the key; read prints a line a defined key */
    AT_QUERY,   /* tells, changes nothing */
    AT_ACTION,  /* does something */
    AT_DATA,    /* takes or gives raw data */
};

enum at_type {
    AT_INT,  /* decimal, in one of `ranges` */
    AT_STR,  /* quoted; its length in ranges[0] */
    AT_WORD, /* one of `words`, without case; quoted unless AT_BARE */
    AT_RAW,  /* as it stands: a dial string */
};

enum at_param_flag {
    AT_OPTIONAL = 1, /* may be left out: the default is taken */
    AT_KEEP = 2,     /* may be left out: the old value stays */
    AT_SECRET = 4,   /* masked in the log, left out of reads */
    AT_BARE = 8,     /* a word without quotes, when written and when read */
    AT_LOOSE = 16,   /* quotes may be missing when written */
};

struct at_range {
    int32_t lo, hi;
};

enum { AT_NO_SLOT = 0xffff };

struct at_param {
    const char *name;
    uint8_t type;  /* enum at_type */
    uint8_t flags; /* enum at_param_flag */
    uint16_t slot; /* enum slot, or AT_NO_SLOT */
    uint8_t nranges, nwords;
    const struct at_range *ranges;
    const char *const *words;
    int32_t def;      /* AT_INT; for AT_WORD the index of the word */
    const char *text; /* default of AT_STR */
};

/* What a command needs, in any form but test; which one is missing decides the error. */
enum at_need { AT_NEED_SIM = 1, AT_NEED_PIN = 2 };

enum at_save {
    AT_SAVE_NONE,    /* lost at restart */
    AT_SAVE_PROFILE, /* AT&W stores it, ATZ restores it */
    AT_SAVE_AUTO,    /* stored at once */
};

enum at_row_flag {
    AT_ABORTABLE = 1,  /* a byte from the DTE while it runs ends it */
    AT_SELF_CHECK = 2, /* the handler checks the arguments: its errors are its own */
    AT_PORT = 4,       /* its slots belong to the port, not to the module */
    AT_NO_FACTORY = 8, /* AT&F leaves it alone */
    AT_CMS = 16,       /* what its needs lack is told as +CMS ERROR (27.005 3.2.5) */
};

/* A record that exists from the factory on: a value a parameter, in the array of its type. */
struct at_record {
    const int32_t *ints;      /* AT_INT; for AT_WORD the index of the word; else 0 */
    const char *const *texts; /* AT_STR; else NULL */
};

struct at_cmd {
    const char *name; /* "+CMEE", "E", "&F", "S0"; upper case; the table is sorted by it (strcmp) */
    uint8_t kind;     /* enum at_kind */
    uint8_t forms;    /* enum at_form: those that exist */
    uint8_t code_forms; /* of these, those that `run` answers */
    uint8_t needs;      /* enum at_need */
    uint8_t save;       /* enum at_save */
    uint8_t flags;      /* enum at_row_flag */
    uint8_t latency;    /* its class: index in at_latencies */
    uint8_t nparams;
    uint8_t nexec; /* how many of the parameters exec sets (0: all, to their defaults) */
    const struct at_param *params;
    const int32_t *exec; /* nexec values that exec sets instead of the defaults */
    const char *test;    /* lines of the test form, \n between; NULL: from params; "": only OK */
    /* Read format; NULL: from params. "{0}" is the value of parameter 0 as it stands (no quotes),
     * "{0:03}" a number filled with zeros to three digits. The header is part of the format. */
    const char *read;
    const struct at_record *records; /* AT_RECORD: what exec and the factory set */
    uint8_t nrecords;
    at_handler *run;    /* NULL when code_forms is 0 */
    const char *source; /* "V3.00 3.2.18" */
};

/* What the generator says of a slot. */
enum slot_type { SLOT_INT, SLOT_STR };
struct slot_info {
    const char *name;   /* "CMEE_N" */
    uint8_t type;       /* enum slot_type */
    uint8_t save;       /* enum at_save */
    uint8_t is_port;    /* kept a port, not a module */
    uint8_t is_factory; /* AT&F resets it */
    int32_t def;
    const char *text;
};

/* What a class of commands takes, in ms: typical, worst. */
enum { AT_LATENCY_TIMES = 2 };
struct at_latency {
    const char *name;
    int32_t ask[AT_LATENCY_TIMES]; /* the read and test forms */
    int32_t act[AT_LATENCY_TIMES]; /* the exec and write forms */
    int32_t urc[AT_LATENCY_TIMES]; /* unsolicited results with a command's name */
};

struct at_table {
    const struct at_cmd *rows;
    size_t n;
};

/* -- the generated table (dialect_rows.c, from rows.inc) -- */
extern const struct at_table at_dialect;
extern const struct slot_info slot_infos[];
/* Ends with one that has no name. The first is that of whatever has no row. */
extern const struct at_latency at_latencies[];

#endif
