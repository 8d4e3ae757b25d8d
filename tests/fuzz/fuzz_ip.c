/* What a driver sends into the gate: packets, whatever they say of themselves, and questions to the
 * name server. A packet that is readdressed and back is what it was.
 *
 * Input: which of the two, then its bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "netstack/ipdns.h"
#include "netstack/ipfrag.h"
#include "netstack/ipnat.h"
#include "tests/fuzz/fuzz.h"

static void check_question(const uint8_t *p, size_t n) {
    struct ipdns_question q;
    uint8_t out[IPDNS_ANSWER_MAX];
    uint32_t ip = 0;
    int code = ipdns_parse(&q, p, n);
    must(strlen(q.name) <= LIMIT_NAME && q.n_wire <= sizeof q.wire);
    if (code < 0) {
        return;
    }
    must(ipdns_answer(&q, code, out) <= sizeof out);
    if (code == 0) {
        must(ipdns_answer_ip(&q, 1, out) <= sizeof out);
        must(ipdns_answer_name(&q, q.name, out) <= sizeof out);
        ipdns_reverse(&q, &ip);
    }
}

/* Sums that were wrong stay wrong by as much; 0 and ffff are the same. */
static bool is_same(const uint8_t *a, const uint8_t *b, size_t n) {
    unsigned differ = 0;
    for (size_t i = 0; i < n; i++) {
        differ += a[i] != b[i];
    }
    return differ <= 4;
}

static void check_packet(const uint8_t *p, size_t n) {
    static struct ipnat nat;
    const struct net_addr host = {0x7f000001u, 40001};
    uint8_t copy[IPPKT_MAX];
    uint8_t rst[IPPKT_MAX];
    struct ippkt k;
    struct ippkt quoted;
    memcpy(copy, p, n);
    if (ippkt_parse(&k, copy, n) != 0) {
        return;
    }
    must(k.n <= n && k.data <= k.n && k.head <= k.n);
    const struct net_addr src = k.src;
    const struct net_addr dst = k.dst;
    ippkt_set_src(&k, &host);
    ippkt_set_dst(&k, &host);
    ippkt_set_src(&k, &src);
    ippkt_set_dst(&k, &dst);
    must(src.port == 0 || dst.port == 0 || is_same(copy, p, k.n));
    struct ipfrag frags = {.next = 0};
    struct ippkt whole;
    if (k.is_fragment && ipfrag_add(&frags, &k, &whole)) {
        must(whole.n <= k.n && !whole.is_fragment);
    }
    ipfrag_fini(&frags);
    struct clk *clk = clk_new_manual();
    ipnat_init(&nat, clk);
    ipnat_up(&nat, ipnat_add(&nat, k.proto, k.src.port, &k.dst, &host), &k);
    ipnat_fragment_down(&nat, &k);
    clk_close(clk);
    if (ippkt_quoted(&k, &quoted) == 0) {
        ippkt_set_quoted_dst(&k, &host);
    }
    if (ippkt_is_echo(&k)) {
        ippkt_turn_echo(&k, 1);
    }
    if (k.proto == IPPKT_TCP && k.has_ports) {
        must(ippkt_make_rst(&k, rst) == 40);
        ippkt_turn_rst(&k);
        must(k.n <= n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > IPPKT_MAX) {
        return 0;
    }
    uint8_t *p = xmalloc(size > 1 ? size - 1 : 1); /* its size: a read past it is seen */
    memcpy(p, data + 1, size - 1);
    if (data[0] % 2 == 0) {
        check_packet(p, size - 1);
    } else {
        check_question(p, size - 1);
    }
    free(p);
    return 0;
}
