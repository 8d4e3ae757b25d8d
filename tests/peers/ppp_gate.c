/* A tty behind which a dial-up link is always there, as if it had just been dialled: for a real
 * pppd at the other end. What a module does around it, from ATD to NO CARRIER, is not here.
 *
 *     ppp_gate none|pap|chap [ADDR:PORT=HOST:PORT ...]
 *
 * Says "tty PATH", then a line for each link that opens and closes; user "u", password "secret". */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

#include "base/clk.h"
#include "base/log.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/host_uv.h"
#include "netstack/ipgate.h"
#include "netstack/ppp/ppp.h"
#include "netstack/route.h"

enum { IN_SIZE = 4096 };

#define GATEWAY_IP 0x0a400001u /* 10.64.0.1 */
#define DRIVER_IP 0x0a400002u
#define DNS_IP 0x0a400035u

static uv_loop_t loop;
static uv_poll_t poll;
static int master;
static struct bearer bearer;
static struct ppp_config cfg;
static struct ipgate_config gate_cfg;
static struct ppp *ppp;
static struct ipgate *gate;
static uint8_t in[IN_SIZE];
static size_t n_in;

static void on_poll(uv_poll_t *handle, int status, int events);

/* Writes what the tty takes and watches for what there is to do. */
static void flush(void) {
    size_t n = 0;
    const uint8_t *p = ppp_out(ppp, &n);
    ssize_t sent = n > 0 ? write(master, p, n) : 0;
    if (sent > 0) {
        ppp_out_done(ppp, (size_t)sent);
    }
    bool is_more = sent < (ssize_t)n;
    uv_poll_start(&poll, (n_in < sizeof in ? UV_READABLE : 0) | (is_more ? UV_WRITABLE : 0),
                  on_poll);
}

static void feed(void) {
    size_t n = ppp_rx(ppp, in, n_in);
    memmove(in, in + n, n_in - n);
    n_in -= n;
    flush();
}

static void on_poll(uv_poll_t *handle, int status, int events) {
    (void)handle;
    (void)status;
    if ((events & UV_READABLE) != 0) {
        ssize_t n = read(master, in + n_in, sizeof in - n_in);
        n_in += n > 0 ? (size_t)n : 0;
    }
    feed();
}

static void on_output(void *ctx) {
    (void)ctx;
    flush();
}

static void on_opened(void *ctx, size_t mtu) {
    (void)ctx;
    printf("opened %zu\n", mtu);
    gate_cfg.mtu = mtu;
    gate = gate == NULL ? ipgate_new(&gate_cfg) : gate;
}

static void on_packet(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    ipgate_put(gate, p, n);
}

static int on_deliver(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    return ppp_send(ppp, p, n);
}

static void on_room(void *ctx) {
    (void)ctx;
    if (gate != NULL) {
        ipgate_resume(gate);
    }
}

static bool on_login(void *ctx, const struct auth_login *login) {
    (void)ctx;
    return sv_eq(login->user, SV("u")) && auth_login_is(login, SV("secret"));
}

static void on_closed(void *ctx, enum ppp_close why);

static const struct ppp_events events = {on_output, on_opened, on_packet,
                                         on_room,   on_login,  on_closed};

/* The next one is dialled at once. */
static void on_closed(void *ctx, enum ppp_close why) {
    (void)ctx;
    flush();
    printf("closed %s\n", ppp_close_name(why));
    ipgate_close(gate);
    gate = NULL;
    ppp_free(ppp);
    cfg.seed++;
    ppp = ppp_new(&cfg, &events, NULL);
}

/* The other end stays open here too, so that the tty is never without one. */
static void open_tty(void) {
    static char path[64];
    int slave = -1;
    struct termios t;
    must(openpty(&master, &slave, path, NULL, NULL) == 0);
    tcgetattr(slave, &t);
    cfmakeraw(&t);
    tcsetattr(slave, TCSANOW, &t);
    fcntl(master, F_SETFL, O_NONBLOCK);
    uv_poll_init(&loop, &poll, master);
    printf("tty %s\n", path);
}

int main(int argc, char **argv) {
    char error[ROUTE_ERROR_TEXT];
    struct route *route = route_new();
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 2; i < argc; i++) {
        if (route_add_map(route, argv[i], error) != 0) {
            fprintf(stderr, "ppp_gate: %s\n", error);
            return 2;
        }
    }
    uv_loop_init(&loop);
    struct clk *clk = clk_new_real(&loop, 1);
    struct host_uv *host = host_uv_new(&loop, clk, route);
    bearer_init(&bearer, clk, host_uv_host(host));
    bearer_up(&bearer, DRIVER_IP);
    gate_cfg = (struct ipgate_config){.loop = &loop,
                                      .bearer = &bearer,
                                      .route = route,
                                      .gateway_ip = GATEWAY_IP,
                                      .dns = {DNS_IP},
                                      .deliver = on_deliver};
    bool is_pap = argc > 1 && strcmp(argv[1], "pap") == 0;
    bool is_chap = argc > 1 && strcmp(argv[1], "chap") == 0;
    cfg = (struct ppp_config){
        .clk = clk,
        .lcp = {.auth = is_pap    ? PPP_AUTH_PAP
                        : is_chap ? PPP_AUTH_CHAP
                                  : PPP_AUTH_PAP | PPP_AUTH_CHAP,
                .is_auth_required = is_pap || is_chap,
                .echo_interval = CLK_S(5),
                .echo_failures = 4},
        .ipcp = {.own_ip = GATEWAY_IP, .peer_ip = DRIVER_IP, .dns = {DNS_IP}},
    };
    open_tty();
    ppp = ppp_new(&cfg, &events, NULL);
    flush();
    return uv_run(&loop, UV_RUN_DEFAULT);
}
