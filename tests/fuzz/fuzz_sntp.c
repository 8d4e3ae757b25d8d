/* Any datagrams as answers of a time server: each question ends once, with a time or an error,
 * whoever answers, however often, and whether the network stays or not.
 *
 * Input: a byte says what happens and to how many of the bytes behind it. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/sntp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_host.h"

enum { SIZE = 48, ORIGINATE = 24, TRANSMIT = 40, STAMP = 8, PORT = 123, SERVER = 0x0a000001 };

enum what { ANSWER, NEARLY, NOISE, STRANGER, CLOCK, BEARER, NAMES, CANCEL };

struct rig {
    struct clk *clk;
    struct fake_host *host;
    struct bearer bearer;
    struct sntp *sntp; /* NULL: nothing is asked */
    uint8_t asked[STAMP];
    uint16_t port;
};

static void on_done(void *ctx, int err, clk_wall utc) {
    /* RFC 4330 3: from 1968 to 2104, and half of the way. */
    const int64_t first = INT64_C(-61505152) * 1000000, last = INT64_C(4233500000) * 1000000;
    struct rig *r = ctx;
    must(r->sntp != NULL && err <= 0);
    must(err != 0 || (utc.us >= first && utc.us <= last));
    r->sntp = NULL;
}

static void settle(struct rig *r, clk_dur by) {
    struct fake_datagram d;
    fake_host_pass(r->host, r->clk, by);
    while (fake_host_next_datagram(r->host, &d)) {
        must(d.n == SIZE && d.to.ip == SERVER && d.to.port == PORT);
        memcpy(r->asked, d.p + TRANSMIT, STAMP);
        r->port = d.from_port;
    }
}

static void answer(struct rig *r, enum what what, const uint8_t *p, size_t n) {
    uint8_t bytes[SIZE + 16] = {4 << 3 | 4, 1};
    struct net_addr from = {what == STRANGER ? SERVER + 1 : SERVER, PORT};
    memcpy(bytes + (what == NEARLY ? 2 : 0), p, n);
    if (what == ANSWER || what == NEARLY) {
        memcpy(bytes + ORIGINATE, r->asked, STAMP);
    }
    size_t len = what == ANSWER || what == NEARLY ? SIZE : n;
    fake_host_send_datagram(r->host, &from, r->port, bytes, len);
}

static void act(struct rig *r, enum what what, const uint8_t *p, size_t n) {
    switch (what) {
    case ANSWER:
    case NEARLY:
    case NOISE:
    case STRANGER:
        answer(r, what, p, n);
        break;
    case CLOCK:
        settle(r, CLK_MS(1 << n % 14));
        break;
    case BEARER:
        if (r->bearer.is_up) {
            bearer_down(&r->bearer);
        } else {
            bearer_up(&r->bearer, 1);
        }
        break;
    case NAMES:
        fake_host_break_names(r->host, (int)(n % 3) - 1);
        break;
    case CANCEL:
        sntp_cancel(r->sntp);
        r->sntp = NULL;
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rig r = {.clk = clk_new_manual(), .host = fake_host_new()};
    log_set_level(LOG_ERROR);
    fake_host_add_name(r.host, "time.example", SERVER);
    bearer_init(&r.bearer, r.clk, fake_host_net(r.host));
    bearer_up(&r.bearer, 1);
    while (size > 0) {
        if (r.sntp == NULL) {
            r.sntp = sntp_start(&r.bearer, SV("time.example"), 1, on_done, &r);
            settle(&r, CLK_US(0));
        }
        size_t n = data[0] >> 3;
        n = n < size - 1 ? n : size - 1;
        act(&r, (enum what)(data[0] & 7), data + 1, n);
        settle(&r, CLK_US(0));
        data += 1 + n;
        size -= 1 + n;
    }
    fake_host_break_names(r.host, 0);
    settle(&r, CLK_S(3600));
    must(r.sntp == NULL); /* it ends without anybody's help */
    bearer_fini(&r.bearer);
    must(fake_host_open_count(r.host) == 0);
    fake_host_free(r.host);
    clk_close(r.clk);
    return 0;
}
