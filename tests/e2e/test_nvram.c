/* What a killed daemon has kept. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "tests/support/daemon.h"
#include "tests/support/home.h"
#include "tests/support/turn.h"

enum {
    ROUNDS = DAEMON_IS_SANITIZED ? 40 : 500,
    ROUNDS_MS = 20000, /* together: then the rest of them is left out */
    ROUNDS_LEAST = 20,
    CALM = 3,  /* lines that tell how fast the machine is now */
    SENT = 12, /* all lines of a round */
    FILE_SIZE = 16384,
};

TestSuite(e2e_nvram, .init = home_make, .fini = home_remove);

static void start(struct daemon *d, struct dte *t) {
    daemon_init(d);
    daemon_option(d, "--nvram", "%s/nv", home);
    daemon_start(d);
    dte_open(t, d->link);
}

static void kill_hard(struct daemon *d, struct dte *t) {
    kill(d->pid, SIGKILL);
    cr_assert_neq(daemon_wait(d, NULL, 0), 0);
    dte_close(t);
    unlink(d->link);
    daemon_fini(d);
}

Test(e2e_nvram, what_was_saved_is_back_when_it_was_killed_behind_its_ok) {
    struct daemon d;
    struct dte t;
    start(&d, &t);
    dte_ask(&t, "ATE0S7=42", "OK\r\n");
    dte_ask(&t, "AT&W", "OK\r\n");
    dte_ask(&t, "ATS7=43", "OK\r\n");
    dte_ask(&t, "AT+CGDCONT=2,\"IP\",\"kept\"", "OK\r\n");
    kill_hard(&d, &t);
    start(&d, &t);
    cr_assert_str_eq(dte_ask(&t, "ATS7?", "OK\r\n"), "\r\n042\r\n\r\nOK\r\n");
    dte_ask(&t, "ATS7=44", "OK\r\n");
    dte_ask(&t, "ATZ", "OK\r\n");
    dte_ask(&t, "ATS7?", "\r\n042\r\n\r\nOK\r\n");
    dte_ask(&t, "AT+CGDCONT?", "\r\n+CGDCONT: 2,\"IP\",\"kept\",\"0.0.0.0\",0,0,0,0\r\n");
    kill_hard(&d, &t);
}

Test(e2e_nvram, a_second_daemon_on_the_folder_is_refused_and_says_so) {
    struct daemon d;
    struct daemon second;
    struct dte t;
    char err[512];
    start(&d, &t);
    daemon_init(&second);
    second.keeps_err = true;
    daemon_option(&second, "--nvram", "%s/nv", home);
    daemon_spawn(&second);
    cr_assert_eq(daemon_wait(&second, err, sizeof err), 3);
    cr_assert_not_null(strstr(err, "--nvram: "), "%s", err);
    cr_assert_not_null(strstr(err, "another process has it"), "%s", err);
    daemon_fini(&second);
    dte_ask(&t, "ATE0&W", "OK\r\n");
    dte_close(&t);
    daemon_stop(&d);
}

Test(e2e_nvram, each_of_several_modems_has_a_folder_of_its_own) {
    for (int time = 0; time < 2; time++) {
        struct daemon d;
        daemon_init(&d);
        daemon_option(&d, "--nvram", "%s/nv", home);
        daemon_option(&d, "--modems", "2");
        d.modems = 2;
        daemon_start(&d);
        for (int i = 0; i < 2; i++) {
            struct dte t;
            char link[96];
            char line[32];
            snprintf(link, sizeof link, "%s%d", d.link, i);
            dte_open(&t, link);
            dte_ask(&t, "ATE0", "OK\r\n");
            if (time == 0) {
                snprintf(line, sizeof line, "ATS7=%d&W", 10 + i);
                dte_ask(&t, line, "OK\r\n");
            } else {
                snprintf(line, sizeof line, "\r\n%03d\r\n\r\nOK\r\n", 10 + i);
                dte_ask(&t, "ATS7?", line);
            }
            dte_close(&t);
        }
        daemon_stop(&d);
    }
}

/* -- the storm -- */

/* Both numbers of a line: what AT&W stored and what was stored at once. */
static void read_numbers(int *profile, int *at_once) {
    static char text[FILE_SIZE];
    char path[64];
    snprintf(path, sizeof path, "%s/nv/nvram.json", home);
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    cJSON *tree = cJSON_ParseWithOpts(text, NULL, true);
    cr_assert_not_null(tree, "torn: %zu bytes: %s", n, text);
    const cJSON *settings = cJSON_GetObjectItem(tree, "settings");
    const cJSON *s7 = cJSON_GetObjectItem(cJSON_GetObjectItem(settings, "S7"), "n");
    const cJSON *contexts = cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "records"), "+CGDCONT");
    const cJSON *apn = cJSON_GetObjectItem(cJSON_GetArrayItem(contexts, 0), "APN");
    cr_assert(cJSON_IsString(apn), "not whole: %s", text);
    *profile = s7 != NULL ? s7->valueint : 0; /* as the factory has it: left out */
    *at_once = (int)strtol(apn->valuestring, NULL, 10);
    cJSON_Delete(tree);
}

/* Takes as many OKs as have come. */
static int take_oks(struct dte *t) {
    static const char ok[] = "\r\nOK\r\n";
    int n = 0;
    for (; buf_len(&t->got) >= sizeof ok - 1; n++) {
        cr_assert_eq(memcmp(buf_data(&t->got), ok, sizeof ok - 1), 0);
        buf_drop(&t->got, sizeof ok - 1);
    }
    return n;
}

static void say_lines(struct dte *t, int from, int to) {
    for (int i = from; i <= to; i++) {
        dte_say(t, "AT+CGDCONT=1,\"IP\",\"%d\";S7=%d;&W", i, i);
    }
}

/* Sends the lines 1 to SENT; it ends at some moment behind the answer to line CALM, within the time
 * that the machine needs for the rest. Returns the newest one that was answered. */
static int storm(struct dte *t, struct rng *rng) {
    int64_t from_us = turn_now_us();
    int answered = 0;
    say_lines(t, 1, CALM);
    while (answered < CALM) {
        cr_assert(turn_once(from_us + (int64_t)TURN_LIMIT_MS * 1000), "no answer");
        answered += take_oks(t);
    }
    int64_t rest_us = (turn_now_us() - from_us) * (SENT - CALM) / CALM;
    int64_t until_us = turn_now_us() + (int64_t)rng_below(rng, (uint64_t)rest_us);
    say_lines(t, CALM + 1, SENT);
    while (turn_once(until_us)) {
        answered += take_oks(t);
    }
    return answered + take_oks(t);
}

Test(e2e_nvram, whoever_is_killed_in_a_storm_of_saving_leaves_the_old_or_the_new, .timeout = 120) {
    struct rng rng = rng_stream(6, "storm");
    int64_t end_us = turn_now_us() + (int64_t)ROUNDS_MS * 1000;
    char bad[64];
    int rounds = 0;
    int inside = 0;
    snprintf(bad, sizeof bad, "%s/nv/nvram.json.bad", home);
    for (; rounds < ROUNDS && (turn_now_us() < end_us || rounds < ROUNDS_LEAST); rounds++) {
        struct daemon d;
        struct dte t;
        int profile = 0;
        int at_once = 0;
        start(&d, &t);
        cr_assert_neq(access(bad, F_OK), 0, "round %d: it was set aside", rounds);
        dte_ask(&t, "AT&FE0S7=0;+CGDCONT=1,\"IP\",\"0\";&W", "OK\r\n");
        int answered = storm(&t, &rng);
        kill_hard(&d, &t);
        read_numbers(&profile, &at_once);
        cr_assert_eq(profile, at_once, "round %d: half of a line", rounds);
        cr_assert(profile >= answered && profile <= SENT, "round %d: %d, %d were answered", rounds,
                  profile, answered);
        inside += profile > CALM && profile < SENT;
    }
    printf("%d rounds, %d of them ended inside the storm\n", rounds, inside);
    cr_assert_gt(inside, rounds / 4);
}
