/* transcript.h: dialogue files: what a driver types, what the module answers, what far ends do.
 *
 * One file plays in process, where modem time is exact, and against the daemon, where there is
 * slack; one that names a scenario plays against the daemon that plays the scenario. The format is
 * described in tests/transcripts/README.md.
 *
 * Owns: transcript_parse's result owns all texts in it. Drivers are the caller's.
 */
#ifndef TESTS_SUPPORT_TRANSCRIPT_H
#define TESTS_SUPPORT_TRANSCRIPT_H

#include <poll.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/bus.h"
#include "emulator/at/latency.h"
#include "netstack/net.h"

enum {
    TRANSCRIPT_PEERS = 16,
    TRANSCRIPT_NAMES = 8,
    TRANSCRIPT_PEER_NAME = 16,
    TRANSCRIPT_MAX = 1 << 20, /* bytes of one text, and of what is read ahead */
};

/* -- the file -- */

enum transcript_how { TRANSCRIPT_ACCEPT, TRANSCRIPT_REFUSE, TRANSCRIPT_BLACK_HOLE };

struct transcript_peer {
    enum { TRANSCRIPT_TCP, TRANSCRIPT_UDP, TRANSCRIPT_CALLER } kind;
    char name[TRANSCRIPT_PEER_NAME];
    struct net_addr addr; /* modem-side */
    uint16_t server_port; /* a caller's */
    enum transcript_how how;
};

struct transcript_name {
    char name[256];
    uint32_t ip;
};

struct transcript_ping {
    uint32_t ip;
    int64_t rtt_us;
};

enum transcript_kind {
    TRANSCRIPT_SEND,
    TRANSCRIPT_EXPECT,  /* text */
    TRANSCRIPT_MATCH,   /* regex, one line */
    TRANSCRIPT_SKIP,    /* regex: lines up to the one that matches */
    TRANSCRIPT_POLL,    /* text, from_us, regex: asked until a line of the answer matches */
    TRANSCRIPT_WINDOW,  /* from_us to to_us: when the next expectation begins to come */
    TRANSCRIPT_SILENCE, /* from_us */
    TRANSCRIPT_WAIT,    /* from_us */
    TRANSCRIPT_PEER_CALL,
    TRANSCRIPT_PEER_SEND, /* text; port: a UDP peer's target, 0: whom it last heard from */
    TRANSCRIPT_PEER_EXPECT,
    TRANSCRIPT_PEER_CLOSE,
    TRANSCRIPT_PEER_RESET,
    TRANSCRIPT_PEER_EXPECT_CLOSE,
    TRANSCRIPT_PEER_EXPECT_RESET,
    TRANSCRIPT_PEER_WINDOW,    /* number: takes so many bytes more; -1: any */
    TRANSCRIPT_PEER_HOLD_ACKS, /* number: 1 on, 0 off */
    TRANSCRIPT_DTE,            /* number: 1 opens the port, 0 closes it */
    TRANSCRIPT_GONE,           /* the tty is no more */
    TRANSCRIPT_ATTACHED,       /* number: whether the packet service is there */
    TRANSCRIPT_REGISTERED,     /* number: +CREG's <stat> */
    TRANSCRIPT_NAMES_ARE,      /* number: 0 answered, 1 silent, -1 broken */
    TRANSCRIPT_PORT_TAKEN,     /* port */
    TRANSCRIPT_WIFI_JOIN,      /* text: a client's address, for this and the next one */
    TRANSCRIPT_WIFI_LEAVE,
    TRANSCRIPT_WIFI_SAYS,    /* text */
    TRANSCRIPT_WIFI_NETWORK, /* text: address, name, level, one more in the air */
};

struct transcript_step {
    enum transcript_kind kind;
    unsigned line;
    char *source; /* the line of the file */
    uint8_t *text;
    size_t n;
    regex_t regex;
    int64_t from_us, to_us;
    size_t peer;
    int number;
    uint16_t port;
};

struct transcript {
    char *path;
    char profile[32];  /* "": the default one */
    char scenario[64]; /* of scenarios/library; "": none */
    int64_t factor;    /* of the clock; 0: from the file's own times */
    bool only_in_process;
    enum at_timing timing; /* in process */
    struct transcript_peer peers[TRANSCRIPT_PEERS];
    size_t npeers;
    struct transcript_name names[TRANSCRIPT_NAMES];
    size_t nnames;
    struct transcript_ping pings[TRANSCRIPT_NAMES];
    size_t npings;
    struct transcript_step *steps;
    size_t nsteps;
};

enum { TRANSCRIPT_ERROR_TEXT = 256 };

/* NULL: `error` says what is wrong with which line. */
struct transcript *transcript_parse(const char *path, const char *text,
                                    char error[TRANSCRIPT_ERROR_TEXT]);
struct transcript *transcript_load(const char *path, char error[TRANSCRIPT_ERROR_TEXT]);
void transcript_free(struct transcript *t); /* NULL is allowed */

/* Every file of this pattern, sorted; the array and its strings are the caller's. */
size_t transcript_find(const char *pattern, char ***paths);

/* -- the module it plays against -- */

enum transcript_end { TRANSCRIPT_OPEN, TRANSCRIPT_FIN, TRANSCRIPT_RST };

struct transcript_driver {
    void *ctx;
    int64_t early_us;             /* how much before a window something may come */
    int64_t slack_us;             /* how much later than said */
    int64_t rest_us;              /* how long the end is listened to; < 0: not at all */
    bool is_lenient;              /* what goes otherwise is passed over, and the file goes on */
    int64_t (*now_us)(void *ctx); /* modem time */
    void (*send)(void *ctx, const uint8_t *p, size_t n);
    /* Lets modem time go on until something happens, and adds the module's output to `got`.
     * False: `until_us` has come and nothing happened. */
    bool (*turn)(void *ctx, int64_t until_us, struct buf *got);
    /* Bytes the far end has got and not taken; of a datagram peer, of the oldest datagram. */
    const uint8_t *(*peer_data)(void *ctx, size_t peer, size_t *n);
    void (*peer_take)(void *ctx, size_t peer, size_t n);
    enum transcript_end (*peer_end)(void *ctx, size_t peer); /* what the module did */
    /* The tty has vanished under the driver; NULL: it never does. */
    bool (*is_gone)(void *ctx);
    /* Any other step; false: it cannot be done. */
    bool (*act)(void *ctx, const struct transcript_step *s);
};

/* 0, or 1 with the two dialogues side by side in `report`; to a lenient driver how many steps went
 * otherwise. A tty that vanishes where the file does
 * not say so ends the dialogue: the run is over, and its verdict is the daemon's. */
int transcript_play(const struct transcript *t, const struct transcript_driver *d, FILE *report);

/* -- drivers -- */

/* In process: a unit on a channel without a kernel, manual time, a fake outside world.
 * chop: the input arrives in pieces of so many bytes, 0: at once. `listener` hears the unit's bus;
 * NULL: nobody does. */
int transcript_play_in_process(const struct transcript *t, size_t chop, bus_fn *listener, void *ctx,
                               FILE *report);

/* The daemon `program` on a pty, far ends on 127.0.0.0/8. */
int transcript_play_on_daemon(const struct transcript *t, const char *program, FILE *report);

/* Who runs the daemon and lets its time go on, where that is not the daemon itself. */
struct transcript_runner {
    void *ctx;
    const char *folder;         /* exists; for the link, and what the options name in it */
    const char *const *options; /* more words of the command line, ended by NULL */
    bool is_lenient;
    pid_t (*start)(void *ctx, char **args, int out); /* `out`: the daemon's stdout */
    int64_t (*now_us)(void *ctx);                    /* modem time */
    /* As poll, but lets time go on until `until_us`. < 0: the daemon does not come to rest. */
    int (*poll)(void *ctx, struct pollfd *fds, nfds_t n, int64_t until_us);
    /* The dialogue is over; `d` may be used on. */
    void (*after)(void *ctx, const struct transcript_driver *d);
    int (*reap)(void *ctx, pid_t pid); /* tells it to end; the status of waitpid */
};

/* As transcript_play says; 1 also if the daemon did not start. */
int transcript_play_by(const struct transcript *t, const struct transcript_runner *run,
                       FILE *report);

/* The daemon plays the scenario of this file, and the dialogue is its driver. Returns the daemon's
 * exit status, that is the verdict: 0 passed, 1 failed; -1: the dialogue went otherwise, or there
 * was no end. What did not pass is in `report`. `is_patient`: the run ends by itself; else it is
 * ended behind the dialogue, and what has not come by then is missing. */
int transcript_play_scenario(const struct transcript *t, const char *program, const char *scenario,
                             bool is_patient, FILE *report);

#endif
