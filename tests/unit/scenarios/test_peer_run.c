#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clk.h"
#include "scenarios/peers/peer_program.h"
#include "scenarios/peers/peers.h"
#include "tests/support/peer_rig.h"

TestSuite(peer_run, .init = peer_rig_init, .fini = peer_rig_fini, .timeout = 60);

static int call(const char *script) {
    char config[1024];
    snprintf(config, sizeof config, "{\"script\":%s}", script);
    int fd = peer_rig_call(peer_rig_add("p", config));
    peer_rig_settle();
    return fd;
}

Test(peer_run, expect_waits_until_the_bytes_have_come) {
    int fd = call("[{\"expect\":\"ABC\"},{\"send\":\"yes\"}]");
    peer_rig_say(fd, "xxA");
    peer_rig_say(fd, "B");
    cr_assert_str_eq(peer_rig_heard(fd), "");
    peer_rig_say(fd, "Cxx");
    cr_assert_str_eq(peer_rig_heard(fd), "yes");
    close(fd);
}

Test(peer_run, what_came_behind_a_step_is_there_for_the_next) {
    int fd = call("[{\"expect\":\"A\"},{\"expect\":\"A\"},{\"receive\":2},{\"send\":\"yes\"}]");
    peer_rig_say(fd, "-A-");
    cr_assert_str_eq(peer_rig_heard(fd), "");
    peer_rig_say(fd, "A12");
    cr_assert_str_eq(peer_rig_heard(fd), "yes");
    close(fd);
}

Test(peer_run, expect_knows_bytes_and_patterns) {
    int fd = call("[{\"expect\":{\"hex\":\"00ff\"}},{\"send\":\"1\"},"
                  "{\"expect\":{\"pattern\":\"^GET [a-z]+\\r\"}},{\"send\":\"2\"},"
                  "{\"expect\":{\"pattern\":\"^\\n$\"}},{\"send\":\"3\"}]");
    cr_assert_eq(write(fd, "x\0\xff", 3), 3);
    cr_assert_str_eq(peer_rig_heard(fd), "1");
    peer_rig_say(fd, "GET ");
    cr_assert_str_eq(peer_rig_heard(fd), "");
    peer_rig_say(fd, "abc\r\n");
    cr_assert_str_eq(peer_rig_heard(fd), "23");
    close(fd);
}

Test(peer_run, a_pattern_sees_bytes_behind_a_nul) {
    int fd = call("[{\"expect\":{\"pattern\":\"OK\"}},{\"send\":\"yes\"}]");
    cr_assert_eq(write(fd, "\0OK", 3), 3);
    cr_assert_str_eq(peer_rig_heard(fd), "yes");
    close(fd);
}

Test(peer_run, expect_forgets_what_is_older_than_its_window) {
    int fd = call("[{\"expect\":{\"pattern\":\"A.*B\"}},{\"send\":\"yes\"}]");
    char fill[PEER_PROGRAM_WINDOW];
    memset(fill, 'x', sizeof fill);
    peer_rig_say(fd, "A");
    cr_assert_eq(write(fd, fill, sizeof fill), (ssize_t)sizeof fill);
    peer_rig_settle();
    peer_rig_say(fd, "B");
    cr_assert_str_eq(peer_rig_heard(fd), "", "the A is gone");
    peer_rig_say(fd, "AB");
    cr_assert_str_eq(peer_rig_heard(fd), "yes");
    close(fd);
}

Test(peer_run, receive_counts_from_where_the_last_step_ended) {
    int fd = call("[{\"expect\":\"A\"},{\"receive\":20000},{\"send\":\"yes\"}]");
    static char fill[20000];
    peer_rig_say(fd, "xA");
    cr_assert_eq(write(fd, fill, sizeof fill - 1), (ssize_t)sizeof fill - 1);
    cr_assert_str_eq(peer_rig_heard(fd), "");
    peer_rig_say(fd, "x");
    cr_assert_str_eq(peer_rig_heard(fd), "yes");
    close(fd);
}

Test(peer_run, wait_is_by_the_clock) {
    int fd = call("[{\"send\":\"1\"},{\"wait\":\"2s\"},{\"send\":\"2\"}]");
    cr_assert_str_eq(peer_rig_heard(fd), "1");
    peer_rig_advance(1999);
    cr_assert_str_eq(peer_rig_heard(fd), "");
    peer_rig_advance(1);
    cr_assert_str_eq(peer_rig_heard(fd), "2");
    close(fd);
}

Test(peer_run, what_comes_during_a_wait_is_kept) {
    int fd = call("[{\"wait\":\"1s\"},{\"receive\":300000},{\"send\":\"yes\"}]");
    static char fill[300000];
    size_t sent = 0;
    while (sent < sizeof fill) {
        ssize_t n = write(fd, fill + sent, sizeof fill - sent);
        sent += n > 0 ? (size_t)n : 0;
        if (n <= 0) {
            peer_rig_advance(1000);
        }
        peer_rig_settle();
    }
    peer_rig_advance(1000);
    cr_assert_str_eq(peer_rig_heard(fd), "yes");
    close(fd);
}

Test(peer_run, chargen_sends_so_many_bytes_of_the_pattern) {
    int fd = call("[{\"send\":{\"chargen\":200000}},{\"close\":true}]");
    static char got[200001];
    cr_assert_eq(peer_rig_receive(fd, got, sizeof got), 200000);
    for (size_t i = 0; i < 200000; i++) {
        size_t line = i / 74;
        size_t col = i % 74;
        char want = col == 72 ? '\r' : col == 73 ? '\n' : (char)(' ' + (line + col) % 95);
        cr_assert_eq(got[i], want, "byte %zu", i);
    }
    close(fd);
}

Test(peer_run, what_is_sent_in_one_turn_of_the_loop_is_bounded) {
    static char got[1 << 20];
    int fd = peer_rig_call(peer_rig_add("p", "{\"script\":[{\"send\":{\"chargen\":9000000}}]}"));
    uv_run(&peer_rig.loop, UV_RUN_NOWAIT);
    ssize_t n = read(fd, got, sizeof got);
    cr_assert(n > 0 && n <= PEERS_QUEUE_MAX + 65536, "%zd", n);
    close(fd);
}

Test(peer_run, echo_begins_with_what_no_step_has_taken) {
    int fd = call("[{\"expect\":\"GO\"},{\"echo\":true}]");
    peer_rig_say(fd, "xxGOabc");
    cr_assert_str_eq(peer_rig_heard(fd), "abc");
    peer_rig_say(fd, "de");
    cr_assert_str_eq(peer_rig_heard(fd), "de");
    close(fd);
}

Test(peer_run, steps_go_on_while_everything_comes_back) {
    int fd = call("[{\"echo\":true},{\"receive\":4},{\"discard\":true},{\"expect\":\"!\"},"
                  "{\"send\":\"end\"}]");
    peer_rig_say(fd, "abcdef");
    cr_assert_str_eq(peer_rig_heard(fd), "abcd", "to the byte");
    peer_rig_say(fd, "x!");
    cr_assert_str_eq(peer_rig_heard(fd), "end");
    close(fd);
}

Test(peer_run, each_byte_comes_back_once_when_the_echo_repeats) {
    int fd = call("[{\"echo\":true},{\"receive\":3},{\"repeat\":true}]");
    peer_rig_say(fd, "abcdefgh");
    cr_assert_str_eq(peer_rig_heard(fd), "abcdefgh");
    peer_rig_say(fd, "i");
    cr_assert_str_eq(peer_rig_heard(fd), "i");
    close(fd);
}

Test(peer_run, an_echo_during_a_wait_has_no_bound) {
    int fd = call("[{\"echo\":true},{\"wait\":\"1s\"},{\"reset\":true}]");
    static char bin[100000];
    size_t back = 0;
    for (size_t sent = 0; sent < sizeof bin;) {
        ssize_t n = write(fd, bin, sizeof bin - sent);
        sent += n > 0 ? (size_t)n : 0;
        back += peer_rig_receive(fd, bin, sent - back);
    }
    cr_assert_eq(back, sizeof bin);
    peer_rig_advance(1000);
    cr_assert_eq(peer_rig_end(fd), -ECONNRESET);
    close(fd);
}

/* Writes until nothing goes any more; how much went. */
static size_t fill_up(int fd) {
    static char bin[65536];
    size_t sent = 0;
    for (int idle = 0; idle < 50;) {
        ssize_t n = write(fd, bin, sizeof bin);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        peer_rig_settle();
        cr_assert_lt(sent, 64u << 20, "somebody reads");
    }
    return sent;
}

Test(peer_run, stall_closes_the_window_and_read_opens_it) {
    int fd = call("[{\"stall\":true},{\"wait\":\"1s\"},{\"read\":true},{\"wait\":\"1s\"},"
                  "{\"discard\":true},{\"send\":\"x\"}]");
    size_t sent = fill_up(fd);
    cr_assert_eq(peer_received(peers_find(peer_rig.peers, "p")), 0);
    peer_rig_advance(2000);
    for (int i = 0; i < 1000 && peer_received(peers_find(peer_rig.peers, "p")) < sent; i++) {
        peer_rig_settle();
    }
    cr_assert_eq(peer_received(peers_find(peer_rig.peers, "p")), sent);
    cr_assert_str_eq(peer_rig_heard(fd), "x");
    close(fd);
}

Test(peer_run, close_sends_what_is_queued_and_the_fin) {
    int fd = call("[{\"receive\":1},{\"send\":{\"chargen\":3000000}},{\"close\":true}]");
    static char got[3000001];
    peer_rig_say(fd, "x and more that nobody reads");
    cr_assert_eq(peer_rig_receive(fd, got, sizeof got), 3000000);
    cr_assert_eq(peer_rig_end(fd), 0);
    cr_assert_eq(peer_connections(peers_find(peer_rig.peers, "p")), 0);
    close(fd);
}

Test(peer_run, a_fin_is_a_fin_even_with_unread_bytes) {
    int fd = call("[{\"stall\":true},{\"wait\":\"1s\"},{\"close\":true}]");
    peer_rig_say(fd, "unread");
    peer_rig_advance(1000);
    cr_assert_eq(peer_rig_end(fd), 0);
    close(fd);
}

Test(peer_run, half_close_goes_on_reading) {
    int fd = call("[{\"send\":\"bye\"},{\"half-close\":true}]");
    char got[8] = "";
    cr_assert_eq(peer_rig_receive(fd, got, sizeof got), 3);
    peer_rig_say(fd, "still here");
    struct peer *peer = peers_find(peer_rig.peers, "p");
    cr_assert_eq(peer_received(peer), 10);
    cr_assert_eq(peer_connections(peer), 1);
    shutdown(fd, SHUT_WR);
    peer_rig_settle();
    cr_assert_eq(peer_connections(peer), 0);
    close(fd);
}

Test(peer_run, reset_is_a_reset) {
    int fd = call("[{\"receive\":3},{\"reset\":true}]");
    cr_assert_eq(peer_rig_end(fd), PEER_RIG_OPEN);
    peer_rig_say(fd, "abc");
    cr_assert_eq(peer_rig_end(fd), -ECONNRESET);
    close(fd);
}

Test(peer_run, repeat_goes_on_without_end) {
    int fd = call("[{\"expect\":\"?\"},{\"send\":\"!\"},{\"repeat\":true}]");
    peer_rig_say(fd, "??x?");
    cr_assert_str_eq(peer_rig_heard(fd), "!!!");
    peer_rig_say(fd, "?");
    cr_assert_str_eq(peer_rig_heard(fd), "!");
    close(fd);
}

Test(peer_run, repeat_counts_the_rounds_in_all) {
    int fd = call("[{\"send\":\"x\"},{\"wait\":\"1s\"},{\"repeat\":3},{\"send\":\"end\"}]");
    for (int i = 0; i < 3; i++) {
        cr_assert_str_eq(peer_rig_heard(fd), "x");
        peer_rig_advance(1000);
    }
    cr_assert_str_eq(peer_rig_heard(fd), "end");
    close(fd);
}

Test(peer_run, a_script_that_only_sends_leaves_the_loop_its_turns) {
    int fd = call("[{\"send\":\"x\"},{\"repeat\":true}]");
    char got[4096];
    cr_assert_eq(peer_rig_receive(fd, got, sizeof got), sizeof got);
    int other = peer_rig_call(peer_rig_add("other", "{\"kind\":\"echo\"}"));
    peer_rig_say(other, "y");
    cr_assert_str_eq(peer_rig_heard(other), "y");
    shutdown(fd, SHUT_WR);
    cr_assert_eq(peer_rig_end(fd), 0, "the other side's FIN ends the rounds");
    close(other);
    close(fd);
}

Test(peer_run, after_the_last_step_what_comes_is_taken_and_dropped) {
    int fd = call("[{\"send\":\"hi\"}]");
    static char bin[65536];
    cr_assert_str_eq(peer_rig_heard(fd), "hi");
    for (size_t sent = 0; sent < 8u << 20;) {
        ssize_t n = write(fd, bin, sizeof bin);
        sent += n > 0 ? (size_t)n : 0;
        peer_rig_settle();
    }
    cr_assert_eq(peer_rig_end(fd), PEER_RIG_OPEN);
    close(fd);
}

Test(peer_run, a_fin_waits_for_the_steps_that_need_no_bytes) {
    int fd = call("[{\"receive\":1},{\"wait\":\"1s\"},{\"send\":\"late\"},{\"receive\":1},"
                  "{\"send\":\"never\"}]");
    char got[16] = "";
    peer_rig_say(fd, "x");
    shutdown(fd, SHUT_WR);
    cr_assert_eq(peer_rig_end(fd), PEER_RIG_OPEN);
    peer_rig_advance(1000);
    cr_assert_eq(peer_rig_receive(fd, got, sizeof got), 4);
    cr_assert_str_eq(got, "late");
    close(fd);
}

Test(peer_run, each_connection_begins_at_the_first_step) {
    struct peer *peer = peer_rig_add("p", "{\"script\":[{\"receive\":1},{\"send\":\"1\"},"
                                          "{\"receive\":1},{\"send\":\"2\"}]}");
    int a = peer_rig_call(peer);
    peer_rig_say(a, "x");
    int b = peer_rig_call(peer);
    peer_rig_say(b, "xx");
    cr_assert_str_eq(peer_rig_heard(a), "1");
    cr_assert_str_eq(peer_rig_heard(b), "12");
    close(a);
    close(b);
}

/* Whatever the other side does in the middle, nothing is left of it. */
Test(peer_run, survives_whoever_leaves_in_the_middle) {
    static const char *const scripts[] = {
        "[{\"send\":{\"chargen\":9000000}},{\"close\":true}]",
        "[{\"wait\":\"1s\"},{\"send\":\"x\"}]",
        "[{\"expect\":\"never\"}]",
        "[{\"echo\":true},{\"wait\":\"1s\"},{\"reset\":true}]",
        "[{\"half-close\":true},{\"wait\":\"1s\"}]",
        "[{\"send\":{\"chargen\":9000000}},{\"half-close\":true}]",
        "[{\"send\":\"x\"},{\"repeat\":true}]",
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        char config[256];
        char name[8];
        snprintf(config, sizeof config, "{\"script\":%s}", scripts[i]);
        snprintf(name, sizeof name, "p%zu", i);
        struct peer *peer = peer_rig_add(name, config);
        for (int reset = 0; reset < 2; reset++) {
            int fd = peer_rig_call(peer);
            peer_rig_say(fd, "some");
            if (reset == 1) {
                peer_rig_reset(fd);
            } else {
                close(fd);
            }
            peer_rig_advance(1000);
        }
        peer_rig_advance(1000);
        cr_assert_eq(peer_connections(peer), 0, "%s", scripts[i]);
    }
}
