#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/obj.h"
#include "scenarios/control/control.h"
#include "scenarios/json/spec.h"
#include "tests/support/turn.h"

/* sim7x00ctl against a socket whose methods note what they were asked. */

enum { ARGS = 16, TEXT_MAX = 1 << 16 };

static uv_loop_t loop;
static struct control *control;
static char folder[] = "/tmp/ctl-XXXXXX";
static char path[64];
static char asked[TEXT_MAX]; /* "METHOD PARAMS" of the newest request */
static struct control_call *waiting;

static void note(const char *method, const cJSON *params) {
    char *text = cJSON_PrintUnformatted(params);
    snprintf(asked, sizeof asked, "%s %s", method, text);
    free(text);
}

static const struct spec a_flag = {.type = SPEC_BOOL, .name = "a flag"};
static const struct spec a_number = {.type = SPEC_NUMBER, .name = "a number"};
static const struct spec a_text = {.type = SPEC_TEXT, .name = "a text"};
static const struct spec *const plain[] = {&a_flag, &a_number, &a_text, NULL};
static const struct spec a_plain = {.type = SPEC_CHOICE, .name = "a value", .choices = plain};
static const struct spec pairs = {.type = SPEC_MAP, .name = "pairs", .item = &a_plain};
static const struct spec *const values[] = {&a_flag, &a_number, &a_text, &pairs, NULL};
static const struct spec a_value = {.type = SPEC_CHOICE, .name = "a value", .choices = values};
static const struct spec action = {.type = SPEC_MAP, .name = "an action", .item = &a_value};
static const struct spec_key keys[] = {
    {"modem", &a_number, "Which.", 0},
    {"action", &action, "What.", 0},
    {"rule", &action, "Which.", 0},
    {"name", &a_text, "Which.", 0},
    {"by", &a_text, "How far.", 0},
    {"file", &a_text, "Where from.", 0},
    {"text", &a_text, "What.", 0},
    {"wait", &a_flag, "Whether.", 0},
    {"dtr", &a_flag, "A line.", 0},
    {"rts", &a_flag, "A line.", 0},
    {0},
};
static const struct spec any_params = {.type = SPEC_OBJECT, .name = "params", .keys = keys};

#define STATE                                                                                      \
    "{\"links\":[{\"link\":0,\"open\":true},{\"link\":1,\"open\":false}],\"registration\":"        \
    "{\"state\":\"home\",\"cell\":null},\"counters\":{},\"rssi\":17.5}"

/* C name, method, answer. */
#define METHODS(X)                                                                                 \
    X(state, "state", STATE)                                                                       \
    X(act, "do", "{}")                                                                             \
    X(rule_add, "rule.add", "{}")                                                                  \
    X(rule_list, "rule.list", "{\"rules\":[{\"name\":\"a\\u001b]0;b\\u0007\"}]}")                  \
    X(rule_remove, "rule.remove", "{}")                                                            \
    X(advance, "clock.advance", "{\"now\":\"10s\"}")                                               \
    X(lines_get, "lines.get", "{\"dtr\":true}")                                                    \
    X(lines_set, "lines.set", "{\"dtr\":false}")                                                   \
    X(load, "load", "{}")                                                                          \
    X(save, "save", "{\"name\":\"now\"}")                                                          \
    X(version, "version", "{\"version\":\"0.1.0\"}")                                               \
    X(stop, "stop", "{}")

#define X(id, name, answer)                                                                        \
    static void run_##id(void *ctx, struct control_call *call, const cJSON *params) {              \
        (void)ctx;                                                                                 \
        note(name, params);                                                                        \
        control_result(call, cJSON_Parse(answer));                                                 \
    }
METHODS(X)
#undef X

static void run_verdict(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    note("verdict", params);
    waiting = call;
}

static void run_refuse(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    (void)params;
    control_error(call, CONTROL_REFUSED, "not now");
}

static void run_hostile(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    (void)params;
    control_error(call, CONTROL_REFUSED, "no \x1b[2J");
}

static const struct control_method methods[] = {
#define X(id, name, answer) {name, run_##id, "Does it.", &any_params},
    METHODS(X)
#undef X
        {"verdict", run_verdict, "Waits.", &any_params},
    {"refuse", run_refuse, "Refuses.", NULL},
    {"hostile", run_hostile, "Refuses.", NULL},
    {0},
};

/* -- the rig -- */

static void start(void) {
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_neq(mkdtemp(folder), NULL);
    snprintf(path, sizeof path, "%s/modem.control", folder);
    cr_assert_eq(control_new(&control, &loop, path, methods, NULL), 0);
}

static void stop(void) {
    control_close(control);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
    DIR *dir = opendir(folder);
    struct dirent *e = NULL;
    while ((e = readdir(dir)) != NULL) {
        unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    rmdir(folder);
}

TestSuite(ctl, .init = start, .fini = stop, .timeout = 120);

static char out[TEXT_MAX];
static char err[TEXT_MAX];

static void write_file(const char *name, const char *text) {
    char at[128];
    snprintf(at, sizeof at, "%s/%s", folder, name);
    FILE *f = fopen(at, "w");
    fputs(text, f);
    fclose(f);
}

static const char *read_file(const char *name, char to[TEXT_MAX]) {
    char at[128];
    snprintf(at, sizeof at, "%s/%s", folder, name);
    FILE *f = fopen(at, "r");
    cr_assert_neq(f, NULL, "%s is not there", at);
    to[fread(to, 1, TEXT_MAX - 1, f)] = '\0';
    fclose(f);
    return to;
}

static void redirect(const char *name, int flags, int to) {
    int fd = open(name, flags | O_CLOEXEC, 0600);
    must(fd >= 0 && dup2(fd, to) == to);
}

/* In the folder, stdin from the file "in", stdout and stderr to "out" and "err". */
static pid_t spawn(const char *program, char **args) {
    must(program != NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_DFL);
        must(chdir(folder) == 0);
        redirect("in", O_RDONLY | O_CREAT, STDIN_FILENO);
        redirect("out", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
        redirect("err", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
        execv(program, args);
        _exit(127);
    }
    return pid;
}

static void turn(void) {
    uv_run(&loop, UV_RUN_NOWAIT);
    poll(NULL, 0, 1);
}

static int finish(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        turn();
    }
    read_file("out", out);
    read_file("err", err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The words of a command line, cut at blanks; ' as in a shell, but only around a whole word. */
static pid_t begin(const char *line) {
    static char copy[4096];
    char *args[ARGS] = {"sim7x00ctl"};
    size_t n = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *p = copy; *p != '\0' && n + 1 < ARGS;) {
        char end = *p == '\'' ? '\'' : ' ';
        p += end == '\'';
        args[n++] = p;
        p += strcspn(p, (char[]){end, '\0'});
        while (*p == end || *p == ' ') {
            *p++ = '\0';
        }
    }
    return spawn(getenv("SIM7X00CTL"), args);
}

static int ctl(const char *line) {
    asked[0] = '\0';
    return finish(begin(line));
}

static int verdict(const char *line, const char *answer) {
    waiting = NULL;
    pid_t pid = begin(line);
    while (waiting == NULL) {
        turn();
    }
    control_result(waiting, cJSON_Parse(answer));
    return finish(pid);
}

static void asks(const char *line, const char *want) {
    int code = ctl(line);
    cr_assert_eq(code, 0, "%s: status %d, %s", line, code, err);
    cr_assert_str_eq(asked, want, "%s\n got %s\nwant %s", line, asked, want);
}

static void is_usage(const char *line) {
    int code = ctl(line);
    cr_assert_eq(code, 2, "%s: status %d", line, code);
    cr_assert_eq(strncmp(err, "sim7x00ctl: ", 12), 0, "%s: %s", line, err);
    cr_assert_str_eq(asked, "", "%s: nothing is asked", line);
}

/* -- the commands -- */

Test(ctl, every_command_asks_its_method) {
    asks("state", "state {\"modem\":0}");
    asks("-m 3 state", "state {\"modem\":3}");
    asks("do '{\"urc\":\"RING\"}'", "do {\"modem\":0,\"action\":{\"urc\":\"RING\"}}");
    asks("rule '{\"name\":\"x\"}'", "rule.add {\"modem\":0,\"rule\":{\"name\":\"x\"}}");
    asks("rules", "rule.list {\"modem\":0}");
    asks("unrule x", "rule.remove {\"modem\":0,\"name\":\"x\"}");
    asks("advance 10s", "clock.advance {\"by\":\"10s\"}");
    asks("lines", "lines.get {\"modem\":0}");
    asks("lines dtr=off rts=on", "lines.set {\"modem\":0,\"dtr\":false,\"rts\":true}");
    asks("stop", "stop {}");
    asks("ping", "version {}");
    asks("raw do '{\"modem\":7}'", "do {\"modem\":7}");
    asks("raw save", "save {}");
}

Test(ctl, an_action_is_a_command) {
    asks("hang", "do {\"modem\":0,\"action\":{\"hang\":true}}");
    asks("error 10", "do {\"modem\":0,\"action\":{\"error\":10}}");
    asks("signal rssi=-3 ber=0.5 on=true name=a=b",
         "do {\"modem\":0,\"action\":{\"signal\":{\"rssi\":-3,\"ber\":0.5,\"on\":true,"
         "\"name\":\"a=b\"}}}");
    asks("urc 0000", "do {\"modem\":0,\"action\":{\"urc\":\"0000\"}}");
    asks("call +4930123", "do {\"modem\":0,\"action\":{\"call\":\"+4930123\"}}");
    asks("delay 10ms", "do {\"modem\":0,\"action\":{\"delay\":\"10ms\"}}");
    asks("urc '+CREG: 1,5'", "do {\"modem\":0,\"action\":{\"urc\":\"+CREG: 1,5\"}}");
    asks("urc '\"12\"'", "do {\"modem\":0,\"action\":{\"urc\":\"12\"}}");
    asks("urc '{\"hex\":\"0d\"}'", "do {\"modem\":0,\"action\":{\"urc\":{\"hex\":\"0d\"}}}");
    asks("hang false", "do {\"modem\":0,\"action\":{\"hang\":false}}");
    asks("log -", "do {\"modem\":0,\"action\":{\"log\":\"-\"}}");
    asks("log 1.", "do {\"modem\":0,\"action\":{\"log\":\"1.\"}}");
    asks("log 123456789012345", "do {\"modem\":0,\"action\":{\"log\":123456789012345}}");
    asks("log 1234567890123456", "do {\"modem\":0,\"action\":{\"log\":\"1234567890123456\"}}");
    cr_assert_str_eq(out, "", "what is done needs no word");
}

Test(ctl, bad_usage_is_told_and_nothing_asked) {
    static const char *const lines[] = {
        "",
        "--what",
        "-m",
        "-m x state",
        "-m -1 state",
        "stat",
        "state a b",
        "do",
        "do {",
        "do '{} {}'",
        "rule",
        "rules x",
        "unrule",
        "advance",
        "lines dtr",
        "lines dtr=up",
        "lines =on",
        "load",
        "load nothing",
        "verdict -w",
        "verdict x y",
        "stop now",
        "ping x",
        "methods x",
        "watch link.close",
        "watch urc links.*",
        "raw",
        "raw a b c",
        "raw state '{'",
        "error 1 2",
        "error a=1 2",
        "error a=1 a=2",
        "error '[1'",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        is_usage(lines[i]);
    }
}

Test(ctl, prints_the_state_for_people) {
    cr_assert_eq(ctl("state"), 0);
    cr_assert_str_eq(out, "links:\n"
                          "  -\n"
                          "    link: 0\n"
                          "    open: yes\n"
                          "  -\n"
                          "    link: 1\n"
                          "    open: no\n"
                          "registration:\n"
                          "  state: home\n"
                          "  cell: -\n"
                          "counters: -\n"
                          "rssi: 17.5\n");
    cr_assert_eq(ctl("state registration"), 0);
    cr_assert_str_eq(out, "state: home\ncell: -\n");
    cr_assert_eq(ctl("state rssi"), 0);
    cr_assert_str_eq(out, "17.5\n");
    cr_assert_eq(ctl("state nothing"), 2);
    cr_assert_neq(strstr(err, "registration"), NULL, "it says what there is: %s", err);
}

Test(ctl, prints_the_state_for_programs) {
    cr_assert_eq(ctl("--json state"), 0);
    cr_assert_str_eq(out, STATE "\n");
    cr_assert_eq(ctl("--json state rssi"), 0);
    cr_assert_str_eq(out, "17.5\n");
    cr_assert_eq(ctl("--json stop"), 0);
    cr_assert_str_eq(out, "{}\n");
}

Test(ctl, prints_no_deeper_than_any_answer) {
    char deep[TEXT_MAX] = "";
    for (size_t i = 0; i < 500; i++) {
        memcpy(deep + strlen(deep), "[", 2);
    }
    for (size_t i = 0; i < 500; i++) {
        memcpy(deep + strlen(deep), i == 0 ? "1]" : "]", i == 0 ? 3 : 2);
    }
    cr_assert_eq(verdict("verdict", deep), 0);
    cr_assert_neq(strstr(out, "- ...\n"), NULL, "%s", out);
}

Test(ctl, lists_methods) {
    cr_assert_eq(ctl("methods"), 0);
    cr_assert_neq(strstr(out, "rule.add         Does it.\n"), NULL, "%s", out);
    cr_assert_neq(strstr(out, "subscribe"), NULL);
}

Test(ctl, reads_json_from_stdin) {
    write_file("in", "{\"urc\":\n\"RING\"}\n");
    asks("do -", "do {\"modem\":0,\"action\":{\"urc\":\"RING\"}}");
    write_file("in", "{\"urc\":\n}\n");
    is_usage("do -");
    cr_assert_neq(strstr(err, "line 2"), NULL, "%s", err);
}

Test(ctl, loads_a_file_with_its_name_and_its_text) {
    write_file("a.json", "{\n \"name\": \"\xc3\xa4\" }\n");
    asks("load a.json", "load {\"modem\":0,\"file\":\"a.json\",\"text\":\"{\\n \\\"name\\\": "
                        "\\\"\xc3\xa4\\\" }\\n\"}");
    is_usage("load missing.json");
    cr_assert_neq(strstr(err, "No such file"), NULL, "%s", err);
}

Test(ctl, saves_to_a_file_or_stdout) {
    char saved[TEXT_MAX];
    cr_assert_eq(ctl("save"), 0);
    cr_assert_str_eq(out, "{\n\t\"name\":\t\"now\"\n}\n");
    cr_assert_eq(ctl("save b.json"), 0);
    cr_assert_str_eq(out, "");
    cr_assert_str_eq(read_file("b.json", saved), "{\n\t\"name\":\t\"now\"\n}\n");
    cr_assert_eq(ctl("save no/where"), 1);
    cr_assert_eq(ctl("save /dev/full"), 1);
}

/* -- the exit status -- */

Test(ctl, a_verdict_waited_for_is_the_exit_status) {
    cr_assert_eq(verdict("verdict --wait", "{\"passed\":true}"), 0);
    cr_assert_str_eq(asked, "verdict {\"modem\":0,\"wait\":true}");
    cr_assert_eq(verdict("verdict --wait", "{\"passed\":false}"), 1);
    cr_assert_str_eq(out, "passed: no\n");
    cr_assert_eq(verdict("verdict", "{\"passed\":false}"), 0);
    cr_assert_str_eq(asked, "verdict {\"modem\":0,\"wait\":false}");
}

Test(ctl, what_the_daemon_refuses_is_status_1) {
    cr_assert_eq(ctl("raw refuse"), 1);
    cr_assert_str_eq(err, "sim7x00ctl: not now\n");
    cr_assert_eq(ctl("raw nothing"), 1);
    cr_assert_eq(ctl("raw state '{\"what\":1}'"), 1);
    cr_assert_eq(ctl("raw state '[]'"), 1);
}

Test(ctl, no_daemon_is_status_3) {
    cr_assert_eq(ctl("-s nowhere state"), 3);
    cr_assert_str_eq(err, "sim7x00ctl: no daemon at nowhere: No such file or directory\n");
    control_close(control);
    control = NULL;
    cr_assert_eq(ctl("state"), 3);
}

Test(ctl, a_lost_connection_is_status_3) {
    pid_t pid = begin("verdict --wait");
    while (waiting == NULL) {
        turn();
    }
    control_close(control);
    control = NULL;
    cr_assert_eq(finish(pid), 3);
    control_result(waiting, NULL);
    cr_assert_neq(strstr(err, "lost"), NULL, "%s", err);
}

Test(ctl, the_socket_is_an_option_or_of_the_environment) {
    char line[128];
    setenv("SIM7X00_CONTROL", "nowhere", 1);
    cr_assert_eq(ctl("ping"), 3);
    snprintf(line, sizeof line, "--socket=%s ping", path);
    cr_assert_eq(ctl(line), 0);
    setenv("SIM7X00_CONTROL", path, 1);
    cr_assert_eq(ctl("ping"), 0);
    cr_assert_str_eq(out, "version: 0.1.0\n");
    unsetenv("SIM7X00_CONTROL");
    char far[200];
    memset(far, 'p', sizeof far);
    snprintf(line, sizeof line, "-s %.110s ping", far);
    is_usage(line);
}

Test(ctl, says_what_it_is) {
    cr_assert_eq(ctl("--version"), 0);
    cr_assert_eq(strncmp(out, "sim7x00ctl ", 11), 0);
    cr_assert_eq(ctl("--help"), 0);
    cr_assert_neq(strstr(out, "Exit status"), NULL);
    cr_assert_neq(strstr(out, "\n  reset           The peer of a link resets it.\n"), NULL);
    cr_assert_eq(ctl("--list-actions"), 0);
    cr_assert_neq(strstr(out, "\nreset\n"), NULL);
    cr_assert_eq(strstr(out, "error\n"), NULL, "a decision stands in rules only");
}

/* -- events -- */

static void wait_for(const char *name, const char *text) {
    char got[TEXT_MAX];
    int64_t limit_us = turn_now_us() + TURN_LIMIT_MS * 1000;
    while (strstr(read_file(name, got), text) == NULL) {
        cr_assert_lt(turn_now_us(), limit_us, "waited for %s, got %s", text, got);
        turn();
    }
}

static pid_t watch(const char *line, const char *topic) {
    pid_t pid = begin(line);
    while (!control_is_subscribed(control, topic)) {
        turn();
    }
    return pid;
}

static void post(const char *topic, const char *params) {
    control_notify(control, topic, cJSON_Parse(params));
}

Test(ctl, watch_prints_events_until_it_is_interrupted) {
    pid_t pid = watch("watch link.* urc", "link.closed");
    post("link.closed", "{\"link\":0,\"why\":\"reset by peer\"}");
    post("signal", "{}");
    post("urc", "{}");
    wait_for("out", "\nurc\n");
    kill(pid, SIGINT);
    cr_assert_eq(finish(pid), 128 + SIGINT);
    cr_assert_str_eq(out, "link.closed link=0 why=\"reset by peer\"\nurc\n");
}

/* U+009B is a control sequence introducer, as ESC [ is. */
Test(ctl, what_others_have_said_does_not_act_on_the_terminal) {
    pid_t pid = watch("watch link.*", "link.closed");
    post("link.closed", "{\"text\":\"\xc2\x9b"
                        "31m\x7f\\u001b[2J \xc3\xa4\"}");
    wait_for("out", "2J");
    kill(pid, SIGINT);
    cr_assert_eq(finish(pid), 128 + SIGINT);
    cr_assert_str_eq(out, "link.closed text=\"\\xc2\\x9b31m\\x7f\\u001b[2J \xc3\xa4\"\n");
    cr_assert_eq(ctl("rules"), 0);
    cr_assert_not_null(strstr(out, "name: a\\x1b]0;b\\x07\n"), "%s", out);
    cr_assert_eq(ctl("raw hostile"), 1);
    cr_assert_str_eq(err, "sim7x00ctl: no \\x1b[2J\n");
}

Test(ctl, watch_prints_all_topics_as_json_and_ends_with_the_daemon) {
    pid_t pid = watch("--json watch", "anything");
    post("link.closed", "{\"link\":0}");
    wait_for("out", "{\"topic\":\"link.closed\",\"link\":0}\n");
    control_close(control);
    control = NULL;
    cr_assert_eq(finish(pid), 3);
}

/* -- completion -- */

/* What bash offers for the last of the words: one a line. */
static const char *complete(const char *words) {
    static char script[4096];
    char root[2048];
    must(getcwd(root, sizeof root) != NULL);
    snprintf(script, sizeof script,
             "source %s/scenarios/sim7x00ctl.bash\n"
             "COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE='%s'\n"
             "COMP_WORDS[0]=$SIM7X00CTL\n"
             "_sim7x00ctl; printf '%%s\\n' \"${COMPREPLY[@]}\"\n",
             root, words, words);
    char *args[] = {"bash", "--norc", "-c", script, NULL};
    cr_assert_eq(finish(spawn("/bin/bash", args)), 0, "%s", err);
    cr_assert_str_eq(err, "");
    return out;
}

Test(ctl, bash_completes_what_comes_next) {
    static const struct {
        const char *words, *offers;
    } rows[] = {
        {"sim7x00ctl st", "state\nstop\n"},
        {"sim7x00ctl -m 2 un", "unrule\n"},
        {"sim7x00ctl --json -s x ver", "verdict\n"},
        {"sim7x00ctl --socket = x ver", "verdict\n"},
        {"sim7x00ctl --js", "--json\n"},
        {"sim7x00ctl -s modem.c", "modem.control\n"},
        {"sim7x00ctl --socket = modem.c", "modem.control\n"},
        {"sim7x00ctl -m ''", "\n"},
        {"sim7x00ctl --modem = m", "\n"},
        {"sim7x00ctl state reg", "registration\n"},
        {"sim7x00ctl state ''",
         "module\nregistration\nnetwork\nlinks\nservers\ntty\nsettings\nscenario\n"},
        {"sim7x00ctl load modem", "modem.control\n"},
        {"sim7x00ctl verdict -", "--wait\n"},
        {"sim7x00ctl lines dtr", "dtr=on\ndtr=off\n"},
        {"sim7x00ctl lines dtr =", "on\noff\n"},
        {"sim7x00ctl lines dtr = of", "off\n"},
        {"sim7x00ctl nothing x", "\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *got = complete(rows[i].words);
        cr_assert_str_eq(got, rows[i].offers, "%s: %s", rows[i].words, got);
    }
}

Test(ctl, bash_completes_every_command_of_the_help) {
    char help[TEXT_MAX];
    char offers[TEXT_MAX];
    cr_assert_eq(ctl("--help"), 0);
    memcpy(help, out, sizeof help);
    snprintf(offers, sizeof offers, "\n%s", complete("sim7x00ctl ''"));
    char *p = strstr(help, "Commands:\n");
    cr_assert_neq(p, NULL);
    size_t count = 0;
    for (char *line = strtok(p + 10, "\n"); line[2] != 'A'; line = strtok(NULL, "\n")) {
        char name[64];
        snprintf(name, sizeof name, "\n%.*s\n", (int)strcspn(line + 2, " "), line + 2);
        cr_assert_neq(strstr(offers, name), NULL, "%s is not offered", line);
        count++;
    }
    cr_assert_gt(count, 10);
}
