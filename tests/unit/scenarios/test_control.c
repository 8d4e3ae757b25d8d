#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/limits.h"
#include "base/obj.h"
#include "scenarios/control/control.h"
#include "scenarios/json/spec.h"

enum { GOT_MAX = 8 << 20, TURNS = 20000 };

static uv_loop_t loop;
static struct control *control;
static char folder[] = "/tmp/control-XXXXXX";
static char path[64];
static struct control_call *deferred[LIMIT_CONTROL_CALLS];
static size_t deferred_count;
static unsigned runs;

/* -- the methods under test -- */

static void run_echo(void *ctx, struct control_call *call, const cJSON *params) {
    cr_assert_eq(ctx, &runs);
    runs++;
    control_result(call, cJSON_Duplicate(params, true));
}

static void run_fail(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    (void)params;
    control_error(call, CONTROL_REFUSED, "no %s today", "fish");
}

static void run_later(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    (void)params;
    deferred[deferred_count++] = call;
}

static void run_big(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    runs++;
    size_t n = (size_t)spec_int(params, "n", 0);
    char *text = xmalloc(n + 1);
    memset(text, 'x', n);
    cJSON *result = cJSON_CreateObject();
    cJSON_AddStringToObject(result, "text", text);
    free(text);
    control_result(call, result);
}

static void run_stop(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    (void)params;
    control_result(call, NULL);
    control_close(control);
    control = NULL;
}

static const struct spec any_text = {.type = SPEC_TEXT, .name = "a text"};
static const struct spec any_count = {.type = SPEC_INT, .name = "a count", .lo = 0, .hi = GOT_MAX};
static const struct spec_key echo_keys[] = {
    {"text", &any_text, "Some text.", SPEC_REQUIRED},
    {0},
};
static const struct spec echo_spec = {.type = SPEC_OBJECT, .name = "params", .keys = echo_keys};
static const struct spec_key big_keys[] = {
    {"n", &any_count, "How much.", SPEC_REQUIRED},
    {0},
};
static const struct spec big_spec = {.type = SPEC_OBJECT, .name = "params", .keys = big_keys};

static const struct control_method methods[] = {
    {"echo", run_echo, "Gives back what it gets.", &echo_spec},
    {"fail", run_fail, "Fails.", NULL},
    {"later", run_later, "Answers later.", NULL},
    {"big", run_big, "Answers at length.", &big_spec},
    {"stop", run_stop, "Ends all.", NULL},
    {0},
};

/* -- the rig -- */

static void start(void) {
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_neq(mkdtemp(folder), NULL);
    snprintf(path, sizeof path, "%s/control", folder);
    cr_assert_eq(control_new(&control, &loop, path, methods, &runs), 0);
}

static void stop(void) {
    control_close(control);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "the socket's file is gone");
}

TestSuite(control, .init = start, .fini = stop, .timeout = 60);

static struct sockaddr_un address(const char *at) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", at);
    return addr;
}

static int dial(void) {
    struct sockaddr_un addr = address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void turns(int n) {
    while (n-- > 0) {
        uv_run(&loop, UV_RUN_NOWAIT);
    }
}

static void put(int fd, const char *bytes, size_t n) {
    for (int i = 0; n > 0 && i < TURNS; i++) {
        ssize_t sent = write(fd, bytes, n);
        bytes += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
        turns(1);
    }
    cr_assert_eq(n, 0, "all is taken");
}

static void say(int fd, const char *text) {
    put(fd, text, strlen(text));
}

/* The next line without its LF; "": the end, or nothing comes. One byte at a time: what is behind
 * it stays for the next call. */
static const char *hear(int fd) {
    static char got[GOT_MAX];
    size_t n = 0;
    for (int idle = 0; idle < 200 && n + 1 < sizeof got;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char peeked[65536];
        ssize_t more = recv(fd, peeked, sizeof peeked, MSG_PEEK);
        if (more == 0 || (more < 0 && errno != EAGAIN)) {
            break;
        }
        if (more < 0) {
            idle++;
            turns(1);
            poll(&p, 1, 1);
            continue;
        }
        const char *lf = memchr(peeked, '\n', (size_t)more);
        size_t wanted = lf != NULL ? (size_t)(lf - peeked) + 1 : (size_t)more;
        cr_assert_lt(n + wanted, sizeof got);
        cr_assert_eq(read(fd, got + n, wanted), (ssize_t)wanted);
        n += wanted;
        idle = 0;
        if (lf != NULL) {
            got[n - 1] = '\0';
            return got;
        }
    }
    got[0] = '\0';
    return got;
}

static bool is_closed(int fd) {
    for (int i = 0; i < 200; i++) {
        char byte = 0;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = recv(fd, &byte, 1, MSG_PEEK);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return true;
        }
        if (n > 0) {
            return false;
        }
        turns(1);
        poll(&p, 1, 1);
    }
    return false;
}

static void hears(int fd, const char *line) {
    const char *got = hear(fd);
    cr_assert_str_eq(got, line, "got %s\nwant %s", got, line);
}

static void hears_error(int fd, const char *id, int code) {
    char want[128];
    snprintf(want, sizeof want,
             "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":", id, code);
    const char *got = hear(fd);
    cr_assert_eq(strncmp(got, want, strlen(want)), 0, "got %s\nwant %s", got, want);
}

/* Asks for an echo and hears it: whoever can do that is served. */
static void is_served(int fd) {
    say(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"echo\",\"params\":{\"text\":\"t\"}}\n");
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"result\":{\"text\":\"t\"}}");
}

#define REQUEST(id, method) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\"}\n"
#define SUBSCRIBE(topics)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"subscribe\",\"params\":{\"topics\":" topics "}}\n"

static int subscriber(void) {
    int fd = dial();
    say(fd, SUBSCRIBE("[\"*\"]"));
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"topics\":[\"*\"]}}");
    return fd;
}

/* -- requests -- */

Test(control, answers_with_the_id_of_the_request) {
    static const char *const ids[] = {"1", "-7", "\"a b\"", "null", "1.5"};
    int fd = dial();
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char text[256];
        snprintf(
            text, sizeof text,
            "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"echo\",\"params\":{\"text\":\"x\"}}\n",
            ids[i]);
        say(fd, text);
        snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"text\":\"x\"}}",
                 ids[i]);
        hears(fd, text);
    }
    close(fd);
}

Test(control, says_what_a_method_refuses) {
    int fd = dial();
    say(fd, REQUEST("1", "fail"));
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,"
              "\"message\":\"no fish today\"}}");
    close(fd);
}

Test(control, refuses_what_is_no_request) {
    static const struct {
        const char *line, *id;
        int code;
    } rows[] = {
        {"{\n", "null", CONTROL_PARSE_ERROR},
        {"hello\n", "null", CONTROL_PARSE_ERROR},
        {"{} {}\n", "null", CONTROL_PARSE_ERROR},
        {"\"\xff\"\n", "null", CONTROL_PARSE_ERROR},
        {"\xc0\x80\n", "null", CONTROL_PARSE_ERROR},
        {"1\n", "null", CONTROL_INVALID_REQUEST},
        {"{}\n", "null", CONTROL_INVALID_REQUEST},
        {"[]\n", "null", CONTROL_INVALID_REQUEST},
        {"["
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fail\"}]\n",
         "null", CONTROL_INVALID_REQUEST},
        {"{\"id\":1,\"method\":\"echo\"}\n", "1", CONTROL_INVALID_REQUEST},
        {"{\"jsonrpc\":\"1.0\",\"id\":2,\"method\":\"echo\"}\n", "2", CONTROL_INVALID_REQUEST},
        {"{\"jsonrpc\":2.0,\"id\":2,\"method\":\"echo\"}\n", "2", CONTROL_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":3}\n", "3", CONTROL_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":5}\n", "3", CONTROL_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"fail\"}\n", "null", CONTROL_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"fail\"}\n", "null",
         CONTROL_INVALID_REQUEST},
        {REQUEST("4", "nothing"), "4", CONTROL_NO_METHOD},
        {REQUEST("4", ""), "4", CONTROL_NO_METHOD},
    };
    int fd = dial();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        say(fd, rows[i].line);
        hears_error(fd, rows[i].id, rows[i].code);
    }
    is_served(fd);
    close(fd);
}

Test(control, refuses_an_id_that_is_too_long_to_keep) {
    char line[512];
    char id[LIMIT_CONTROL_ID + 2];
    int fd = dial();
    memset(id, 'i', sizeof id);
    id[LIMIT_CONTROL_ID + 1] = '\0';
    snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"method\":\"fail\"}\n", id);
    say(fd, line);
    hears_error(fd, "null", CONTROL_INVALID_REQUEST);
    id[LIMIT_CONTROL_ID] = '\0';
    snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"method\":\"fail\"}\n", id);
    say(fd, line);
    snprintf(line, sizeof line, "\"%s\"", id);
    hears_error(fd, line, CONTROL_REFUSED);
    close(fd);
}

Test(control, checks_params_before_the_method_runs) {
    static const char *const params[] = {
        "",
        ",\"params\":{}",
        ",\"params\":{\"text\":1}",
        ",\"params\":{\"text\":\"x\",\"more\":1}",
        ",\"params\":[\"x\"]",
        ",\"params\":null",
    };
    int fd = dial();
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"%s}\n",
                 params[i]);
        say(fd, line);
        hears_error(fd, "1", CONTROL_BAD_PARAMS);
    }
    cr_assert_eq(runs, 0);
    say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fail\",\"params\":{\"a\":1}}\n");
    hears_error(fd, "1", CONTROL_BAD_PARAMS);
    say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fail\",\"params\":{}}\n");
    hears_error(fd, "1", CONTROL_REFUSED);
    close(fd);
}

Test(control, says_where_params_are_wrong_and_what_is_allowed) {
    int fd = dial();
    say(fd, SUBSCRIBE("[\"a\",7]"));
    const char *got = hear(fd);
    cr_assert_neq(strstr(got, "topics[1]: "), NULL, "%s", got);
    cr_assert_neq(strstr(got, "allowed"), NULL, "%s", got);
    close(fd);
}

Test(control, does_not_answer_a_notification) {
    int fd = dial();
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"text\":\"x\"}}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"fail\"}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n");
    is_served(fd);
    cr_assert_eq(runs, 2, "the first one was run");
    close(fd);
}

Test(control, lists_its_methods_with_their_schema) {
    int fd = dial();
    say(fd, REQUEST("1", "methods"));
    cJSON *answer = cJSON_Parse(hear(fd));
    const cJSON *list = spec_get(spec_get(answer, "result"), "methods");
    cr_assert_eq(cJSON_GetArraySize(list), 3 + 5);
    const cJSON *echo = cJSON_GetArrayItem(list, 3);
    cr_assert_str_eq(spec_text(echo, "name", ""), "echo");
    cr_assert_str_eq(spec_text(echo, "doc", ""), "Gives back what it gets.");
    cr_assert_neq(spec_get(spec_get(spec_get(echo, "params"), "properties"), "text"), NULL);
    cr_assert_eq(spec_get(cJSON_GetArrayItem(list, 4), "params"), NULL);
    cJSON_Delete(answer);
    close(fd);
}

/* -- lines -- */

Test(control, takes_lines_in_any_pieces) {
    static const char line[] = REQUEST("1", "fail");
    int fd = dial();
    for (size_t i = 0; i < sizeof line - 1; i++) {
        put(fd, &line[i], 1);
    }
    hears_error(fd, "1", CONTROL_REFUSED);
    close(fd);
}

Test(control, takes_many_lines_at_once_with_cr_and_empty_ones) {
    int fd = dial();
    say(fd, "\n\r\n  \t\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fail\"}\r\n\n" REQUEST(
                "2", "fail"));
    hears_error(fd, "1", CONTROL_REFUSED);
    hears_error(fd, "2", CONTROL_REFUSED);
    cr_assert_str_eq(hear(fd), "", "empty lines are not answered");
    close(fd);
}

Test(control, refuses_a_nul_in_a_line) {
    static const char inside[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fail\0\"}\n";
    int fd = dial();
    put(fd, "\0\n", 2);
    hears_error(fd, "null", CONTROL_PARSE_ERROR);
    put(fd, inside, sizeof inside - 1);
    hears_error(fd, "null", CONTROL_PARSE_ERROR);
    is_served(fd);
    close(fd);
}

/* A line of n bytes and LF, which are blanks behind a request. */
static void put_long(int fd, size_t n) {
    static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fail\"}";
    char *line = xmalloc(n + 1);
    memset(line, ' ', n);
    memcpy(line, request, sizeof request - 1);
    line[n] = '\n';
    for (size_t done = 0; done < n + 1;) {
        ssize_t sent = write(fd, line + done, n + 1 - done);
        if (sent < 0 && errno != EAGAIN) {
            break;
        }
        done += sent > 0 ? (size_t)sent : 0;
        turns(1);
    }
    free(line);
}

Test(control, takes_a_line_as_long_as_a_text_may_be) {
    int fd = dial();
    put_long(fd, LIMIT_JSON);
    hears_error(fd, "1", CONTROL_REFUSED);
    put_long(fd, LIMIT_JSON + 1);
    hears_error(fd, "null", CONTROL_PARSE_ERROR);
    put_long(fd, LIMIT_CONTROL_LINE);
    hears_error(fd, "null", CONTROL_PARSE_ERROR);
    is_served(fd);
    close(fd);
}

Test(control, ends_a_client_whose_line_does_not_end) {
    int fd = dial();
    int other = dial();
    put_long(fd, LIMIT_CONTROL_LINE + 1);
    hears_error(fd, "null", CONTROL_INVALID_REQUEST);
    cr_assert(is_closed(fd));
    is_served(other);
    close(other);
    close(fd);
}

/* -- clients -- */

Test(control, serves_many_clients_and_sends_the_next_one_away) {
    int fds[LIMIT_CONTROL_CLIENTS];
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        fds[i] = dial();
        is_served(fds[i]);
    }
    int more = dial();
    hears_error(more, "null", CONTROL_BUSY);
    cr_assert(is_closed(more));
    close(more);
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        is_served(fds[i]);
    }
    close(fds[5]);
    turns(3);
    fds[5] = dial();
    is_served(fds[5]);
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        close(fds[i]);
    }
}

Test(control, answers_later_and_in_any_order) {
    int fd = dial();
    say(fd, REQUEST("1", "later") REQUEST("2", "later"));
    is_served(fd);
    cr_assert_eq(deferred_count, 2);
    control_result(deferred[1], NULL);
    control_error(deferred[0], CONTROL_REFUSED, "no");
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
    hears_error(fd, "1", CONTROL_REFUSED);
    close(fd);
}

Test(control, refuses_more_requests_than_may_be_open) {
    int fd = dial();
    for (size_t i = 0; i < LIMIT_CONTROL_CALLS; i++) {
        say(fd, REQUEST("1", "later"));
    }
    say(fd, REQUEST("2", "later"));
    hears_error(fd, "2", CONTROL_BUSY);
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"later\"}\n");
    cr_assert_str_eq(hear(fd), "");
    cr_assert_eq(deferred_count, LIMIT_CONTROL_CALLS);
    control_result(deferred[0], NULL);
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    is_served(fd);
    for (size_t i = 1; i < deferred_count; i++) {
        control_result(deferred[i], NULL);
    }
    close(fd);
}

Test(control, drops_the_answer_to_a_client_that_has_gone) {
    int fd = dial();
    say(fd, REQUEST("1", "later") REQUEST("2", "later"));
    turns(3);
    close(fd);
    turns(3);
    cr_assert_eq(deferred_count, 2);
    control_result(deferred[0], NULL);
    fd = dial();
    is_served(fd);
    control_error(deferred[1], CONTROL_REFUSED, "no");
    is_served(fd);
    close(fd);
}

Test(control, a_client_that_has_gone_leaves_its_place) {
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        int fd = dial();
        say(fd, REQUEST("1", "later"));
        turns(3);
        close(fd);
    }
    turns(3);
    int fd = dial();
    is_served(fd);
    close(fd);
    for (size_t i = 0; i < deferred_count; i++) {
        control_result(deferred[i], NULL);
    }
}

Test(control, answers_who_has_sent_all_and_then_closes) {
    int fd = dial();
    say(fd, REQUEST("1", "later") REQUEST("2", "fail"));
    shutdown(fd, SHUT_WR);
    hears_error(fd, "2", CONTROL_REFUSED);
    cr_assert_not(is_closed(fd), "a request is open");
    control_result(deferred[0], NULL);
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    cr_assert(is_closed(fd));
    close(fd);
}

Test(control, a_client_may_close_in_the_middle_of_a_line) {
    int fd = dial();
    say(fd, "{\"jsonrpc\":\"2.0\",\"id");
    turns(2);
    close(fd);
    turns(2);
    fd = dial();
    is_served(fd);
    close(fd);
}

/* -- who does not read -- */

Test(control, does_not_serve_who_does_not_read_and_goes_on_when_it_does) {
    enum { ASKED = 64, SIZE = 200000 };
    int fd = dial();
    int other = dial();
    for (size_t i = 0; i < ASKED; i++) {
        say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\",\"params\":{\"n\":200000}}\n");
    }
    turns(50);
    cr_assert_geq(runs, LIMIT_CONTROL_OUT / SIZE);
    cr_assert_leq(runs, LIMIT_CONTROL_OUT / SIZE + 4, "%u were run: the kernel holds some", runs);
    is_served(other);
    for (size_t i = 0; i < ASKED; i++) {
        cr_assert_gt(strlen(hear(fd)), SIZE);
    }
    cr_assert_eq(runs, ASKED + 1);
    is_served(fd);
    close(other);
    close(fd);
}

Test(control, a_stuck_client_may_just_go) {
    int fd = dial();
    for (size_t i = 0; i < 20; i++) {
        say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\",\"params\":{\"n\":200000}}\n");
    }
    turns(10);
    close(fd);
    turns(10);
    cr_assert_lt(runs, 20, "nobody reads the others' answers");
    fd = dial();
    is_served(fd);
    close(fd);
}

static void notify_number(double number, size_t padding) {
    cJSON *params = cJSON_CreateObject();
    char *text = xmalloc(padding + 1);
    memset(text, '.', padding);
    cJSON_AddNumberToObject(params, "n", number);
    cJSON_AddStringToObject(params, "pad", text);
    free(text);
    control_notify(control, "x", params);
}

Test(control, drops_events_of_who_does_not_read_and_says_how_many) {
    enum { SENT = 1000, SIZE = 10000 };
    int fd = subscriber();
    int other = subscriber();
    for (int i = 0; i < SENT; i++) {
        notify_number(i, SIZE);
        turns(1);
        cJSON *event = cJSON_Parse(hear(other));
        cr_assert_eq(spec_int(spec_get(event, "params"), "n", -1), i, "it reads and misses none");
        cJSON_Delete(event);
    }
    int next = 0;
    int dropped = 0;
    while (next + dropped < SENT) {
        cJSON *message = cJSON_Parse(hear(fd));
        const cJSON *params = spec_get(message, "params");
        if (strcmp(spec_text(message, "method", ""), "dropped") == 0) {
            dropped += spec_int(params, "count", 0);
        } else {
            cr_assert_eq(spec_int(params, "n", -1), next + dropped, "in order");
            next++;
        }
        cJSON_Delete(message);
    }
    cr_assert_gt(next, LIMIT_CONTROL_OUT / (SIZE + 200));
    cr_assert_gt(dropped, 0);
    notify_number(7, 0);
    cr_assert_neq(strstr(hear(fd), "\"n\":7"), NULL, "it hears again");
    close(other);
    close(fd);
}

Test(control, an_event_too_big_for_any_queue_is_a_dropped_one) {
    int fd = subscriber();
    notify_number(1, LIMIT_CONTROL_OUT);
    hears(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"dropped\",\"params\":{\"count\":1}}");
    notify_number(2, 0);
    cr_assert_neq(strstr(hear(fd), "\"n\":2"), NULL);
    close(fd);
}

/* -- events -- */

Test(control, sends_events_to_their_subscribers_only) {
    int fd = dial();
    int none = dial();
    int all = subscriber();
    say(fd, SUBSCRIBE("[\"link.*\",\"urc\"]"));
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"topics\":[\"link.*\",\"urc\"]}}");
    cJSON *params = cJSON_CreateObject();
    cJSON_AddNumberToObject(params, "link", 3);
    control_notify(control, "link.closed", params);
    control_notify(control, "urcs", NULL);
    control_notify(control, "urc", NULL);
    hears(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"topic\":\"link.closed\","
              "\"link\":3}}");
    hears(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"topic\":\"urc\"}}");
    cr_assert_neq(strstr(hear(all), "link.closed"), NULL);
    cr_assert_neq(strstr(hear(all), "urcs"), NULL);
    cr_assert_neq(strstr(hear(all), "urc"), NULL);
    is_served(none);
    close(all);
    close(none);
    close(fd);
}

Test(control, knows_whether_anybody_listens) {
    cr_assert_not(control_is_subscribed(control, "link.closed"));
    int fd = dial();
    say(fd, SUBSCRIBE("[\"link.*\"]"));
    hear(fd);
    cr_assert(control_is_subscribed(control, "link.closed"));
    cr_assert_not(control_is_subscribed(control, "linked"));
    close(fd);
    turns(3);
    cr_assert_not(control_is_subscribed(control, "link.closed"));
}

Test(control, unsubscribes_from_some_and_from_all) {
    int fd = dial();
    say(fd, SUBSCRIBE("[\"a\",\"b\",\"a\",\"c\"]"));
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"topics\":[\"a\",\"b\",\"c\"]}}");
    say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"unsubscribe\","
            "\"params\":{\"topics\":[\"a\",\"nothing\"]}}\n");
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"topics\":[\"b\",\"c\"]}}");
    say(fd, REQUEST("2", "unsubscribe"));
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"topics\":[]}}");
    cr_assert_not(control_is_subscribed(control, "b"));
    close(fd);
}

Test(control, takes_so_many_topics_and_no_more) {
    int fd = dial();
    char line[4096];
    for (int i = 0; i < LIMIT_CONTROL_TOPICS; i++) {
        snprintf(line, sizeof line,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"subscribe\","
                 "\"params\":{\"topics\":[\"t%d\"]}}\n",
                 i);
        say(fd, line);
    }
    say(fd, SUBSCRIBE("[\"t1\",\"one.more\"]"));
    hears_error(fd, "0", CONTROL_BUSY);
    cr_assert(control_is_subscribed(control, "t31"));
    cr_assert_not(control_is_subscribed(control, "one.more"));
    memset(line, 0, sizeof line);
    char topic[LIMIT_CONTROL_TOPIC + 2];
    memset(topic, 't', sizeof topic);
    topic[LIMIT_CONTROL_TOPIC + 1] = '\0';
    snprintf(line, sizeof line, SUBSCRIBE("[\"%s\"]"), topic);
    say(fd, line);
    hears_error(fd, "0", CONTROL_BAD_PARAMS);
    close(fd);
}

/* -- the file, and the end -- */

Test(control, the_file_is_for_its_owner_only) {
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    cr_assert(S_ISSOCK(st.st_mode));
    mode_t mask = umask(0);
    cr_assert_neq(mask, 0177, "the umask is as before");
    umask(mask);
}

Test(control, a_living_daemon_keeps_its_path) {
    struct control *second = NULL;
    cr_assert_eq(control_new(&second, &loop, path, methods, NULL), -EADDRINUSE);
    int fd = dial();
    is_served(fd);
    close(fd);
}

Test(control, replaces_what_a_dead_process_left) {
    char stale[80];
    snprintf(stale, sizeof stale, "%s/stale", folder);
    struct sockaddr_un addr = address(stale);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(listen(fd, 1), 0);
    close(fd);
    struct control *second = NULL;
    cr_assert_eq(control_new(&second, &loop, stale, methods, NULL), 0);
    struct stat st;
    cr_assert_eq(stat(stale, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    control_close(second);
    cr_assert_eq(access(stale, F_OK), -1);
}

/* Only root could remove it, and only root can make the file of this test. */
Test(control, leaves_alone_what_another_user_left) {
    char stale[80];
    if (geteuid() != 0) {
        cr_skip("it takes root");
    }
    snprintf(stale, sizeof stale, "%s/stale", folder);
    struct sockaddr_un addr = address(stale);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    close(fd);
    cr_assert_eq(chown(stale, 65534, 65534), 0);
    struct control *second = NULL;
    cr_assert_eq(control_new(&second, &loop, stale, methods, NULL), -EPERM);
    cr_assert_eq(unlink(stale), 0);
}

Test(control, leaves_alone_what_is_no_socket) {
    char file[80];
    snprintf(file, sizeof file, "%s/file", folder);
    int fd = open(file, O_CREAT | O_WRONLY, 0600);
    close(fd);
    struct control *second = NULL;
    cr_assert_eq(control_new(&second, &loop, file, methods, NULL), -EEXIST);
    cr_assert_eq(unlink(file), 0);
}

Test(control, refuses_a_path_that_is_too_long_or_nowhere) {
    char at[200];
    struct control *second = NULL;
    memset(at, 'p', sizeof at);
    at[108] = '\0';
    cr_assert_eq(control_new(&second, &loop, at, methods, NULL), -ENAMETOOLONG);
    snprintf(at, sizeof at, "%s/no/where", folder);
    cr_assert_eq(control_new(&second, &loop, at, methods, NULL), -ENOENT);
}

Test(control, a_path_of_107_bytes_is_not_cut) {
    char at[sizeof(struct sockaddr_un)];
    struct control *second = NULL;
    int n = snprintf(at, sizeof at, "%s/", folder);
    memset(at + n, 'p', 107 - (size_t)n);
    at[107] = '\0';
    cr_assert_eq(control_new(&second, &loop, at, methods, NULL), 0);
    cr_assert_eq(access(at, F_OK), 0);
    control_close(second);
}

Test(control, does_not_remove_the_file_of_another_one) {
    struct stat before;
    struct stat after;
    struct control *second = NULL;
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(control_new(&second, &loop, path, methods, &runs), 0);
    cr_assert_eq(stat(path, &before), 0);
    control_close(control);
    control = second;
    cr_assert_eq(stat(path, &after), 0);
    cr_assert_eq(before.st_ino, after.st_ino);
    int fd = dial();
    is_served(fd);
    close(fd);
}

Test(control, a_method_may_end_all_and_is_still_answered) {
    int fd = dial();
    int other = dial();
    is_served(other);
    say(fd, REQUEST("1", "stop") REQUEST("2", "fail"));
    cr_assert_eq(access(path, F_OK), -1);
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    cr_assert(is_closed(fd), "what came behind it is not served");
    cr_assert(is_closed(other));
    close(other);
    close(fd);
}

Test(control, an_answer_that_the_kernel_does_not_take_at_once_is_whole_at_the_end) {
    int fd = dial();
    say(fd,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\",\"params\":{\"n\":1000000}}\n" REQUEST(
            "2", "stop"));
    turns(3);
    cr_assert_eq(access(path, F_OK), -1);
    cr_assert_gt(strlen(hear(fd)), 1000000);
    hears(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
    cr_assert(is_closed(fd));
    close(fd);
}

Test(control, who_does_not_read_does_not_delay_the_end_for_long) {
    int fd = dial();
    int quick = dial();
    is_served(quick);
    say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\",\"params\":{\"n\":1000000}}\n");
    turns(3);
    control_close(control);
    control = NULL;
    turns(3);
    cr_assert(is_closed(quick), "who has all is not kept");
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_alive(&loop), 0);
    cr_assert_str_eq(hear(fd), "", "the line is not whole");
    close(fd);
}

Test(control, a_request_that_is_open_outlives_the_socket) {
    int fd = dial();
    say(fd, REQUEST("1", "later"));
    turns(3);
    control_close(control);
    control = NULL;
    turns(5);
    control_result(deferred[0], NULL);
    cr_assert(is_closed(fd));
    close(fd);
}
