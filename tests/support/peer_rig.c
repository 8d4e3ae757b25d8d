#include "tests/support/peer_rig.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/peers.h"

enum { SETTLE_TURNS = 20 };

struct peer_rig peer_rig;

void peer_rig_init(void) {
    cr_assert_eq(uv_loop_init(&peer_rig.loop), 0);
    peer_rig.clk = clk_new_manual();
    peer_rig.peers = peers_new(&peer_rig.loop, peer_rig.clk);
}

void peer_rig_fini(void) {
    peers_close(peer_rig.peers);
    uv_run(&peer_rig.loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&peer_rig.loop), 0);
    clk_close(peer_rig.clk);
}

struct peer *peer_rig_add(const char *name, const char *config) {
    struct spec_error e = {0};
    char error[PEERS_ERROR_TEXT] = "";
    cJSON *tree = spec_parse(config, strlen(config), &e);
    cr_assert(tree != NULL && spec_check(&peer_spec, tree, config, strlen(config), &e),
              "%s: %s: %s", config, e.path, e.text);
    struct peer *peer = peers_add(peer_rig.peers, name, tree, error);
    cr_assert_not_null(peer, "%s: %s", config, error);
    cJSON_Delete(tree);
    return peer;
}

int peer_rig_dial(const struct sockaddr_storage *to, int type) {
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)to, sizeof(struct sockaddr_in)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (type == SOCK_STREAM) {
        /* What is said must be there at once, or it would take time to settle. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    }
    return fd;
}

int peer_rig_call(const struct peer *peer) {
    struct sockaddr_storage addr;
    peer_addr(peer, &addr);
    return peer_rig_dial(&addr, SOCK_STREAM);
}

void peer_rig_turn(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
    poll(&p, 1, 1);
}

void peer_rig_settle(void) {
    for (int i = 0; i < SETTLE_TURNS; i++) {
        uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
    }
}

void peer_rig_advance(int ms) {
    peer_rig_settle();
    clk_advance(peer_rig.clk, CLK_MS(ms));
    peer_rig_settle();
}

size_t peer_rig_receive(int fd, char *to, size_t n) {
    size_t got = 0;
    while (got < n) {
        peer_rig_turn(fd);
        ssize_t more = read(fd, to + got, n - got);
        if (more == 0 || (more < 0 && errno != EAGAIN)) {
            break;
        }
        got += more > 0 ? (size_t)more : 0;
    }
    return got;
}

void peer_rig_say(int fd, const char *text) {
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    peer_rig_settle();
}

const char *peer_rig_heard(int fd) {
    static char text[256];
    peer_rig_settle();
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

int peer_rig_end(int fd) {
    static char bin[65536];
    for (int idle = 0; idle < SETTLE_TURNS;) {
        uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
        ssize_t n = read(fd, bin, sizeof bin);
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno != EAGAIN) {
            return -errno;
        }
        idle = n < 0 ? idle + 1 : 0;
    }
    return PEER_RIG_OPEN;
}

void peer_rig_reset(int fd) {
    struct linger none = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}
