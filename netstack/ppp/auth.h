/* auth.h: who the peer of a dial-up link is: PAP (RFC 1334) and CHAP with MD5 (RFC 1994), the side
 * that asks.
 *
 * Caller's memory. Borrows: clock, events. Calls back: events, from auth_receive and a timer.
 * Time: a PAP peer has 30 s; a CHAP challenge is said again after 3 s, ten times in all.
 */
#ifndef NETSTACK_PPP_AUTH_H
#define NETSTACK_PPP_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/rng.h"
#include "base/sv.h"
#include "netstack/ppp/lcp.h"

enum { AUTH_PAP = 0xc023, AUTH_CHAP = 0xc223, AUTH_MD5_SIZE = 16 };

/* What the peer says of itself; good during the callback. */
struct auth_login {
    enum ppp_auth method;
    struct sv user;
    struct sv password; /* PAP */
    uint8_t id;         /* CHAP: what was asked and what came */
    const uint8_t *challenge, *digest;
};

/* Whether this is the password that the peer knows. */
bool auth_login_is(const struct auth_login *login, struct sv password);

struct auth_events {
    void (*send)(void *ctx, uint16_t protocol, const uint8_t *p, size_t n);
    bool (*accept)(void *ctx, const struct auth_login *login);
    void (*done)(void *ctx, bool is_accepted); /* once */
};

struct auth {
    uint32_t magic;
#define AUTH_MAGIC 0x5e2b97d4u
    const struct auth_events *ev;
    void *ctx;
    struct clk *clk;
    struct rng rng;
    enum ppp_auth method;
    enum { AUTH_OFF, AUTH_WAITING, AUTH_ACCEPTED, AUTH_REFUSED } state;
    uint8_t id;
    uint8_t challenge[AUTH_MD5_SIZE];
    unsigned tries;
    struct clk_timer timer;
};

void auth_init(struct auth *a, const struct auth_events *ev, void *ctx, struct clk *clk,
               uint64_t seed);
void auth_fini(struct auth *a);
void auth_start(struct auth *a, enum ppp_auth method); /* PAP or CHAP */
void auth_stop(struct auth *a);
void auth_receive(struct auth *a, uint16_t protocol, const uint8_t *p, size_t n);

#endif
