#include "emulator/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "base/sv.h"
#include "scenarios/peers/peers.h"

enum option_id {
    OPT_PROFILE = 256, /* above every character, which getopt uses for short options */
    OPT_LINK,
    OPT_GROUP,
    OPT_MAP,
    OPT_LISTEN,
    OPT_RFC2217,
    OPT_CLOCK,
    OPT_TIMING,
    OPT_DNS,
    OPT_IMPAIR,
    OPT_SEED,
    OPT_TRACE,
    OPT_PCAP,
    OPT_NVRAM,
    OPT_FILES,
    OPT_MODEMS,
    OPT_SANDBOX,
    OPT_JSON,
    OPT_LOG,
    OPT_LOG_JSON,
    OPT_QUICK_START,
    OPT_SCENARIO,
    OPT_CONTROL,
    OPT_RUN,
    OPT_WAIT,
    OPT_CHECK,
    OPT_JUNIT,
    OPT_TAP,
    OPT_SCHEMA,
    OPT_LIBRARY,
    OPT_VERSION,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"link", required_argument, NULL, OPT_LINK},
    {"group", required_argument, NULL, OPT_GROUP},
    {"map", required_argument, NULL, OPT_MAP},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"rfc2217", required_argument, NULL, OPT_RFC2217},
    {"clock", required_argument, NULL, OPT_CLOCK},
    {"timing", required_argument, NULL, OPT_TIMING},
    {"dns", required_argument, NULL, OPT_DNS},
    {"impair", required_argument, NULL, OPT_IMPAIR},
    {"seed", required_argument, NULL, OPT_SEED},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"pcap", required_argument, NULL, OPT_PCAP},
    {"nvram", required_argument, NULL, OPT_NVRAM},
    {"files", required_argument, NULL, OPT_FILES},
    {"modems", required_argument, NULL, OPT_MODEMS},
    {"sandbox", no_argument, NULL, OPT_SANDBOX},
    {"json", no_argument, NULL, OPT_JSON},
    {"log", required_argument, NULL, OPT_LOG},
    {"log-json", no_argument, NULL, OPT_LOG_JSON},
    {"quick-start", no_argument, NULL, OPT_QUICK_START},
    {"scenario", required_argument, NULL, OPT_SCENARIO},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"run", no_argument, NULL, OPT_RUN},
    {"wait", required_argument, NULL, OPT_WAIT},
    {"check", no_argument, NULL, OPT_CHECK},
    {"junit", required_argument, NULL, OPT_JUNIT},
    {"tap", required_argument, NULL, OPT_TAP},
    {"print-schema", no_argument, NULL, OPT_SCHEMA},
    {"list-scenarios", no_argument, NULL, OPT_LIBRARY},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* In two parts: C17 promises no longer literal than 4,095 characters. The first has a %s for the
 * profiles. */
static const char help_head[] =
    "Usage: sim7x00 [OPTION]...\n"
    "\n"
    "Emulates a SIM7X00 cellular module behind a pseudo-terminal. Runs in the foreground,\n"
    "needs no root, and stops at SIGINT or SIGTERM.\n"
    "\n"
    "  --profile NAME               which module, which firmware:\n"
    "                               %s\n"
    "  --link PATH                  symbolic link to the tty of the AT port (./modem);\n"
    "                               PATH.modem and PATH.nmea: of the other ports\n"
    "  --group NAME                 members may use the ttys, too, not their owner alone\n"
    "  --map ADDR:PORT=HOST:PORT    what the module reaches at ADDR:PORT is HOST:PORT; PORT may\n"
    "                               be *; instead of HOST:PORT a built-in peer may stand:\n"
    "                               " PEERS_NAMES "; may be repeated\n"
    "  --listen PORT=HOST:PORT      where AT+SERVERSTART=PORT listens on this host\n"
    "                               (127.0.0.1, the same port); HOST port 0: any free one;\n"
    "                               a dial-up driver's port, too; may be repeated\n"
    "  --rfc2217 [HOST:]PORT        the module's UART with all its lines: see docs/lines.md;\n"
    "                               HOST is a number (127.0.0.1); with --modems PORT, PORT+1,\n"
    "                               ...; 0: any free one\n"
    "  --scenario FILE              plays a scenario: see sim7x00-scenario(5), and\n"
    "                               scenarios/README.md; FILE may be a name of the library's\n"
    "  --run                        ends when the scenario has its verdict, prints the report\n"
    "                               and exits with 0 (passed) or 1 (failed); a driver that has\n"
    "                               the tty open gets a second to close it\n"
    "  --wait SECONDS               with --run: how long a driver may take to open the tty, in\n"
    "                               seconds of the host (60)\n"
    "  --check                      only says what is wrong with the scenario; exits with 0\n"
    "                               (nothing) or 2\n"
    "  --junit FILE, --tap FILE     writes the report in this format, too\n"
    "  --control PATH               a Unix socket for sim7x00ctl (mode 0600)\n"
    "  --clock real|xN|manual       the module's time: real, N (1 to 1000) times as fast, or\n"
    "                               it stands still until sim7x00ctl advances it\n"
    "  --timing none|typical|worst  how long answers take (none); with the others the module\n"
    "                               starts when the program does\n";

static const char help_tail[] =
    "  --dns SERVERS                name servers, ADDR[:PORT][,...] (the host's own)\n"
    "  --impair DIR:WHAT[,...]      what is wrong with the network; DIR: up, down, both; WHAT:\n"
    "                               latency=MS, jitter=MS, rate=BPS, lose=COUNT, loss=P,\n"
    "                               cut=BYTES, black-hole, refuse, no-names; UDP also\n"
    "                               dup=P, reorder=P, corrupt=P\n"
    "                               (P from 0 to 1); may be repeated\n"
    "  --seed N                     of all chance; the same seed gives the same run (0)\n"
    "  --trace FILE                 what happens to links on the wire, as JSON lines\n"
    "  --pcap FILE                  packets, PPP and multiplexer frames, as pcapng\n"
    "  --nvram DIR                  what the module stores (AT&W and such) is kept in\n"
    "                               DIR/nvram.json, with --modems in DIR/NUMBER/nvram.json\n"
    "                               (it ends with the process)\n"
    "  --files DIR                  the module's file system is in DIR/C, DIR/D, DIR/E, DIR/F,\n"
    "                               with --modems in DIR/NUMBER/C and so on (in memory)\n"
    "  --modems N                   N modules (1 to 1000) with the links PATH0, PATH1, ...\n"
    "  --quick-start                the server of the vendor's TCP/IP application note,\n"
    "                               116.236.221.75:8011, and its UDP peers\n"
    "                               16.236.221.75:9015 and :8058 are echo:\n"
    "  --sandbox                    Landlock and seccomp once it runs: see docs/security.md\n"
    "  --json                       one JSON object a line on stdout\n"
    "  --log LEVEL                  error, warn, info, debug or trace, on stderr (warn)\n"
    "  --log-json                   the log as JSON lines\n"
    "  --print-schema               prints the JSON Schema of scenarios\n"
    "  --list-scenarios             prints the library of scenarios: names, and what happens\n"
    "  --version                    prints the version\n"
    "  --help                       prints this\n"
    "\n"
    "Prints a line on stdout when a port is ready. Exit status: 0 asked to stop, or passed;\n"
    "1 the scenario failed; 2 bad usage or a bad scenario; 3 the system refused something;\n"
    "71 no memory.\n";

static int fail(char error[OPTIONS_ERROR_TEXT], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(char error[OPTIONS_ERROR_TEXT], const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(error, OPTIONS_ERROR_TEXT, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* "a, b, c", as much of it as fits. */
enum { NAMES_A_LINE = 4 }; /* of the help */

/* With commas between them; where a line is full `fold` stands behind the comma. */
static void join(const char *const *names, const char *fold, char to[OPTIONS_ERROR_TEXT]) {
    to[0] = '\0';
    for (size_t i = 0; names[i] != NULL; i++) {
        size_t n = strlen(to);
        const char *gap = i % NAMES_A_LINE == 0 ? fold : " ";
        snprintf(to + n, OPTIONS_ERROR_TEXT - n, "%s%s%s", i > 0 ? "," : "", i > 0 ? gap : "",
                 names[i]);
    }
}

static int take_profile(struct options *o, const char *value, const char *const *profiles,
                        char error[OPTIONS_ERROR_TEXT]) {
    for (const char *const *p = profiles; *p != NULL; p++) {
        if (strcmp(*p, value) == 0) {
            o->profile = *p;
            return 0;
        }
    }
    char names[OPTIONS_ERROR_TEXT];
    join(profiles, " ", names);
    return fail(error, "--profile: '%.64s' is not allowed: %.384s", value, names);
}

static int take_clock(struct options *o, const char *value, char error[OPTIONS_ERROR_TEXT]) {
    int64_t factor = 1;
    bool is_real = strcmp(value, "real") == 0;
    if (strcmp(value, "manual") == 0) {
        o->clock_factor = 0;
        return 0;
    }
    if (!is_real &&
        (value[0] != 'x' || sv_int(sv_of(value + 1), 1, OPTIONS_FACTOR_MAX, &factor) != 0)) {
        return fail(error,
                    "--clock: '%.64s' is not allowed: real, manual or xN with N from 1 to %d",
                    value, OPTIONS_FACTOR_MAX);
    }
    o->clock_factor = (unsigned)factor;
    return 0;
}

static int take_timing(struct options *o, const char *value, char error[OPTIONS_ERROR_TEXT]) {
    static const char *const names[] = {
        [AT_TIMING_NONE] = "none",
        [AT_TIMING_TYPICAL] = "typical",
        [AT_TIMING_WORST] = "worst",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], value) == 0) {
            o->timing = (enum at_timing)i;
            return 0;
        }
    }
    return fail(error, "--timing: '%.64s' is not allowed: none, typical or worst", value);
}

static int take_modems(struct options *o, const char *value, char error[OPTIONS_ERROR_TEXT]) {
    int64_t n = 0;
    if (sv_int(sv_of(value), 1, OPTIONS_MODEMS_MAX, &n) != 0) {
        return fail(error, "--modems: '%.64s' is not allowed: a number from 1 to %d", value,
                    OPTIONS_MODEMS_MAX);
    }
    o->modems = (unsigned)n;
    return 0;
}

static int take_impair(struct options *o, const char *value, char error[OPTIONS_ERROR_TEXT]) {
    static const struct {
        const char *name;
        bool applies[IMPAIR_DIRECTIONS];
    } directions[] = {
        {"up:", {true, false}},
        {"down:", {false, true}},
        {"both:", {true, true}},
    };
    for (size_t i = 0; i < sizeof directions / sizeof directions[0]; i++) {
        struct sv text = sv_of(value);
        struct sv prefix = sv_of(directions[i].name);
        if (!sv_starts_nocase(text, prefix)) {
            continue;
        }
        for (int dir = 0; dir < IMPAIR_DIRECTIONS; dir++) {
            struct sv wrong = text;
            struct impair im = o->impair[dir];
            if (impair_parse(&im, sv_slice(text, prefix.n, text.n), &wrong) != 0) {
                return fail(error,
                            "--impair: '%.*s' is not allowed: latency=MS, jitter=MS, rate=BPS, "
                            "lose=COUNT, loss=P, dup=P, reorder=P, corrupt=P, cut=BYTES, "
                            "black-hole, refuse, no-names or none",
                            SV_ARG(sv_slice(wrong, 0, 64)));
            }
            if (directions[i].applies[dir]) {
                o->impair[dir] = im;
            }
        }
        return 0;
    }
    return fail(error, "--impair: '%.64s' is not allowed: up:, down: or both: and what is wrong",
                value);
}

/* HOST:PORT, [HOST]:PORT, :PORT or PORT. */
static int take_rfc2217(struct options *o, const char *value, char error[OPTIONS_ERROR_TEXT]) {
    const char *colon = strrchr(value, ':');
    struct sv host = {value, colon != NULL ? (size_t)(colon - value) : 0};
    int64_t port = 0;
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        host = sv_slice(host, 1, host.n - 2);
    }
    host = host.n == 0 || sv_eq(host, SV("localhost")) ? SV("127.0.0.1") : host;
    if (sv_int(sv_of(colon != NULL ? colon + 1 : value), 0, UINT16_MAX, &port) != 0 ||
        sv_copy(host, o->rfc2217_host, sizeof o->rfc2217_host) != 0) {
        return fail(error, "--rfc2217: '%.64s' is not allowed: [HOST:]PORT, HOST as a number",
                    value);
    }
    o->rfc2217_port = (uint16_t)port;
    return 0;
}

static int take_seed(struct options *o, const char *value, char error[OPTIONS_ERROR_TEXT]) {
    int64_t seed = 0;
    if (sv_int(sv_of(value), 0, INT64_MAX, &seed) != 0) {
        return fail(error, "--seed: '%.64s' is not allowed: a number from 0 to %lld", value,
                    (long long)INT64_MAX);
    }
    o->seed = (uint64_t)seed;
    return 0;
}

static int take_wait(struct options *o, const char *value, char error[OPTIONS_ERROR_TEXT]) {
    int64_t seconds = 0;
    if (sv_int(sv_of(value), 1, OPTIONS_WAIT_MAX_S, &seconds) != 0) {
        return fail(error, "--wait: '%.64s' is not allowed: a number of seconds from 1 to %d",
                    value, OPTIONS_WAIT_MAX_S);
    }
    o->wait_s = (unsigned)seconds;
    return 0;
}

/* The texts themselves are the route's to judge. */
static int take_entry(const char *option, const char *list[LIMIT_ROUTES], size_t *count,
                      const char *value, char error[OPTIONS_ERROR_TEXT]) {
    if (*count == LIMIT_ROUTES) {
        return fail(error, "%s: '%.64s' is one too many: at most %d are allowed", option, value,
                    LIMIT_ROUTES);
    }
    list[(*count)++] = value;
    return 0;
}

/* Those whose value is taken as it is. */
static int take_text(struct options *o, enum option_id id, const char *value,
                     char error[OPTIONS_ERROR_TEXT]) {
    const struct {
        enum option_id id;
        const char *option, **to, *allowed;
    } texts[] = {
        {OPT_LINK, "--link", &o->link, "a path"},
        {OPT_GROUP, "--group", &o->group, "a group"},
        {OPT_DNS, "--dns", &o->dns, "ADDR[:PORT][,...]"},
        {OPT_TRACE, "--trace", &o->trace, "a file"},
        {OPT_PCAP, "--pcap", &o->pcap, "a file"},
        {OPT_NVRAM, "--nvram", &o->nvram, "a folder"},
        {OPT_FILES, "--files", &o->files, "a folder"},
        {OPT_SCENARIO, "--scenario", &o->scenario, "a file"},
        {OPT_CONTROL, "--control", &o->control, "a path"},
        {OPT_JUNIT, "--junit", &o->junit, "a file"},
        {OPT_TAP, "--tap", &o->tap, "a file"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].id == id && value[0] == '\0') {
            return fail(error, "%s: '' is not allowed: %s", texts[i].option, texts[i].allowed);
        }
        if (texts[i].id == id) {
            *texts[i].to = value;
        }
    }
    return 0;
}

static int take_log(struct options *o, const char *value, char error[OPTIONS_ERROR_TEXT]) {
    if (log_level_parse(value, &o->log_level) != 0) {
        return fail(error, "--log: '%.64s' is not allowed: error, warn, info, debug or trace",
                    value);
    }
    return 0;
}

/* Those without a value: a flag, or something to print instead of a run. */
static int take_plain(struct options *o, enum option_id id) {
    const struct {
        enum option_id id;
        bool *flag;
        enum options_action action;
    } plain[] = {
        {OPT_RUN, .flag = &o->is_run},
        {OPT_CHECK, .flag = &o->is_check},
        {OPT_JSON, .flag = &o->is_json},
        {OPT_LOG_JSON, .flag = &o->is_log_json},
        {OPT_QUICK_START, .flag = &o->is_quick_start},
        {OPT_SANDBOX, .flag = &o->is_sandboxed},
        {OPT_SCHEMA, .action = OPTIONS_SCHEMA},
        {OPT_LIBRARY, .action = OPTIONS_LIBRARY},
        {OPT_VERSION, .action = OPTIONS_VERSION},
        {OPT_HELP, .action = OPTIONS_HELP},
    };
    size_t i = 0;
    while (plain[i].id != id) {
        i++;
    }
    if (plain[i].flag != NULL) {
        *plain[i].flag = true;
    } else {
        o->action = plain[i].action;
    }
    return 0;
}

static int take(struct options *o, enum option_id id, const char *const *profiles,
                char error[OPTIONS_ERROR_TEXT]) {
    switch (id) {
    case OPT_PROFILE:
        return take_profile(o, optarg, profiles, error);
    case OPT_MAP:
        return take_entry("--map", o->maps, &o->map_count, optarg, error);
    case OPT_LISTEN:
        return take_entry("--listen", o->listens, &o->listen_count, optarg, error);
    case OPT_RFC2217:
        return take_rfc2217(o, optarg, error);
    case OPT_CLOCK:
        return take_clock(o, optarg, error);
    case OPT_TIMING:
        return take_timing(o, optarg, error);
    case OPT_IMPAIR:
        return take_impair(o, optarg, error);
    case OPT_SEED:
        return take_seed(o, optarg, error);
    case OPT_MODEMS:
        return take_modems(o, optarg, error);
    case OPT_WAIT:
        return take_wait(o, optarg, error);
    case OPT_LOG:
        return take_log(o, optarg, error);
    case OPT_RUN:
    case OPT_CHECK:
    case OPT_JSON:
    case OPT_LOG_JSON:
    case OPT_QUICK_START:
    case OPT_SANDBOX:
    case OPT_SCHEMA:
    case OPT_LIBRARY:
    case OPT_VERSION:
    case OPT_HELP:
        return take_plain(o, id);
    case OPT_LINK:
    case OPT_GROUP:
    case OPT_DNS:
    case OPT_TRACE:
    case OPT_PCAP:
    case OPT_NVRAM:
    case OPT_FILES:
    case OPT_SCENARIO:
    case OPT_CONTROL:
    case OPT_JUNIT:
    case OPT_TAP:
        return take_text(o, id, optarg, error);
    }
    return -EINVAL;
}

/* What getopt refused: `arg` is the word it looked at. */
static int refuse(int what, const char *arg, char error[OPTIONS_ERROR_TEXT]) {
    if (what == ':') {
        return fail(error, "%.64s: a value is missing; see --help", arg);
    }
    if (optopt >= OPT_PROFILE) {
        return fail(error, "%.64s: takes no value", arg);
    }
    return fail(error, "%.64s: no such option; see --help", arg);
}

int options_parse(struct options *o, int argc, char **argv, const char *const *profiles,
                  char error[OPTIONS_ERROR_TEXT]) {
    *o = (struct options){
        .profile = profiles[0], .link = "./modem", .clock_factor = 1, .log_level = LOG_WARN};
    error[0] = '\0';
    opterr = 0;
    optind = 0; /* glibc: from the beginning, also when this is not the first call */
    int id = 0;
    while ((id = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
        if (id == '?' || id == ':') {
            return refuse(id, argv[optind - 1], error);
        }
        int err = take(o, (enum option_id)id, profiles, error);
        if (err != 0 || o->action != OPTIONS_RUN) {
            return err;
        }
    }
    bool is_report = o->is_run || o->junit != NULL || o->tap != NULL;
    if ((is_report || o->is_check) && o->scenario == NULL) {
        return fail(error, "--run, --check, --junit, --tap: need --scenario");
    }
    if ((o->junit != NULL || o->tap != NULL) && o->modems > 1) {
        return fail(error, "--junit, --tap: tell of one module, not of --modems %u", o->modems);
    }
    if (o->rfc2217_port > 0 && o->modems > 1u + UINT16_MAX - o->rfc2217_port) {
        return fail(error, "--rfc2217: there are fewer than %u ports from %u on", o->modems,
                    o->rfc2217_port);
    }
    if (o->wait_s > 0 && !o->is_run) {
        return fail(error, "--wait: needs --run");
    }
    if (o->is_run && o->wait_s == 0) {
        o->wait_s = OPTIONS_WAIT_S;
    }
    if (optind < argc) {
        return fail(error, "'%.64s': not an option; see --help", argv[optind]);
    }
    return 0;
}

int options_split_peer(const char *map, char addr[LIMIT_NAME + 1], uint16_t *port,
                       const char **peer) {
    const char *equals = strchr(map, '=');
    size_t n = strlen(map);
    /* HOST:PORT never ends in a colon, the name of a peer always does. */
    if (equals == NULL || map[n - 1] != ':') {
        return -ENOENT;
    }
    *peer = equals + 1;
    struct sv near = {map, (size_t)(equals - map)};
    const char *colon = memchr(near.p, ':', near.n);
    if (colon == NULL) {
        return -EINVAL;
    }
    size_t name = (size_t)(colon - near.p);
    struct sv number = sv_slice(near, name + 1, near.n);
    int64_t value = 0;
    if (!sv_eq(number, SV("*")) && sv_int(number, 1, 65535, &value) != 0) {
        return -EINVAL;
    }
    *port = (uint16_t)value;
    return name > 0 && sv_copy(sv_slice(near, 0, name), addr, LIMIT_NAME + 1) == 0 ? 0 : -EINVAL;
}

void options_print_help(FILE *to, const char *const *profiles) {
    char names[OPTIONS_ERROR_TEXT];
    join(profiles, "\n                               ", names);
    fprintf(to, help_head, names);
    fputs(help_tail, to);
}
