#include "netstack/ppp/auth.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/be.h"
#include "base/limits.h"
#include "base/obj.h"

enum { HEAD = PPP_HEAD, PAP_WAIT_S = 30, CHALLENGE_S = 3, CHALLENGES = 10, TEXT_MAX = 255 };
enum pap_code { PAP_REQUEST = 1, PAP_ACK, PAP_NAK };
enum chap_code { CHAP_CHALLENGE = 1, CHAP_RESPONSE, CHAP_SUCCESS, CHAP_FAILURE };

static const char own_name[] = "sim7x00";

bool auth_login_is(const struct auth_login *login, struct sv password) {
    if (login->method == PPP_AUTH_PAP) {
        return sv_eq(login->password, password);
    }
    uint8_t text[1 + TEXT_MAX + AUTH_MD5_SIZE];
    uint8_t digest[AUTH_MD5_SIZE];
    if (password.n > TEXT_MAX) {
        return false;
    }
    text[0] = login->id;
    memcpy(text + 1, password.p, password.n);
    memcpy(text + 1 + password.n, login->challenge, AUTH_MD5_SIZE);
    size_t n = 1 + password.n + AUTH_MD5_SIZE;
    /* Where MD5 may not be used nobody gets in by it. */
    return EVP_Digest(text, n, digest, NULL, EVP_md5(), NULL) == 1 &&
           memcmp(digest, login->digest, sizeof digest) == 0;
}

static void send(struct auth *a, uint8_t code, uint8_t id, const void *data, size_t n) {
    uint8_t p[HEAD + TEXT_MAX];
    must(n <= TEXT_MAX);
    p[0] = code;
    p[1] = id;
    p[2] = 0;
    p[3] = (uint8_t)(HEAD + n);
    memcpy(p + HEAD, data, n);
    a->ev->send(a->ctx, a->method == PPP_AUTH_PAP ? AUTH_PAP : AUTH_CHAP, p, HEAD + n);
}

static void answer(struct auth *a, uint8_t id) {
    bool is_ok = a->state == AUTH_ACCEPTED;
    if (a->method == PPP_AUTH_PAP) {
        send(a, is_ok ? PAP_ACK : PAP_NAK, id, "", 1); /* a message of no bytes */
    } else {
        send(a, is_ok ? CHAP_SUCCESS : CHAP_FAILURE, id, "", 0);
    }
}

/* One that is said again is answered again: the answer may have been lost. */
static void judge(struct auth *a, const struct auth_login *login, uint8_t id) {
    bool is_first = a->state == AUTH_WAITING;
    if (is_first) {
        clk_stop(a->clk, &a->timer);
        a->state = a->ev->accept(a->ctx, login) ? AUTH_ACCEPTED : AUTH_REFUSED;
    }
    answer(a, id);
    if (is_first) {
        a->ev->done(a->ctx, a->state == AUTH_ACCEPTED);
    }
}

static void give_up(struct auth *a) {
    a->state = AUTH_REFUSED;
    a->ev->done(a->ctx, false);
}

static void on_timer(void *ctx) {
    struct auth *a;
    CAST_OBJ(a, ctx, AUTH_MAGIC);
    if (a->tries == 0) {
        give_up(a);
        return;
    }
    uint8_t data[1 + AUTH_MD5_SIZE + sizeof own_name - 1];
    a->tries--;
    data[0] = AUTH_MD5_SIZE;
    memcpy(data + 1, a->challenge, AUTH_MD5_SIZE);
    memcpy(data + 1 + AUTH_MD5_SIZE, own_name, sizeof own_name - 1);
    send(a, CHAP_CHALLENGE, a->id, data, sizeof data);
    clk_start(a->clk, &a->timer, CLK_S(CHALLENGE_S), on_timer, a);
}

void auth_start(struct auth *a, enum ppp_auth method) {
    CHECK_OBJ(a, AUTH_MAGIC);
    a->method = method;
    a->state = AUTH_WAITING;
    a->tries = 0;
    if (method == PPP_AUTH_PAP) {
        clk_start(a->clk, &a->timer, CLK_S(PAP_WAIT_S), on_timer, a);
        return;
    }
    a->id++;
    a->tries = CHALLENGES;
    for (size_t i = 0; i < sizeof a->challenge; i++) {
        a->challenge[i] = (uint8_t)rng_next(&a->rng);
    }
    on_timer(a);
}

void auth_stop(struct auth *a) {
    CHECK_OBJ(a, AUTH_MAGIC);
    clk_stop(a->clk, &a->timer);
    a->state = AUTH_OFF;
}

static void on_pap(struct auth *a, uint8_t id, const uint8_t *p, size_t n) {
    size_t n_user = n > 0 ? p[0] : 0;
    if (n < n_user + 2 || n < n_user + 2 + p[1 + n_user]) {
        return;
    }
    const char *text = (const char *)p;
    judge(a,
          &(struct auth_login){.method = PPP_AUTH_PAP,
                               .user = {text + 1, n_user},
                               .password = {text + 2 + n_user, p[1 + n_user]}},
          id);
}

static void on_chap(struct auth *a, uint8_t id, const uint8_t *p, size_t n) {
    if (n < 1 + AUTH_MD5_SIZE || p[0] != AUTH_MD5_SIZE || id != a->id) {
        return;
    }
    judge(a,
          &(struct auth_login){.method = PPP_AUTH_CHAP,
                               .user = {(const char *)p + 1 + AUTH_MD5_SIZE, n - 1 - AUTH_MD5_SIZE},
                               .id = id,
                               .challenge = a->challenge,
                               .digest = p + 1},
          id);
}

void auth_receive(struct auth *a, uint16_t protocol, const uint8_t *p, size_t n) {
    CHECK_OBJ(a, AUTH_MAGIC);
    bool is_pap = protocol == AUTH_PAP;
    size_t size = n >= HEAD ? be_get16(p + 2) : 0;
    if (a->state == AUTH_OFF || is_pap != (a->method == PPP_AUTH_PAP) || size < HEAD || size > n) {
        return;
    }
    if (is_pap && p[0] == PAP_REQUEST) {
        on_pap(a, p[1], p + HEAD, size - HEAD);
    } else if (!is_pap && p[0] == CHAP_RESPONSE) {
        on_chap(a, p[1], p + HEAD, size - HEAD);
    }
}

void auth_init(struct auth *a, const struct auth_events *ev, void *ctx, struct clk *clk,
               uint64_t seed) {
    *a = (struct auth){.ev = ev, .ctx = ctx, .clk = clk, .rng = rng_stream(seed, "auth")};
    OBJ_INIT(a, AUTH_MAGIC);
}

void auth_fini(struct auth *a) {
    auth_stop(a);
    OBJ_FINI(a);
}
