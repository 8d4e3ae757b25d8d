/* sim7x00ctl.c: asks a running daemon through its control socket; see --help.
 *
 * One request, one answer, then the end; `watch` goes on until it is interrupted. Blocks.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/obj.h"
#include "base/sv.h"
#include "package.h"
#include "scenarios/ctl/build.h"
#include "scenarios/ctl/client.h"
#include "scenarios/ctl/show.h"
#include "scenarios/ctl/view.h"
#include "scenarios/engine/action.h"
#include "scenarios/events/happening.h"
#include "scenarios/json/spec.h"

enum {
    MODEM_MAX = 999,
    OPT_HELP = 256, /* above every character, which getopt uses for short options */
    OPT_VERSION,
    OPT_JSON,
    OPT_COLOR,
    OPT_NO_COLOR,
    OPT_LIST_ACTIONS,
    IDLE_MS = 200, /* then half a line is shown */
};

/* -- commands with more than an answer -- */

static int run_command(struct ctl *c, const struct command *cmd, char **args) {
    cJSON *params = cJSON_CreateObject();
    cJSON *message = NULL;
    if (cmd->is_of_modem) {
        cJSON_AddNumberToObject(params, "modem", (double)c->modem);
    }
    if (!cmd->build(cmd, args, params)) {
        cJSON_Delete(params);
        return EXIT_USAGE;
    }
    int code = client_ask(c, cmd->method, params, &message);
    if (code == EXIT_DONE) {
        const cJSON *result = spec_get(message, "result");
        code = cmd->show(c, result, args);
        cJSON_Delete(message);
    }
    return code;
}

static int run_lines(struct ctl *c, char **args) {
    static const struct command get = {.name = "lines",
                                       .method = "lines.get",
                                       .build = build_lines,
                                       .show = show_result,
                                       .is_of_modem = true};
    static const struct command set = {.name = "lines",
                                       .args = "[port=PORT] [NAME=on|off]...",
                                       .method = "lines.set",
                                       .build = build_lines,
                                       .show = show_result,
                                       .is_of_modem = true};
    bool is_set = false;
    for (char **arg = args; *arg != NULL; arg++) {
        is_set = is_set || !build_is_port(*arg);
    }
    return run_command(c, is_set ? &set : &get, args);
}

static int run_capture(struct ctl *c, char **args) {
    static const struct command start = {.name = "capture",
                                         .args = "start FILE | stop",
                                         .method = "capture.start",
                                         .build = build_capture,
                                         .show = show_result};
    static const struct command stop = {.name = "capture",
                                        .args = "start FILE | stop",
                                        .method = "capture.stop",
                                        .build = build_none,
                                        .show = show_result};
    if (args[0] == NULL || (strcmp(args[0], "start") != 0 && strcmp(args[0], "stop") != 0)) {
        build_usage(&start);
        return EXIT_USAGE;
    }
    return run_command(c, strcmp(args[0], "start") == 0 ? &start : &stop, args + 1);
}

static int run_raw(struct ctl *c, char **args) {
    cJSON *params = cJSON_CreateObject();
    cJSON *message = NULL;
    bool is_good = build_has_args(args, 1, 2);
    if (!is_good) {
        client_say("usage: sim7x00ctl raw METHOD [PARAMS-JSON]");
    } else if (args[1] != NULL) {
        cJSON_Delete(params);
        params = build_json(args[1], strlen(args[1]));
        is_good = params != NULL;
    }
    if (!is_good) {
        cJSON_Delete(params);
        return EXIT_USAGE;
    }
    int code = client_ask(c, args[0], params, &message);
    if (code == EXIT_DONE) {
        show_json(spec_get(message, "result"));
        cJSON_Delete(message);
    }
    return code;
}

/* One line: the topic, and KEY=VALUE of the rest. */
static void print_event(const struct ctl *c, const cJSON *params) {
    const cJSON *item = NULL;
    if (c->is_json) {
        show_json(params);
    } else {
        client_put(stdout, spec_text(params, "topic", "?"));
        cJSON_ArrayForEach(item, params) {
            if (strcmp(item->string, "topic") != 0) {
                char *text = cJSON_PrintUnformatted(item);
                must(text != NULL);
                putchar(' ');
                client_put(stdout, item->string);
                putchar('=');
                client_put(stdout, text);
                free(text);
            }
        }
        putchar('\n');
    }
    fflush(stdout);
}

/* One of them, or the beginning of some and a star. */
static bool is_among(const char *text, const char *const *names) {
    size_t n = strlen(text);
    bool is_open = n > 0 && text[n - 1] == '*';
    size_t i = 0;
    while (names[i] != NULL && strncmp(names[i], text, is_open ? n - 1 : n + 1) != 0) {
        i++;
    }
    return names[i] != NULL;
}

static bool is_topic(const char *text) {
    return is_among(text, happening_names) || is_among(text, happening_shown);
}

static int subscribe(struct ctl *c, const char *const *wanted) {
    cJSON *params = cJSON_CreateObject();
    cJSON *topics = cJSON_AddArrayToObject(params, "topics");
    cJSON *message = NULL;
    for (; *wanted != NULL; wanted++) {
        cJSON_AddItemToArray(topics, cJSON_CreateString(*wanted));
    }
    int code = client_ask(c, "subscribe", params, &message);
    if (code == EXIT_DONE) {
        cJSON_Delete(message);
    }
    return code;
}

/* All that has come is on the screen before more is waited for; half a line when nothing does. */
static void catch_up(const struct ctl *c, struct view *v) {
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    size_t n = buf_len(&c->in);
    if (n > 0 && memchr(buf_data(&c->in), '\n', n) != NULL) {
        return;
    }
    fflush(stdout);
    if (poll(&p, 1, IDLE_MS) == 0) {
        view_flush(v);
        fflush(stdout);
    }
}

/* One module's session for people. */
static int view(struct ctl *c) {
    struct view v;
    cJSON *message = NULL;
    int code = subscribe(c, view_topics);
    if (code != EXIT_DONE) {
        return code;
    }
    view_init(&v, stdout, c->has_colors);
    do {
        catch_up(c, &v);
        message = client_receive(c);
        const cJSON *told = spec_get(message, "params");
        const char *method = spec_text(message, "method", "");
        if (strcmp(method, "event") == 0 && spec_int(told, "modem", 0) == c->modem) {
            view_event(&v, told);
        } else if (strcmp(method, "dropped") == 0) {
            view_dropped(&v, spec_number(told, "count", 0));
        }
        cJSON_Delete(message);
    } while (message != NULL && ferror(stdout) == 0);
    view_flush(&v);
    view_fini(&v);
    return message == NULL ? client_lost(c) : EXIT_DONE;
}

static int run_watch(struct ctl *c, char **args) {
    for (char **topic = args; *topic != NULL; topic++) {
        if (!is_topic(*topic)) {
            client_say("%s: no such event; docs/scenario/rules.md lists them", *topic);
            return EXIT_USAGE;
        }
    }
    static const char *const all[] = {"*", NULL};
    if (args[0] == NULL && !c->is_json) {
        return view(c);
    }
    cJSON *message = NULL;
    int code = subscribe(c, args[0] != NULL ? (const char *const *)args : all);
    if (code != EXIT_DONE) {
        return code;
    }
    while ((message = client_receive(c)) != NULL) {
        const cJSON *told = spec_get(message, "params");
        const char *method = spec_text(message, "method", "");
        if (strcmp(method, "event") == 0) {
            print_event(c, told);
        } else if (strcmp(method, "dropped") == 0) {
            client_say("%.0f events are missing here", spec_number(told, "count", 0));
        }
        cJSON_Delete(message);
    }
    return client_lost(c);
}

/* -- the command line -- */

static const struct command commands[] = {
    {"state", "[PART]", "shows the module, or one part of it", .method = "state",
     .build = build_optional, .show = show_state, .is_of_modem = true},
    {"watch", "[TOPIC...]", "shows the session live; with topics (link.*, '*') those events",
     .run = run_watch},
    {"do", "JSON", "does an action, as a scenario writes it; - reads it from stdin", .method = "do",
     .build = build_do, .show = show_result, .is_of_modem = true},
    {"rule", "JSON", "adds a rule, as a scenario writes it; - reads it from stdin",
     .method = "rule.add", .build = build_rule, .show = show_result, .is_of_modem = true},
    {"rules", "", "lists the rules", .method = "rule.list", .build = build_none,
     .show = show_result, .is_of_modem = true},
    {"unrule", "NAME", "removes a rule", .method = "rule.remove", .build = build_unrule,
     .show = show_result, .is_of_modem = true},
    {"advance", "DURATION", "lets a manual clock go on, as by 10s", .method = "clock.advance",
     .build = build_advance, .show = show_result},
    {"ports", "", "shows the ports and where a driver finds them", .method = "ports",
     .build = build_none, .show = show_result, .is_of_modem = true},
    {"lines", "[port=PORT] [NAME=on|off]...", "shows the lines of a port, or sets them: dtr=off",
     .run = run_lines},
    {"load", "FILE", "loads a scenario, also one of the library; - reads it from stdin",
     .method = "load", .build = build_load, .show = show_result, .is_of_modem = true},
    {"save", "[FILE]", "writes what there is now as a scenario", .method = "save",
     .build = build_optional, .show = show_saved, .is_of_modem = true},
    {"verdict", "[--wait]", "shows the verdict; --wait: once it is there", .method = "verdict",
     .build = build_verdict, .show = show_verdict, .is_of_modem = true},
    {"capture", "start FILE | stop", "writes packets to a pcapng file, and no more",
     .run = run_capture},
    {"stop", "", "ends the daemon", .method = "stop", .build = build_none, .show = show_result},
    {"ping", "", "shows the daemon's version", .method = "version", .build = build_none,
     .show = show_result},
    {"methods", "", "lists what the daemon can be asked for", .method = "methods",
     .build = build_none, .show = show_methods},
    {"raw", "METHOD [PARAMS-JSON]", "asks for it; prints the result as JSON", .run = run_raw},
    {0},
};

static const struct command action = {.name = "ACTION",
                                      .args = "[VALUE | KEY=VALUE...]",
                                      .method = "do",
                                      .build = build_action,
                                      .show = show_result,
                                      .is_of_modem = true};

static const char help_head[] =
    "Usage: sim7x00ctl [OPTION...] COMMAND [ARG...]\n"
    "\n"
    "Asks a running sim7x00 through its control socket.\n"
    "\n"
    "Options, in front of the command:\n"
    "  -s, --socket=PATH  of the daemon; else $SIM7X00_CONTROL, else ./modem.control\n"
    "  -m, --modem=N      the number of the module, 0\n"
    "      --json         prints answers as JSON, one a line\n"
    "      --color        watch in colors, also where stdout is no terminal\n"
    "      --no-color     watch without; so does $NO_COLOR\n"
    "      --list-actions prints the names of the actions\n"
    "      --version, --help\n"
    "\n"
    "Commands:\n";

static const char help_tail[] =
    "\n"
    "Without a value an action's is true; a VALUE is a number, true, false, JSON if it begins\n"
    "with \" [ or {, else text:\n"
    "  sim7x00ctl urc RING\n"
    "  sim7x00ctl signal rssi=3\n"
    "  sim7x00ctl reset\n"
    "\n"
    "Actions; docs/scenario/actions.md has their values:\n";

static const char help_end[] =
    "\n"
    "Exit status: 0 done, 1 refused, or the verdict waited for is a failure, 2 bad usage,\n"
    "3 no daemon, or the connection is lost.\n";

/* In lines of WIDTH columns, from INDENT_DOC on. */
static void print_wrapped(const char *text) {
    enum { INDENT_DOC = 17, WIDTH = 90 };
    size_t column = INDENT_DOC;
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        if (column + 1 + n > WIDTH) {
            printf("\n%*s", INDENT_DOC, "");
            column = INDENT_DOC;
        }
        printf(" %.*s", (int)n, text);
        column += 1 + n;
        text += n + (text[n] == ' ' ? 1 : 0);
    }
    putchar('\n');
}

static const struct command *find_command(const char *name) {
    const struct command *cmd = commands;
    while (cmd->name != NULL && strcmp(cmd->name, name) != 0) {
        cmd++;
    }
    return cmd;
}

/* One that is a command of its own: what decides a question stands in rules only, and what is
 * called as another command is done by `do`. */
static const char *next_action(size_t *i) {
    const char *name = NULL;
    do {
        name = action_name(*i);
        ++*i;
    } while (name != NULL && (action_is_decision(*i - 1) || find_command(name)->name != NULL));
    return name;
}

static int print_help(void) {
    const char *name = NULL;
    fputs(help_head, stdout);
    for (const struct command *cmd = commands; cmd->name != NULL; cmd++) {
        int n = printf("  %s %s", cmd->name, cmd->args);
        printf("%*s %s\n", n < 28 ? 28 - n : 0, "", cmd->doc);
    }
    printf("  %s %s  does an action of a scenario\n", action.name, action.args);
    fputs(help_tail, stdout);
    for (size_t i = 0; (name = next_action(&i)) != NULL;) {
        printf("  %-15s", name);
        print_wrapped(action_doc(i - 1));
    }
    fputs(help_end, stdout);
    return EXIT_DONE;
}

/* Decisions are words that are known, too: the daemon says why they cannot be done. */
static bool is_action(const char *word) {
    size_t i = 0;
    while (action_name(i) != NULL && strcmp(action_name(i), word) != 0) {
        i++;
    }
    return action_name(i) != NULL;
}

static int run_action(struct ctl *c, char **args) {
    if (!is_action(args[-1])) {
        client_say("%s: no such command or action; see --help", args[-1]);
        return EXIT_USAGE;
    }
    return run_command(c, &action, args);
}

static int list_actions(void) {
    const char *name = NULL;
    for (size_t i = 0; (name = next_action(&i)) != NULL;) {
        puts(name);
    }
    return EXIT_DONE;
}

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"modem", required_argument, NULL, 'm'},
    {"json", no_argument, NULL, OPT_JSON},
    {"color", no_argument, NULL, OPT_COLOR},
    {"no-color", no_argument, NULL, OPT_NO_COLOR},
    {"list-actions", no_argument, NULL, OPT_LIST_ACTIONS},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

/* -1: go on with the command; else the exit code. */
static int parse_options(struct ctl *c, int argc, char **argv) {
    int id = 0;
    opterr = 0;
    while ((id = getopt_long(argc, argv, "+s:m:", long_options, NULL)) != -1) {
        switch (id) {
        case 's':
            c->path = optarg;
            break;
        case 'm':
            if (sv_int(sv_of(optarg), 0, MODEM_MAX, &c->modem) != 0) {
                client_say("-m: '%s' is no number from 0 to %d", optarg, MODEM_MAX);
                return EXIT_USAGE;
            }
            break;
        case OPT_JSON:
            c->is_json = true;
            break;
        case OPT_COLOR:
        case OPT_NO_COLOR:
            c->has_colors = id == OPT_COLOR;
            break;
        case OPT_LIST_ACTIONS:
            return list_actions();
        case OPT_VERSION:
            puts("sim7x00ctl " SIM7X00_VERSION);
            return EXIT_DONE;
        case OPT_HELP:
            return print_help();
        default:
            client_say("%s: no such option, or its value is missing; see --help", argv[optind - 1]);
            return EXIT_USAGE;
        }
    }
    if (optind == argc) {
        client_say("a command is missing; see --help");
        return EXIT_USAGE;
    }
    return -1;
}

int main(int argc, char **argv) {
    const char *path = getenv("SIM7X00_CONTROL");
    struct ctl c = {.path = path != NULL && *path != '\0' ? path : "./modem.control", .fd = -1};
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: whatever it says */
    c.has_colors = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || *no_color == '\0');
    int code = parse_options(&c, argc, argv);
    if (code >= 0) {
        return code;
    }
    char **args = argv + optind + 1;
    const struct command *cmd = find_command(args[-1]);
    buf_init(&c.in, LIMIT_CONTROL_ANSWER);
    if (cmd->name == NULL) {
        code = run_action(&c, args);
    } else {
        code = cmd->run != NULL ? cmd->run(&c, args) : run_command(&c, cmd, args);
    }
    buf_fini(&c.in);
    if (c.fd >= 0) {
        close(c.fd);
    }
    if (fflush(stdout) != 0) {
        client_say("stdout: %s", strerror(errno));
        code = code == EXIT_DONE ? EXIT_REFUSED : code;
    }
    return code;
}
