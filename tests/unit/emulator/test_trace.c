/* What --trace writes, from a whole module whose link runs into a black hole. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/trace.h"
#include "emulator/unit.h"
#include "tests/support/fake_host.h"

enum { TEXT_MAX = 16384 };

static char path[] = "/tmp/sim7x00-trace-XXXXXX";

static void setup(void) {
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
}

static void teardown(void) {
    unlink(path);
}

TestSuite(trace, .init = setup, .fini = teardown);

/* A connect, five bytes acknowledged, five bytes into the hole with one retry. */
static void play(char text[TEXT_MAX]) {
    static const char *const lines[] = {"AT+CIPCCFG=1\r", "AT+NETOPEN\r",
                                        "AT+CIPOPEN=0,\"TCP\",\"10.0.0.1\",80\r",
                                        "AT+CIPSEND=0,5\rHELLO", "AT+CIPSEND=0,5\rworld"};
    struct clk *clk = clk_new_manual();
    struct fake_host *fake = fake_host_new();
    struct chan ch;
    struct chan_mem mem;
    chan_init(&ch, "at");
    chan_mem_init(&mem, &ch, clk);
    const struct unit_config cfg = {.profile = profile_find("appnote-1.00"),
                                    .name = "at",
                                    .clk = clk,
                                    .host = fake_host_net(fake),
                                    .chan = &ch};
    struct unit *unit = unit_new(&cfg);
    struct trace *trace = trace_open(path, clk);
    cr_assert_not_null(trace);
    trace_attach(trace, &unit_modem(unit)->bearer, 7);
    modem_impair(unit_modem(unit), IMPAIR_DOWN, &(struct impair){.latency_ms = 250});
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        chan_mem_put(&mem, lines[i], strlen(lines[i]));
        for (int ms = 0; ms < 1000; ms++) {
            fake_host_settle(fake, clk);
            clk_advance(clk, CLK_MS(1));
        }
        modem_impair(unit_modem(unit), IMPAIR_UP, &(struct impair){.black_hole = i >= 3});
    }
    clk_advance(clk, CLK_S(20));
    unit_close(unit);
    trace_close(trace);
    chan_mem_fini(&mem);
    chan_fini(&ch);
    fake_host_free(fake);
    clk_close(clk);
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    text[fread(text, 1, TEXT_MAX - 1, f)] = '\0';
    fclose(f);
}

Test(trace, a_links_life_is_one_json_object_a_line) {
    static char text[TEXT_MAX];
    play(text);
    cr_assert_str_eq(text,
                     "{\"us\":2000000,\"modem\":7,\"link\":0,\"event\":\"connect\",\"n\":1"
                     ",\"acked\":0,\"wait_us\":3250000,\"lost\":false}\n"
                     "{\"us\":3000000,\"modem\":7,\"link\":0,\"event\":\"transmit\",\"n\":1"
                     ",\"acked\":0,\"bytes\":5,\"lost\":false}\n"
                     "{\"us\":3000000,\"modem\":7,\"link\":0,\"event\":\"wait\",\"n\":1"
                     ",\"acked\":0,\"wait_us\":3250000,\"lost\":false}\n"
                     "{\"us\":3250000,\"modem\":7,\"link\":0,\"event\":\"acknowledged\",\"n\":1"
                     ",\"acked\":5,\"lost\":false}\n"
                     "{\"us\":4000000,\"modem\":7,\"link\":0,\"event\":\"transmit\",\"n\":1"
                     ",\"acked\":5,\"bytes\":5,\"lost\":true}\n"
                     "{\"us\":4000000,\"modem\":7,\"link\":0,\"event\":\"wait\",\"n\":1"
                     ",\"acked\":5,\"wait_us\":3250000,\"lost\":false}\n"
                     "{\"us\":7250000,\"modem\":7,\"link\":0,\"event\":\"transmit\",\"n\":2"
                     ",\"acked\":5,\"bytes\":5,\"lost\":true}\n"
                     "{\"us\":7250000,\"modem\":7,\"link\":0,\"event\":\"wait\",\"n\":2"
                     ",\"acked\":5,\"wait_us\":6500000,\"lost\":false}\n"
                     "{\"us\":13750000,\"modem\":7,\"link\":0,\"event\":\"failed\",\"n\":2"
                     ",\"acked\":5,\"lost\":true}\n");
}

Test(trace, the_same_run_gives_the_same_trace) {
    static char a[TEXT_MAX], b[TEXT_MAX];
    play(a);
    play(b);
    cr_assert_str_eq(a, b);
}

Test(trace, a_file_that_cannot_be_made_says_why) {
    errno = 0;
    cr_assert_null(trace_open("/nonexistent/trace", NULL));
    cr_assert_eq(errno, ENOENT);
    trace_close(NULL);
}
