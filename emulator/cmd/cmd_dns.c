/* cmd_dns.c: names and addresses (V3.00 11.3.1, 11.3.2). */
#include "emulator/cmd/cmd_tcpip.h"
#include "handlers.h"
#include "netstack/resolve.h"

/* The only error the manual lists: "DNS general error". */
enum { DNS_ERROR = 10 };

static void fail(struct at_req *rq) {
    at_info(rq, "%s: 0,%d", at_row_of(rq)->name, DNS_ERROR);
    at_fail(rq, AT_ERR_PLAIN);
}

static void on_cancel(void *ctx) {
    resolve_cancel(ctx);
}

static void wait_for(struct at_req *rq, struct net_resolve *look_up) {
    if (look_up == NULL) {
        fail(rq);
    } else {
        at_on_cancel(rq, on_cancel, look_up);
    }
}

static void on_name(void *ctx, int err, uint32_t ip) {
    struct at_req *rq = ctx;
    char text[NET_IP_TEXT];
    if (err != 0) {
        fail(rq);
        return;
    }
    at_info(rq, "+CDNSGIP: 1,\"%.*s\",\"%s\"", SV_ARG(at_text(rq, 0)), net_format_ip(ip, text));
    at_ok(rq);
}

void cmd_cdnsgip(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    wait_for(rq,
             resolve_name(&c->modem->bearer, at_text(rq, 0), tcpip_dns_retries(c), on_name, rq));
}

static void on_address(void *ctx, int err, const char *name) {
    struct at_req *rq = ctx;
    if (err != 0) {
        fail(rq);
        return;
    }
    at_info(rq, "+CDNSGHNAME: 1,\"%s\",\"%.*s\"", name, SV_ARG(at_text(rq, 0)));
    at_ok(rq);
}

void cmd_cdnsghname(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    uint32_t ip = 0;
    if (net_parse_ip(at_text(rq, 0), &ip) != 0) {
        fail(rq);
        return;
    }
    wait_for(rq, resolve_addr(&c->modem->bearer, ip, tcpip_dns_retries(c), on_address, rq));
}
