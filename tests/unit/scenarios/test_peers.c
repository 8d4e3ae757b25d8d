#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/crc32.h"
#include "base/limits.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/peers.h"
#include "tests/support/peer_rig.h"

TestSuite(peers, .init = peer_rig_init, .fini = peer_rig_fini, .timeout = 60);

static int dial(const char *name, int type) {
    struct sockaddr_storage addr;
    cr_assert_eq(peers_addr(peer_rig.peers, name, &addr), 0);
    return peer_rig_dial(&addr, type);
}

Test(peers, echo_sends_back_what_it_gets) {
    int fd = dial("echo:", SOCK_STREAM);
    char got[16] = "";
    cr_assert_eq(write(fd, "hello", 5), 5);
    cr_assert_eq(peer_rig_receive(fd, got, 5), 5);
    cr_assert_str_eq(got, "hello");
    close(fd);
}

Test(peers, echo_finishes_before_it_closes) {
    int fd = dial("echo:", SOCK_STREAM);
    char got[16] = "";
    cr_assert_eq(write(fd, "bye", 3), 3);
    shutdown(fd, SHUT_WR);
    cr_assert_eq(peer_rig_receive(fd, got, sizeof got), 3, "three bytes, then the end");
    cr_assert_str_eq(got, "bye");
    close(fd);
}

Test(peers, echo_stops_reading_from_whoever_does_not_read) {
    int fd = dial("echo:", SOCK_STREAM);
    static char bin[65536];
    size_t sent = 0;
    size_t stuck = 0;
    while (stuck < 200) {
        ssize_t n = write(fd, bin, sizeof bin);
        sent += n > 0 ? (size_t)n : 0;
        stuck = n > 0 ? 0 : stuck + 1;
        uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
    }
    cr_assert_lt(sent, 64u << 20, "the kernel's buffers are the bound");
    size_t got = 0;
    while (got < sent) {
        size_t n = peer_rig_receive(fd, bin, sent - got < sizeof bin ? sent - got : sizeof bin);
        cr_assert_gt(n, 0);
        got += n;
    }
    close(fd);
}

Test(peers, echo_survives_a_reset) {
    int fd = dial("echo:", SOCK_STREAM);
    struct linger l = {.l_onoff = 1};
    cr_assert_eq(write(fd, "x", 1), 1);
    uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(fd);
    for (int i = 0; i < 5; i++) {
        uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
    }
    fd = dial("echo:", SOCK_STREAM);
    char got = 0;
    cr_assert_eq(write(fd, "y", 1), 1);
    cr_assert_eq(peer_rig_receive(fd, &got, 1), 1);
    cr_assert_eq(got, 'y');
    close(fd);
}

Test(peers, discard_takes_all_and_says_nothing) {
    int fd = dial("discard:", SOCK_STREAM);
    static char bin[65536];
    size_t sent = 0;
    while (sent < 1u << 20) {
        ssize_t n = write(fd, bin, sizeof bin);
        sent += n > 0 ? (size_t)n : 0;
        uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
    }
    shutdown(fd, SHUT_WR);
    cr_assert_eq(peer_rig_receive(fd, bin, 1), 0);
    close(fd);
}

Test(peers, chargen_sends_the_pattern_without_end) {
    int fd = dial("chargen:", SOCK_STREAM);
    static char bin[1 << 20];
    cr_assert_eq(peer_rig_receive(fd, bin, sizeof bin), sizeof bin);
    for (size_t i = 0; i < sizeof bin; i++) {
        size_t line = i / 74;
        size_t col = i % 74;
        char want = col == 72 ? '\r' : col == 73 ? '\n' : (char)(' ' + (line + col) % 95);
        cr_assert_eq(bin[i], want, "byte %zu", i);
    }
    shutdown(fd, SHUT_WR);
    while (peer_rig_receive(fd, bin, sizeof bin) > 0) {
    }
    close(fd);
}

Test(peers, datagrams_are_answered_on_the_same_port) {
    static const struct {
        const char *name, *answer;
    } rows[] = {
        {"echo:", "ping"},
        {"chargen:", " !\"#"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = dial(rows[i].name, SOCK_DGRAM);
        char got[128] = "";
        cr_assert_eq(send(fd, "ping", 4, 0), 4);
        cr_assert_geq(peer_rig_receive(fd, got, 4), 4);
        cr_assert_eq(memcmp(got, rows[i].answer, 4), 0);
        close(fd);
    }
    int fd = dial("discard:", SOCK_DGRAM);
    char got[8];
    cr_assert_eq(send(fd, "ping", 4, 0), 4);
    for (int i = 0; i < 5; i++) {
        peer_rig_turn(fd);
    }
    cr_assert_lt(read(fd, got, sizeof got), 0);
    close(fd);
}

Test(peers, an_unknown_name_is_refused) {
    struct sockaddr_storage addr;
    cr_assert_eq(peers_addr(peer_rig.peers, "quote:", &addr), -EINVAL);
    cr_assert_eq(peers_addr(peer_rig.peers, "echo", &addr), -EINVAL);
}

Test(peers, the_address_stays_the_same) {
    struct sockaddr_storage a;
    struct sockaddr_storage b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    cr_assert_eq(peers_addr(peer_rig.peers, "echo:", &a), 0);
    cr_assert_eq(peers_addr(peer_rig.peers, "echo:", &b), 0);
    cr_assert_eq(memcmp(&a, &b, sizeof(struct sockaddr_in)), 0);
    cr_assert_eq(((struct sockaddr_in *)&a)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
}

Test(peers, close_with_open_connections_leaves_nothing) {
    int fd = dial("chargen:", SOCK_STREAM);
    for (int i = 0; i < 5; i++) {
        uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
    }
    peers_close(peer_rig.peers);
    peer_rig.peers = NULL;
    uv_run(&peer_rig.loop, UV_RUN_DEFAULT);
    close(fd);
}

/* -- named peers -- */

static struct {
    unsigned connects, ends;
    size_t bytes;
    int err;
    const struct peer *peer;
} seen;

static void on_connect(void *ctx, struct peer *peer) {
    (void)ctx;
    seen.connects++;
    seen.peer = peer;
}

static void on_bytes(void *ctx, struct peer *peer, const uint8_t *p, size_t n) {
    (void)ctx;
    seen.bytes += n;
    seen.peer = peer;
    if (n == 3 && memcmp(p, "RST", 3) == 0) {
        cr_assert_eq(peer_reset(peer), 0);
    } else if (n == 3 && memcmp(p, "OUT", 3) == 0) {
        peers_remove(peer);
    }
}

static void on_end(void *ctx, struct peer *peer, int err) {
    (void)ctx;
    seen.ends++;
    seen.err = err;
    seen.peer = peer;
}

static void listen_to_all(void) {
    static const struct peer_events events = {on_connect, on_bytes, on_end};
    memset(&seen, 0, sizeof seen);
    peers_listen(peer_rig.peers, &events, NULL);
}

Test(peers, a_named_peer_is_found_by_its_name) {
    struct peer *a = peer_rig_add("a", "{\"kind\":\"echo\",\"at\":\"203.0.113.1:7\"}");
    struct peer *b = peer_rig_add("b", "{\"kind\":\"sink\",\"at\":[\"x.example:*\",\"y:65535\"]}");
    cr_assert_eq(peers_find(peer_rig.peers, "a"), a);
    cr_assert_eq(peers_find(peer_rig.peers, "b"), b);
    cr_assert_null(peers_find(peer_rig.peers, "c"));
    cr_assert_str_eq(peer_name(b), "b");
}

Test(peers, what_no_peer_looks_like_is_refused_by_the_table) {
    static const char *const texts[] = {
        "{}",
        "{\"kind\":\"quote\"}",
        "{\"kind\":\"echo\",\"script\":[{\"close\":true}]}",
        "{\"kind\":\"echo\",\"udp\":\"tcp\"}",
        "{\"kind\":\"echo\",\"at\":\"1.2.3.4\"}",
        "{\"kind\":\"echo\",\"at\":\":80\"}",
        "{\"kind\":\"echo\",\"at\":\"a:0\"}",
        "{\"kind\":\"echo\",\"at\":\"a:080\"}",
        "{\"kind\":\"echo\",\"at\":\"a:65536\"}",
        "{\"kind\":\"echo\",\"at\":\"a b:1\"}",
        "{\"kind\":\"echo\",\"at\":[]}",
        "{\"kind\":\"echo\",\"port\":1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct spec_error e;
        cJSON *tree = spec_parse(texts[i], strlen(texts[i]), &e);
        cr_assert_not_null(tree);
        cr_assert(!spec_check(&peer_spec, tree, NULL, 0, &e), "%s", texts[i]);
        cJSON_Delete(tree);
    }
}

static void add_fails(const char *name, const char *config, const char *error) {
    char text[PEERS_ERROR_TEXT] = "";
    cJSON *tree = cJSON_Parse(config);
    cr_assert_null(peers_add(peer_rig.peers, name, tree, text));
    cr_assert_str_eq(text, error);
    cJSON_Delete(tree);
}

Test(peers, a_peer_that_cannot_be_says_why) {
    peer_rig_add("a", "{\"kind\":\"echo\"}");
    add_fails("a", "{\"kind\":\"echo\"}", "there is a peer of this name");
    add_fails("b", "{\"script\":[{\"stall\":true},{\"repeat\":true}]}",
              "script[1].repeat: of the steps before it one must expect, receive, send or wait");
    cr_assert_null(peers_find(peer_rig.peers, "b"));
}

Test(peers, there_is_a_bound_on_the_peers) {
    char name[16];
    for (int i = 0; i < LIMIT_PEERS; i++) {
        snprintf(name, sizeof name, "p%d", i);
        peer_rig_add(name, "{\"kind\":\"echo\"}");
    }
    add_fails("more", "{\"kind\":\"echo\"}", "64 peers are all there can be");
    peers_remove(peers_find(peer_rig.peers, "p0"));
    peer_rig_add("more", "{\"kind\":\"echo\"}");
}

Test(peers, a_sink_has_the_count_and_the_checksum_of_its_newest_connection) {
    struct peer *sink = peer_rig_add("s", "{\"kind\":\"sink\"}");
    cr_assert_eq(peer_received(sink), 0);
    cr_assert_eq(peer_crc32(sink), 0);
    int a = peer_rig_call(sink);
    peer_rig_say(a, "old");
    int b = peer_rig_call(sink);
    peer_rig_say(b, "12345");
    peer_rig_say(a, "older");
    peer_rig_say(b, "6789");
    close(b);
    peer_rig_settle();
    cr_assert_eq(peer_received(sink), 9, "also when it is over");
    cr_assert_eq(peer_crc32(sink), 0xcbf43926u);
    cr_assert_eq(peer_connections(sink), 1);
    close(a);
}

Test(peers, datagrams_count_too) {
    struct peer *peer = peer_rig_add("p", "{\"script\":[{\"send\":\"x\"}],\"udp\":\"echo\"}");
    struct sockaddr_storage addr;
    listen_to_all();
    peer_addr(peer, &addr);
    int fd = peer_rig_dial(&addr, SOCK_DGRAM);
    peer_rig_say(fd, "ping");
    cr_assert_str_eq(peer_rig_heard(fd), "ping");
    cr_assert_eq(peer_received(peer), 4);
    cr_assert_eq(peer_crc32(peer), crc32_add(0, "ping", 4));
    cr_assert_eq(seen.bytes, 4);
    close(fd);
}

Test(peers, what_happens_at_a_peer_is_told) {
    struct peer *peer = peer_rig_add("p", "{\"kind\":\"discard\"}");
    listen_to_all();
    int fd = peer_rig_call(peer);
    peer_rig_say(fd, "hello");
    cr_assert(seen.connects == 1 && seen.bytes == 5 && seen.ends == 0 && seen.peer == peer);
    shutdown(fd, SHUT_WR);
    peer_rig_settle();
    cr_assert(seen.ends == 1 && seen.err == 0);
    close(fd);
    fd = peer_rig_call(peer);
    peer_rig_settle();
    peer_rig_reset(fd);
    peer_rig_settle();
    cr_assert(seen.connects == 2 && seen.ends == 2 && seen.err == -ECONNRESET);
}

Test(peers, a_reset_right_behind_data_is_a_reset) {
    struct peer *peer = peer_rig_add("p", "{\"kind\":\"discard\"}");
    listen_to_all();
    int fd = peer_rig_call(peer);
    peer_rig_settle();
    cr_assert_eq(write(fd, "hello", 5), 5);
    peer_rig_reset(fd);
    peer_rig_settle();
    cr_assert(seen.bytes == 5 && seen.ends == 1 && seen.err == -ECONNRESET);
}

Test(peers, its_own_end_is_no_news) {
    struct peer *peer = peer_rig_add("p", "{\"script\":[{\"close\":true}]}");
    listen_to_all();
    int fd = peer_rig_call(peer);
    cr_assert_eq(peer_rig_end(fd), 0);
    cr_assert(seen.connects == 1 && seen.ends == 0);
    close(fd);
}

Test(peers, commands_may_come_from_inside_an_event) {
    struct peer *peer = peer_rig_add("p", "{\"kind\":\"echo\"}");
    listen_to_all();
    int a = peer_rig_call(peer);
    peer_rig_say(a, "RST");
    cr_assert_eq(peer_rig_end(a), -ECONNRESET);
    int b = peer_rig_call(peer);
    peer_rig_say(b, "OUT");
    cr_assert_eq(peer_rig_end(b), -ECONNRESET);
    cr_assert_null(peers_find(peer_rig.peers, "p"));
    close(a);
    close(b);
}

Test(peers, commands_go_to_the_newest_connection) {
    struct peer *peer = peer_rig_add("p", "{\"kind\":\"discard\"}");
    int a = peer_rig_call(peer);
    peer_rig_settle();
    int b = peer_rig_call(peer);
    peer_rig_settle();
    cr_assert_eq(peer_send(peer, "hi", 2), 0);
    cr_assert_str_eq(peer_rig_heard(b), "hi");
    cr_assert_eq(peer_half_close(peer), 0);
    cr_assert_eq(peer_send(peer, "x", 1), -EPIPE);
    cr_assert_eq(peer_half_close(peer), -EPIPE);
    cr_assert_eq(peer_close(peer), 0);
    cr_assert_eq(peer_rig_end(b), 0);
    cr_assert_eq(peer_rig_end(a), PEER_RIG_OPEN);
    cr_assert_eq(peer_reset(peer), 0, "the older one is the newest now");
    cr_assert_eq(peer_rig_end(a), -ECONNRESET);
    close(a);
    close(b);
}

Test(peers, commands_without_a_connection_say_so) {
    struct peer *peer = peer_rig_add("p", "{\"kind\":\"echo\"}");
    cr_assert_eq(peer_send(peer, "x", 1), -ENOTCONN);
    cr_assert_eq(peer_close(peer), -ENOTCONN);
    cr_assert_eq(peer_half_close(peer), -ENOTCONN);
    cr_assert_eq(peer_reset(peer), -ENOTCONN);
    cr_assert_eq(peer_stall(peer, true), -ENOTCONN);
}

Test(peers, one_that_stalls_closes_its_window_soon) {
    static const char bytes[4096];
    struct peer *peer = peer_rig_add("p", "{\"script\":[{\"stall\":true}]}");
    int fd = peer_rig_call(peer);
    int unsent = 1; /* else our own host takes megabytes */
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    size_t sent = 0;
    for (ssize_t n = 0; n >= 0 && sent<1 << 20; sent += n> 0 ? (size_t)n : 0) {
        n = write(fd, bytes, sizeof bytes);
        peer_rig_settle();
    }
    cr_assert_lt(sent, 1 << 18);
    close(fd);
}

Test(peers, a_stall_by_command_ends_by_command) {
    struct peer *peer = peer_rig_add("p", "{\"kind\":\"echo\"}");
    int fd = peer_rig_call(peer);
    peer_rig_settle();
    cr_assert_eq(peer_stall(peer, true), 0);
    peer_rig_say(fd, "x");
    cr_assert_str_eq(peer_rig_heard(fd), "");
    cr_assert_eq(peer_stall(peer, false), 0);
    cr_assert_str_eq(peer_rig_heard(fd), "x");
    close(fd);
}

Test(peers, what_may_wait_to_be_sent_is_bounded) {
    struct peer *peer = peer_rig_add("p", "{\"kind\":\"discard\"}");
    static char bin[PEERS_QUEUE_MAX + 1];
    int fd = peer_rig_call(peer);
    peer_rig_settle();
    cr_assert_eq(peer_send(peer, bin, sizeof bin), -ENOBUFS);
    int err = 0;
    for (int i = 0; i < 1000 && err == 0; i++) {
        err = peer_send(peer, bin, PEERS_QUEUE_MAX);
        peer_rig_settle();
    }
    cr_assert_eq(err, -ENOBUFS, "nobody reads");
    cr_assert_eq(peer_reset(peer), 0);
    cr_assert_eq(peer_rig_end(fd), -ECONNRESET);
    close(fd);
}

/* A FIN that waits behind what nobody reads. */
Test(peers, a_reset_overtakes_a_close) {
    struct peer *peer = peer_rig_add("p", "{\"script\":[{\"send\":{\"chargen\":20000000}}]}");
    int fd = peer_rig_call(peer);
    peer_rig_settle();
    cr_assert_eq(peer_half_close(peer), 0);
    peer_rig_settle();
    cr_assert_eq(peer_connections(peer), 1);
    cr_assert_eq(peer_reset(peer), 0);
    cr_assert_eq(peer_rig_end(fd), -ECONNRESET);
    close(fd);
}

Test(peers, a_call_follows_the_script_at_the_other_end) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(server, (struct sockaddr *)&addr, size), 0);
    cr_assert_eq(listen(server, 1), 0);
    cr_assert_eq(getsockname(server, (struct sockaddr *)&addr, &size), 0);
    struct peer *peer = peer_rig_add("p", "{\"script\":[{\"send\":\"hi\"},{\"echo\":true}]}");
    listen_to_all();
    cr_assert_eq(peer_call(peer, (struct sockaddr *)&addr, NULL), 0);
    cr_assert_eq(peer_send(peer, "x", 1), -ENOTCONN, "not yet");
    int fd = accept(server, NULL, NULL);
    char got[8] = "";
    cr_assert_eq(peer_rig_receive(fd, got, 2), 2);
    cr_assert_str_eq(got, "hi");
    peer_rig_say(fd, "abc");
    cr_assert_eq(peer_rig_receive(fd, got, 3), 3);
    cr_assert_eq(seen.connects, 1);
    close(fd);
    close(server);
    peer_rig_settle();
    cr_assert_eq(peer_call(peer, (struct sockaddr *)&addr, NULL), 0);
    for (int i = 0; i < 1000 && seen.ends < 2; i++) {
        peer_rig_settle();
    }
    cr_assert(seen.ends == 2 && seen.err == -ECONNREFUSED, "nobody listens");
    cr_assert_eq(peer_call(peer, (struct sockaddr *)&addr, NULL), 0);
    peers_remove(peer); /* while it calls */
}

static void raise_descriptors(rlim_t to) {
    struct rlimit r;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &r), 0);
    r.rlim_cur = to < r.rlim_max ? to : r.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &r), 0);
}

Test(peers, one_connection_too_many_is_reset_and_counted) {
    static int fds[LIMIT_PEER_CONNECTIONS];
    raise_descriptors(2 * LIMIT_PEER_CONNECTIONS + 64);
    struct peer *peer = peer_rig_add("p", "{\"kind\":\"echo\"}");
    struct peer *other = peer_rig_add("q", "{\"kind\":\"echo\"}");
    for (int i = 0; i < LIMIT_PEER_CONNECTIONS; i++) {
        fds[i] = peer_rig_call(peer);
        uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
    }
    peer_rig_settle();
    cr_assert_eq(peer_connections(peer), LIMIT_PEER_CONNECTIONS);
    int more = peer_rig_call(other);
    cr_assert_eq(peer_rig_end(more), -ECONNRESET);
    cr_assert_eq(peers_refused(peer_rig.peers), 1);
    struct sockaddr_storage addr;
    peer_addr(peer, &addr);
    cr_assert_eq(peer_call(other, (struct sockaddr *)&addr, NULL), -ENOBUFS);
    close(fds[0]);
    close(more);
    peer_rig_settle();
    more = peer_rig_call(other);
    peer_rig_say(more, "x");
    cr_assert_str_eq(peer_rig_heard(more), "x", "there is room again");
    close(more);
    for (int i = 1; i < LIMIT_PEER_CONNECTIONS; i++) {
        close(fds[i]);
    }
}

Test(peers, who_has_gone_makes_room) {
    struct peer *stall = peer_rig_add("s", "{\"script\":[{\"stall\":true}]}");
    struct peer *wait = peer_rig_add("w", "{\"script\":[{\"wait\":\"1h\"}]}");
    raise_descriptors(2 * LIMIT_PEER_CONNECTIONS + 64);
    for (int i = 0; i < 2 * LIMIT_PEER_CONNECTIONS; i++) {
        int fd = peer_rig_call(i % 2 == 0 ? stall : wait);
        peer_rig_say(fd, "unread");
        close(fd);
    }
    peer_rig_settle();
    cr_assert_gt(peer_connections(stall), 0, "it does not know");
    cr_assert_eq(peers_refused(peer_rig.peers), 0);
}

Test(peers, thousands_of_connects_leave_nothing) {
    struct peer *peer = peer_rig_add("p", "{\"script\":[{\"send\":\"x\"},{\"receive\":5}]}");
    for (int i = 0; i < 5000; i++) {
        int fd = peer_rig_call(peer);
        uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
        peer_rig_reset(fd);
    }
    peer_rig_settle();
    cr_assert_eq(peer_connections(peer), 0);
    cr_assert_eq(peers_refused(peer_rig.peers), 0);
    int fd = peer_rig_call(peer);
    cr_assert_str_eq(peer_rig_heard(fd), "x");
    close(fd);
}

Test(peers, close_in_the_middle_of_everything_leaves_nothing) {
    static const char *const configs[] = {
        "{\"script\":[{\"wait\":\"1h\"}]}",
        "{\"script\":[{\"send\":{\"chargen\":9000000}},{\"close\":true}]}",
        "{\"script\":[{\"stall\":true}]}",
        "{\"script\":[{\"wait\":\"1s\"},{\"receive\":9}]}",
    };
    int fds[4];
    for (int i = 0; i < 4; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        fds[i] = peer_rig_call(peer_rig_add(name, configs[i]));
        peer_rig_say(fds[i], "some");
    }
    peers_close(peer_rig.peers);
    peer_rig.peers = NULL;
    uv_run(&peer_rig.loop, UV_RUN_DEFAULT);
    clk_advance(peer_rig.clk, CLK_S(7200));
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
}
