/* session_priv.h: the session's inside, for the files of at/ only. */
#ifndef EMULATOR_AT_SESSION_PRIV_H
#define EMULATOR_AT_SESSION_PRIV_H

#include <sys/queue.h>

#include "base/arena.h"
#include "base/chan.h"
#include "base/limits.h"
#include "emulator/at/line.h"
#include "emulator/at/parse.h"
#include "emulator/at/req.h"
#include "emulator/at/session.h"

struct at_req {
    struct at_session *session;
    const struct at_cmd *row;
    struct parsed command;
    struct arena arena;
    bool is_open;  /* handed to a handler, not ended */
    bool is_block; /* an information line was sent: the next one follows without a gap */
    at_cancel_fn *on_cancel;
    void *cancel_ctx;
    at_drained_fn *on_drained;
    void *data;
};

struct prompt {
    bool is_active;
    size_t want;
    bool is_escaped; /* an ETX was seen */
    bool is_over;    /* more than max came */
    struct buf data;
    at_data_fn *cb;
};

struct urc {
    enum urc_class class;
    urc_source_fn *source; /* NULL: text */
    void *ctx;
    char *text;
    bool is_decided; /* the owner was asked already */
    clk_mono due;    /* not before this instant, nor what is behind it; 0: at once */
};

/* An unsolicited result that the owner makes wait, beside the queue. */
struct urc_late {
    struct at_session *session;
    LIST_ENTRY(urc_late) entry;
    struct clk_timer timer;
    struct urc urc;
};

/* What waits because the owner said so (ask.c). */
struct hold {
    bool is_active;
    bool is_latency; /* the module works: nobody else has asked for it */
    enum at_point point;
    struct bus_verdict verdict;
    char *text;   /* behind verdict.text */
    char *result; /* the one that waits */
    struct clk_timer timer;
};

/* One place more than the bound: the newest one is in the queue when the one to go is chosen. */
enum { URC_PLACES = LIMIT_URCS + 1 };

struct urc_queue {
    struct urc items[URC_PLACES];
    size_t first, n;
    LIST_HEAD(urc_lates, urc_late) late;
    size_t nlate;
    struct clk_timer ripe; /* the first one is due */
    uint64_t dropped;
    bool is_flushing;
};

struct at_session {
    uint32_t magic;
#define AT_SESSION_MAGIC 0xa75e5510u
    struct at_session_config cfg;
    enum at_timing timing;
    bool is_left; /* the DTE has gone: what it still wanted is done at once */
    struct setting_store *port;
    struct line line;
    bool has_line;         /* a command line is being run */
    char text[LIMIT_LINE]; /* its text */
    size_t text_len;
    size_t pos;        /* of its next command */
    struct sv command; /* the one that runs, as typed */
    struct hold hold;
    struct at_req req;
    bool is_in_handler;
    bool is_mute;
    struct prompt prompt;
    struct urc_queue urcs;
    struct clk_timer ri; /* the end of its pulse */
    char eol[3];
};

/* session.c */
void session_ended(struct at_session *s, bool is_good); /* the request has ended */
void session_idle(struct at_session *s);                /* something may go on now */
void session_cancel(struct at_session *s);              /* ends what runs without an answer */
bool session_may_urc(const struct at_session *s);
void session_run_command(struct at_session *s); /* the request that is open */

/* ask.c */
bool session_line_goes(struct at_session *s); /* false: it was decided otherwise, or waits */
bool session_command_goes(struct at_session *s);
void session_result(struct at_session *s, const char *text); /* of a line: now, later or never */
void session_done(struct at_session *s, const char *result); /* a result is out */
struct bus_verdict session_ask_urc(struct at_session *s, const char *text);
/* As unsolicited information; \n separates them. */
void session_say_lines(struct at_session *s, struct sv lines);
void hold_clear(struct at_session *s);
bool hold_hurry(struct at_session *s); /* what the module works on, if it does, is done now */

/* reply.c */
enum reply_code {
    REPLY_OK,
    REPLY_CONNECT,
    REPLY_RING,
    REPLY_NO_CARRIER,
    REPLY_ERROR,
    REPLY_NO_DIALTONE,
    REPLY_BUSY,
    REPLY_NO_ANSWER,
};
void reply_write(struct at_session *s, const void *p, size_t n);
void reply_info(struct at_session *s, const void *p, size_t n, bool is_first);
void reply_code(struct at_session *s, enum reply_code code);
void reply_text(struct at_session *s, const char *text);  /* a result without a number of its own */
void reply_final(struct at_session *s, const char *text); /* with its number if V.250 gives one */
/* What an error is as a result, in `to` if need be. */
const char *reply_error_text(struct at_session *s, enum at_err e, char to[LIMIT_URC_TEXT]);

/* prompt.c */
void prompt_start(struct at_session *s, const char *prompt, size_t want, size_t max,
                  at_data_fn *cb);
void prompt_cancel(struct at_session *s);

/* urc.c */
void urc_flush(struct at_session *s);
void urc_clear(struct at_session *s);

#endif
