/* driver.h: what a driver of a module does, by chance: commands of all kinds, links and their data,
 * and whatever else ports are for; and what the network does meanwhile.
 *
 * Borrows: all of struct driver's parts.
 */
#ifndef TESTS_SIMULATE_DRIVER_H
#define TESTS_SIMULATE_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/rng.h"
#include "pty/cmux_frame.h"
#include "tests/simulate/links.h"
#include "tests/simulate/oracle.h"
#include "tests/simulate/verdict.h"
#include "tests/simulate/world.h"
#include "tests/support/ppp_peer.h"

enum { DRIVER_LATER = 16, DRIVER_BOOT_US = 60000000 };

struct driver;

/* Something of the network that waits for its instant. */
struct driver_later {
    struct driver *d;
    struct clk_timer timer;
    uint64_t seed;
    bool is_due;
};

/* A virtual port while the port is multiplexed. */
struct driver_dlci {
    unsigned lines, results; /* typed; said */
    unsigned answers;        /* UAs */
    char line[64];           /* what is being said */
    size_t len;
};

struct driver {
    uint32_t magic;
#define DRIVER_MAGIC 0x0d417e12u
    struct world world;
    struct oracle oracle;
    struct links links;
    struct verdict *verdict;
    struct rng rng; /* of the act that is done */
    struct driver_later later[DRIVER_LATER];
    bool has_faults;
    clk_dur lag;  /* after which what has happened has been told */
    bool is_down; /* the module restarts or is off */
    int reading;  /* the link of the data that comes next in an answer */
    bool is_hex;  /* as digits */
    uint64_t commands, urcs;
    uint64_t oks;                /* so often the module has said OK, whatever else it says */
    unsigned ok_len;             /* bytes of the next one so far */
    struct ppp_peer ppp;         /* while it has the port: is_ppp */
    struct cmux_decoder decoder; /* while it is multiplexed: is_mux */
    struct driver_dlci dlcis[LIMIT_CMUX_DLCIS + 1];
    bool is_mux;
    bool is_ppp, is_escaping, is_escaped;
};

typedef void driver_fn(struct driver *d);

/* Everything that a driver may do, with how often; ends with NULL. */
struct driver_act {
    const char *name;
    driver_fn *fn;
    unsigned weight;
    bool is_of_links; /* with results that the worst timing tells two minutes later */
};
extern const struct driver_act driver_acts[];

void driver_start(struct driver *d, const struct world_config *cfg, bool has_faults);
void driver_stop(struct driver *d);
void driver_do(struct driver *d, int what, uint64_t seed);
/* Time passes, with what comes in it. */
void driver_pass(struct driver *d, clk_dur by);
/* All is brought to rest and looked at. */
void driver_settle(struct driver *d);

/* -- for acts -- */
size_t driver_pick(struct driver *d, size_t n); /* 0 .. n-1 */
bool driver_is_good(const struct driver *d);
/* Types a line, in one piece or several; what comes until its answer is over, or asks for data.
 * Returns the result; "": none came. */
const char *driver_ask(struct driver *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Behind a prompt; `end` bytes of it are not echoed. */
const char *driver_give(struct driver *d, const uint8_t *p, size_t n, size_t end);
bool driver_is_ok(const char *result);
/* Until `answers` lines in all were answered, of so many commands; or a prompt is there. */
const char *driver_await(struct driver *d, unsigned answers, unsigned commands);
void driver_netopen(struct driver *d); /* what it says later is expected */
void driver_netclose(struct driver *d);
/* Bytes of whoever has the port; returns how many were his. */
size_t driver_data(struct driver *d, const uint8_t *p, size_t n);
size_t driver_mux_data(struct driver *d, const uint8_t *p, size_t n);
bool driver_close_service(struct driver *d); /* whether it is closed, and nothing is due */

void driver_status(struct driver *d); /* what the module says of itself is what it has told */

/* -- the acts -- */
driver_fn driver_act_rows, driver_act_typed_ahead, driver_act_echo, driver_act_profile,
    driver_act_network;
driver_fn driver_act_leave, driver_act_stall, driver_act_restart; /* driver_port.c */
driver_fn driver_act_transparent, driver_act_ppp;                 /* driver_data.c */
driver_fn driver_act_mux;                                         /* driver_mux.c */
driver_fn driver_act_scenario;                                    /* driver_stage.c */
driver_fn driver_act_service, driver_act_open, driver_act_send, driver_act_close, driver_act_read,
    driver_act_modes, driver_act_server, driver_act_counts; /* driver_links.c */

/* -- the network (driver_network.c) -- */
void driver_network(struct driver *d);       /* now */
void driver_network_later(struct driver *d); /* at some instant soon */

#endif
