/* The control socket of a running daemon: what is asked there, seen at the tty. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/turn.h"

TestSuite(e2e_control, .timeout = 120);

enum { LINE_MAX = 1 << 24, STUCK = 8, CLIENTS = 20, STEPS = 32 };

/* -- a client -- */

struct asker {
    int fd;
    struct buf got;
    bool has_ended;
    cJSON *message; /* the newest one that was taken */
    int id;
};

static void on_readable(void *ctx, int fd, short revents) {
    struct asker *a = ctx;
    char bytes[65536];
    (void)revents;
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n > 0) {
        must(buf_put_all(&a->got, bytes, (size_t)n) == 0);
    } else if (n == 0 || errno != EAGAIN) {
        a->has_ended = true;
        turn_remove(fd);
    }
}

static int dial(const struct daemon *d) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s/control", d->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0);
    must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

static void asker_open(struct asker *a, const struct daemon *d) {
    *a = (struct asker){.fd = dial(d)};
    buf_init(&a->got, LINE_MAX);
    turn_add(a->fd, POLLIN, on_readable, a);
}

static void asker_close(struct asker *a) {
    turn_remove(a->fd);
    close(a->fd);
    buf_fini(&a->got);
    cJSON_Delete(a->message);
}

static void say(struct asker *a, const char *line) {
    size_t n = strlen(line);
    while (n > 0) {
        ssize_t sent = send(a->fd, line, n, MSG_NOSIGNAL);
        must(sent > 0 || errno == EAGAIN);
        line += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
        if (sent < 0) {
            turn_step(turn_now_us() + 1000);
        }
    }
}

static bool has_line(const struct asker *a) {
    return buf_len(&a->got) > 0 && memchr(buf_data(&a->got), '\n', buf_len(&a->got)) != NULL;
}

/* The next message, whatever it is; valid until the next one. */
static const cJSON *hear(struct asker *a) {
    turn_until(has_line(a));
    const char *p = (const char *)buf_data(&a->got);
    size_t n = (size_t)((const char *)memchr(p, '\n', buf_len(&a->got)) - p);
    cJSON_Delete(a->message);
    a->message = cJSON_ParseWithLength(p, n);
    cr_assert_neq(a->message, NULL, "no JSON: %.*s", (int)n, p);
    buf_drop(&a->got, n + 1);
    return a->message;
}

static const cJSON *get(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void send_request(struct asker *a, const char *method, const char *params) {
    char *line = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&line, &n);
    fprintf(to, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}\n", ++a->id,
            method, params);
    fclose(to);
    say(a, line);
    free(line);
}

/* The answer to the newest request; events in front of it are dropped. */
static const cJSON *answer(struct asker *a) {
    const cJSON *message = hear(a);
    while (get(message, "id") == NULL) {
        message = hear(a);
    }
    cr_assert_eq(get(message, "id")->valueint, a->id);
    return message;
}

static const cJSON *ask(struct asker *a, const char *method, const char *params) {
    send_request(a, method, params);
    const cJSON *message = answer(a);
    const cJSON *error = get(message, "error");
    cr_assert_eq(error, NULL, "%s %s: %s", method, params, cJSON_PrintUnformatted(error));
    return get(message, "result");
}

static void is_refused(struct asker *a, const char *method, const char *params, const char *why) {
    send_request(a, method, params);
    const cJSON *error = get(answer(a), "error");
    cr_assert_neq(error, NULL, "%s %s is done", method, params);
    const char *text = get(error, "message")->valuestring;
    cr_assert_neq(strstr(text, why), NULL, "%s %s\n got %s\nwant %s", method, params, text, why);
}

static void act(struct asker *a, const char *action) {
    char params[1024];
    snprintf(params, sizeof params, "{\"action\":%s}", action);
    ask(a, "do", params);
}

/* {"file": ..., "text": the tree} */
static char *load_params(const char *text) {
    cJSON *params = cJSON_CreateObject();
    cJSON_AddStringToObject(params, "file", "t.json");
    cJSON_AddStringToObject(params, "text", text);
    char *line = cJSON_PrintUnformatted(params);
    cJSON_Delete(params);
    return line;
}

static void load(struct asker *a, const char *text) {
    char *params = load_params(text);
    ask(a, "load", params);
    free(params);
}

static void load_is_refused(struct asker *a, const char *text, const char *why) {
    char *params = load_params(text);
    is_refused(a, "load", params, why);
    free(params);
}

/* -- a daemon with a driver and a client -- */

struct rig {
    struct daemon d;
    struct dte t;
    struct asker a;
};

static void rig_prepare(struct rig *r, const char *clock) {
    daemon_init(&r->d);
    daemon_option(&r->d, "--control", "%s/control", r->d.folder);
    daemon_option(&r->d, "--clock", "%s", clock);
}

static void rig_go(struct rig *r) {
    daemon_start(&r->d);
    dte_open(&r->t, r->d.link);
    dte_ask(&r->t, "ATE0", "OK\r\n");
    asker_open(&r->a, &r->d);
}

static void rig_start(struct rig *r, const char *clock) {
    rig_prepare(r, clock);
    rig_go(r);
}

static void rig_stop(struct rig *r) {
    asker_close(&r->a);
    dte_close(&r->t);
    daemon_stop(&r->d);
}

static const char server_text[] =
    "{\"name\":\"world\",\"peers\":{\"server\":{\"at\":\"1.2.3.4:80\",\"kind\":\"discard\"}}}";

static void open_link(struct dte *t) {
    dte_ask(t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(t, "AT+CIPOPEN=0,\"TCP\",\"1.2.3.4\",80", "+CIPOPEN: 0,0\r\n");
}

/* -- methods -- */

Test(e2e_control, every_method_says_what_it_takes_and_answers) {
    struct rig r;
    rig_start(&r, "manual");
    static const struct {
        const char *method, *params;
    } asked[] = {
        {"version", "{}"},
        {"methods", "{}"},
        {"state", "{}"},
        {"state", "{\"part\":\"settings\"}"},
        {"do", "{\"action\":{\"log\":\"x\"}}"},
        {"rule.add", "{\"rule\":{\"name\":\"r\",\"on\":\"at.urc\",\"do\":[{\"log\":\"x\"}]}}"},
        {"rule.list", "{}"},
        {"rule.remove", "{\"name\":\"r\"}"},
        {"clock.advance", "{\"by\":\"0s\"}"},
        {"lines.get", "{}"},
        {"lines.set", "{\"dtr\":true}"},
        {"ports", "{}"},
        {"load", "{\"text\":\"{\\\"name\\\":\\\"x\\\"}\"}"},
        {"save", "{\"modem\":0}"},
        {"verdict", "{}"},
        {"subscribe", "{\"topics\":[\"*\"]}"},
        {"unsubscribe", "{}"},
    };
    size_t known = (size_t)cJSON_GetArraySize(get(ask(&r.a, "methods", "{}"), "methods"));
    size_t count = sizeof asked / sizeof asked[0];
    cr_assert_eq(known, count + 3, "state is there twice, four are not: %zu of %zu", count, known);
    for (size_t i = 0; i < count; i++) {
        ask(&r.a, asked[i].method, asked[i].params);
    }
    if (getenv("SIM7X00_SANDBOX") != NULL) {
        is_refused(&r.a, "capture.start", "{\"file\":\"/dev/null\"}", "Permission denied");
    } else {
        ask(&r.a, "capture.start", "{\"file\":\"/dev/null\"}");
        ask(&r.a, "capture.stop", "{}");
    }
    is_refused(&r.a, "verdict", "{\"modem\":7}", "modem: found 7, allowed: 0 to 0");
    is_refused(&r.a, "state", "{\"modem\":1000}", "from 0 to 999");
    is_refused(&r.a, "state", "{\"part\":\"links\",\"port\":1}", "unknown key \"port\"");
    rig_stop(&r);
}

/* What is done, what the driver asks then, what it gets. Time passes where it says so. */
static const struct {
    const char *action, *command, *want, *advance;
} deeds[] = {
    {"{\"urc\":\"RING\"}", NULL, "\r\nRING\r\n", NULL},
    {"{\"urc\":{\"text\":\"X\",\"now\":true}}", NULL, "X", NULL},
    {"{\"urc\":\"LATER\",\"in\":\"2s\"}", NULL, "\r\nLATER\r\n", "2s"},
    {"{\"signal\":{\"rssi\":7,\"ber\":1}}", "AT+CSQ", "\r\n+CSQ: 7,1\r\n\r\nOK\r\n", NULL},
    {"{\"fade\":{\"rssi\":9,\"over\":\"2s\"}}", "AT+CSQ", "\r\n+CSQ: 9,1\r\n\r\nOK\r\n", "2s"},
    {"{\"registration\":\"denied\"}", "AT+CREG?", "\r\n+CREG: 0,3\r\n\r\nOK\r\n", NULL},
    {"{\"registration\":\"roaming\"}", "AT+CREG?", "\r\n+CREG: 0,5\r\n\r\nOK\r\n", NULL},
    {"{\"network\":\"lost\"}", "AT+CREG?", "\r\n+CREG: 0,2\r\n\r\nOK\r\n", NULL},
    {"{\"network\":\"found\"}", "AT+CREG?", "\r\n+CREG: 0,5\r\n\r\nOK\r\n", NULL},
    {"{\"attached\":false}", "AT+CGATT?", "\r\n+CGATT: 0\r\n\r\nOK\r\n", NULL},
    {"{\"attached\":true}", "AT+CGATT?", "\r\n+CGATT: 1\r\n\r\nOK\r\n", NULL},
    {"{\"corrupt\":{\"at\":2,\"bits\":1}}", "AT", "\r\nNK\r\n", NULL},
    {"{\"insert\":{\"at\":2,\"bytes\":{\"hex\":\"2a2a\"}}}", "AT", "\r\n**OK\r\n", NULL},
    {"{\"cut\":{\"after\":3,\"for\":\"5s\"}}", "AT", "\r\nO", NULL},
    {"{\"log\":\"goes on\"}", NULL, "K\r\n", "5s"},
    {"{\"drip\":{\"bytes\":1,\"every\":\"1s\"}}", "AT", "\r\nOK\r\n", "10s"},
    {"{\"line-end\":\"\\n\"}", "AT", "\nOK\n", NULL},
    {"{\"swallow\":\"answer\"}", "AT", NULL, NULL},
    {"{\"hang\":true}", "AT", "", NULL},
    {"{\"hang\":false}", "AT", "\r\nOK\r\n", NULL},
    {"{\"sim\":\"absent\"}", "AT+CPIN?", "+CME ERROR: 10\r\n", NULL},
    {"{\"sim\":\"ready\"}", "AT+CPIN?", "READY\r\n\r\nOK\r\n", NULL},
    {"{\"technology\":\"gsm\"}", "AT+CPSI?", "GSM,Online", NULL},
};

Test(e2e_control, what_is_done_is_seen_at_the_tty) {
    struct rig r;
    rig_start(&r, "manual");
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        char by[64];
        if (deeds[i].want == NULL) {
            char params[128];
            snprintf(params, sizeof params, "{\"action\":%s}", deeds[i].action);
            is_refused(&r.a, "do", params, "stands in rules only");
            continue;
        }
        act(&r.a, deeds[i].action);
        if (deeds[i].command != NULL && deeds[i].advance == NULL) {
            dte_say(&r.t, "%s", deeds[i].command);
        }
        if (deeds[i].advance != NULL) {
            snprintf(by, sizeof by, "{\"by\":\"%s\"}", deeds[i].advance);
            if (deeds[i].command != NULL && strcmp(deeds[i].command, "AT") == 0) {
                dte_say(&r.t, "AT");
                daemon_settle(&r.d);
            }
            ask(&r.a, "clock.advance", by);
            if (deeds[i].command != NULL && strcmp(deeds[i].command, "AT") != 0) {
                dte_say(&r.t, "%s", deeds[i].command);
            }
        }
        if (deeds[i].want[0] != '\0') {
            const char *got = dte_expect(&r.t, deeds[i].want);
            cr_expect_str_eq(got + strlen(got) - strlen(deeds[i].want), deeds[i].want);
        }
    }
    rig_stop(&r);
}

Test(e2e_control, decisions_and_nonsense_are_refused) {
    struct rig r;
    rig_start(&r, "real");
    is_refused(&r.a, "do", "{\"action\":{\"error\":10},\"modem\":0}", "action.error: ");
    is_refused(&r.a, "do", "{\"action\":{}}", "missing key");
    is_refused(&r.a, "do", "{\"action\":{\"close\":{\"link\":3}}}", "no such link");
    is_refused(&r.a, "do", "{\"action\":{\"peer\":{\"name\":\"x\",\"send\":\"y\"}}}", "no peer");
    is_refused(&r.a, "do", "{\"action\":{\"rule\":{\"name\":\"x\",\"enabled\":true}}}", "no rule");
    is_refused(&r.a, "do", "{\"action\":{\"fail\":\"x\"}}", "no scenario");
    is_refused(&r.a, "do", "{\"action\":{\"stop\":true}}", "no scenario");
    is_refused(&r.a, "verdict", "{\"wait\":true}", "no scenario");
    is_refused(&r.a, "clock.advance", "{\"by\":\"1s\"}", "--clock manual");
    /* Keys behind the action are none of its. */
    ask(&r.a, "do", "{\"action\":{\"urc\":\"RING\"},\"modem\":0}");
    dte_expect(&r.t, "RING\r\n");
    rig_stop(&r);
}

Test(e2e_control, links_and_far_ends_do_as_they_are_told) {
    struct rig r;
    rig_start(&r, "real");
    load(&r.a, server_text);
    static const char *const ends[][2] = {{"{\"close\":{\"link\":0}}", "+IPCLOSE: 0,1\r\n"},
                                          {"{\"reset\":true}", "+IPCLOSE: 0,3\r\n"},
                                          {"{\"give-up\":true}", "+IPCLOSE: 0,2\r\n"}};
    dte_ask(&r.t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        dte_ask(&r.t, "AT+CIPOPEN=0,\"TCP\",\"1.2.3.4\",80", "+CIPOPEN: 0,0\r\n");
        act(&r.a, "{\"peer\":{\"name\":\"server\",\"send\":\"hello\"}}");
        dte_expect_pushed(&r.t, "hello");
        act(&r.a, ends[i][0]);
        dte_expect(&r.t, ends[i][1]);
    }
    dte_ask(&r.t, "AT+CIPOPEN=0,\"TCP\",\"1.2.3.4\",80", "+CIPOPEN: 0,0\r\n");
    act(&r.a, "{\"peer\":{\"name\":\"server\",\"reset\":true}}");
    dte_expect(&r.t, "+IPCLOSE: 0,3\r\n");
    dte_ask(&r.t, "AT+SERVERSTART=0,0", "ERROR\r\n");
    rig_stop(&r);
}

Test(e2e_control, events_come_while_a_driver_works) {
    struct rig r;
    struct asker w;
    rig_start(&r, "real");
    load(&r.a, server_text);
    asker_open(&w, &r.d);
    ask(&w, "subscribe", "{\"topics\":[\"link.*\",\"tty.closed\"]}");
    open_link(&r.t);
    const cJSON *params = get(hear(&w), "params");
    cr_assert_str_eq(get(params, "topic")->valuestring, "link.opened");
    cr_assert_eq(get(get(params, "facts"), "link")->valueint, 0);
    dte_ask(&r.t, "AT+CIPCLOSE=0", "+CIPCLOSE: 0,0\r\n");
    dte_close(&r.t);
    while (strcmp(get(get(hear(&w), "params"), "topic")->valuestring, "tty.closed") != 0) {
    }
    asker_close(&w);
    asker_close(&r.a);
    daemon_stop(&r.d);
}

Test(e2e_control, rules_come_and_go) {
    struct rig r;
    rig_start(&r, "real");
    const char *rule = "{\"rule\":{\"name\":\"busy\",\"on\":\"at.command\",\"match\":{\"name\":"
                       "\"+CSQ\"},\"do\":[{\"error\":10}]}}";
    dte_ask(&r.t, "AT+CMEE=1", "OK\r\n");
    ask(&r.a, "rule.add", rule);
    dte_ask(&r.t, "AT+CSQ", "+CME ERROR: 10\r\n");
    is_refused(&r.a, "rule.add", rule, "of this name already");
    is_refused(&r.a, "rule.add", "{\"rule\":{\"on\":\"link.closed\",\"do\":[{\"error\":10}]}}",
               "rule.do: error");
    ask(&r.a, "rule.add", "{\"rule\":{\"on\":\"at.urc\",\"do\":[{\"log\":\"x\"}]}}");
    const cJSON *rules = get(ask(&r.a, "rule.list", "{}"), "rules");
    cr_assert_eq(cJSON_GetArraySize(rules), 2);
    cr_assert_eq(get(cJSON_GetArrayItem(rules, 0), "fired")->valueint, 1);
    cr_assert_str_eq(get(cJSON_GetArrayItem(rules, 1), "name")->valuestring, "rule 2");
    act(&r.a, "{\"rule\":{\"name\":\"busy\",\"enabled\":false}}");
    dte_ask(&r.t, "AT+CSQ", "OK\r\n");
    ask(&r.a, "rule.remove", "{\"name\":\"rule 2\"}");
    ask(&r.a, "rule.remove", "{\"name\":\"busy\"}");
    is_refused(&r.a, "rule.remove", "{\"name\":\"busy\"}", "no rule of this name");
    rig_stop(&r);
}

Test(e2e_control, each_port_has_its_lines) {
    struct rig r;
    struct dte modem;
    char params[128];
    rig_start(&r, "real");
    const cJSON *port = get(ask(&r.a, "ports", "{}"), "ports")->child;
    cr_assert_str_eq(get(port, "port")->valuestring, "at");
    cr_assert_str_eq(get(port, "at")->valuestring, r.d.link);
    cr_assert(cJSON_IsTrue(get(port, "open")));
    cr_assert(cJSON_IsFalse(get(port->next, "open")));
    /* By its tty, which is that of a driver; right behind the open. */
    snprintf(params, sizeof params, "%s.modem", r.d.link);
    dte_open(&modem, params);
    snprintf(params, sizeof params, "{\"dtr\":false,\"rts\":false,\"port\":\"%s\"}",
             ttyname(modem.fd));
    const cJSON *lines = ask(&r.a, "lines.set", params);
    cr_assert(cJSON_IsFalse(get(lines, "dtr")) && cJSON_IsFalse(get(lines, "rts")));
    cr_assert(cJSON_IsTrue(get(ask(&r.a, "lines.get", "{\"port\":\"at\"}"), "dtr")));
    cr_assert(cJSON_IsFalse(get(ask(&r.a, "lines.get", "{\"port\":\"modem\"}"), "dtr")));
    is_refused(&r.a, "lines.get", "{\"port\":\"usb\"}", "there is no usb");
    is_refused(&r.a, "lines.get", "{\"port\":\"/dev/pts/99999\"}", "there is no /dev/pts/99999");
    dte_close(&modem);
    rig_stop(&r);
}

Test(e2e_control, who_waits_for_a_line_is_told) {
    struct rig r;
    struct asker other, third;
    rig_start(&r, "real");
    asker_open(&other, &r.d);
    asker_open(&third, &r.d);
    send_request(&other, "lines.wait", "{\"ri\":false}");
    send_request(&third, "lines.wait", "{\"dcd\":false}");
    ask(&r.a, "lines.get", "{}"); /* later than these, if all is well */
    dte_ask(&r.t, "AT&C0", "OK\r\n");
    const cJSON *lines = get(answer(&other), "result");
    cr_assert(cJSON_IsTrue(get(lines, "dcd")));
    cr_assert_eq(get(lines, "dcd_changes")->valueint, 1);
    dte_ask(&r.t, "AT+CFGRI=1,100", "OK\r\n");
    dte_ask(&r.t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    lines = get(answer(&third), "result");
    cr_assert_eq(get(lines, "ri_ends")->valueint, 1);
    cr_assert(cJSON_IsFalse(get(lines, "ri")));
    /* One goes without an answer, one's driver goes. */
    send_request(&third, "lines.wait", "{}");
    ask(&r.a, "lines.get", "{}");
    asker_close(&third);
    send_request(&other, "lines.wait", "{}");
    ask(&r.a, "lines.get", "{}");
    dte_close(&r.t);
    const cJSON *error = get(answer(&other), "error");
    cr_assert_not_null(strstr(get(error, "message")->valuestring, "no driver"));
    is_refused(&other, "lines.wait", "{}", "no driver");
    dte_open(&r.t, r.d.link);
    send_request(&other, "lines.wait", "{}"); /* open when the daemon ends */
    ask(&r.a, "lines.get", "{}");
    rig_stop(&r);
    asker_close(&other);
}

Test(e2e_control, dtr_off_hangs_up_as_at_d_says) {
    struct rig r;
    rig_start(&r, "real");
    load(&r.a, server_text);
    dte_ask(&r.t, "AT&D2", "OK\r\n");
    dte_ask(&r.t, "AT+CIPMODE=1", "OK\r\n");
    dte_ask(&r.t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&r.t, "AT+CIPOPEN=0,\"TCP\",\"1.2.3.4\",80", "CONNECT");
    cr_assert(cJSON_IsTrue(get(ask(&r.a, "lines.get", "{}"), "dtr")));
    ask(&r.a, "lines.set", "{\"dtr\":false}");
    dte_expect(&r.t, "CLOSED\r\n");
    ask(&r.a, "lines.set", "{\"dtr\":true}");
    dte_ask(&r.t, "AT", "OK\r\n");
    dte_close(&r.t);
    turn_until(cJSON_IsFalse(get(get(ask(&r.a, "state", "{}"), "tty"), "open")));
    is_refused(&r.a, "lines.set", "{\"dtr\":false}", "no driver");
    asker_close(&r.a);
    daemon_stop(&r.d);
}

/* -- time -- */

Test(e2e_control, what_the_time_brought_is_written_when_the_answer_is_there) {
    struct rig r;
    rig_start(&r, "manual");
    load(&r.a, "{\"name\":\"x\",\"start\":\"load\",\"timeline\":[{\"every\":\"1h\",\"do\":"
               "[{\"urc\":\"TICK\"}]}]}");
    /* Written when the answer comes; the kernel hands it over to the other side a little later. */
    ask(&r.a, "clock.advance", "{\"by\":\"24h\"}");
    const cJSON *queues = get(ask(&r.a, "state", "{\"part\":\"queues\"}"), "queues");
    cr_assert_eq(get(queues, "output")->valueint, 0);
    for (int i = 0; i < 24; i++) {
        dte_expect(&r.t, "\r\nTICK\r\n");
    }
    /* Also behind what was waiting before: the command's answer is not written yet. */
    for (int i = 0; i < STEPS; i++) {
        dte_say(&r.t, "AT");
        ask(&r.a, "clock.advance", "{\"by\":\"1h\"}");
        queues = get(ask(&r.a, "state", "{\"part\":\"queues\"}"), "queues");
        cr_assert_eq(get(queues, "output")->valueint, 0);
        dte_expect(&r.t, "\r\nTICK\r\n");
    }
    rig_stop(&r);
}

Test(e2e_control, guard_times_are_those_of_the_manual_clock) {
    struct rig r;
    rig_start(&r, "manual");
    load(&r.a, server_text);
    dte_ask(&r.t, "AT+CIPMODE=1", "OK\r\n");
    dte_ask(&r.t, "AT+NETOPEN", "OK\r\n");
    ask(&r.a, "clock.advance", "{\"by\":\"1min\"}");
    dte_expect(&r.t, "+NETOPEN: 0\r\n");
    dte_ask(&r.t, "AT+CIPOPEN=0,\"TCP\",\"1.2.3.4\",80", "CONNECT");
    ask(&r.a, "clock.advance", "{\"by\":\"2s\"}");
    dte_send(&r.t, "+++", 3);
    daemon_settle(&r.d);
    ask(&r.a, "clock.advance", "{\"by\":\"2s\"}");
    dte_expect(&r.t, "OK\r\n");
    dte_ask(&r.t, "AT", "OK\r\n");
    rig_stop(&r);
}

/* -- scenarios -- */

static const char whole_text[] =
    "{\"name\":\"whole\",\"seed\":5,\"module\":{\"settings\":[\"ATE0\",\"AT+CMEE=2\"],"
    "\"identity\":{\"imei\":\"490154203237518\"},\"nvram\":{\"1341\":\"01\"}},"
    "\"sim\":{\"pin\":\"4321\",\"imsi\":\"001010123456789\",\"number\":\"110\"},"
    "\"network\":{\"address\":\"10.9.8.7\",\"open-delay\":\"3s\",\"apns\":[\"internet\"]},"
    "\"peers\":{\"server\":{\"at\":\"1.2.3.4:80\",\"kind\":\"echo\"}},"
    "\"rules\":[{\"name\":\"a\",\"on\":\"at.urc\",\"do\":[{\"log\":\"x\"}]},"
    "{\"on\":\"at.urc\",\"do\":[{\"log\":\"y\"}]}],"
    "\"expect\":[{\"module\":\"NEVER\"}]}";

static void write_file(const struct daemon *d, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", d->folder, name);
    FILE *f = fopen(path, "w");
    must(f != NULL);
    fputs(text, f);
    fclose(f);
}

static void start_with(struct rig *r, const char *clock, const char *text) {
    rig_prepare(r, clock);
    write_file(&r->d, "t.json", text);
    daemon_option(&r->d, "--scenario", "%s/t.json", r->d.folder);
    rig_go(r);
}

Test(e2e_control, what_was_saved_begins_where_it_was) {
    struct rig r;
    start_with(&r, "manual", whole_text);
    dte_ask(&r.t, "AT+CIPCCFG=3", "OK\r\n");
    dte_ask(&r.t, "AT+CNMP=13", "OK\r\n");
    act(&r.a, "{\"signal\":{\"rssi\":3,\"ber\":2}}");
    act(&r.a, "{\"impair\":{\"way\":\"up\",\"latency\":\"20ms\",\"loss\":0.25}}");
    act(&r.a, "{\"registration\":\"roaming\"}");
    act(&r.a, "{\"rule\":{\"name\":\"a\",\"enabled\":false}}");
    char *saved = cJSON_Print(ask(&r.a, "save", "{}"));
    cr_assert_not_null(strstr(saved, "7FFF/6F40"), "%s", saved);
    char *settings = cJSON_Print(ask(&r.a, "state", "{\"part\":\"settings\"}"));
    rig_stop(&r);
    start_with(&r, "manual", saved);
    char *again = cJSON_Print(ask(&r.a, "save", "{}"));
    cr_assert_str_eq(again, saved);
    char *settings_again = cJSON_Print(ask(&r.a, "state", "{\"part\":\"settings\"}"));
    cr_assert_str_eq(settings_again, settings);
    cr_assert_neq(strstr(settings, "CIPCCFG=3"), NULL, "%s", settings);
    dte_ask(&r.t, "AT+CSQ", "+CSQ: 3,2\r\n");
    dte_ask(&r.t, "AT+CGSN", "490154203237518");
    dte_ask(&r.t, "AT+CREG?", "+CREG: 0,5\r\n");
    dte_ask(&r.t, "AT+CPSI?", "+CPSI: GSM,Online");
    dte_ask(&r.t, "AT+CNMP=2", "OK\r\n");
    dte_ask(&r.t, "AT+CPSI?", "+CPSI: LTE,Online");
    /* It is the same module, so it may be loaded there as well. */
    load(&r.a, saved);
    free(saved);
    free(again);
    free(settings);
    free(settings_again);
    rig_stop(&r);
}

Test(e2e_control, a_scenario_is_loaded_again_and_again) {
    struct rig r;
    rig_start(&r, "real");
    dte_ask(&r.t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    for (int i = 0; i < 2 * 64; i++) { /* more than the map and the far ends hold */
        load(&r.a, server_text);
    }
    dte_ask(&r.t, "AT+CIPOPEN=0,\"TCP\",\"1.2.3.4\",80", "+CIPOPEN: 0,0\r\n");
    act(&r.a, "{\"peer\":{\"name\":\"server\",\"send\":\"hello\"}}");
    dte_expect_pushed(&r.t, "hello");
    rig_stop(&r);
}

Test(e2e_control, a_load_that_is_refused_says_why) {
    struct rig r;
    start_with(&r, "real", server_text);
    struct asker w;
    asker_open(&w, &r.d);
    send_request(&w, "verdict", "{\"wait\":true}");
    load_is_refused(&r.a, "{\"name\":\"x\",\n  \"ruels\":[]}", "t.json:2:3: unknown key \"ruels\"");
    load_is_refused(&r.a, "{", "t.json:1:2: ");
    load_is_refused(&r.a, "{\"name\":\"x\",\"module\":{\"profile\":\"appnote-1.00\"}}",
                    "another module");
    load_is_refused(&r.a, "{\"name\":\"x\",\"sim\":{\"imsi\":\"1\"}}", "another module");
    cr_assert_str_eq(get(get(ask(&r.a, "state", "{}"), "scenario"), "name")->valuestring, "world");
    cr_assert_not(has_line(&w), "what was wrong as a text has ended nothing");
    load_is_refused(&r.a, "{\"name\":\"x\",\"network\":{\"listen\":{\"1\":\"127.0.0.1:*\"}}}",
                    "t.json: network.listen: ");
    cr_assert_neq(strstr(get(get(answer(&w), "error"), "message")->valuestring, "loaded"), NULL);
    load_is_refused(&r.a, "{\"name\":\"x\",\"module\":{\"settings\":[\"AT+NOSUCH\"]}}",
                    "\"AT+NOSUCH\" is not answered OK");
    cr_assert_eq(get(get(ask(&r.a, "state", "{}"), "scenario"), "name"), NULL);
    is_refused(&r.a, "verdict", "{}", "no scenario is loaded");
    load(&r.a, server_text);
    dte_ask(&r.t, "AT", "OK\r\n");
    asker_close(&w);
    rig_stop(&r);
}

Test(e2e_control, a_tty_that_had_vanished_is_back_with_the_next_scenario) {
    struct rig r;
    rig_start(&r, "manual");
    act(&r.a, "{\"vanish\":\"24h\"}");
    struct stat st;
    turn_until(lstat(r.d.link, &st) != 0);
    load(&r.a, server_text);
    turn_until(lstat(r.d.link, &st) == 0);
    dte_close(&r.t);
    dte_open(&r.t, r.d.link);
    dte_ask(&r.t, "AT", "OK\r\n");
    rig_stop(&r);
}

Test(e2e_control, two_clients_wait_for_one_verdict) {
    struct rig r;
    start_with(&r, "real", "{\"name\":\"x\",\"expect\":[{\"driver\":\"AT+CSQ\"}]}");
    struct asker w[2];
    struct asker gone;
    asker_open(&gone, &r.d);
    send_request(&gone, "verdict", "{\"wait\":true}");
    asker_close(&gone);
    for (int i = 0; i < 2; i++) {
        asker_open(&w[i], &r.d);
        send_request(&w[i], "verdict", "{\"wait\":true}");
    }
    cr_assert(cJSON_IsFalse(get(ask(&r.a, "verdict", "{}"), "over")));
    dte_ask(&r.t, "AT+CSQ", "OK\r\n");
    for (int i = 0; i < 2; i++) {
        const cJSON *result = get(answer(&w[i]), "result");
        cr_assert(cJSON_IsTrue(get(result, "passed")) && cJSON_IsTrue(get(result, "over")));
        cr_assert_eq(strncmp(get(result, "report")->valuestring, "PASS x", 6), 0);
        asker_close(&w[i]);
    }
    cr_assert(cJSON_IsTrue(get(ask(&r.a, "verdict", "{\"wait\":true}"), "passed")));
    rig_stop(&r);
}

/* -- the end -- */

Test(e2e_control, stop_answers_and_ends_the_daemon) {
    struct rig r;
    start_with(&r, "real", "{\"name\":\"x\",\"expect\":[{\"driver\":\"NEVER\"}]}");
    struct asker w;
    asker_open(&w, &r.d);
    send_request(&w, "verdict", "{\"wait\":true}");
    cr_assert(cJSON_IsFalse(get(ask(&r.a, "verdict", "{}"), "over")));
    ask(&r.a, "stop", "{}");
    const cJSON *result = get(answer(&w), "result");
    cr_assert(cJSON_IsFalse(get(result, "passed")), "who waits is told how it ended");
    turn_until(r.a.has_ended && w.has_ended);
    cr_assert_eq(daemon_wait(&r.d, NULL, 0), 0);
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/control", r.d.folder);
    cr_assert_neq(lstat(path, &st), 0, "the file is gone");
    asker_close(&w);
    asker_close(&r.a);
    dte_close(&r.t);
    daemon_fini(&r.d);
}

Test(e2e_control, a_sigterm_ends_it_for_clients_too) {
    struct rig r;
    rig_start(&r, "manual");
    kill(r.d.pid, SIGTERM);
    turn_until(r.a.has_ended);
    cr_assert_eq(daemon_wait(&r.d, NULL, 0), 0);
    asker_close(&r.a);
    dte_close(&r.t);
    daemon_fini(&r.d);
}

/* -- who else comes -- */

Test(e2e_control, clients_that_stop_reading_delay_nobody) {
    struct rig r;
    int stuck[STUCK];
    struct asker many[CLIENTS];
    rig_start(&r, "real");
    static const char all[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\",\"params\":"
                              "{\"topics\":[\"*\"]}}\n";
    static const char state[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"methods\"}\n";
    for (int i = 0; i < STUCK; i++) {
        stuck[i] = dial(&r.d);
        must(write(stuck[i], all, sizeof all - 1) == (ssize_t)sizeof all - 1);
        while (write(stuck[i], state, sizeof state - 1) > 0) {
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        asker_open(&many[i], &r.d);
    }
    for (int i = 0; i < 2000; i++) {
        dte_ask(&r.t, "AT+CSQ", "OK\r\n");
        if (i % 100 == 0) {
            ask(&many[i / 100 % CLIENTS], "state", "{}");
        }
    }
    for (int i = 0; i < STUCK; i++) {
        close(stuck[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        asker_close(&many[i]);
    }
    dte_ask(&r.t, "AT", "OK\r\n");
    rig_stop(&r);
}

Test(e2e_control, hostile_lines_are_answered_and_forgotten) {
    struct rig r;
    rig_start(&r, "real");
    static const char *const lines[] = {
        "\n",
        "{\n",
        "[]\n",
        "null\n",
        "\"\\ud800\"\n",
        "{\"jsonrpc\":\"2.0\"}\n",
        "\xff\xfe\n",
        "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"stop\"}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stop\",\"params\":[]}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"do\",\"params\":{\"action\":1}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"do\",\"params\":{\"action\":{\"urc\":\"\"}}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"load\",\"params\":{\"text\":\"\"}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"load\",\"params\":{\"text\":\"[[[[\"}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"state\",\"method\":\"stop\"}\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        say(&r.a, lines[i]);
        if (i > 0 && i + 1 < sizeof lines / sizeof lines[0]) {
            cr_assert_neq(get(hear(&r.a), "error"), NULL, "line %zu", i);
        }
    }
    hear(&r.a);
    ask(&r.a, "version", "{}");
    dte_ask(&r.t, "AT", "OK\r\n");
    rig_stop(&r);
}

Test(e2e_control, the_socket_is_its_owners_and_one_daemons) {
    struct rig r;
    rig_start(&r, "real");
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/control", r.d.folder);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert(S_ISSOCK(st.st_mode));
    cr_assert_eq(st.st_mode & 0777u, 0600u);
    struct daemon other;
    char err[4096];
    daemon_init(&other);
    other.keeps_err = true;
    daemon_option(&other, "--control", "%s", path);
    daemon_spawn(&other);
    cr_assert_eq(daemon_wait(&other, err, sizeof err), 3);
    cr_assert_neq(strstr(err, "another daemon listens there"), NULL, "%s", err);
    daemon_fini(&other);
    ask(&r.a, "version", "{}");
    /* What a killed one leaves is replaced. */
    kill(r.d.pid, SIGKILL);
    daemon_wait(&r.d, NULL, 0);
    cr_assert_eq(stat(path, &st), 0);
    daemon_init(&other);
    daemon_option(&other, "--control", "%s", path);
    daemon_start(&other);
    struct asker a;
    asker_open(&a, &r.d);
    ask(&a, "version", "{}");
    asker_close(&a);
    daemon_stop(&other);
    asker_close(&r.a);
    dte_close(&r.t);
    daemon_fini(&r.d);
}

Test(e2e_control, what_the_command_line_impairs_stays_when_a_scenario_plays) {
    struct rig r;
    rig_prepare(&r, "real");
    daemon_option(&r.d, "--impair", "up:latency=70");
    rig_go(&r);
    load(&r.a, "{\"name\":\"x\",\"network\":{\"impair\":{\"down\":{\"latency\":\"5ms\"}}}}");
    const cJSON *network = get(ask(&r.a, "state", "{\"part\":\"network\"}"), "network");
    cr_assert_str_eq(get(get(network, "up"), "latency")->valuestring, "70ms");
    cr_assert_str_eq(get(get(network, "down"), "latency")->valuestring, "5ms");
    load(&r.a, "{\"name\":\"y\"}");
    network = get(ask(&r.a, "state", "{\"part\":\"network\"}"), "network");
    cr_assert_str_eq(get(get(network, "up"), "latency")->valuestring, "70ms");
    cr_assert_eq(get(network, "down"), NULL, "what the scenario before has done is gone");
    rig_stop(&r);
}

Test(e2e_control, the_network_takes_its_time_to_open_from_the_start_on) {
    struct rig r;
    rig_start(&r, "manual");
    load(&r.a, "{\"name\":\"x\",\"network\":{\"open-delay\":\"20s\"}}");
    dte_ask(&r.t, "AT+NETOPEN", "OK\r\n");
    ask(&r.a, "clock.advance", "{\"by\":\"19s\"}");
    dte_is_silent(&r.t, 50);
    ask(&r.a, "clock.advance", "{\"by\":\"1s\"}");
    dte_expect(&r.t, "+NETOPEN: 0\r\n");
    rig_stop(&r);
}

Test(e2e_control, what_waits_and_what_has_passed_is_counted) {
    struct rig r;
    rig_start(&r, "manual");
    act(&r.a, "{\"urc\":\"LATER\",\"in\":\"1h\"}");
    const cJSON *queues = get(ask(&r.a, "state", "{\"part\":\"queues\"}"), "queues");
    cr_assert_eq(get(queues, "actions")->valueint, 1);
    cr_assert_eq(get(queues, "unread")->valueint, 0);
    const cJSON *counters = get(ask(&r.a, "state", "{\"part\":\"counters\"}"), "counters");
    cr_assert_eq(get(counters, "read")->valueint, (int)strlen("ATE0\r"));
    cr_assert_eq(get(counters, "written")->valueint, (int)strlen("ATE0\r\r\nOK\r\n"));
    dte_ask(&r.t, "AT", "OK\r\n");
    counters = get(ask(&r.a, "state", "{\"part\":\"counters\"}"), "counters");
    cr_assert_eq(get(counters, "read")->valueint, (int)strlen("ATE0\rAT\r"));
    rig_stop(&r);
}
